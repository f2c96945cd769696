//! Which worker owns a flow.

use offport_wire::FlowKey;
use offport_wire::steer::{SLOTS, hash_key, slot};

/// The indirection that the XDP program steers by.
#[derive(Clone, Debug)]
pub struct Steering {
    /// Seed of the steering hash.
    pub seed: u64,
    /// Slot of the hash to worker.
    pub table: Box<[u16; SLOTS as usize]>,
}

impl Steering {
    /// The worker that owns a flow.
    pub fn owner(&self, key: &FlowKey) -> u16 {
        self.table[slot(hash_key(self.seed, key)) as usize]
    }
}
