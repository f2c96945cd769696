//! The XDP program against `offport_wire`, its definition: the same flow, the same hash, the same reason.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests

mod common;

use std::collections::HashMap;

use offport_capture::xdp::Fate;
use offport_capture::xdp::fuzz::{DEPTH, Programs, Tape, ethernet};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

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
    let dry = Programs::load().unwrap();
    let seen = std::cell::RefCell::new(HashMap::new());
    TestRunner::new(cases)
        .run(strategy, |value| {
            *seen.borrow_mut().entry(dry.agree(frame(value))).or_insert(0) += 1;
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
        ethernet(&mut Tape::new(&tape), DEPTH)
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
        let mut bytes = ethernet(&mut Tape::new(&tape), DEPTH);
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

/// What the fuzz target does.
#[test]
fn any_bytes() {
    if !common::root() {
        return;
    }
    let dry = Programs::load().unwrap();
    TestRunner::new(cases(10_000))
        .run(&(0..24u8, proptest::collection::vec(any::<u8>(), 0..300)), |(kind, rest)| {
            dry.any(&[&[kind], &rest[..]].concat());
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_hash_is_symmetric() {
    if !common::root() {
        return;
    }
    let dry = Programs::load().unwrap();
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
