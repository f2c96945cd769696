//! The flow table's hash, for measuring: IPv4 as the table does it, IPv6 to the same effect.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::fast::FixedState;
use offport_wire::FlowKey;

/// Hashes a key.
#[inline]
pub fn hash(key: &FlowKey, state: &FixedState) -> u64 {
    let mut hasher = state.build_hasher();
    let (ports, domain) = match key {
        FlowKey::V4(key) => {
            hasher.write_u64(u64::from(key.low_addr) << 32 | u64::from(key.high_addr));
            ([key.low_port, key.high_port], key.domain)
        }
        FlowKey::V6(key) => {
            hasher.write_u128(key.low_addr);
            hasher.write_u128(key.high_addr);
            ([key.low_port, key.high_port], key.domain)
        }
    };
    hasher.write_u64(u64::from(ports[0]) << 48 | u64::from(ports[1]) << 32 | u64::from(domain.0));
    hasher.write_u8(key.transport().0);
    hasher.finish()
}
