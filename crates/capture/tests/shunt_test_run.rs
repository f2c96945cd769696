//! Shunting, run by the kernel on frames from memory (`BPF_PROG_RUN`).
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

#[path = "common/build.rs"]
mod build;
mod common;

use std::time::{Duration, SystemTime};

use build::*;
use offport_capture::xdp::{DryRun, Options, Shunt, ShuntCount, Steering, Verdict};
use offport_wire::{FlowKey, Frame, LinkType, Packet, Parsed, Timestamp, parse};

const WORKERS: u32 = 2;

fn options(entries: u32) -> Options {
    let workers = (WORKERS as u16).try_into().unwrap();
    Options { workers, seed: Some(7), shunt_entries: entries, ..Options::default() }
}

fn rig(entries: u32) -> (DryRun, Shunt) {
    let dry = DryRun::new(&options(entries), WORKERS).unwrap();
    let shunt = dry.shunt().unwrap();
    (dry, shunt)
}

fn packet<T>(frame: &[u8], of: impl FnOnce(&Packet<'_>) -> T) -> T {
    let frame = Frame {
        bytes: frame,
        link: LinkType::Ethernet,
        wire_len: frame.len() as u32,
        time: Timestamp::ZERO,
        interface: 0,
    };
    match parse(&frame).unwrap() {
        Parsed::Packet(packet) => of(&packet),
        Parsed::Fragment(_) => panic!("a fragment"),
    }
}

fn key(frame: &[u8]) -> FlowKey {
    packet(frame, |packet| packet.key)
}

fn segment(flags: u8, reverse: bool, payload: &[u8]) -> Vec<u8> {
    let mut segment = [tcp(), payload.to_vec()].concat();
    segment[13] = flags;
    let mut packet = ipv4(6, &segment);
    if reverse {
        packet[12..20].rotate_left(4);
        packet[20..24].rotate_left(2);
    }
    ethernet(0x0800, &packet)
}

const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// What `frames` add up to, by the parser of the workers.
fn sum(frames: &[Vec<u8>]) -> ShuntCount {
    let mut sum = ShuntCount::default();
    for frame in frames {
        packet(frame, |packet| {
            let at = packet.direction.index();
            sum.packets[at] += 1;
            sum.bytes[at] += u64::from(packet.ip_bytes);
            sum.payload[at] += u64::from(packet.payload_len);
        });
    }
    sum
}

fn counts(count: ShuntCount) -> [[u64; 2]; 3] {
    [count.packets, count.bytes, count.payload]
}

/// Runs the frames; whether each was shunted.
fn shunted(dry: &DryRun, frames: &[Vec<u8>]) -> Vec<bool> {
    let run = |frame: &Vec<u8>| {
        let before = dry.counters().unwrap();
        let fate = dry.run(frame).unwrap();
        let after = dry.counters().unwrap();
        let packets = after.shunted_packets - before.shunted_packets;
        let bytes = after.shunted_bytes - before.shunted_bytes;
        let is_shunted = fate.counted == "shunted_packets";
        assert_eq!((packets, bytes), (u64::from(is_shunted), u64::from(is_shunted) * frame.len() as u64));
        let expected = if is_shunted { (Verdict::Drop, None) } else { (Verdict::Redirect, fate.worker) };
        assert_eq!((fate.verdict, fate.worker), expected);
        assert_eq!(
            after.packets,
            after.redirected + after.no_socket + after.shunted_packets + after.refused()
        );
        is_shunted
    };
    frames.iter().map(run).collect()
}

#[test]
fn data_of_a_shunted_flow_is_counted_and_dropped_in_both_directions() {
    if !common::root() {
        return;
    }
    let (dry, mut shunt) = rig(64);
    let frames = [
        segment(ACK, false, b""),
        segment(ACK | PSH, true, &[7; 1000]),
        segment(ACK, true, &[7; 1]),
        [segment(ACK, false, b"padded"), vec![0; 9]].concat(),
    ];
    assert_eq!(shunted(&dry, &frames), [false; 4]);
    let key = key(&frames[0]);
    assert!(shunt.add(&key));
    assert_eq!(shunted(&dry, &frames), [true; 4]);
    assert_eq!(counts(shunt.take(&key)), counts(sum(&frames)));
    assert!(shunt.take(&key).is_empty());
    assert_eq!(shunted(&dry, &frames[..1]), [true]);

    assert_eq!(counts(shunt.release(&key)), counts(sum(&frames[..1])));
    assert_eq!(shunted(&dry, &frames), [false; 4]);
    assert!(shunt.take(&key).is_empty() && shunt.release(&key).is_empty());
}

#[test]
fn what_opens_closes_or_is_no_whole_packet_of_the_flow_goes_up() {
    if !common::root() {
        return;
    }
    let (dry, mut shunt) = rig(64);
    let data = segment(ACK, false, b"data");
    let datagram = eth4(17, &udp(5000, b"data"));
    assert!(shunt.add(&key(&data)) && shunt.add(&key(&datagram)));
    let error = |quote: &[u8]| eth4(1, &[&[3, 1, 0, 0, 0, 0, 0, 0], quote].concat());
    let rows = [
        ("syn", segment(0x02, false, b"")),
        ("syn with data", segment(0x02 | ACK, true, b"fast open")),
        ("fin", segment(0x01 | ACK, false, b"last")),
        ("rst", segment(0x04, true, b"")),
        ("first fragment", with(data.clone(), 20, &[0x20, 0])),
        ("later fragment", with(datagram.clone(), 20, &[0, 7])),
        ("an error about it", error(&data[14..])),
        ("an error about the datagram", error(&datagram[14..])),
        ("another port", eth4(17, &udp(5001, b"data"))),
        ("another protocol", eth4(132, &[&[0x9c, 0x40, 0, 80][..], &[0; 8]].concat())),
        ("another vlan", ethernet(0x8100, &[&[0, 5, 8, 0][..], &data[14..]].concat())),
        ("another network", eth4(17, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &data].concat()))),
    ];
    for (name, frame) in rows {
        assert_eq!(shunted(&dry, &[frame]), [false], "{name}");
    }
    assert_eq!(shunted(&dry, &[data.clone(), datagram]), [true; 2]);
    // The tunnel's network is none of a tunnel that names none.
    let gre = eth4(47, &[&[0, 0, 8, 0][..], &data[14..]].concat());
    assert_eq!(shunted(&dry, &[gre]), [true]);
}

#[test]
fn flows_of_different_networks_are_counted_apart() {
    if !common::root() {
        return;
    }
    let (dry, mut shunt) = rig(64);
    let data = segment(ACK, false, b"data");
    let vlan = |outer: u8, inner: u8| {
        ethernet(0x88a8, &[&[0, outer, 0x81, 0, 0, inner, 8, 0][..], &data[14..]].concat())
    };
    let overlay = |port, header: [u8; 8]| eth4(17, &udp(port, &[&header[..], &data].concat()));
    let frames = vec![
        data.clone(),
        vlan(5, 0),
        vlan(5, 6),
        vlan(6, 5),
        overlay(4789, [8, 0, 0, 0, 0, 0, 7, 0]),
        overlay(4789, [8, 0, 0, 0, 0, 7, 0, 0]),
        overlay(6081, [0, 0, 0x65, 0x58, 0, 0, 7, 0]),
        eth4(47, &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 7, 0, 0, 0, 0][..], &data].concat()),
        eth6(6, &tcp()),
    ];
    for frame in &frames {
        assert!(shunt.add(&key(frame)));
    }
    for (index, frame) in frames.iter().enumerate() {
        let times = index + 1;
        assert_eq!(shunted(&dry, &vec![frame.clone(); times]), vec![true; times]);
    }
    for (index, frame) in frames.iter().enumerate() {
        let expected = sum(&vec![frame.clone(); index + 1]);
        assert_eq!(counts(shunt.take(&key(frame))), counts(expected), "{index}");
    }
}

#[test]
fn the_latest_packet_has_its_time() {
    if !common::root() {
        return;
    }
    let now = || Timestamp::ZERO + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let (dry, mut shunt) = rig(64);
    let data = segment(ACK, false, b"data");
    shunt.add(&key(&data));
    dry.run(&data).unwrap();
    let sent = now();
    std::thread::sleep(Duration::from_millis(300));
    shunt.pass_time(now());
    let seen = shunt.take(&key(&data)).last;
    let apart = seen.since(sent).max(sent.since(seen));
    assert!(apart < Duration::from_millis(50), "{apart:?}");
}

#[test]
fn steering_by_queue_shunts_too() {
    if !common::root() {
        return;
    }
    let dry = DryRun::new(&Options { steering: Steering::Rss, ..options(64) }, WORKERS).unwrap();
    let mut shunt = dry.shunt().unwrap();
    let data = segment(ACK, true, b"data");
    assert_eq!(shunted(&dry, &[data.clone(), ethernet(0x0806, &[0; 28])]), [false; 2]);
    shunt.add(&key(&data));
    assert_eq!(shunted(&dry, &[data, segment(0x11, true, b"")]), [true, false]);
}

/// Two CPUs count to one entry, to both directions of it, while its numbers are taken: none is lost.
#[test]
fn nothing_is_lost_between_two_cpus_and_the_one_who_takes() {
    if !common::root() {
        return;
    }
    const EACH: u32 = 300_000;
    let (dry, mut shunt) = rig(64);
    let frames = [segment(ACK, false, &[7; 100]), segment(ACK, true, &[7; 9])];
    let key = key(&frames[0]);
    shunt.add(&key);
    let mut total = [[0; 2]; 3];
    let mut add = |count: ShuntCount| {
        for (sum, part) in total.iter_mut().flatten().zip(counts(count).into_iter().flatten()) {
            *sum += part;
        }
    };
    std::thread::scope(|scope| {
        let dry = &dry;
        let frames = &frames;
        let runs: Vec<_> = [0, 1]
            .into_iter()
            .map(|cpu| {
                scope.spawn(move || {
                    common::pin(cpu);
                    dry.time(&frames[cpu], EACH).unwrap();
                    dry.time(&frames[1 - cpu], EACH).unwrap()
                })
            })
            .collect();
        while runs.iter().any(|run| !run.is_finished()) {
            add(shunt.take(&key));
        }
    });
    add(shunt.release(&key));
    let expected = counts(sum(&frames)).map(|each| each.map(|count| count * 2 * u64::from(EACH)));
    assert_eq!(total, expected);
}

/// Prints what shunting costs; no assertion on time.
#[test]
fn cost() {
    if !common::root() {
        return;
    }
    let off = DryRun::untraced(&options(0), WORKERS).unwrap();
    let on = DryRun::untraced(&options(1 << 16), WORKERS).unwrap();
    let mut shunt = on.shunt().unwrap();
    println!(
        "{} instructions verified without shunting, {} with it",
        off.verified_instructions().unwrap(),
        on.verified_instructions().unwrap()
    );
    let drop = common::program(1);
    println!("a program that only drops: {} ns", common::time(&drop, &eth6(6, &tcp()), 500_000));
    for (name, frame) in [
        ("tcp", segment(ACK, false, &[0; 10])),
        ("tcp, ipv6", eth6(6, &tcp())),
        ("vxlan", eth4(17, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &segment(ACK, false, b"")].concat()))),
    ] {
        let median = |dry: &DryRun| {
            let mut rounds: Vec<_> = (0..7).map(|_| dry.time(&frame, 500_000).unwrap()).collect();
            rounds.sort_unstable();
            rounds[3]
        };
        let (without, other) = (median(&off), median(&on));
        let not_ip = off.time(&ethernet(0x0806, &[0; 46]), 500_000).unwrap();
        shunt.add(&key(&frame));
        let shunted = median(&on);
        println!(
            "{name}: {without} ns without shunting; with it {other} when not shunted, {shunted} when shunted; \
             not IP: {not_ip}"
        );
    }
}
