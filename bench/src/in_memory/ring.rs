//! What a worker's loop does with a ring, without the ring: traffic is written into packet memory, then handed over
//! batch by batch. Only the second is measured.

use std::time::Duration;

use arrayvec::ArrayVec;
use offport_wire::{Frame, Timestamp};

use super::area::Area;
use crate::clock::thread_nanos;
use crate::rounds::{Measured, Round};

/// Packets handed over at once: `capture.batch` as it is by default.
pub const BATCH: usize = 64;

/// A source of packets.
pub trait Traffic {
    /// Writes the next packets into the area; returns how many.
    fn fill(&mut self, area: &mut Area) -> usize;

    /// What the result is divided by, for so many packets.
    fn units(&self, packets: usize) -> u64;

    /// Time of the first packet.
    fn start(&self) -> Timestamp;
}

/// What is measured.
pub trait Stage {
    /// One batch.
    fn batch(&mut self, frames: &[Frame<'_>]);

    /// Some 10 ms of the packets' time have passed. Measured.
    fn tick(&mut self, _now: Timestamp) {}

    /// Before a round, at a time; returns the time after it. Not measured.
    fn prepare(&mut self, now: Timestamp) -> Timestamp {
        now
    }
}

/// Traffic, packet memory and a stage.
#[derive(Debug)]
pub struct Ring<T, S> {
    traffic: T,
    area: Area,
    /// What is measured.
    pub stage: S,
    passes: usize,
    gap: Duration,
    now: Timestamp,
    ticked: Timestamp,
}

const TICK: Duration = Duration::from_millis(10);

impl<T: Traffic, S: Stage> Ring<T, S> {
    /// A round is `passes` times the whole area; packets are `gap` apart.
    pub fn new(traffic: T, area: Area, stage: S, passes: usize, gap: Duration) -> Self {
        let now = traffic.start();
        Self { traffic, area, stage, passes, gap, now, ticked: now }
    }

    fn pass(&mut self) -> Round {
        let packets = self.traffic.fill(&mut self.area);
        let start = thread_nanos();
        self.counted_by_callgrind(packets);
        Round { nanos: thread_nanos() - start, units: self.traffic.units(packets) }
    }

    /// Hands over packets that are in the area already. Not measured.
    pub fn give(&mut self, packets: usize) {
        self.hand_over(packets);
    }

    /// Packet memory, to write into.
    pub fn area(&mut self) -> &mut Area {
        &mut self.area
    }

    /// Goes on, without measuring, until `done`; then lets the stage prepare for the first round.
    pub fn warm_up(&mut self, done: impl Fn(&mut S) -> bool) {
        while !done(&mut self.stage) {
            let packets = self.traffic.fill(&mut self.area);
            self.hand_over(packets);
        }
    }

    /// What callgrind is told by name to count: parts/instructions.rs.
    #[inline(never)]
    fn counted_by_callgrind(&mut self, packets: usize) {
        self.hand_over(packets);
    }

    #[inline(always)]
    fn hand_over(&mut self, packets: usize) {
        let Self { area, stage, now, ticked, gap, .. } = self;
        for first in (0..packets).step_by(BATCH) {
            let frames: ArrayVec<Frame<'_>, BATCH> =
                (first..packets.min(first + BATCH)).map(|index| area.frame(index, *now)).collect();
            stage.batch(&frames);
            *now = *now + *gap * frames.len() as u32;
            if now.since(*ticked) >= TICK {
                *ticked = *now;
                stage.tick(*now);
            }
        }
    }
}

impl<T: Traffic, S: Stage> Measured for Ring<T, S> {
    fn round(&mut self) -> Round {
        self.now = self.stage.prepare(self.now);
        let mut total = Round { nanos: 0, units: 0 };
        for _ in 0..self.passes {
            let Round { nanos, units } = self.pass();
            total = Round { nanos: total.nanos + nanos, units: total.units + units };
        }
        total
    }
}

/// The numbers below `count` in an order of no meaning, the same each time.
pub fn shuffled(count: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for index in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(index, (state % (index as u64 + 1)) as usize);
    }
    order
}
