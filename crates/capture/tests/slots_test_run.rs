//! Slots of the indirection table that move, run by the kernel on frames from memory (`BPF_PROG_RUN`).
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "common/build.rs"]
mod build;
mod common;

use build::*;
use offport_capture::xdp::{DryRun, Options, Slots, Steering};
use offport_wire::steer::{Slot, Step, slot};
use proptest::prelude::*;

const WORKERS: u32 = 4;

fn options(pins: u32) -> Options {
    Options { workers: (WORKERS as u16).try_into().unwrap(), seed: Some(7), pins, ..Options::default() }
}

/// A datagram of one of many flows.
fn datagram(flow: u32) -> Vec<u8> {
    with(eth4(17, &udp(5000, b"data")), 26, &flow.to_be_bytes())
}

/// Flows whose packets fall into one slot, and their hashes; not slot 0.
fn of_one_slot(dry: &DryRun, count: usize) -> (u32, Vec<(Vec<u8>, u64)>) {
    let hash = |frame: &Vec<u8>| dry.run(frame).unwrap().hash;
    let wanted = (0..).map(|flow| slot(hash(&datagram(flow)))).find(|&slot| slot != 0).unwrap();
    let frames = (0..).map(datagram).map(|frame| {
        let hash = hash(&frame);
        (frame, hash)
    });
    (wanted, frames.filter(|(_, hash)| slot(*hash) == wanted).take(count).collect())
}

/// A slot that can move, and flows of it.
struct Rig {
    dry: DryRun,
    slots: Slots,
    moving: u32,
    /// Its worker, and another.
    from: u16,
    to: u16,
    flows: Vec<(Vec<u8>, u64)>,
}

/// Root only.
fn rig(pins: u32, flows: usize) -> Option<Rig> {
    if !common::root() {
        return None;
    }
    let dry = DryRun::new(&options(pins), WORKERS).unwrap();
    let slots = dry.slots();
    let (moving, flows) = of_one_slot(&dry, flows);
    let from = slots.get(moving).worker;
    Some(Rig { dry, slots, moving, from, to: (from + 1) % WORKERS as u16, flows })
}

#[test]
fn flows_of_before_stay_and_new_ones_move() {
    let Some(Rig { dry, slots, moving, from, to, flows }) = rig(64, 4) else { return };
    let [(busy, _), (silent, silent_hash), (later, _), (over, over_hash)] = flows.as_slice() else {
        unreachable!()
    };
    let worker = |frame: &Vec<u8>| dry.run(frame).unwrap().worker.unwrap() as u16;
    assert_eq!([busy, silent, later, over].map(worker), [from; 4]);
    assert_eq!(slots.pinned(), 0, "no slot moves");

    assert!(slots.give(moving, to));
    assert_eq!([busy, busy, over].map(worker), [from; 3]);
    assert_eq!(slots.pinned(), 2, "what passed by is pinned, once");
    assert!(slots.pin(*silent_hash));
    slots.settle(moving, Step::Switch);
    assert_eq!([busy, silent, later, over].map(worker), [from, from, to, from]);
    assert_eq!(slots.pinned(), 3, "nothing is learnt any more");
    slots.unpin(*over_hash);
    assert_eq!([busy, silent, later, over].map(worker), [from, from, to, to]);
    slots.settle(moving, Step::Finish);
    assert_eq!([busy, silent, later, over].map(worker), [to; 4]);
    assert_eq!((slots.pinned(), slots.pins_refused()), (0, 0));
    assert_eq!(slots.get(moving), Slot { worker: to, former: None, learning: false });
}

#[test]
fn without_room_for_pins_a_flow_still_goes_to_its_worker() {
    let Some(Rig { dry, slots, moving, from, to, flows }) = rig(1, 10) else { return };
    assert!(slots.give(moving, to));
    for (frame, _) in &flows {
        assert_eq!(dry.run(frame).unwrap().worker, Some(from.into()));
    }
    assert_eq!((slots.pinned(), slots.pins_refused()), (8, 2));
    slots.settle(moving, Step::Abort);
    assert_eq!((slots.pinned(), slots.get(moving).worker), (0, from));
    for (frame, _) in &flows {
        assert_eq!(dry.run(frame).unwrap().worker, Some(from.into()));
    }
}

#[test]
fn fragments_of_a_datagram_stay_together() {
    if !common::root() {
        return;
    }
    let dry = DryRun::new(&options(64), WORKERS).unwrap();
    let slots = dry.slots();
    let fragment = |id: u16, offset: [u8; 2]| {
        with(with(eth4(17, &udp(53, b"datadata")), 18, &id.to_be_bytes()), 20, &offset)
    };
    let hash = |id| dry.run(&fragment(id, [0x20, 0])).unwrap().hash;
    let id = (0..).find(|&id| slot(hash(id)) != 0).unwrap();
    let moving = slot(hash(id));
    let from = slots.get(moving).worker;
    assert!(slots.give(moving, (from + 1) % WORKERS as u16));
    assert_eq!(dry.run(&fragment(id, [0x20, 0])).unwrap().worker, Some(from.into()));
    slots.settle(moving, Step::Switch);
    assert_eq!(dry.run(&fragment(id, [0, 2])).unwrap().worker, Some(from.into()));
    let next = (id + 1..).find(|&id| slot(hash(id)) == moving).unwrap();
    assert_ne!(dry.run(&fragment(next, [0x20, 0])).unwrap().worker, Some(from.into()));
}

#[test]
fn packets_are_weighed_by_slot_when_asked() {
    if !common::root() {
        return;
    }
    let dry = DryRun::new(&options(64), WORKERS).unwrap();
    let slots = dry.slots();
    let hash = dry.run(&datagram(1)).unwrap().hash;
    slots.weigh(true);
    for _ in 0..5 {
        dry.run(&datagram(1)).unwrap();
    }
    slots.weigh(false);
    dry.run(&datagram(1)).unwrap();
    let weights: Vec<_> = (0..512).filter(|&slot| slots.weight(slot) > 0).collect();
    assert_eq!((weights, slots.weight(slot(hash))), (vec![slot(hash)], 5));
}

#[test]
fn where_no_pins_are_asked_for_or_the_card_steers_nothing_moves() {
    if !common::root() {
        return;
    }
    for options in [options(0), Options { steering: Steering::Rss, ..options(64) }] {
        let dry = DryRun::new(&options, WORKERS).unwrap();
        assert!(!dry.slots().give(1, 2));
    }
}

#[derive(Clone, Debug)]
enum Do {
    Run(usize),
    Give(u16),
    Settle(Step),
    Pin(usize),
    Unpin(usize),
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let step = prop_oneof![
        8 => (0..12usize).prop_map(Do::Run),
        2 => (0..WORKERS as u16).prop_map(Do::Give),
        2 => prop_oneof![Just(Step::Switch), Just(Step::Finish), Just(Step::Abort)].prop_map(Do::Settle),
        1 => (0..12usize).prop_map(Do::Pin),
        1 => (0..12usize).prop_map(Do::Unpin),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Against a model: a set of hashes, and what the slot is.
    #[test]
    fn a_slot_is_what_was_done_to_it(steps in steps()) {
        let Some(Rig { dry, slots, moving, flows, .. }) = rig(1_024, 12) else { return Ok(()) };
        let mut is = slots.get(moving);
        let mut pinned = std::collections::BTreeSet::new();
        for step in steps {
            match step {
                Do::Run(flow) => {
                    let worker = dry.run(&flows[flow].0).unwrap().worker.unwrap() as u16;
                    let expected = match is.former {
                        Some(former) if is.learning || pinned.contains(&flow) => former,
                        _ => is.worker,
                    };
                    if is.learning {
                        pinned.insert(flow);
                    }
                    prop_assert_eq!(worker, expected);
                }
                Do::Give(to) => {
                    let possible = is.former.is_none() && to != is.worker;
                    prop_assert_eq!(slots.give(moving, to), possible);
                    if possible {
                        is = Slot { worker: to, former: Some(is.worker), learning: true };
                    }
                }
                Do::Settle(step) => {
                    slots.settle(moving, step);
                    let Some(former) = is.former else { continue };
                    let worker = if step == Step::Abort { former } else { is.worker };
                    let former = if step == Step::Switch { is.former } else { None };
                    if former.is_none() {
                        pinned.clear();
                    }
                    is = Slot { worker, former, learning: false };
                }
                Do::Pin(flow) => {
                    prop_assert!(slots.pin(flows[flow].1));
                    pinned.insert(flow);
                }
                Do::Unpin(flow) => {
                    slots.unpin(flows[flow].1);
                    pinned.remove(&flow);
                }
            }
            prop_assert_eq!(slots.get(moving), is);
            prop_assert_eq!(slots.pinned(), pinned.len() as u64);
        }
    }
}
