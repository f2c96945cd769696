//! Who is the client, and whether the start was seen.

mod support;

use offport_flow::{Config, ServicePorts};
use offport_wire::{Transport, TransportHeader};
use support::*;

const A: u16 = 1;
const B: u16 = 2;

fn client_of(bench: &mut Bench) -> (std::net::IpAddr, u16) {
    bench.finish();
    bench.only().0.client
}

#[test]
fn a_syn_tells() {
    for (client, server) in [((A, 80), (B, 40_000)), ((B, 5_000), (A, 22))] {
        let mut bench = Bench::default();
        bench.open(client, server, 1, 2);
        assert_eq!(client_of(&mut bench), address(client));
        assert!(!bench.only().0.midstream);
    }
}

#[test]
fn a_syn_ack_tells_when_the_syn_was_not_seen() {
    let mut bench = Bench::default();
    bench.tcp((A, 40_000), (B, 41_000), SYN | ACK, 1, b"");
    assert_eq!(client_of(&mut bench), address((B, 41_000)));
    assert!(!bench.only().0.midstream);
}

#[test]
fn midstream_the_port_tells_then_the_first_speaker() {
    // (sender's port, receiver's port, the sender is the client)
    let rows = [
        (443, 40_000, false),
        (40_000, 443, true),
        (1_433, 50_000, false),
        (50_000, 1_433, true),
        (40_000, 41_000, true),
        (80, 443, true),
    ];
    for (from, to, sender) in rows {
        let mut bench = Bench::default();
        bench.tcp((A, from), (B, to), ACK, 1, b"x");
        let expected = if sender { (A, from) } else { (B, to) };
        assert_eq!(client_of(&mut bench), address(expected), "{from} to {to}");
        assert!(bench.only().0.midstream);
    }
}

#[test]
fn a_late_syn_puts_a_guess_right() {
    let mut bench = Bench::default();
    bench.tcp((A, 443), (B, 40_000), ACK, 101, b"data");
    bench.tcp((A, 443), (B, 40_000), SYN, 100, b"");
    let looked = &bench.book.examined;
    assert_eq!((looked[0].client, looked[0].midstream), (address((B, 40_000)), true));
    bench.finish();
    let concluded = &bench.book.concluded[0];
    assert_eq!((concluded.client, concluded.midstream), (address((A, 443)), false));
    assert_eq!(concluded.first[0], b"data");
}

#[test]
fn udp_replies_are_told_by_service_ports() {
    let mut services = ServicePorts::default();
    services.insert(Transport::UDP, 5_060);
    let rows = [
        (40_000, 53, true),
        (53, 40_000, false),
        (5_060, 40_000, false),
        (40_000, 5_060, true),
        (5_060, 53, true),
        (40_000, 41_000, true),
        (53, 53, true),
        (123, 123, true),
    ];
    for (from, to, sender) in rows {
        let mut bench = Bench::new(&Config { service_ports: services.clone(), ..config() });
        bench.udp((B, from), (A, to), b"x");
        let expected = if sender { (B, from) } else { (A, to) };
        assert_eq!(client_of(&mut bench), address(expected), "{from} to {to}");
        assert!(!bench.only().0.midstream);
    }
}

#[test]
fn an_init_opens_an_association_and_echo_replies_answer() {
    let mut bench = Bench::default();
    bench.send((A, 3_000), (B, 40_000), TransportHeader::Sctp { init: true, end: false }, b"");
    assert_eq!(client_of(&mut bench), address((A, 3_000)));

    let mut bench = Bench::default();
    bench.send((A, 7), (B, 7), TransportHeader::Icmp { kind: 0, code: 0 }, b"");
    assert_eq!(client_of(&mut bench), address((B, 7)));
}
