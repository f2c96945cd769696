//! Flows that begin as what their port is reserved for, through the whole engine: those that then break its rules are
//! found out however their segments come, and honest ones never are, whatever is lost.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use offport_engine::fuzz::Owned;
use offport_engine::{EventPhase, FlowRecord};
use offport_fingerprint::Breach;
use offport_fingerprint::Speaker::{self, Client, Server};
use offport_policy::{Reason, Verdict};
use offport_wire::{TcpFlags, TcpHeader, TransportHeader};
use support::*;

type Said = Vec<(Speaker, Vec<u8>)>;

/// How segments come.
#[derive(Clone, Copy, Debug)]
enum Way {
    InOrder,
    /// Of each two of a side that follow one another, the second first.
    Reordered,
    /// The same of the last message only. What comes out of order before is not read, and watching ends.
    LastReordered,
    /// Each twice.
    Repeated,
    /// Without this one, which never comes again.
    Without(usize),
}

const SIZES: [usize; 3] = [1_460, 536, 150];

/// Bytes of all kinds.
fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len + 8).map(|_| next()).skip(8).collect()
}

fn segments(said: &[(Speaker, Vec<u8>)], size: usize) -> Vec<(Speaker, u32, Vec<u8>)> {
    let mut seqs = [1u32; 2];
    let mut segments = Vec::new();
    for (from, bytes) in said {
        for part in bytes.chunks(size) {
            let seq = &mut seqs[*from as usize];
            segments.push((*from, *seq, part.to_vec()));
            *seq += part.len() as u32;
        }
    }
    segments
}

fn arrange(said: &[(Speaker, Vec<u8>)], size: usize, way: Way) -> Vec<(Speaker, u32, Vec<u8>)> {
    let mut segments = segments(said, size);
    let last = said.last().map_or(0, |(_, bytes)| bytes.len().div_ceil(size));
    let swap = |segments: &mut [(Speaker, u32, Vec<u8>)]| {
        let pairs = segments.chunks_mut(2).filter(|pair| matches!(pair, [one, other] if one.0 == other.0));
        pairs.for_each(|pair| pair.swap(0, 1));
    };
    match way {
        Way::InOrder => {}
        Way::Reordered => swap(&mut segments),
        Way::LastReordered => {
            let at = segments.len() - last;
            swap(&mut segments[at..]);
        }
        Way::Repeated => segments = segments.into_iter().flat_map(|one| [one.clone(), one]).collect(),
        Way::Without(index) => drop(segments.remove(index)),
    }
    segments
}

/// One TCP connection to this port.
fn connection(bench: &mut Bench, client_port: u16, port: u16, segments: &[(Speaker, u32, Vec<u8>)]) {
    let (client, server) = ((HOME, client_port), (OUTSIDE, port));
    bench.open(client, server);
    for (from, seq, bytes) in segments {
        bench.now = bench.now + Duration::from_millis(1);
        match from {
            Client => bench.tcp(client, server, ACK, *seq, bytes),
            Server => bench.tcp(server, client, ACK, *seq, bytes),
        }
    }
}

fn record(port: u16, said: &[(Speaker, Vec<u8>)], size: usize, way: Way) -> (FlowRecord, Bench) {
    let mut bench = Bench::default();
    connection(&mut bench, 40_000, port, &arrange(said, size, way));
    let records = bench.finish();
    assert_eq!(records.len(), 1);
    (records[0], bench)
}

#[track_caller]
fn is_found_out(port: u16, said: &[(Speaker, Vec<u8>)], breach: Breach) {
    for size in SIZES {
        for way in [Way::InOrder, Way::LastReordered, Way::Repeated] {
            let (record, mut bench) = record(port, said, size, way);
            let judgement = record.judgement.unwrap();
            assert_eq!(judgement.verdict, Verdict::Imposter, "{size} {way:?}");
            assert_eq!(record.breach, Some(breach), "{size} {way:?}");
            assert!(judgement.reasons.contains(Reason::BreaksRules));
            assert_eq!(bench.raised(EventPhase::Flagged), 1, "{size} {way:?}");
            assert_eq!(bench.worker.counters().breaches[breach.index()], 1);
            assert_eq!(bench.worker.counters().watching, 0);
        }
    }
}

#[track_caller]
fn is_honest(port: u16, said: &[(Speaker, Vec<u8>)]) {
    for size in SIZES {
        for way in [Way::InOrder, Way::Reordered, Way::Repeated] {
            let (record, mut bench) = record(port, said, size, way);
            let verdict = record.judgement.unwrap().verdict;
            assert_eq!((verdict, record.breach), (Verdict::Expected, None), "{size} {way:?}");
            assert_eq!(bench.raised(EventPhase::Flagged), 0);
            assert_eq!(bench.worker.counters().watching, 0);
        }
        for lost in 0..segments(said, size).len() {
            let (record, _) = record(port, said, size, Way::Without(lost));
            assert_eq!(record.breach, None, "{size} without {lost}");
        }
    }
}

fn said(parts: &[(Speaker, &[u8])]) -> Said {
    parts.iter().map(|(from, bytes)| (*from, bytes.to_vec())).collect()
}

fn tls_record(content: u8, minor: u8, body: &[u8]) -> Vec<u8> {
    [&[content, 3, minor][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn client_hello() -> Vec<u8> {
    let name = b"\0\0\0\x10\0\x0e\0\0\x0bexample.com";
    let body = [
        &[3, 3][..],
        &random(1, 32),
        &[32],
        &random(2, 32),
        &[0, 4, 0x13, 1, 0xc0, 0x2f, 1, 0],
        &(name.len() as u16).to_be_bytes(),
        name,
    ]
    .concat();
    tls_record(22, 1, &message(1, &body))
}

fn server_hello(suite: u16) -> Vec<u8> {
    message(2, &[&[3, 3][..], &random(3, 32), &[0], &suite.to_be_bytes(), &[0, 0, 0]].concat())
}

fn sealed(seed: u64, len: usize) -> Vec<u8> {
    tls_record(23, 3, &random(seed, len))
}

const CCS: &[u8] = b"\x14\x03\x03\0\x01\x01";

fn tls13() -> Said {
    vec![
        (Client, client_hello()),
        (Server, [tls_record(22, 3, &server_hello(0x1301)), CCS.to_vec(), sealed(4, 2_100)].concat()),
        (Client, [CCS.to_vec(), sealed(5, 70), sealed(6, 600)].concat()),
        (Server, (10..16).flat_map(|seed| sealed(seed, 2_000)).collect()),
    ]
}

fn tls12(minor: u8) -> Said {
    let flight = [
        server_hello(0xc02f),
        message(11, &random(7, 2_500)),
        message(12, &random(8, 300)),
        message(14, b""),
    ];
    let finished = tls_record(22, minor, &random(9, 40));
    let data = |seed| tls_record(23, minor, &random(seed, 800));
    vec![
        (Client, client_hello()),
        (Server, tls_record(22, minor, &flight.concat())),
        (
            Client,
            [
                tls_record(22, minor, &message(16, &random(10, 66))),
                tls_record(20, minor, &[1]),
                finished.clone(),
            ]
            .concat(),
        ),
        (Server, [tls_record(20, minor, &[1]), finished.clone()].concat()),
        (Client, data(11)),
        // Renegotiation: all of it is encrypted.
        (Server, [finished.clone(), data(12)].concat()),
        (Client, [finished, data(13)].concat()),
        (Server, (14..20).flat_map(data).collect()),
    ]
}

#[test]
fn tls_of_all_versions_and_ways_to_begin() {
    is_honest(443, &tls13());
    for minor in 1..=3 {
        is_honest(443, &tls12(minor));
    }
    let mut retried = tls13();
    retried.insert(1, (Server, tls_record(22, 3, &server_hello(0x1301))));
    retried.insert(2, (Client, [CCS.to_vec(), client_hello()].concat()));
    is_honest(443, &retried);
    let mut early = tls13();
    early.insert(1, (Client, [CCS.to_vec(), sealed(30, 1_200), sealed(31, 900)].concat()));
    is_honest(443, &early);
    let mut resumed = tls12(3);
    resumed[1].1 = [
        tls_record(22, 3, &server_hello(0xc02f)),
        tls_record(20, 3, &[1]),
        tls_record(22, 3, &random(9, 40)),
    ]
    .concat();
    resumed.drain(2..4);
    is_honest(443, &resumed);
    is_honest(443, &[(Client, client_hello()), (Server, tls_record(21, 3, &[2, 40]))]);
    let header = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec();
    is_honest(443, &[vec![(Client, header)], tls13()].concat());
}

#[test]
fn tls_that_is_none() {
    let table = b"id,name,card\r\n17,someone,4111 1111\r\n".repeat(20);
    for raw in [random(20, 900), table.clone()] {
        is_found_out(443, &[(Client, client_hello()), (Client, raw.clone())], Breach::TlsRecord);
        let answered = [&tls13()[..2], &[(Client, raw.clone())]].concat();
        is_found_out(443, &answered, Breach::TlsRecord);
        let pushed = [&tls13()[..2], &[(Server, raw)]].concat();
        is_found_out(443, &pushed, Breach::TlsRecord);
    }
    // Records over what no cipher has made.
    let plain = (Client, tls_record(23, 3, &table));
    is_found_out(443, &[&tls13()[..2], &[plain]].concat(), Breach::TlsPlaintext);
    // No handshake at all.
    is_found_out(443, &[(Client, client_hello()), (Server, sealed(21, 700))], Breach::TlsOrder);
}

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\n\r\n";
const HEAD: &[u8] = b"HEAD /a HTTP/1.1\r\nHost: example.org\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nServer: y\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn http_in_all_its_forms() {
    let binary = random(40, 3_000);
    let length = |first: &str, body: &[u8]| {
        [format!("{first}\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
    };
    let parts = [b"--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n", &binary[..], b"\r\n--b--\r\n"]
        .concat();
    let chunked = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\nbb8\r\n",
        &binary[..],
        b"\r\n5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
    ]
    .concat();
    is_honest(80, &said(&[(Client, GET), (Server, OK), (Client, GET), (Server, OK)]));
    is_honest(
        80,
        &said(&[
            (Client, &[GET, HEAD, GET].concat()),
            (Server, OK),
            (Server, &OK[..OK.len() - 5]),
            (Server, OK),
        ]),
    );
    is_honest(80, &said(&[(Client, GET), (Server, &chunked), (Client, GET), (Server, OK)]));
    let post = length("POST /u HTTP/1.1\r\nExpect: 100-continue", &parts);
    let (head, body) = post.split_at(post.len() - parts.len());
    is_honest(
        80,
        &said(&[
            (Client, head),
            (Server, b"HTTP/1.1 100 Continue\r\n\r\n"),
            (Client, body),
            (Server, OK),
            (Client, GET),
            (Server, OK),
        ]),
    );
    is_honest(
        80,
        &said(&[
            (Client, b"GET /a HTTP/1.0\r\n\r\n"),
            (Server, b"HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n"),
            (Server, &binary),
        ]),
    );
    let nothing = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n";
    is_honest(80, &said(&[(Client, GET), (Client, GET), (Server, nothing), (Client, GET), (Server, OK)]));
    is_honest(
        80,
        &said(&[(Client, b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\n"), (Client, GET), (Server, OK)]),
    );
}

#[test]
fn http_that_goes_on_as_something_else() {
    let binary = random(41, 2_000);
    let cases: [(&[u8], &[u8]); 3] = [
        (b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
        (b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n"),
    ];
    for (ask, agree) in cases {
        is_honest(80, &said(&[(Client, ask), (Server, agree), (Client, &binary), (Server, &binary)]));
        // The two directions can come on two queues.
        is_honest(80, &said(&[(Client, ask), (Client, &binary), (Server, agree), (Server, &binary)]));
    }
}

#[test]
fn http_that_is_none() {
    let raw = random(42, 2_000);
    is_found_out(80, &said(&[(Client, GET), (Server, OK), (Client, &raw)]), Breach::HttpRequest);
    let post = b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    is_found_out(80, &said(&[(Client, post), (Client, &raw)]), Breach::HttpRequest);
    is_found_out(
        80,
        &said(&[(Client, b"GET /a HTTP/1.1\r\nHost: a\r\n"), (Client, &raw)]),
        Breach::HttpHeader,
    );
    is_found_out(80, &said(&[(Client, GET), (Server, &raw)]), Breach::HttpStatus);
    let many = random(43, 30_000);
    for size in [1_460, 536] {
        let (record, _) =
            record(80, &said(&[(Client, GET), (Server, OK), (Server, &many)]), size, Way::InOrder);
        assert_eq!(record.breach, Some(Breach::HttpLength));
    }
}

fn ssh_packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (4 + 1 + 1 + body.len() + 4) % 8) % 8;
    let length = (2 + body.len() + padding) as u32;
    [&length.to_be_bytes()[..], &[padding as u8, kind], body, &vec![0; padding]].concat()
}

fn kexinit() -> Vec<u8> {
    let mut body = random(50, 16);
    for names in [
        "curve25519-sha256,ecdh-sha2-nistp256",
        "ssh-ed25519",
        "aes128-ctr",
        "aes128-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ] {
        body.extend((names.len() as u32).to_be_bytes());
        body.extend(names.as_bytes());
    }
    body.extend([1, 0, 0, 0, 0]);
    ssh_packet(20, &body)
}

fn ssh() -> Said {
    vec![
        (Server, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
        (Client, b"SSH-2.0-libssh2_1.10\r\n".to_vec()),
        // A packet of the method that is guessed goes with it.
        (Client, [kexinit(), ssh_packet(30, &random(51, 36))].concat()),
        (Server, kexinit()),
        (Client, ssh_packet(30, &random(52, 36))),
        (Server, [ssh_packet(31, &random(53, 300)), ssh_packet(21, b"")].concat()),
        (Client, ssh_packet(21, b"")),
        (Client, random(54, 900)),
        (Server, random(55, 900)),
    ]
}

#[test]
fn ssh_and_what_only_greets_like_it() {
    is_honest(22, &ssh());
    for (from, at) in [(Client, 2), (Server, 3), (Client, 4)] {
        let raw = (from, random(56, 700));
        is_found_out(22, &[&ssh()[..at], &[raw]].concat(), Breach::SshPacket);
    }
}

const MAIL: &[(Speaker, &[u8])] = &[
    (Server, b"220 mx.example.org ESMTP ready\r\n"),
    (Client, b"EHLO a.example\r\n"),
    (Server, b"250-mx.example.org\r\n250-PIPELINING\r\n250 STARTTLS\r\n"),
];

#[test]
fn mail_and_what_only_greets_like_it() {
    let letter = [
        b"Subject: a long subject, of some kind\r\nFrom: a@b.example\r\nTo: c@d.example\r\n\r\n".as_slice(),
        &random(60, 700),
        b"\r\n.\r\nQUIT\r\n",
    ]
    .concat();
    let mut sent = said(MAIL);
    sent.extend(said(&[
        (Client, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (Server, b"250 ok\r\n250 ok\r\n354 go on\r\n"),
        (Client, &letter),
        (Server, b"250 ok\r\n221 bye\r\n"),
    ]));
    is_honest(25, &sent);
    let mut secure = said(MAIL);
    secure.extend(said(&[(Client, b"STARTTLS\r\n"), (Server, b"220 go ahead\r\n")]));
    is_honest(25, &[secure.clone(), tls13()].concat());
    is_found_out(
        25,
        &[secure, tls13()[..2].to_vec(), vec![(Client, random(61, 700))]].concat(),
        Breach::TlsRecord,
    );
    let mut raw = said(MAIL);
    raw.push((Client, random(62, 700)));
    is_found_out(25, &raw, Breach::SmtpCommand);
    raw[3].0 = Server;
    is_found_out(25, &raw, Breach::SmtpReply);
    is_found_out(
        21,
        &said(&[
            (Server, b"220 FTP server ready\r\n"),
            (Client, b"USER a\r\n"),
            (Server, b"331 ?\r\n"),
            (Client, &random(63, 700)),
        ]),
        Breach::FtpCommand,
    );
}

fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = [&id.to_be_bytes()[..], b"\x01\0\0\x01\0\0\0\0\0\0"].concat();
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    [&message[..], &[0], &kind.to_be_bytes(), &[0, 1]].concat()
}

fn answer(id: u16, name: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut message = query(id, name, kind);
    message[2..8].copy_from_slice(b"\x81\x80\0\x01\0\x01");
    [
        &message[..],
        b"\xc0\x0c",
        &kind.to_be_bytes(),
        b"\0\x01\0\0\0\x3c",
        &(data.len() as u16).to_be_bytes(),
        data,
    ]
    .concat()
}

/// A name below a domain of its own, with 40 bytes of data.
fn loaded(seed: u64) -> String {
    let hex = |seed| random(seed, 20).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{}.{}.t.example.com", hex(2 * seed), hex(2 * seed + 1))
}

fn datagrams(exchanged: &[(Speaker, Vec<u8>)]) -> (FlowRecord, Bench) {
    let (client, resolver) = ((HOME, 40_000), (OUTSIDE, 53));
    let mut bench = Bench::default();
    for (from, bytes) in exchanged {
        bench.now = bench.now + Duration::from_millis(1);
        match from {
            Client => bench.udp(client, resolver, bytes),
            Server => bench.udp(resolver, client, bytes),
        }
    }
    let record = bench.finish()[0];
    (record, bench)
}

fn turns(count: u16, name: impl Fn(u16) -> String) -> Said {
    (0..count)
        .flat_map(|id| {
            [(Client, query(id, &name(id), 1)), (Server, answer(id, &name(id), 1, &[192, 0, 2, 1]))]
        })
        .collect()
}

#[test]
fn dns_and_tunnels_through_it() {
    let usual = turns(60, |id| format!("host-{id}.example.com"));
    let (record, mut bench) = datagrams(&usual);
    assert_eq!((record.judgement.unwrap().verdict, record.breach), (Verdict::Expected, None));
    assert_eq!(bench.worker.counters().watched, 1);
    let tunnel = turns(60, |id| loaded(id.into()));
    for one_sided in [None, Some(Client), Some(Server)] {
        let heard: Said =
            tunnel.iter().filter(|(from, _)| one_sided.is_none_or(|side| side == *from)).cloned().collect();
        let (record, bench) = datagrams(&heard);
        let expected = (one_sided != Some(Server)).then_some(Breach::DnsTunnel);
        assert_eq!(record.breach, expected, "{one_sided:?}");
        assert_eq!(bench.raised(EventPhase::Flagged), usize::from(expected.is_some()));
    }
    let raw: Said = (0..3).map(|seed| (Client, random(70 + seed, 300))).collect();
    let (record, _) = datagrams(&[&usual[..2], &raw].concat());
    assert_eq!(record.breach, Some(Breach::DnsMessage));
}

#[test]
fn dns_in_a_stream() {
    let framed = |said: Said| -> Said {
        said.into_iter()
            .map(|(from, bytes)| (from, [&(bytes.len() as u16).to_be_bytes(), &bytes[..]].concat()))
            .collect()
    };
    let usual = framed(turns(12, |id| format!("host-{id}.example.com")));
    is_honest(53, &usual);
    for from in [Client, Server] {
        is_found_out(53, &[&usual[..4], &[(from, random(80, 400))]].concat(), Breach::DnsMessage);
    }
    is_found_out(53, &framed(turns(30, |id| loaded(id.into()))), Breach::DnsTunnel);
}

#[test]
fn the_event_shows_the_message_that_breaks_the_rule() {
    let raw = random(90, 300);
    let (_, bench) = record(
        80,
        &said(&[(Client, GET), (Server, OK), (Client, &[GET, &raw].concat())]),
        1_460,
        Way::InOrder,
    );
    let event = bench.sink.events.iter().find(|event| event.phase == EventPhase::Flagged).unwrap();
    assert_eq!(event.client.as_slice(), raw);
    assert!(event.server.as_slice().is_empty());
    assert_eq!(event.record.breach, Some(Breach::HttpRequest));
}

#[test]
fn with_too_many_flows_the_one_that_has_been_watched_for_longest_is_let_go() {
    let mut config = config();
    config.flow.max_watched = 64;
    let mut bench = Bench::new(config);
    let greeting = segments(&said(&[(Client, GET), (Server, OK)]), 1_460);
    for port in 0..80 {
        connection(&mut bench, 40_000 + port, 80, &greeting);
    }
    assert_eq!(bench.worker.counters().watching, 64);
    assert_eq!(bench.worker.counters().watch_limit, 16);
    let raw = random(91, 300);
    for port in 0..80 {
        bench.tcp((HOME, 40_000 + port), (OUTSIDE, 80), ACK, 1 + GET.len() as u32, &raw);
    }
    let records = bench.finish().to_vec();
    let found_out = records.iter().filter(|record| record.breach == Some(Breach::HttpRequest)).count();
    assert_eq!((records.len(), found_out), (80, 64));
    assert_eq!(bench.worker.counters().watching, 0);
}

#[test]
fn flows_of_datagrams_do_not_crowd_out_streams() {
    let mut config = config();
    config.flow.max_watched = 64;
    let mut bench = Bench::new(config);
    connection(&mut bench, 40_000, 80, &segments(&said(&[(Client, GET), (Server, OK)]), 1_460));
    let frames: Vec<Owned> = (0..500)
        .map(|port| {
            frame(
                (HOME, 1_024 + port),
                (OUTSIDE, 53),
                TransportHeader::Udp,
                &query(port, "a.example", 1),
                bench.now,
            )
        })
        .collect();
    bench.give(&frames);
    assert_eq!(bench.worker.counters().watching, 17);
    // Flows that could not be watched any more are judged all the same.
    assert_eq!(bench.worker.counters().verdicts[Verdict::Expected.index()], [1, 500, 0]);
    bench.tcp((HOME, 40_000), (OUTSIDE, 80), ACK, 1 + GET.len() as u32, &random(92, 300));
    let record = *bench.finish().iter().find(|record| record.server.port == 80).unwrap();
    assert_eq!(record.breach, Some(Breach::HttpRequest));
    assert_eq!(bench.worker.counters().watching, 0);
}

/// A server whose packets carry nothing, while the client sends records; what the client acknowledges.
fn upload(acked: u32) -> Option<Breach> {
    let (client, server) = ((HOME, 40_000), (OUTSIDE, 443));
    let mut bench = Bench::default();
    bench.open(client, server);
    let hello = client_hello();
    bench.tcp(client, server, ACK, 1, &hello);
    let mut seq = 1 + hello.len() as u32;
    for bytes in (0..40).map(|seed| sealed(seed, 1_000)) {
        let header = TcpHeader { seq, ack: 1 + acked, flags: TcpFlags(ACK), mp_join: false };
        bench.give(&[frame(client, server, TransportHeader::Tcp(header), &bytes, bench.now)]);
        bench.tcp(server, client, ACK, 1 + acked, b"");
        seq += bytes.len() as u32;
    }
    bench.finish()[0].breach
}

#[test]
fn silence_is_held_against_a_flow_only_if_nothing_is_missing() {
    assert_eq!(upload(0), Some(Breach::TlsOrder));
    assert_eq!(upload(1_000), None, "the server has said something that was not seen");
}
