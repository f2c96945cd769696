//! The XDP program against `offport_wire`, its definition: the same flow, the same hash, the same reason.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests

mod common;
#[path = "common/frames.rs"]
mod frames;

use std::collections::HashMap;

use frames::Tape;
use offport_capture::xdp::{DryRun, Options, Verdict};
use offport_wire::{Frame, LinkType, Timestamp, parse, steer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const SEED: u64 = 0x0123_4567_89ab_cdef;
const WORKERS: u32 = 3;

fn dry_run() -> DryRun {
    let workers = (WORKERS as u16).try_into().unwrap();
    DryRun::new(&Options { workers, seed: Some(SEED), ..Options::default() }, WORKERS).unwrap()
}

/// Checks one frame; says what became of it.
fn agree(dry: &DryRun, bytes: &[u8]) -> Result<&'static str, TestCaseError> {
    let fate = dry.run(bytes).unwrap();
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
        }
        Err(reason) => {
            prop_assert_eq!(fate.counted, reason.label());
            prop_assert_eq!(fate.verdict, Verdict::Drop);
        }
    }
    Ok(fate.counted)
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
    let dry = dry_run();
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
    let steered = seen.get("redirected").copied().unwrap_or(0);
    assert!(steered * 2 > seen.values().sum::<u32>(), "mostly refused: the frames test little");
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
    let dry = dry_run();
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
        let there = dry.run(&frame(false, case, case / 3, ports)).unwrap();
        let back = dry.run(&frame(true, case, case / 3, ports)).unwrap();
        assert_eq!(there, back);
        assert_ne!(there.hash, 0);
    }
}
