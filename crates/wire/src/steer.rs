//! The steering hash: which worker a packet goes to.
//!
//! The XDP program computes the very same number for the same packet; this file is the definition that it
//! follows. The hash covers the innermost 5-tuple only, no VLAN and no tunnel id, and is symmetric: both
//! directions of a flow give the same number, because the two endpoints are mixed apart and then added.
//!
//! - Ports are 0 for every transport that has none. ICMP and ICMPv6 that are no errors have none: the echo
//!   identifier, which stands in for the ports of a [`FlowKey`], does not take part.
//! - An ICMP or ICMPv6 error hashes as the packet that it quotes. Where the quote is a fragment other than
//!   the first, or ends before the ports, these are 0. Tunnels in a quote are not followed. An error whose quote
//!   has no IP header hashes as an ICMP message of its own.
//! - A tunnel whose content is not IP hashes as its outer packet; so does one over UDP whose content is not a
//!   valid packet.
//! - A fragment (any, the first too) hashes as [`hash_fragment`], so that all fragments of a datagram reach
//!   one worker in whatever order. That worker reassembles, and hands the datagram to the flow's owner.
//! - What is not IP hashes as 0.
//!
//! The seed is random per run, so that senders cannot aim at one worker without seeing the outcome.

use std::net::IpAddr;

use crate::fragment::Fragment;
use crate::key::{FlowKey, Key4, Key6, Transport};
use crate::packet::Parsed;

/// Slots of the indirection table, a power of two.
pub const SLOTS: u32 = 512;

/// Where the packets of a slot go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Flows that start go to this worker; all flows, unless the slot moves.
    pub worker: u16,
    /// It moves: flows of before go to this one.
    pub former: Option<u16>,
    /// It is being learnt which those are. Till then all flows go to the former worker, and what passes by is pinned.
    pub learning: bool,
}

impl Slot {
    /// Who knows of all its flows whose they are.
    pub fn owner(&self) -> u16 {
        self.former.unwrap_or(self.worker)
    }
}

/// What the former worker of a slot that moves makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All its flows are pinned: what is not goes to the new worker from now on.
    Switch,
    /// None of its flows is left: the slot has moved.
    Finish,
    /// They cannot be pinned, for want of room: the slot stays.
    Abort,
}

/// The hash of a parsed frame.
#[inline]
pub fn hash(seed: u64, parsed: &Parsed<'_>) -> u64 {
    match parsed {
        Parsed::Packet(packet) => hash_key(seed, &packet.key),
        Parsed::Fragment(fragment) => hash_fragment(seed, fragment),
    }
}

/// The hash of every packet of a flow, and of the ICMP errors about it.
#[inline]
pub fn hash_key(seed: u64, key: &FlowKey) -> u64 {
    match key {
        FlowKey::V4(key) => hash_key4(seed, key),
        FlowKey::V6(key) => hash_key6(seed, key),
    }
}

/// [`hash_key`] of an IPv4 flow.
#[inline]
pub fn hash_key4(seed: u64, key: &Key4) -> u64 {
    let (low, high) = ports(key.transport, key.low_port, key.high_port);
    combine(
        endpoint_v4(seed, key.low_addr, low),
        endpoint_v4(seed, key.high_addr, high),
        u64::from(key.transport.0),
    )
}

/// [`hash_key`] of an IPv6 flow.
#[inline]
pub fn hash_key6(seed: u64, key: &Key6) -> u64 {
    let (low, high) = ports(key.transport, key.low_port, key.high_port);
    combine(
        endpoint_v6(seed, key.low_addr, low),
        endpoint_v6(seed, key.high_addr, high),
        u64::from(key.transport.0),
    )
}

/// The hash of a fragment: what reassembly goes by. No ports, but the identification (16 bits in IPv4, 32 bits in
/// IPv6), shifted past the protocol, which takes part in IPv4 only: IPv6 fragments of one datagram may differ in it
/// (RFC 791, section 2.3; RFC 8200, section 4.5).
#[inline]
pub fn hash_fragment(seed: u64, fragment: &Fragment<'_>) -> u64 {
    let protocol = match fragment.source {
        IpAddr::V4(_) => u64::from(fragment.protocol.0),
        IpAddr::V6(_) => 0,
    };
    combine(
        endpoint(seed, fragment.source),
        endpoint(seed, fragment.destination),
        protocol + (u64::from(fragment.id) << 8),
    )
}

/// The slot of the indirection table that a hash falls into.
#[inline]
pub const fn slot(hash: u64) -> u32 {
    (hash >> 32) as u32 % SLOTS
}

/// One IPv4 end. The address is a big-endian number: 192.0.2.1 is 0xc0000201.
///
/// Not inlined: of two such side by side LLVM makes vector code, and SSE2 and AVX2 have no 64-bit
/// multiplication; that took 12 ns a packet instead of 5.
#[inline(never)]
pub const fn endpoint_v4(seed: u64, addr: u32, port: u16) -> u64 {
    fmix64(seed ^ ((addr as u64) << 16 | port as u64))
}

/// One IPv6 end. The address is a big-endian number; its high half goes in first.
#[inline]
pub const fn endpoint_v6(seed: u64, addr: u128, port: u16) -> u64 {
    let (high, low) = ((addr >> 64) as u64, addr as u64);
    fmix64(fmix64(fmix64(seed ^ high) ^ low) ^ port as u64)
}

/// Both ends, and what else takes part.
#[inline]
pub const fn combine(source: u64, destination: u64, rest: u64) -> u64 {
    fmix64(source.wrapping_add(destination).wrapping_add(rest))
}

/// The 64-bit finalizer of MurmurHash3.
#[inline]
pub const fn fmix64(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}

#[inline]
const fn endpoint(seed: u64, addr: IpAddr) -> u64 {
    match addr {
        IpAddr::V4(addr) => endpoint_v4(seed, addr.to_bits(), 0),
        IpAddr::V6(addr) => endpoint_v6(seed, addr.to_bits(), 0),
    }
}

#[inline]
const fn ports(transport: Transport, low: u16, high: u16) -> (u16, u16) {
    if transport.has_ports() { (low, high) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::key::Domain;

    const SEED: u64 = 0x0123_4567_89ab_cdef;

    const A4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const B4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
    const A6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0x17);
    const B6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0xffff, 0, 0, 0x42);

    fn v4(transport: Transport, ports: (u16, u16)) -> u64 {
        hash_key(SEED, &FlowKey::v4((A4, ports.0), (B4, ports.1), transport, Domain::NONE).0)
    }

    fn v6(transport: Transport, ports: (u16, u16)) -> u64 {
        hash_key(SEED, &FlowKey::v6((A6, ports.0), (B6, ports.1), transport, Domain::NONE).0)
    }

    /// Vectors for the other implementation: seed, the ends above, ports 40000 and 443.
    #[test]
    fn vectors() {
        assert_eq!(fmix64(1), 0xb456_bcfc_34c2_cb2c);
        assert_eq!(endpoint_v4(SEED, A4.to_bits(), 40000), VECTORS[0]);
        assert_eq!(endpoint_v6(SEED, A6.to_bits(), 40000), VECTORS[1]);
        assert_eq!(v4(Transport::TCP, (40000, 443)), VECTORS[2]);
        assert_eq!(v4(Transport::UDP, (40000, 443)), VECTORS[3]);
        assert_eq!(v4(Transport::ICMP, (7, 7)), VECTORS[4]);
        assert_eq!(v6(Transport::TCP, (40000, 443)), VECTORS[5]);
        assert_eq!(v6(Transport::ICMPV6, (7, 7)), VECTORS[6]);
        let fragment = Fragment {
            source: A4.into(),
            destination: B4.into(),
            protocol: Transport::UDP,
            id: 0xbeef,
            ..Fragment::default()
        };
        assert_eq!(hash_fragment(SEED, &fragment), VECTORS[7]);
        let fragment = Fragment { source: A6.into(), destination: B6.into(), id: 0xdead_beef, ..fragment };
        assert_eq!(hash_fragment(SEED, &fragment), VECTORS[8]);
        let other = Fragment { protocol: Transport::TCP, ..fragment };
        assert_eq!(hash_fragment(SEED, &other), VECTORS[8]);
        assert_eq!(slot(VECTORS[2]), (VECTORS[2] >> 32) as u32 & 511);
    }

    const VECTORS: [u64; 9] = [
        0x2c41_ed59_2ad8_a5e7,
        0x7306_98b9_4622_b3a2,
        0x65e0_7132_4fcd_dd1a,
        0xe58e_38d0_9601_be5f,
        0x4ee9_9ec8_f7a1_40f7,
        0x8e4c_45a0_e68b_d8a4,
        0xcc28_6949_8edf_33bc,
        0xf295_7da3_e499_0841,
        0xba6c_0e86_9850_0d78,
    ];

    #[test]
    fn the_domain_takes_no_part() {
        let ends = ((A4, 1), (B4, 2));
        let (plain, _) = FlowKey::v4(ends.0, ends.1, Transport::TCP, Domain::NONE);
        let (tagged, _) = FlowKey::v4(ends.0, ends.1, Transport::TCP, Domain::vlan(7, None));
        assert_eq!(hash_key(SEED, &plain), hash_key(SEED, &tagged));
    }

    #[test]
    fn the_echo_identifier_takes_no_part() {
        assert_eq!(v4(Transport::ICMP, (1, 1)), v4(Transport::ICMP, (2, 2)));
    }
}
