//! Slots that this worker gives away, without its flows.
//!
//! The control thread says that a slot is to move; from then on the worker that has it sees to it, because it alone knows
//! the slot's flows:
//!
//! ```text
//! still ─ learning   the program pins what passes by. When nothing is on its way any more that was steered before,
//!           │        the worker goes through its table and pins what is silent.
//!         moving     what is pinned comes here, the rest goes to the new worker. A packet that comes here and would
//!           │        start a flow goes there, too. Flows that end are let go.
//!         gone       none is left. For a while more, what comes here goes there.
//! ```
//!
//! So at no moment do two workers have packets of one flow.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use offport_flow::{Place, Tracker};
use offport_wire::steer::{SLOTS, Step};
use offport_wire::{FlowKey, Timestamp};

use crate::steering::{Slots, Steering};

/// Flows that are gone through in one tick.
const WALK: u32 = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotState {
    /// This worker's, or another's.
    Still,
    Learning,
    /// Since when it has no flow any more, if it has none.
    Moving {
        empty: Option<Timestamp>,
    },
    Gone {
        since: Timestamp,
    },
}

/// How far those that are learning have come, all together.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Idle,
    /// Programs that read the table before may still run, and what they put into the rings may not have been processed.
    Begun {
        at: Timestamp,
    },
    Walk(Place),
}

/// Up to when all that was put into the rings has been processed.
#[derive(Debug, Default)]
struct Drained {
    until: Timestamp,
    /// Frames that had been received at the latest tick.
    received: u64,
    /// When so many have been received, whatever was in the rings at that time has been.
    mark: Option<(Timestamp, u64)>,
}

impl Drained {
    fn tick(&mut self, now: Timestamp, received: u64, backlog: u32) {
        // A tick without a frame before it: the rings were found empty.
        if std::mem::replace(&mut self.received, received) == received {
            self.until = now;
            self.mark = None;
            return;
        }
        match self.mark {
            Some((at, count)) if received >= count => self.until = at,
            Some(_) => return,
            None => {}
        }
        self.mark = Some((now, received.saturating_add(backlog.into())));
    }
}

#[derive(Debug)]
pub(crate) struct Moves {
    steering: Steering,
    worker: u16,
    states: Box<[SlotState; SLOTS as usize]>,
    /// Slots that are not still.
    active: u32,
    stage: Stage,
    /// When learning began: [`Slots::pins_refused`].
    refused: u64,
    drained: Drained,
    /// Flows of the slots that move, how many there are of each slot, and of each hash.
    flows: HashSet<FlowKey, FixedState>,
    counts: Box<[u32; SLOTS as usize]>,
    pins: HashMap<u64, u32, FixedState>,
}

impl Moves {
    pub(crate) fn new(steering: Steering, worker: u16, seed: u64) -> Self {
        let room = steering.max_pins as usize;
        Self {
            worker,
            states: Box::new([SlotState::Still; SLOTS as usize]),
            active: 0,
            stage: Stage::Idle,
            refused: 0,
            drained: Drained::default(),
            flows: HashSet::with_capacity_and_hasher(room, FixedState::with_seed(seed)),
            counts: Box::new([0; SLOTS as usize]),
            pins: HashMap::with_capacity_and_hasher(room, FixedState::with_seed(seed)),
            steering,
        }
    }

    /// Whether no slot moves: then no flow needs a look.
    #[inline]
    pub(crate) const fn is_idle(&self) -> bool {
        self.active == 0
    }

    /// The slot of a flow, and what it is.
    pub(crate) fn slot(&self, key: &FlowKey) -> (u32, SlotState) {
        let (_, slot) = self.steering.place(key);
        (slot, self.states[slot as usize])
    }

    /// A flow was started in a slot that is learning.
    pub(crate) fn started(&mut self, key: &FlowKey, slots: &dyn Slots) {
        let (hash, slot) = self.steering.place(key);
        if self.states[slot as usize] != SlotState::Learning {
            return;
        }
        if self.flows.len() >= self.steering.max_pins as usize {
            return self.abort(slot, slots);
        }
        if !self.flows.insert(*key) {
            return;
        }
        self.counts[slot as usize] += 1;
        let users = self.pins.entry(hash).or_insert(0);
        *users += 1;
        if *users == 1 && !slots.pin(hash) {
            self.abort(slot, slots);
        }
    }

    /// A flow is over.
    pub(crate) fn ended(&mut self, key: &FlowKey, slots: &dyn Slots) {
        if !self.flows.remove(key) {
            return;
        }
        let (hash, slot) = self.steering.place(key);
        self.counts[slot as usize] -= 1;
        if let Some(users) = self.pins.get_mut(&hash) {
            *users -= 1;
            if *users == 0 {
                self.pins.remove(&hash);
                slots.unpin(hash);
            }
        }
    }

    /// Time has come to `now`, and `received` frames have come from the rings.
    pub(crate) fn tick(&mut self, now: Timestamp, received: u64, tracker: &Tracker, slots: &dyn Slots) {
        self.drained.tick(now, received, self.steering.backlog);
        match self.stage {
            Stage::Idle => self.look(now, slots),
            Stage::Begun { at } if self.drained.until >= at + self.steering.grace => {
                self.stage = Stage::Walk(Place::default());
            }
            Stage::Begun { .. } => {}
            Stage::Walk(from) => match tracker.walk(from, WALK, |key| self.started(&key, slots)) {
                Some(to) => self.stage = Stage::Walk(to),
                None => self.switch(slots),
            },
        }
        if !self.is_idle() {
            self.finish(now, slots);
        }
    }

    /// Whether a slot of this worker is to move.
    fn look(&mut self, now: Timestamp, slots: &dyn Slots) {
        for slot in 0..SLOTS {
            let is = slots.get(slot);
            let state = &mut self.states[slot as usize];
            if is.former != Some(self.worker) || !is.learning {
                continue;
            }
            // One that is gone has come back, and goes again.
            self.active += u32::from(*state == SlotState::Still);
            *state = SlotState::Learning;
            self.stage = Stage::Begun { at: now };
            self.refused = slots.pins_refused();
        }
    }

    fn switch(&mut self, slots: &dyn Slots) {
        self.stage = Stage::Idle;
        let lost = slots.pins_refused() != self.refused;
        for slot in 0..SLOTS {
            if self.states[slot as usize] != SlotState::Learning {
                continue;
            }
            if lost {
                self.abort(slot, slots);
            } else {
                self.states[slot as usize] = SlotState::Moving { empty: None };
                slots.settle(slot, Step::Switch);
            }
        }
    }

    fn abort(&mut self, slot: u32, slots: &dyn Slots) {
        self.states[slot as usize] = SlotState::Still;
        self.active -= 1;
        self.counts[slot as usize] = 0;
        let steering = &self.steering;
        self.flows.retain(|key| steering.place(key).1 != slot);
        self.pins.retain(|&hash, _| offport_wire::steer::slot(hash) != slot);
        slots.settle(slot, Step::Abort);
    }

    fn finish(&mut self, now: Timestamp, slots: &dyn Slots) {
        let (linger, drained) = (self.steering.linger, self.drained.until);
        for slot in 0..SLOTS {
            let state = &mut self.states[slot as usize];
            match *state {
                SlotState::Moving { empty: None } if self.counts[slot as usize] == 0 => {
                    *state = SlotState::Moving { empty: Some(now) };
                }
                SlotState::Moving { empty: Some(since) } if drained >= since + linger => {
                    slots.settle(slot, Step::Finish);
                    *state = SlotState::Gone { since: now };
                }
                SlotState::Gone { since } if drained >= since + linger => {
                    *state = SlotState::Still;
                    self.active -= 1;
                }
                _ => {}
            }
        }
    }
}
