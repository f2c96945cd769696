//! The XDP program, run by the kernel on frames from memory (`BPF_PROG_RUN`): one row per branch.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests

#[path = "common/build.rs"]
mod build;
mod common;

use build::*;
use offport_capture::xdp::{Action, DryRun, Fate, MultiBuffer, NoSocket, Options, Steering, Verdict};

const WORKERS: u32 = 4;

fn options() -> Options {
    Options { workers: (WORKERS as u16).try_into().unwrap(), seed: Some(7), ..Options::default() }
}

/// What is expected of a frame.
enum Expect {
    /// The hash of this other frame: they are of one flow.
    Like(Vec<u8>),
    /// A hash of its own.
    Steered,
    /// Dropped for this reason.
    Refused(&'static str),
}
use Expect::{Like, Refused, Steered};

fn rows() -> Vec<(&'static str, Vec<u8>, Expect)> {
    let plain = eth4(6, &tcp());
    let plain6 = eth6(6, &tcp());
    let inner = ipv4(6, &tcp());
    let like = || Like(eth4(6, &tcp()));
    let like6 = || Like(eth6(6, &tcp()));
    let gre = |head: &[u8], content: &[u8]| eth4(47, &[head, content].concat());
    let over = |port, head: &[u8], content: &[u8]| eth4(17, &udp(port, &[head, content].concat()));
    let tag = |count: usize| [&[0, 5, 0x81, 0].repeat(count - 1)[..], &[0, 5, 8, 0], &inner].concat();
    let label = |count: usize| [&[0, 0, 0x10, 64].repeat(count - 1)[..], &[0, 0, 0x21, 64]].concat();
    let extension = |next: u8| [next, 0, 0, 0, 0, 0, 0, 0];
    let extensions = |count: usize| {
        let mut content = tcp();
        for at in 0..count {
            content = [&extension(if at == 0 { 6 } else { 60 })[..], &content].concat();
        }
        eth6(60, &content)
    };
    let nested = |count: usize| (0..count).fold(inner.clone(), |packet, _| ipv4(4, &packet));
    let error4 = |quote: &[u8]| eth4(1, &[&[3, 1, 0, 0, 0, 0, 0, 0], quote].concat());
    let error6 = |quote: &[u8]| eth6(58, &[&[1, 4, 0, 0, 0, 0, 0, 0], quote].concat());
    let fragment = |flags: [u8; 2]| with(eth4(17, &udp(53, b"data")), 20, &flags);
    let fragment6 =
        |offset: [u8; 2]| eth6(44, &[&[17, 0, offset[0], offset[1], 0, 0, 0, 9][..], &udp(53, b"")].concat());
    let pppoe = |content: &[u8]| {
        let length = (content.len() as u16).to_be_bytes();
        ethernet(0x8864, &[&[0x11, 0, 0, 9, length[0], length[1]], content].concat())
    };
    let gtp = |flags: u8, fields: &[u8]| {
        let content = [fields, &inner].concat();
        let length = (content.len() as u16).to_be_bytes();
        over(2152, &[flags, 255, length[0], length[1], 0, 0, 0, 5], &content)
    };
    let sctp = |chunk: &[u8]| eth4(132, &[&[0x9c, 0x40, 0, 80][..], &[0; 8], chunk].concat());
    let bridged = || plain.clone();
    vec![
        // Link.
        ("tcp", plain.clone(), Steered),
        ("tcp over ipv6", plain6.clone(), Steered),
        ("vlan", ethernet(0x8100, &tag(1)), like()),
        ("qinq", ethernet(0x88a8, &tag(2)), like()),
        ("old qinq", ethernet(0x9100, &tag(4)), like()),
        ("five tags", ethernet(0x9200, &tag(5)), Refused("too_deep")),
        ("a tag cut short", ethernet(0x8100, &[0, 5]), Refused("link_truncated")),
        ("arp", ethernet(0x0806, &[0; 28]), Refused("not_ip")),
        ("snap", ethernet(48, &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner].concat()), like()),
        ("llc ip", ethernet(43, &[&[6, 6, 3][..], &inner].concat()), like()),
        ("spanning tree", ethernet(38, &[0x42; 38]), Refused("not_ip")),
        ("length past the end", ethernet(1000, &[6; 38]), Refused("not_ip")),
        ("llc cut short", ethernet(2, &[0xaa; 38]), Refused("link_truncated")),
        ("pppoe", pppoe(&[&[0, 0x21][..], &inner].concat()), like()),
        ("pppoe, compressed", pppoe(&[&[0xff, 3, 0x21][..], &inner].concat()), like()),
        ("pppoe over ipv6", pppoe(&[&[0, 0x57][..], &ipv6(6, &tcp())].concat()), like6()),
        ("pppoe control", pppoe(&[0xc0, 0x21, 1, 1, 0, 4]), Refused("not_ip")),
        ("pppoe of another version", with(pppoe(&[0, 0x21]), 14, &[0x12]), Refused("tunnel_malformed")),
        ("pppoe past the end", with(pppoe(&[0, 0x21]), 18, &[9]), Refused("tunnel_malformed")),
        ("mpls", ethernet(0x8847, &[label(1), inner.clone()].concat()), like()),
        ("mpls, ipv6", ethernet(0x8848, &[label(2), ipv6(6, &tcp())].concat()), like6()),
        ("nine labels", ethernet(0x8847, &[label(9), inner.clone()].concat()), Refused("too_deep")),
        ("labels cut short", ethernet(0x8847, &[0, 0, 0x10]), Refused("tunnel_malformed")),
        ("associated channel", ethernet(0x8847, &[&label(1)[..], &[0x10; 20]].concat()), Refused("not_ip")),
        ("pseudowire", ethernet(0x8847, &[&label(1)[..], &[0; 4], &bridged()].concat()), like()),
        (
            "pseudowire without control word",
            ethernet(0x8847, &[label(1), with(bridged(), 0, &[0])].concat()),
            like(),
        ),
        (
            "pseudowire whose address is no nibble of IP",
            ethernet(0x8847, &[label(1), with(bridged(), 0, &[0x20])].concat()),
            like(),
        ),
        // IPv4.
        ("options", ethernet(0x0800, &with(ipv4(6, &[&[1; 4][..], &tcp()].concat()), 0, &[0x46])), like()),
        ("version 5", with(plain.clone(), 14, &[0x55]), Refused("ipv4_malformed")),
        ("header of 16", with(plain.clone(), 14, &[0x44]), Refused("ipv4_malformed")),
        ("options past the end", with(eth4(17, &[]), 14, &[0x46]), Refused("ip_truncated")),
        ("ipv4 cut short", ethernet(0x0800, &inner[..19]), Refused("ip_truncated")),
        ("total length below the header's", with(plain.clone(), 16, &[0, 19]), Refused("ipv4_malformed")),
        ("total length past the end", with(plain.clone(), 16, &[0, 99]), Refused("ipv4_malformed")),
        ("no total length", with(plain.clone(), 16, &[0, 0]), like()),
        ("padding", [plain.clone(), vec![0; 6]].concat(), like()),
        ("first fragment", fragment([0x20, 0]), Steered),
        ("later fragment", fragment([0, 7]), Like(fragment([0x20, 0]))),
        ("authentication header", eth4(51, &[&[6, 1][..], &[0; 10], &tcp()].concat()), like()),
        (
            "authentication header of nothing",
            eth4(51, &[6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Refused("ipv4_malformed"),
        ),
        // IPv6.
        ("eight extension headers", extensions(8), like6()),
        ("nine extension headers", extensions(9), Refused("too_deep")),
        ("an extension cut short", eth6(60, &[6, 1, 0, 0, 0, 0, 0, 0]), Refused("ipv6_malformed")),
        ("version 7", with(plain6.clone(), 14, &[0x70]), Refused("ipv6_malformed")),
        ("ipv6 cut short", ethernet(0x86dd, &ipv6(6, &[])[..39]), Refused("ip_truncated")),
        ("payload length past the end", with(plain6.clone(), 18, &[0, 99]), Refused("ipv6_malformed")),
        ("jumbogram", with(plain6.clone(), 18, &[0, 0]), like6()),
        ("first fragment of ipv6", fragment6([0, 1]), Steered),
        ("later fragment of ipv6", fragment6([0, 8]), Like(fragment6([0, 1]))),
        (
            "later fragment of ipv6 with another next header",
            with(fragment6([0, 8]), 54, &[60]),
            Like(fragment6([0, 1])),
        ),
        ("later fragment of ipv4 with another protocol", with(fragment([0, 7]), 23, &[6]), Steered),
        ("atomic fragment", fragment6([0, 0]), Like(eth6(17, &udp(53, b"")))),
        ("authentication header of ipv6", eth6(51, &[&[6, 1][..], &[0; 10], &tcp()].concat()), like6()),
        // Transport.
        ("udp", eth4(17, &udp(53, b"query")), Steered),
        ("tcp cut short", eth4(6, &tcp()[..19]), Refused("transport_truncated")),
        ("tcp offset of 16", with(plain.clone(), 46, &[0x40]), Refused("tcp_malformed")),
        ("tcp offset past the end", with(plain.clone(), 46, &[0x60]), Refused("tcp_malformed")),
        ("udp cut short", eth4(17, &[0; 7]), Refused("transport_truncated")),
        (
            "udp length below the header's",
            with(eth4(17, &udp(53, b"")), 38, &[0, 7]),
            Refused("udp_malformed"),
        ),
        ("udp length past the end", with(eth4(17, &udp(53, b"")), 38, &[0, 9]), Refused("udp_malformed")),
        ("udp without length", with(eth4(17, &udp(53, b"")), 38, &[0, 0]), Like(eth4(17, &udp(53, b"")))),
        ("sctp", sctp(&[3, 0, 0, 4]), Steered),
        ("sctp chunk of 3", sctp(&[3, 0, 0, 3]), Refused("sctp_malformed")),
        ("sctp data of 12", sctp(&[&[0, 3, 0, 12][..], &[0; 8]].concat()), Refused("sctp_malformed")),
        ("sctp cut short", eth4(132, &[0; 11]), Refused("transport_truncated")),
        ("echo", eth4(1, &[8, 0, 0, 0, 0, 7, 0, 1]), Steered),
        ("another echo", eth4(1, &[8, 0, 0, 0, 0, 9, 0, 1]), Like(eth4(1, &[0, 0, 0, 0, 0, 7, 0, 1]))),
        ("icmp cut short", eth4(1, &[8, 0, 0, 0]), Refused("icmp_malformed")),
        ("icmpv6 in ipv4 is just a protocol", eth4(58, &[1, 0]), Steered),
        ("an error is of the flow it quotes", error4(&inner[..28]), like()),
        ("an error of ipv6", error6(&ipv6(6, &tcp())[..48]), like6()),
        ("an error that quotes junk", error4(&[0x55; 20]), Like(eth4(1, &[8, 0, 0, 0, 0, 7, 0, 1]))),
        ("ospf", eth4(89, &[0; 24]), Steered),
        // Tunnels.
        ("gre", gre(&[0, 0, 8, 0], &inner), like()),
        ("gre with everything", gre(&[&[0xb0, 0, 8, 0][..], &[0; 12]].concat(), &inner), like()),
        ("gre, ipv6", gre(&[0, 0, 0x86, 0xdd], &ipv6(6, &tcp())), like6()),
        ("gre, bridged", gre(&[0, 0, 0x65, 0x58], &plain), like()),
        ("gre, mpls", gre(&[0, 0, 0x88, 0x47], &[label(1), inner.clone()].concat()), like()),
        ("gre, ppp", gre(&[0, 0, 0x88, 0x0b], &[&[0, 0x21][..], &inner].concat()), like()),
        ("gre, wccp", gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &inner), like()),
        ("gre, arp is a flow of its own", gre(&[0, 0, 8, 6], &[0; 28]), Like(gre(&[0, 0, 8, 6], &[]))),
        ("gre with routing", gre(&[0x40, 0, 8, 0], &inner), Refused("tunnel_malformed")),
        ("gre version 2", gre(&[0, 2, 8, 0], &inner), Refused("tunnel_malformed")),
        (
            "pptp",
            gre(&[0x30, 1, 0x88, 0x0b, 0, 42, 0, 9, 0, 0, 0, 1], &[&[0, 0x21][..], &inner].concat()),
            like(),
        ),
        (
            "pptp, acknowledgement",
            gre(&[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 9, 0, 0, 0, 1], &[]),
            Like(gre(&[0, 0, 8, 6], &[])),
        ),
        ("erspan 1", gre(&[0, 0, 0x88, 0xbe], &plain), like()),
        ("erspan 2", gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 7, 0, 0, 0, 0], &plain), like()),
        ("erspan 3", gre(&[&[0, 0, 0x22, 0xeb, 0x20][..], &[0; 11]].concat(), &plain), like()),
        (
            "erspan 3 with a subheader",
            gre(&[&[0, 0, 0x22, 0xeb, 0x20][..], &[0; 10], &[1], &[0; 8]].concat(), &plain),
            like(),
        ),
        ("erspan 3 of ip", gre(&[&[0, 0, 0x22, 0xeb, 0x20][..], &[0; 9], &[8, 0]].concat(), &inner), like()),
        ("ip in ip", eth4(4, &inner), like()),
        ("ipv6 in ipv4", eth4(41, &ipv6(6, &tcp())), like6()),
        ("ipv4 in ipv6", eth6(4, &inner), like()),
        ("mpls in ip", eth4(137, &[label(1), inner.clone()].concat()), like()),
        ("four tunnels", ethernet(0x0800, &nested(4)), like()),
        ("five tunnels", ethernet(0x0800, &nested(5)), Refused("too_deep")),
        ("vxlan", over(4789, &[8, 0, 0, 0, 0, 0, 7, 0], &plain), like()),
        ("vxlan on linux's port", over(8472, &[8, 0, 0, 0, 0, 0, 7, 0], &plain), like()),
        ("vxlan-gpe", over(4790, &[12, 0, 0, 1, 0, 0, 7, 0], &inner), like()),
        ("vxlan without an id is udp", over(4789, &[0; 8], &plain), Like(eth4(17, &udp(4789, b"")))),
        (
            "vxlan round junk is udp",
            over(4789, &[8, 0, 0, 0, 0, 0, 7, 0], &[0x55; 30]),
            Like(eth4(17, &udp(4789, b""))),
        ),
        ("geneve", over(6081, &[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 4], &plain), like()),
        ("geneve, ipv4", over(6081, &[0, 0, 8, 0, 0, 0, 7, 0], &inner), like()),
        (
            "geneve version 1 is udp",
            over(6081, &[0x40, 0, 8, 0, 0, 0, 7, 0], &inner),
            Like(eth4(17, &udp(6081, b""))),
        ),
        ("gtp-u", gtp(0x30, &[]), like()),
        ("gtp-u with an extension", gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 0, 0]), like()),
        (
            "gtp-u with nine extensions is udp",
            gtp(0x34, &[&[0, 0, 0, 0x85][..], &[1, 0, 0, 0x85].repeat(8), &[1, 0, 0, 0]].concat()),
            Like(eth4(17, &udp(2152, b""))),
        ),
        ("gtp-u signalling is udp", with(gtp(0x30, &[]), 43, &[1]), Like(eth4(17, &udp(2152, b"")))),
        ("teredo", over(3544, &[], &ipv6(6, &tcp())), like6()),
        (
            "teredo with indicators",
            over(3544, &[&[0, 1, 0, 0][..], &[1; 9], &[0; 8]].concat(), &ipv6(6, &tcp())),
            like6(),
        ),
        ("a teredo bubble is udp", over(3544, &[], &ipv6(59, &[])), Like(eth4(17, &udp(3544, b"")))),
        (
            "router discovery in teredo is udp",
            over(3544, &[], &ipv6(58, &[133, 0, 0, 0, 0, 0, 0, 0])),
            Like(eth4(17, &udp(3544, b""))),
        ),
    ]
}

#[test]
fn one_row_per_branch() {
    if !common::root() {
        return;
    }
    // The program for frames of one buffer, and the one for several.
    for multi_buffer in [MultiBuffer::Off, MultiBuffer::On] {
        assert_rows(&DryRun::new(&Options { multi_buffer, ..options() }, WORKERS).unwrap());
    }
}

fn assert_rows(dry: &DryRun) {
    for (name, frame, expect) in rows() {
        let before = dry.counters().unwrap();
        let fate = dry.run(&frame).unwrap();
        let after = dry.counters().unwrap();
        assert_eq!(
            (after.packets - before.packets, after.bytes - before.bytes),
            (1, frame.len() as u64),
            "{name}"
        );
        let counted: Vec<_> = before
            .iter()
            .zip(after.iter())
            .filter(|((field, before), (_, after))| before != after && !["packets", "bytes"].contains(field))
            .map(|((field, _), _)| field)
            .filter(|field| !["fragments", "tunnelled"].contains(field))
            .collect();
        assert_eq!(counted, [fate.counted], "{name}");
        match expect {
            Refused(reason) => {
                assert_eq!(
                    (fate.counted, fate.verdict, fate.worker),
                    (reason, Verdict::Drop, None),
                    "{name}"
                );
            }
            Steered => assert_steered(name, &fate),
            Like(other) => {
                assert_steered(name, &fate);
                let other = dry.run(&other).unwrap();
                assert_eq!((fate.hash, fate.worker), (other.hash, other.worker), "{name}");
            }
        }
    }
    let total = dry.counters().unwrap();
    assert!(total.fragments > 0 && total.tunnelled > 0);
    assert_eq!(total.packets, total.redirected + total.no_socket + total.refused());
}

fn assert_steered(name: &str, fate: &Fate) {
    assert_eq!(
        (fate.counted, fate.verdict, fate.unreached),
        ("redirected", Verdict::Redirect, false),
        "{name}"
    );
    assert_ne!(fate.hash, 0, "{name}");
    // Slots are given to workers in turn.
    assert_eq!(fate.worker, Some((fate.hash >> 32) as u32 % 512 % WORKERS), "{name}");
}

#[test]
fn rows_that_differ_by_port_differ_by_hash() {
    if !common::root() {
        return;
    }
    let dry = DryRun::new(&options(), WORKERS).unwrap();
    let hash = |frame: &[u8]| dry.run(frame).unwrap().hash;
    let ports: Vec<_> = (1..=200).map(|port| hash(&eth4(17, &udp(port, b"")))).collect();
    let mut workers = [0; WORKERS as usize];
    for (at, one) in ports.iter().enumerate() {
        assert!(!ports[..at].contains(one));
        workers[(one >> 32) as usize % WORKERS as usize] += 1;
    }
    assert!(workers.iter().all(|count| *count > 25), "{workers:?}");
}

#[test]
fn actions_are_the_configurations() {
    if !common::root() {
        return;
    }
    let arp = ethernet(0x0806, &[0; 28]);
    let broken = ethernet(0x0800, &[0x45; 10]);
    for (action, verdict) in
        [(Action::Drop, Verdict::Drop), (Action::Pass, Verdict::Pass), (Action::Worker, Verdict::Redirect)]
    {
        let dry = DryRun::new(&Options { not_ip: action, ..options() }, WORKERS).unwrap();
        assert_eq!(dry.run(&arp).unwrap().verdict, verdict);
        assert_eq!(dry.run(&broken).unwrap().verdict, Verdict::Drop);
        // What a worker gets, the worker counts by its reason.
        let here = u64::from(action != Action::Worker);
        let sums = |dry: &DryRun| {
            let count = dry.counters().unwrap();
            assert_eq!(count.packets, count.redirected + count.no_socket + count.refused());
            count
        };
        assert_eq!(sums(&dry).not_ip, here);
        let dry = DryRun::new(&Options { malformed: action, ..options() }, WORKERS).unwrap();
        assert_eq!(dry.run(&broken).unwrap().verdict, verdict);
        assert_eq!(dry.run(&arp).unwrap().verdict, Verdict::Drop);
        assert_eq!(sums(&dry).ip_truncated, here);
    }
    for (no_socket, verdict) in [(NoSocket::Drop, Verdict::Drop), (NoSocket::Pass, Verdict::Pass)] {
        let dry = DryRun::new(&Options { no_socket, ..options() }, 0).unwrap();
        let fate = dry.run(&eth4(6, &tcp())).unwrap();
        assert_eq!((fate.verdict, fate.counted), (verdict, "no_socket"));
    }
}

#[test]
fn by_queue_nothing_is_parsed() {
    if !common::root() {
        return;
    }
    let dry = DryRun::new(&Options { steering: Steering::Rss, ..options() }, WORKERS).unwrap();
    let fate = dry.run(&ethernet(0x0806, &[0; 28])).unwrap();
    assert_eq!((fate.verdict, fate.worker, fate.hash), (Verdict::Redirect, Some(0), 0));
}

#[test]
fn headers_out_of_reach_go_to_a_worker() {
    if !common::root() {
        return;
    }
    let dry = DryRun::new(&Options { multi_buffer: MultiBuffer::On, ..options() }, WORKERS).unwrap();
    // Destination options of 2,048 bytes each: the third begins beyond what is read.
    let option = |next: u8| [&[next, 255][..], &[0; 2046]].concat();
    let frame = eth6(60, &[option(60), option(60), option(6), tcp()].concat());
    let fate = dry.run(&frame).unwrap();
    assert_eq!((fate.verdict, fate.unreached, fate.worker), (Verdict::Redirect, true, Some(0)));
    assert_eq!(dry.counters().unwrap().unreached, 1);
}

/// Prints what the program costs; no assertion on time.
#[test]
fn cost() {
    if !common::root() {
        return;
    }
    let dry = DryRun::untraced(&options(), WORKERS).unwrap();
    println!("{} instructions verified", dry.verified_instructions().unwrap());
    let by_queue = DryRun::untraced(&Options { steering: Steering::Rss, ..options() }, WORKERS).unwrap();
    println!("nothing parsed: {} ns", by_queue.time(&eth4(6, &tcp()), 1_000_000).unwrap());
    let inner = eth4(6, &tcp());
    let vxlan = eth4(17, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &inner].concat()));
    for (name, frame) in [
        ("not ip", ethernet(0x0806, &[0; 46])),
        ("tcp", eth4(6, &tcp())),
        ("tcp, ipv6", eth6(6, &tcp())),
        ("vxlan", vxlan),
    ] {
        println!("{name}: {} ns", dry.time(&frame, 1_000_000).unwrap());
    }
}
