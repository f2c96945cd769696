//! What goes when the table is full.

mod support;

use offport_flow::{Config, End, Outcome};
use offport_wire::TransportHeader;
use support::*;

fn full_of(count: u32) -> Bench {
    Bench::new(&Config { max_flows: count, max_flagged: 100, ..config() })
}

#[test]
fn a_syn_flood_spares_every_session_that_is_real() {
    let mut bench = full_of(1_000);
    // A third each: established, flagged UDP, answered UDP that goes on.
    bench.book.eager = true;
    for host in 0..200 {
        bench.open((host, 40_000), (5_000, 80), 1, 1);
    }
    bench.book.flag = true;
    for host in 200..300 {
        bench.udp((host, 40_000), (5_000, 53), b"raw");
    }
    bench.book.flag = false;
    for host in 300..400 {
        bench.udp((host, 40_000), (5_000, 53), b"query");
        bench.udp((5_000, 53), (host, 40_000), b"answer");
    }
    for n in 0..20_000u16 {
        bench.wait(0.000_1);
        let outcome = bench.tcp((10_000 + n, 1_024 + n), (5_000, 80), SYN, n.into(), b"");
        assert_eq!(outcome, Outcome::Tracked);
    }
    let counters = *bench.tracker.counters();
    assert_eq!(counters.evicted_half_open, 20_000 - 600);
    assert_eq!((counters.refused, counters.active), (0, 1_000));
    assert!(bench.book.ended.iter().all(|(flow, end)| flow.label.is_none() && *end == End::Evicted));
    // The oldest went first.
    let ports: Vec<_> = bench.book.ended.iter().map(|(flow, _)| flow.client.1).collect();
    assert!(ports.is_sorted());
}

#[test]
fn flagged_flows_stay_so_the_newcomer_is_refused() {
    let mut bench = full_of(4);
    (bench.book.eager, bench.book.flag) = (true, true);
    for host in 0..2 {
        bench.open((host, 40_000), (100, 80), 1, 1);
        bench.tcp((host, 40_000), (100, 80), ACK | PSH, 2, b"raw");
    }
    for host in 2..4 {
        bench.udp((host, 40_000), (100, 53), b"x");
    }
    bench.wait(40.0);
    assert_eq!(bench.tcp((9, 1), (100, 80), SYN, 1, b""), Outcome::Refused);
    assert_eq!(bench.udp((9, 1), (100, 80), b"x"), Outcome::Refused);
    assert_eq!(bench.udp((2, 40_000), (100, 53), b"x"), Outcome::Tracked, "known flows go on");
    assert_eq!(bench.tracker.counters().refused, 2);
    // Until one of them is overdue.
    bench.wait(25.0);
    assert_eq!(bench.tcp((9, 1), (100, 80), SYN, 1, b""), Outcome::Tracked);
    assert_eq!(bench.only().1, End::Idle);
}

#[test]
fn closed_then_idle_then_half_open_then_unanswered() {
    let mut bench = full_of(5);
    let server = (100, 80);
    bench.udp((1, 4_001), (100, 5_000), b"never answered");
    bench.tcp((2, 4_002), server, SYN, 1, b"");
    bench.udp((3, 4_003), (100, 53), b"query");
    bench.udp((100, 53), (3, 4_003), b"answer");
    bench.wait(1.5);
    bench.open((4, 4_004), server, 1, 1);
    bench.tcp((4, 4_004), server, FIN | ACK, 2, b"");
    bench.tcp(server, (4, 4_004), FIN | ACK, 2, b"");
    bench.open((5, 4_005), server, 1, 1);
    let mut newcomer = 1_000;
    let mut gone = |bench: &mut Bench| {
        newcomer += 1;
        assert_eq!(bench.tcp((newcomer, 9_000), server, SYN, 1, b""), Outcome::Tracked);
        let (flow, end) = bench.book.ended.last().unwrap().clone();
        (flow.client.1, end)
    };
    assert_eq!(gone(&mut bench), (4_004, End::Fin));
    assert_eq!(gone(&mut bench), (4_002, End::Evicted), "older than the one that came just now");
    bench.wait(8.0);
    // Half-open ones are not overdue yet; answered and unanswered UDP have been silent for 9.5 of 60 seconds.
    assert_eq!(gone(&mut bench), (9_000, End::Evicted));
    bench.open((1_003, 9_000), server, 1, 1);
    bench.open((1_002, 9_000), server, 1, 1);
    assert_eq!(bench.tcp((1_001, 9_000), server, SYN, 1, b""), Outcome::Tracked);
    assert_eq!(bench.book.ended.last().unwrap().0.client.1, 4_001, "never answered");
    bench.open((1_001, 9_000), server, 1, 1);
    bench.wait(21.0);
    assert_eq!(gone(&mut bench), (4_003, End::Evicted), "silent for half of its timeout");
    let counters = *bench.tracker.counters();
    let evicted = [
        counters.evicted_closed,
        counters.evicted_idle,
        counters.evicted_half_open,
        counters.evicted_unanswered,
    ];
    assert_eq!(evicted, [1, 1, 2, 1]);
}

#[test]
fn a_handshake_that_is_under_way_is_not_the_first_to_go() {
    let mut bench = full_of(1_600);
    for host in 0..1_000 {
        bench.open((host, 40_000), (5_000, 80), 1, 1);
    }
    for host in 1_000..1_598 {
        bench.udp((host, 40_000), (5_000, 53), b"never answered");
    }
    bench.wait(2.0);
    let (client, server) = ((9_000, 1_024), (5_000, 80));
    bench.tcp(client, server, SYN, 1, b"");
    bench.tcp(server, client, SYN | ACK, 1, b"");
    // Newcomers while it is, some of them handshakes.
    for n in 0..300u16 {
        bench.wait(0.000_1);
        match n % 8 {
            0 => bench.tcp((10_000 + n, 1_024), server, SYN, 1, b""),
            _ => bench.udp((10_000 + n, 1_024), (5_000, 53), b"query"),
        };
    }
    bench.tcp(client, server, ACK, 2, b"");
    bench.tcp(client, server, ACK | PSH, 2, b"raw");
    let counters = *bench.tracker.counters();
    assert_eq!((counters.evicted_half_open, counters.evicted_unanswered), (0, 299));
    assert!(bench.book.ended.iter().all(|(flow, _)| flow.client.1 == 40_000));
    bench.finish();
    let (flow, _) = bench.book.ended.iter().find(|(flow, _)| flow.client == address(client)).unwrap();
    assert_eq!((flow.midstream, flow.packets), (false, [3, 1]));
}

#[test]
fn the_session_that_is_silent_for_longest_makes_room_for_a_newcomer() {
    let mut bench = full_of(160);
    for host in 0..100 {
        bench.open((host, 40_000), (5_000, 80), 1, 1);
    }
    for host in 100..160 {
        bench.udp((host, 40_000), (5_000, 53), b"query");
        bench.udp((5_000, 53), (host, 40_000), b"answer");
    }
    bench.wait(1.0);
    bench.tcp((0, 40_000), (5_000, 80), ACK | PSH, 2, b"goes on");
    // One after the other, from its first packet to its verdict.
    for host in 200..220 {
        bench.wait(0.01);
        bench.open((host, 40_000), (5_000, 80), 1, 1);
        bench.tcp((host, 40_000), (5_000, 80), ACK | PSH, 2, b"raw");
    }
    let gone: Vec<_> = bench.book.ended.iter().map(|(flow, end)| (flow.client, *end)).collect();
    assert_eq!(gone, (1..21).map(|host| (address((host, 40_000)), End::Evicted)).collect::<Vec<_>>());
    let counters = *bench.tracker.counters();
    assert_eq!((counters.evicted_open, counters.refused, counters.active), (20, 0, 160));
}

#[test]
fn a_syn_flood_costs_a_table_that_is_full_of_sessions_a_sixteenth_of_them() {
    let mut bench = full_of(1_600);
    for host in 0..1_600 {
        bench.open((host, 40_000), (5_000, 80), 1, 1);
    }
    for n in 0..20_000u16 {
        bench.wait(0.000_1);
        assert_eq!(bench.tcp((10_000 + n, 1_024 + n), (5_000, 80), SYN, 1, b""), Outcome::Tracked);
    }
    let counters = *bench.tracker.counters();
    assert_eq!((counters.evicted_open, counters.evicted_half_open), (100, 20_000 - 100));
}

#[test]
fn the_oldest_undecided_flow_is_settled_when_buffers_run_out() {
    let mut bench = Bench::new(&Config { max_undecided: 4, ..config() });
    for host in 0..4 {
        bench.udp((host, 40_000), (100, 53), b"more, please");
    }
    // Who takes no buffer costs nobody one.
    bench.open((200, 40_000), (100, 80), 1, 1);
    assert!(bench.book.concluded.is_empty());
    for host in 4..10 {
        bench.udp((host, 40_000), (100, 53), b"more, please");
    }
    let concluded: Vec<_> = bench.book.concluded.iter().map(|flow| flow.client).collect();
    assert_eq!(concluded, (0..6).map(|host| address((host, 40_000))).collect::<Vec<_>>());
    let counters = *bench.tracker.counters();
    assert_eq!((counters.undecided, counters.undecided_limit), (4, 6));
    bench.finish();
    assert_eq!(bench.book.concluded.len(), 10);
}

#[test]
fn flagged_flows_keep_their_first_payload_while_there_is_room() {
    let mut bench = Bench::new(&Config { max_flagged: 1, ..config() });
    (bench.book.eager, bench.book.flag) = (true, true);
    for host in 0..2 {
        bench.udp((host, 40_000), (100, 53), b"raw");
        bench.udp((100, 53), (host, 40_000), b"later");
    }
    assert_eq!(bench.tracker.counters().heads_limit, 1);
    bench.finish();
    let heads: Vec<_> = bench.book.ended.iter().map(|(flow, _)| flow.first.clone()).collect();
    assert!(heads.contains(&[b"raw".to_vec(), vec![]]));
    assert!(heads.contains(&[vec![], vec![]]));
}

#[test]
fn ipv6_has_a_table_of_its_own_and_a_full_path_table_costs_only_the_path() {
    let mut bench = Bench::new(&Config { max_flows: 2, max_flows_v6: 1, max_paths: 0, ..config() });
    let build = offport_flow::fuzz::Build {
        source: ("2001:db8::1".parse().unwrap(), 1),
        destination: ("2001:db8::2".parse().unwrap(), 2),
        transport: TransportHeader::Other,
        payload: b"",
        cut: 0,
        time: bench.now,
    };
    bench.udp((1, 1), (2, 2), b"");
    bench.udp((1, 2), (2, 2), b"");
    assert_eq!(bench.give(&build.packet()), Outcome::Tracked);
    assert_eq!(bench.tracker.len(), 3);
    assert_eq!(bench.tracker.counters().paths_limit, 3);
}
