//! Flow keys without padding, and their seeded hash.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use offport_wire::{Domain, FlowKey, Key4, Key6, Transport};

/// A key without its transport, which lies in a spare byte of the entry.
pub(crate) trait Key: Copy + Eq + Debug {
    /// IPv6.
    const V6: bool;

    fn unpack(self, transport: Transport) -> FlowKey;
    fn hash(&self, transport: Transport, state: &FixedState) -> u64;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedV4 {
    addresses: [u32; 2],
    ports: [u16; 2],
    domain: Domain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedV6 {
    low: [u64; 2],
    high: [u64; 2],
    ports: [u16; 2],
    domain: Domain,
}

impl PackedV4 {
    /// All zero: no packet's.
    pub(crate) const NONE: Self = Self { addresses: [0; 2], ports: [0; 2], domain: Domain::NONE };
}

impl From<&Key4> for PackedV4 {
    #[inline]
    fn from(key: &Key4) -> Self {
        Self {
            addresses: [key.low_addr, key.high_addr],
            ports: [key.low_port, key.high_port],
            domain: key.domain,
        }
    }
}

impl From<&Key6> for PackedV6 {
    #[inline]
    fn from(key: &Key6) -> Self {
        Self {
            low: [(key.low_addr >> 64) as u64, key.low_addr as u64],
            high: [(key.high_addr >> 64) as u64, key.high_addr as u64],
            ports: [key.low_port, key.high_port],
            domain: key.domain,
        }
    }
}

impl Key for PackedV4 {
    const V6: bool = false;

    fn unpack(self, transport: Transport) -> FlowKey {
        FlowKey::V4(Key4 {
            low_addr: self.addresses[0],
            high_addr: self.addresses[1],
            low_port: self.ports[0],
            high_port: self.ports[1],
            domain: self.domain,
            transport,
        })
    }

    #[inline(always)]
    fn hash(&self, transport: Transport, state: &FixedState) -> u64 {
        let mut hasher = state.build_hasher();
        hasher.write_u64(u64::from(self.addresses[0]) << 32 | u64::from(self.addresses[1]));
        hasher.write_u64(tail(self.ports, self.domain));
        hasher.write_u8(transport.0);
        hasher.finish()
    }
}

impl Key for PackedV6 {
    const V6: bool = true;

    fn unpack(self, transport: Transport) -> FlowKey {
        let join = |[high, low]: [u64; 2]| u128::from(high) << 64 | u128::from(low);
        FlowKey::V6(Key6 {
            low_addr: join(self.low),
            high_addr: join(self.high),
            low_port: self.ports[0],
            high_port: self.ports[1],
            domain: self.domain,
            transport,
        })
    }

    #[inline(always)]
    fn hash(&self, transport: Transport, state: &FixedState) -> u64 {
        let mut hasher = state.build_hasher();
        for word in self.low.into_iter().chain(self.high) {
            hasher.write_u64(word);
        }
        hasher.write_u64(tail(self.ports, self.domain));
        hasher.write_u8(transport.0);
        hasher.finish()
    }
}

fn tail(ports: [u16; 2], domain: Domain) -> u64 {
    u64::from(ports[0]) << 48 | u64::from(ports[1]) << 32 | u64::from(domain.0)
}
