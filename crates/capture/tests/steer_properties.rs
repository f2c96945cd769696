//! The XDP program against `offport_wire`, its definition: the same flow, the same hash, the same reason.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests

mod common;
#[path = "common/frames.rs"]
mod frames;

use std::collections::HashMap;

use frames::Tape;
use offport_capture::xdp::{Account, DryRun, Fate, MultiBuffer, Options, Verdict};
use offport_wire::{Frame, LinkType, Packet, Parsed, Timestamp, TransportHeader, parse, steer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const SEED: u64 = 0x0123_4567_89ab_cdef;
const WORKERS: u32 = 3;

/// The program for frames of several buffers, and the one for a single one.
struct Programs {
    several: DryRun,
    one: DryRun,
}

impl Programs {
    fn load() -> Self {
        let workers = (WORKERS as u16).try_into().unwrap();
        let load = |multi_buffer| {
            let options = Options { workers, multi_buffer, seed: Some(SEED), ..Options::default() };
            DryRun::new(&options, WORKERS).unwrap()
        };
        Self { several: load(MultiBuffer::On), one: load(MultiBuffer::Off) }
    }

    fn run(&self, bytes: &[u8]) -> Fate {
        let fate = self.several.run(bytes).unwrap();
        // As much as the kernel puts into one buffer here.
        if bytes.len() < 3_000 {
            assert_eq!(self.one.run(bytes).unwrap(), fate);
        }
        fate
    }
}

/// Checks one frame; says what became of it.
fn agree(dry: &Programs, bytes: &[u8]) -> Result<&'static str, TestCaseError> {
    let fate = dry.run(bytes);
    if fate.unreached {
        // It gave up: allowed for what is beyond its reach, and then a worker gets the frame.
        prop_assert_eq!(fate.verdict, Verdict::Redirect);
        return Ok("unreached");
    }
    let wire_len = bytes.len() as u32;
    let frame = Frame { bytes, link: LinkType::Ethernet, wire_len, time: Timestamp::ZERO, interface: 0 };
    match parse(&frame) {
        Ok(parsed) => {
            let hash = steer::hash(SEED, &parsed);
            prop_assert_eq!(fate.counted, "redirected", "{:?}", parsed);
            prop_assert_eq!(fate.hash, hash, "{:?}", parsed);
            prop_assert_eq!(fate.worker, Some(steer::slot(hash) % WORKERS));
            prop_assert_eq!(fate.verdict, Verdict::Redirect);
            prop_assert_eq!(fate.account, account(&parsed, fate.account), "{:?}", parsed);
            if fate.account.is_some() {
                return Ok("shuntable");
            }
        }
        Err(reason) => {
            prop_assert_eq!(fate.account, None);
            prop_assert_eq!(fate.counted, reason.label());
            prop_assert_eq!(fate.verdict, Verdict::Drop);
        }
    }
    Ok(fate.counted)
}

/// What the program must make of a packet for the shunt table. It may leave out what it settled for: datagrams on a
/// tunnel's port.
fn account(parsed: &Parsed<'_>, found: Option<Account>) -> Option<Account> {
    let Parsed::Packet(packet) = parsed else { return None };
    let adds = match packet.transport {
        TransportHeader::Tcp(tcp) => !tcp.flags.syn() && !tcp.flags.fin() && !tcp.flags.rst(),
        TransportHeader::Udp => {
            let (from, to) = (packet.source().1, packet.destination().1);
            let on_tunnel_port = [4789, 8472, 4790, 6081, 2152, 3544].contains(&to) || from == 3544;
            !on_tunnel_port || found.is_some()
        }
        _ => false,
    };
    let Packet { key, direction, ip_bytes, payload_len, .. } = *packet;
    (adds && !packet.icmp_error).then_some(Account { key, direction, bytes: ip_bytes, payload: payload_len })
}

fn cases(default: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default);
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}

fn run<S: Strategy>(
    cases: Config,
    strategy: &S,
    frame: impl Fn(S::Value) -> Vec<u8>,
) -> HashMap<&'static str, u32>
where
    S::Value: Clone + std::fmt::Debug,
{
    let dry = Programs::load();
    let seen = std::cell::RefCell::new(HashMap::new());
    TestRunner::new(cases)
        .run(strategy, |value| {
            let mut bytes = frame(value);
            bytes.resize(bytes.len().max(14), 0); // the kernel runs no less
            bytes.truncate(3000); // one buffer
            *seen.borrow_mut().entry(agree(&dry, &bytes)?).or_insert(0) += 1;
            Ok(())
        })
        .unwrap();
    println!("{seen:?}");
    seen.into_inner()
}

#[test]
fn whole_frames() {
    if !common::root() {
        return;
    }
    let seen = run(cases(20_000), &proptest::collection::vec(any::<u8>(), 0..300), |tape| {
        frames::ethernet(&mut Tape::new(&tape), 6)
    });
    let steered = ["redirected", "shuntable"].map(|fate| seen.get(fate).copied().unwrap_or(0));
    let all = seen.values().sum::<u32>();
    assert!(steered.iter().sum::<u32>() * 2 > all, "mostly refused: the frames test little");
    assert!(steered[1] * 8 > all, "hardly any could be shunted");
}

#[test]
fn damaged_frames() {
    if !common::root() {
        return;
    }
    let damage = proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6);
    let strategy = (proptest::collection::vec(any::<u8>(), 0..300), damage, prop::option::of(any::<u16>()));
    run(cases(40_000), &strategy, |(tape, damage, cut)| {
        let mut bytes = frames::ethernet(&mut Tape::new(&tape), 6);
        for (at, value) in damage {
            let at = usize::from(at) % bytes.len();
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(usize::from(cut) % bytes.len() + 1);
        }
        bytes
    });
}

#[test]
fn junk() {
    if !common::root() {
        return;
    }
    // Behind an EtherType that is followed, else next to nothing would be.
    let strategy = (0..6usize, proptest::collection::vec(any::<u8>(), 0..200));
    run(cases(10_000), &strategy, |(kind, junk)| {
        let kind = [[8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0x47], [0x88, 0x64], [0, 100]][kind];
        [&[2; 12][..], &kind, &junk].concat()
    });
}

#[test]
fn the_hash_is_symmetric() {
    if !common::root() {
        return;
    }
    let dry = Programs::load();
    let frame = |swap: bool, source: u8, destination: u8, ports: [u8; 2]| {
        let (ends, ports) =
            if swap { ([destination, source], [ports[1], ports[0]]) } else { ([source, destination], ports) };
        let mut bytes = vec![2; 12];
        bytes.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, ends[0], 10, 0, 0, ends[1]]);
        bytes.extend([0, ports[0], 0, ports[1], 0, 8, 0, 0]);
        bytes
    };
    for case in 0..=255u8 {
        let ports = [case, case.wrapping_mul(7)];
        let there = dry.run(&frame(false, case, case / 3, ports));
        let back = dry.run(&frame(true, case, case / 3, ports));
        assert_ne!(there.hash, 0);
        let without_account = |fate| Fate { account: None, ..fate };
        assert_eq!(without_account(there), without_account(back));
        let (there, back) = (there.account.unwrap(), back.account.unwrap());
        assert_eq!(there.key, back.key);
        assert_eq!(there.direction == back.direction, case == case / 3 && ports[0] == ports[1]);
    }
}
