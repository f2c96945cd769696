//! Which worker a packet goes to, and slots that move from one worker to another.

use std::time::Duration;

use offport_wire::FlowKey;
use offport_wire::steer::{Slot, Step, hash_key, slot};

/// What a worker knows of how packets are steered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    /// Seed of the steering hash.
    pub seed: u64,
    /// Frames that the rings of one worker hold at most.
    pub backlog: u32,
    /// Flows that may stay with a worker while their slots move away from it.
    pub max_pins: u32,
    /// How long the XDP program may take, at the very most, from reading the table to the ring.
    pub grace: Duration,
    /// How long a slot that none of its flows is left in stays with its former worker: longer than fragments are kept.
    pub linger: Duration,
}

impl Default for Steering {
    fn default() -> Self {
        Self {
            seed: 0,
            backlog: 4_096,
            max_pins: 65_536,
            grace: Duration::from_millis(100),
            linger: Duration::from_secs(35),
        }
    }
}

impl Steering {
    /// Hash and slot of a flow.
    pub(crate) fn place(&self, key: &FlowKey) -> (u64, u32) {
        let hash = hash_key(self.seed, key);
        (hash, slot(hash))
    }
}

/// The table that the XDP program steers by.
pub trait Slots {
    /// Where the packets of a slot go.
    fn get(&self, slot: u32) -> Slot;

    /// From now on packets with that hash go to the former worker of their slot, if that moves. False: there is no room.
    fn pin(&self, hash: u64) -> bool;

    /// Undoes that, whoever did it: the program pins, too.
    fn unpin(&self, hash: u64);

    /// How often the program found no room.
    fn pins_refused(&self) -> u64;

    /// What the former worker of a moving slot makes of it. With all but [`Step::Switch`] its pins are taken away.
    fn settle(&self, slot: u32, step: Step);
}
