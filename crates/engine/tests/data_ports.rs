//! FTP's data connections through the whole engine: they are known by the ports that control connections name, and by nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use offport_engine::fuzz::Sink;
use offport_engine::{Config, DataPorts, EventPhase, FlowRecord, Worker};
use offport_fingerprint::Speaker::{self, Client, Server};
use offport_fingerprint::{Proof, Protocol};
use offport_policy::{Policy, Severity, Verdict};
use support::*;

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9));
const CLIENT: (IpAddr, u16) = (HOME, 40_000);

/// A connection on which both sides may speak, in turn.
struct Connection {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
    sent: [u32; 2],
}

impl Connection {
    fn open(bench: &mut Bench, client: (IpAddr, u16), server: (IpAddr, u16)) -> Self {
        bench.open(client, server);
        Self { client, server, sent: [1; 2] }
    }

    fn say(&mut self, bench: &mut Bench, speaker: Speaker, bytes: &[u8]) {
        let (from, to) =
            if speaker == Client { (self.client, self.server) } else { (self.server, self.client) };
        let sent = &mut self.sent[speaker as usize];
        bench.wait(0.001);
        bench.tcp(from, to, ACK, *sent, bytes);
        *sent += bytes.len() as u32;
    }

    fn close(self, bench: &mut Bench) {
        let Self { client, server, sent: [by_client, by_server] } = self;
        bench.tcp(server, client, FIN | ACK, by_server, b"");
        bench.tcp(client, server, FIN | ACK, by_client, b"");
    }

    /// A control connection to this port whose client has logged in.
    fn control(bench: &mut Bench, port: u16) -> Self {
        let mut control = Self::open(bench, CLIENT, (OUTSIDE, port));
        for (speaker, line) in [
            (Server, "220 FTP server ready\r\n"),
            (Client, "USER anonymous\r\n"),
            (Server, "331 Password?\r\n"),
            (Client, "PASS a@b.example\r\n"),
            (Server, "230 Hello\r\n"),
        ] {
            control.say(bench, speaker, line.as_bytes());
        }
        control
    }

    fn passive(&mut self, bench: &mut Bench, port: u16) {
        self.say(bench, Client, b"PASV\r\n");
        // What the server takes for its address is not the one that its client sees.
        let [high, low] = port.to_be_bytes();
        self.say(bench, Server, format!("227 Entering Passive Mode (10,9,8,7,{high},{low})\r\n").as_bytes());
    }
}

/// A connection to this end on which one side says this.
fn transfer(bench: &mut Bench, client: (IpAddr, u16), server: (IpAddr, u16), who: Speaker, bytes: &[u8]) {
    bench.wait(0.01);
    let mut connection = Connection::open(bench, client, server);
    connection.say(bench, who, bytes);
    connection.close(bench);
}

/// What the flow to this port was taken for.
#[track_caller]
fn to(records: &[FlowRecord], port: u16) -> (Option<Protocol>, Verdict) {
    let mut found = records.iter().filter(|record| record.server.port == port);
    let record = found.next().unwrap();
    assert!(found.next().is_none());
    (record.protocol.map(|(protocol, _)| protocol), record.judgement.unwrap().verdict)
}

const NAMED: (Option<Protocol>, Verdict) = (Some(Protocol::FtpData), Verdict::Displaced);
const UNKNOWN: (Option<Protocol>, Verdict) = (None, Verdict::Unknown);

#[test]
fn transfers_of_a_session_are_named_whichever_way_they_are_opened() {
    let mut bench = Bench::default();
    let mut control = Connection::control(&mut bench, 21);
    control.passive(&mut bench, 51_001);
    transfer(&mut bench, (HOME, 41_001), (OUTSIDE, 51_001), Server, &noise(3_000));
    control.say(&mut bench, Client, b"EPSV\r\n");
    control.say(&mut bench, Server, b"229 Entering Extended Passive Mode (|||51002|)\r\n");
    let list = b"-rw-r--r-- 1 ftp ftp 17 Jan 1 00:00 a\r\n".repeat(20);
    transfer(&mut bench, (HOME, 41_002), (OUTSIDE, 51_002), Server, &list);
    control.say(&mut bench, Client, b"PORT 10,217,145,233,199,59\r\n");
    transfer(&mut bench, (OUTSIDE, 20), (HOME, 51_003), Server, &noise(3_000));
    control.say(&mut bench, Client, b"EPRT |1|10.217.145.233|51004|\r\n");
    transfer(&mut bench, (OUTSIDE, 20), (HOME, 51_004), Client, b"short\n");
    // What looks like a protocol is a file that looks so.
    control.passive(&mut bench, 51_005);
    transfer(&mut bench, (HOME, 41_005), (OUTSIDE, 51_005), Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    transfer(&mut bench, (HOME, 41_006), (OUTSIDE, 51_006), Server, &noise(3_000));
    let records = bench.finish().to_vec();
    for port in 51_001..=51_005 {
        assert_eq!(to(&records, port), NAMED, "{port}");
    }
    assert_eq!(to(&records, 51_006), UNKNOWN);
    assert_eq!(to(&records, 21), (Some(Protocol::Ftp), Verdict::Expected));
    assert!(records.iter().all(|record| record.protocol.is_none_or(|(_, proof)| proof == Proof::Banner)));
    assert_eq!(bench.raised(EventPhase::Flagged), 0);
    let counters = bench.worker.counters();
    assert_eq!((counters.data_ports, counters.data_flows), ([5, 0], 5));
    assert_eq!(counters.observed[Protocol::FtpData.index()], 5);
}

#[test]
fn a_name_takes_no_reservation_off_a_port() {
    for (port, verdict) in
        [(80, Verdict::Unrecognised), (443, Verdict::Unrecognised), (50_000, Verdict::Unknown)]
    {
        let mut bench = Bench::default();
        Connection::control(&mut bench, 21).passive(&mut bench, port);
        transfer(&mut bench, (HOME, 41_000), (OUTSIDE, port), Client, &noise(3_000));
        let records = bench.finish().to_vec();
        assert_eq!(to(&records, port), (None, verdict), "{port}");
        assert_eq!(bench.raised(EventPhase::Flagged), usize::from(verdict.is_alarm()));
        assert_eq!(bench.worker.counters().data_flows, 0);
    }
}

/// Whose handshake was not seen may be the other way round. That does not help on a reserved port either.
#[test]
fn connections_without_a_handshake_are_named_too() {
    for (from, named) in [(20, true), (80, false)] {
        let mut bench = Bench::default();
        let mut control = Connection::control(&mut bench, 21);
        control.say(&mut bench, Client, b"PORT 10,217,145,233,199,59\r\n");
        bench.wait(0.01);
        for at in 0..3 {
            bench.tcp((OUTSIDE, from), (HOME, 51_003), ACK, 1 + 1_000 * at, &noise(1_000));
        }
        let records = bench.finish().to_vec();
        let record = records.iter().find(|record| record.server.port != 21).unwrap();
        let protocol = record.protocol.map(|(protocol, _)| protocol);
        assert_eq!(protocol, named.then_some(Protocol::FtpData));
        assert_eq!(record.server.port, if named { 51_003 } else { 80 });
    }
}

#[test]
fn a_server_on_another_port_is_listened_to_but_not_accused() {
    let mut bench = Bench::default();
    let mut control = Connection::control(&mut bench, 2_121);
    assert_eq!(bench.worker.counters().watching, 1);
    control.passive(&mut bench, 51_001);
    transfer(&mut bench, (HOME, 41_001), (OUTSIDE, 51_001), Server, &noise(3_000));
    control.say(&mut bench, Client, &[1, 2, 3, 4].repeat(100));
    assert_eq!(bench.worker.counters().watching, 0);
    control.passive(&mut bench, 51_002);
    transfer(&mut bench, (HOME, 41_002), (OUTSIDE, 51_002), Server, &noise(3_000));
    let records = bench.finish().to_vec();
    assert_eq!(to(&records, 2_121), (Some(Protocol::Ftp), Verdict::Displaced));
    assert_eq!((to(&records, 51_001), to(&records, 51_002)), (NAMED, UNKNOWN));
    assert_eq!(bench.worker.counters().watched, 0);
}

#[test]
fn clients_name_ports_of_their_own_only() {
    let mut bench = Bench::default();
    let mut control = Connection::control(&mut bench, 21);
    control.say(&mut bench, Client, b"PORT 198,51,100,9,199,57\r\n");
    control.say(&mut bench, Client, b"EPRT |1|203.0.113.5|51002|\r\n");
    transfer(&mut bench, (OUTSIDE, 20), (ELSEWHERE, 51_001), Client, &noise(3_000));
    transfer(&mut bench, (HOME, 41_002), (OUTSIDE, 51_002), Client, &noise(3_000));
    let records = bench.finish().to_vec();
    assert_eq!([to(&records, 51_001), to(&records, 51_002)], [UNKNOWN; 2]);
    assert_eq!(bench.worker.counters().data_ports, [0, 2]);
}

#[test]
fn what_is_under_tls_or_a_dialogue_keeps_its_name() {
    let mut bench = Bench::default();
    let mut control = Connection::control(&mut bench, 21);
    control.passive(&mut bench, 51_001);
    let hello = [
        b"\x16\x03\x01\0\x32\x01\0\0\x2e\x03\x03".as_slice(),
        &[0x5a; 32],
        b"\0\0\x02\x13\x01\x01\0\0\x03\0\x2b\0",
    ]
    .concat();
    transfer(&mut bench, (HOME, 41_001), (OUTSIDE, 51_001), Client, &hello);
    control.passive(&mut bench, 51_002);
    let mut dialogue = Connection::open(&mut bench, (HOME, 41_002), (OUTSIDE, 51_002));
    dialogue.say(&mut bench, Client, b"x");
    dialogue.say(&mut bench, Server, b"y");
    dialogue.say(&mut bench, Client, &noise(3_000));
    let records = bench.finish().to_vec();
    assert_eq!(to(&records, 51_001), (Some(Protocol::Tls), Verdict::Displaced));
    assert_ne!(to(&records, 51_002), NAMED);
    assert_eq!(bench.worker.counters().data_flows, 0);
}

#[test]
fn a_control_connection_is_heard_after_hours_and_a_name_holds_for_minutes() {
    let mut bench = Bench::default();
    let mut control = Connection::control(&mut bench, 21);
    for _ in 0..200 {
        bench.wait(30.0);
        control.say(&mut bench, Client, b"NOOP\r\n");
        control.say(&mut bench, Server, b"200 Zzz\r\n");
    }
    control.passive(&mut bench, 51_001);
    bench.wait(100.0);
    transfer(&mut bench, (HOME, 41_001), (OUTSIDE, 51_001), Server, &noise(3_000));
    control.passive(&mut bench, 51_002);
    bench.wait(130.0);
    transfer(&mut bench, (HOME, 41_002), (OUTSIDE, 51_002), Server, &noise(3_000));
    // Not when something is said counts, but when the connection was opened.
    control.passive(&mut bench, 51_003);
    let mut late = Connection::open(&mut bench, (HOME, 41_003), (OUTSIDE, 51_003));
    bench.wait(200.0);
    late.say(&mut bench, Server, &noise(3_000));
    let records = bench.finish().to_vec();
    let of = |port| records.iter().find(|record| record.server.port == port && record.judgement.is_some());
    let protocol = |port| of(port).unwrap().protocol.map(|(protocol, _)| protocol);
    let named = Some(Protocol::FtpData);
    assert_eq!([51_001, 51_002, 51_003].map(protocol), [named, None, named]);
}

/// Two workers are not equally fast.
#[test]
fn a_transfer_that_is_read_before_its_control_connection_is_named_in_its_record() {
    let payloads = [(noise(3_000), Verdict::Unknown), (b"a\n".to_vec(), Verdict::Undecided)];
    for (at, (payload, before)) in payloads.iter().enumerate() {
        for in_time in [true, false] {
            let mut bench = Bench::default();
            let mut control = Connection::control(&mut bench, 21);
            transfer(&mut bench, (HOME, 41_001), (OUTSIDE, 51_001), Server, payload);
            let settled = *bench.worker.counters();
            if in_time {
                control.passive(&mut bench, 51_001);
            }
            let records = bench.finish().to_vec();
            assert_eq!(to(&records, 51_001) == NAMED, in_time, "{at}");
            let counters = *bench.worker.counters();
            assert_eq!((counters.data_flows, counters.rejudged), (in_time.into(), in_time.into()));
            assert_eq!(counters.verdicts[Verdict::Displaced.index()][0], u64::from(in_time));
            assert_eq!(counters.verdicts[before.index()][0], 1);
            assert_eq!(settled.data_flows, 0);
        }
    }
}

#[test]
fn a_transfer_that_is_under_way_is_named_in_its_next_record() {
    let mut bench = Bench::default();
    let mut control = Connection::control(&mut bench, 21);
    let mut data = Connection::open(&mut bench, (HOME, 41_001), (OUTSIDE, 51_001));
    data.say(&mut bench, Client, &noise(3_000));
    control.passive(&mut bench, 51_001);
    for _ in 0..4 {
        bench.wait(30.0);
        data.say(&mut bench, Client, &noise(100));
    }
    let records = bench.finish();
    let of: Vec<_> = records.iter().filter(|record| record.server.port == 51_001).collect();
    assert!(of.len() > 1);
    for record in of {
        assert_eq!(record.protocol, Some((Protocol::FtpData, Proof::Banner)));
    }
    assert_eq!(bench.worker.counters().data_flows, 1);
}

/// An event about it is out.
#[test]
fn what_was_flagged_is_not_named_any_more() {
    let mut bench = Bench {
        worker: Worker::new(Config { event_floor: Severity::Info, ..config() }, Arc::default(), 0, 3),
        ..Bench::default()
    };
    let mut control = Connection::control(&mut bench, 21);
    transfer(&mut bench, (HOME, 41_001), (OUTSIDE, 51_001), Server, &noise(3_000));
    control.passive(&mut bench, 51_001);
    let records = bench.finish().to_vec();
    assert_eq!(to(&records, 51_001), UNKNOWN);
}

#[test]
fn another_worker_knows_what_was_named() {
    let shared = Arc::new(DataPorts::new(7));
    for (data_ports, named) in [(Some(shared), true), (None, false)] {
        let worker = |id| {
            let config = Config { data_ports: data_ports.clone(), ..config() };
            Worker::new(config, Arc::new(Policy::default()), id, id.into())
        };
        let mut bench = Bench { worker: worker(1), ..Bench::default() };
        Connection::control(&mut bench, 21).passive(&mut bench, 51_001);
        let mut other = Bench { worker: worker(2), sink: Sink::default(), now: bench.now };
        transfer(&mut other, (HOME, 41_001), (OUTSIDE, 51_001), Server, &noise(3_000));
        assert_eq!(to(other.finish(), 51_001), if named { NAMED } else { UNKNOWN });
    }
}
