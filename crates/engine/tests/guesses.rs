//! What the engine makes of roles that were guessed wrong, of padding taken for payload, and of errors that come early.

mod frames;

use offport_fingerprint::Protocol;
use offport_policy::Verdict;

use crate::frames::{Replay, ack, icmp_unreachable, padded_syn_ack, push, syn, syn_ack, udp};

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [198, 51, 100, 9];

/// RFC 5905, figure 8: a server's answer, stratum 2.
fn ntp_answer() -> Vec<u8> {
    let mut packet = vec![0x24, 2, 6, 0xec, 0, 0, 0x10, 0, 0, 0, 0x20, 0, 192, 0, 2, 123];
    for _ in 0..4 {
        packet.extend([0xd9, 0x4f, 0x4f, 0x11, 0x12, 0x34, 0x56, 0x78]);
    }
    packet
}

/// A TLS 1.2 client hello with one cipher suite and no extensions (RFC 5246, section 7.4.1.2).
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    hello.extend([0x5a; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    hello
}

#[test]
fn a_lone_answer_shows_who_the_server_is() {
    let mut replay = Replay::new();
    replay.frame(&udp((SERVER, 123), (CLIENT, 80), &ntp_answer()));
    let record = replay.only_record();
    assert_eq!(record.protocol.map(|(protocol, _)| protocol), Some(Protocol::Ntp));
    assert_eq!((record.client.port, record.server.port), (80, 123));
    assert_eq!((record.client.packets, record.server.packets), (0, 1));
    assert_eq!(record.judgement.unwrap().verdict, Verdict::Expected);
}

#[test]
fn a_handshake_is_never_overruled() {
    let mut replay = Replay::new();
    let (client, server) = ((CLIENT, 22), (SERVER, 443));
    replay.frame(&syn(client, server, 99));
    replay.frame(&syn_ack(server, client, 499, 100));
    replay.frame(&push(client, server, 100, b"SSH-2.0-OpenSSH_9.2\r\n"));
    let record = replay.only_record();
    assert_eq!(record.server.port, 443);
    assert_eq!(record.judgement.unwrap().verdict, Verdict::Mismatch);
}

#[test]
fn padding_taken_for_payload_hides_no_protocol() {
    let mut replay = Replay::new();
    let (client, server) = ((CLIENT, 40_000), (SERVER, 443));
    replay.frame(&syn(client, server, 99));
    replay.frame(&padded_syn_ack(server, client, 499, 100));
    replay.frame(&ack(client, server, 100, &[0, 0]));
    replay.frame(&ack(client, server, 100, &[0, 0]));
    replay.frame(&push(client, server, 100, &client_hello()));
    replay.frame(&ack(server, client, 500, &[0; 6]));
    let record = replay.only_record();
    assert_eq!(record.protocol.map(|(protocol, _)| protocol), Some(Protocol::Tls));
    assert_eq!(record.judgement.unwrap().verdict, Verdict::Expected);
}

#[test]
fn zeros_that_go_on_are_data() {
    for first in [1_usize, 2, 6] {
        let mut replay = Replay::new();
        let (client, server) = ((CLIENT, 40_000), (SERVER, 443));
        replay.frame(&syn(client, server, 99));
        replay.frame(&syn_ack(server, client, 499, 100));
        replay.frame(&ack(client, server, 100, &vec![0; first]));
        assert_eq!(replay.seen.flagged, 0);
        replay.frame(&push(client, server, 100 + first as u32, &client_hello()));
        assert_eq!(replay.seen.flagged, 1, "{first} zeros before a hello are no hello");
        assert_eq!(replay.only_record().judgement.unwrap().verdict, Verdict::Unrecognised);
    }
}

#[test]
fn zeros_that_are_pushed_are_data() {
    let mut replay = Replay::new();
    let (client, server) = ((CLIENT, 40_000), (SERVER, 443));
    replay.frame(&syn(client, server, 99));
    replay.frame(&syn_ack(server, client, 499, 100));
    replay.frame(&push(client, server, 100, &[0; 6]));
    replay.frame(&push(client, server, 106, &[0; 40]));
    assert_eq!(replay.seen.flagged, 1);
    assert_eq!(replay.only_record().judgement.unwrap().verdict, Verdict::Unrecognised);
}

#[test]
fn nothing_but_padding_is_too_little_to_say() {
    let mut replay = Replay::new();
    let (client, server) = ((CLIENT, 40_000), (SERVER, 443));
    replay.frame(&syn(client, server, 99));
    replay.frame(&syn_ack(server, client, 499, 100));
    replay.frame(&ack(client, server, 100, &[0, 0]));
    assert_eq!(replay.only_record().judgement.unwrap().verdict, Verdict::Undecided);
    assert_eq!(replay.seen.flagged, 0);
}

#[test]
fn an_icmp_error_may_come_before_its_flow() {
    let datagram = udp((CLIENT, 40_000), (SERVER, 4000), b"hello hello hello");
    let mut replay = Replay::new();
    replay.frame(&icmp_unreachable(SERVER, CLIENT, &datagram[14..]));
    assert_eq!(replay.worker.counters().flow.icmp_unmatched, 0);
    replay.frame(&datagram);
    replay.wait(300);
    assert_eq!(replay.worker.counters().flow.icmp_matched, 1);
    assert_eq!(replay.only_record().icmp_errors, 1);
    assert_eq!(replay.worker.counters().flow.icmp_unmatched, 0);
}

#[test]
fn an_icmp_error_about_nothing_is_counted_once() {
    let datagram = udp((CLIENT, 40_000), (SERVER, 4000), b"hello hello hello");
    let mut replay = Replay::new();
    replay.frame(&icmp_unreachable(SERVER, CLIENT, &datagram[14..]));
    for _ in 0..10 {
        replay.wait(100);
        let flow = replay.worker.counters().flow;
        assert!(flow.icmp_unmatched <= 1 && flow.icmp_matched == 0);
    }
    assert_eq!(replay.worker.counters().flow.icmp_unmatched, 1);
    assert_eq!(replay.worker.counters().processed, 1);
    // A hundred at once: none is lost from the account.
    for port in 0..100 {
        let datagram = udp((CLIENT, 41_000 + port), (SERVER, 4000), b"hello hello hello");
        replay.frame(&icmp_unreachable(SERVER, CLIENT, &datagram[14..]));
    }
    replay.finish();
    assert_eq!(replay.worker.counters().flow.icmp_unmatched, 101);
    assert!(replay.worker.counters().is_balanced());
}
