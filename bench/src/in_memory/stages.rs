//! What is measured: the worker, and how far it gets stage by stage.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use offport_engine::{Config, Worker};
use offport_flow::{Briefs, CHUNK, End, Flow, Hint, Observer, Quick, Settlement, Tracker};
use offport_policy::Policy;
use offport_wire::{Frame, Parsed, Timestamp, glance, parse};

use super::keys::hash;
use super::ring::Stage;

/// Takes the frames from the ring and looks at none: what the loop itself costs.
#[derive(Debug, Default)]
pub struct Nothing;

/// Parses whole packets: what opens and ends flows, and what no glance is enough for.
#[derive(Debug, Default)]
pub struct Parse;

/// Glances: what the short path of settled flows takes of a frame.
#[derive(Debug, Default)]
pub struct Glance;

/// Glances, and hashes the key as the flow table does.
#[derive(Debug, Default)]
pub struct Hash(FixedState);

/// Glances, hashes, looks up and counts: the flow table without the stages after it.
#[derive(Debug)]
pub struct Track(Tracker);

/// The whole worker, whose results nobody takes.
#[derive(Debug)]
pub struct Whole {
    /// The worker.
    pub worker: Worker,
    room: u64,
    /// The table is emptied between rounds when it is half full.
    clears: bool,
}

/// A table seed: the same in all runs.
const SEED: u64 = 3;

/// A flow table's settings with room for `flows` of each transport, or for as many as by default.
pub fn config(flows: u32) -> Config {
    let mut config = Config::default();
    config.flow.max_flows = config.flow.max_flows.max(flows);
    config
}

impl Stage for Nothing {
    fn batch(&mut self, frames: &[Frame<'_>]) {
        black_box(frames);
    }
}

impl Stage for Parse {
    fn batch(&mut self, frames: &[Frame<'_>]) {
        for frame in frames {
            let _ = black_box(parse(frame));
        }
    }
}

impl Stage for Glance {
    fn batch(&mut self, frames: &[Frame<'_>]) {
        for frame in frames {
            if let Ok(Some(plain)) = glance(frame) {
                black_box(plain.key);
            }
        }
    }
}

impl Stage for Hash {
    fn batch(&mut self, frames: &[Frame<'_>]) {
        for frame in frames {
            if let Ok(Some(plain)) = glance(frame) {
                black_box(hash(&plain.key, &self.0));
            }
        }
    }
}

impl Track {
    /// A table with room for `flows`.
    pub fn new(flows: u32) -> Self {
        Self(Tracker::new(&config(flows).flow, SEED))
    }

    #[inline(never)]
    fn whole(&mut self, frame: &Frame<'_>, hint: Option<Hint>) {
        if let Ok(Parsed::Packet(packet)) = parse(frame) {
            self.0.packet(&packet, hint, &mut Settle);
        }
    }
}

impl Stage for Track {
    fn batch(&mut self, frames: &[Frame<'_>]) {
        // As the worker does it.
        for frames in frames.chunks(CHUNK) {
            let mut briefs = Briefs::default();
            for frame in frames {
                match glance(frame) {
                    Ok(Some(plain)) => briefs.push(&self.0, &plain),
                    Ok(None) | Err(_) => briefs.push_none(),
                }
            }
            self.0.look_ahead(&mut briefs);
            let mut latest = None;
            for (brief, frame) in briefs.iter().zip(frames) {
                let moment = match latest {
                    Some((time, moment)) if time == frame.time => moment,
                    _ => {
                        let moment = self.0.pass_time(frame.time, &mut Settle);
                        latest = (!self.0.is_behind()).then_some((frame.time, moment));
                        moment
                    }
                };
                if self.0.quick(&briefs, brief, moment) == Quick::Refused {
                    self.whole(frame, brief.hint());
                }
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.0.advance(now, &mut Settle);
    }
}

/// Settles every flow with its first payload, and forgets it.
struct Settle;

const SETTLED: Settlement = Settlement { label: None, flagged: false, swap_roles: false, watch: None };

impl Observer for Settle {
    fn examine(&mut self, _: &Flow<'_>) -> Option<Settlement> {
        Some(SETTLED)
    }

    fn conclude(&mut self, _: &Flow<'_>) -> Settlement {
        SETTLED
    }

    fn interim(&mut self, _: &Flow<'_>) -> Option<Settlement> {
        None
    }

    fn ended(&mut self, _: &Flow<'_>, _: End) {}
}

impl Whole {
    /// A worker as it is by default, or with room for `flows`, if that is more.
    pub fn new(flows: u32) -> Self {
        let config = config(flows);
        let room = u64::from(config.flow.max_flows);
        Self { worker: Worker::new(config, Arc::new(Policy::default()), 0, SEED), room, clears: false }
    }

    /// A worker as it is by default, that is given more flows than it has room for.
    pub fn for_new_flows() -> Self {
        Self { clears: true, ..Self::new(0) }
    }

    /// Any worker.
    pub fn of(worker: Worker, room: u32) -> Self {
        Self { worker, room: u64::from(room), clears: false }
    }

    /// Whether every entry of the table has been in use.
    pub fn has_been_full(&mut self) -> bool {
        self.worker.counters().flow.created > self.room
    }

    /// Lets all flows end by silence.
    fn clear(&mut self, now: Timestamp) -> Timestamp {
        let later = now + Duration::from_secs(3_600);
        while self.worker.counters().flow.active > 0 {
            self.worker.tick(later, &mut ());
        }
        later
    }
}

impl Stage for Whole {
    fn batch(&mut self, frames: &[Frame<'_>]) {
        self.worker.batch(frames, &mut ());
    }

    fn tick(&mut self, now: Timestamp) {
        self.worker.tick(now, &mut ());
    }

    fn prepare(&mut self, now: Timestamp) -> Timestamp {
        if self.clears && self.worker.counters().flow.active > self.room / 2 { self.clear(now) } else { now }
    }
}
