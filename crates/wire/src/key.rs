//! Flow keys: the direction-sorted 5-tuple of the innermost packet, plus the domain it lives in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP protocol number (IANA "Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Transport(pub u8);

impl Transport {
    /// Transmission Control Protocol.
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol.
    pub const UDP: Self = Self(17);
    /// Stream Control Transmission Protocol.
    pub const SCTP: Self = Self(132);
    /// Internet Control Message Protocol.
    pub const ICMP: Self = Self(1);
    /// Internet Control Message Protocol for IPv6.
    pub const ICMPV6: Self = Self(58);

    /// The Elastic Common Schema name (`network.transport`); `None` for protocols that it does not name.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::TCP => Some("tcp"),
            Self::UDP => Some("udp"),
            Self::SCTP => Some("sctp"),
            Self::ICMP => Some("icmp"),
            Self::ICMPV6 => Some("ipv6-icmp"),
            _ => None,
        }
    }

    /// Whether the header carries source and destination ports.
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }
}

/// What keeps equal 5-tuples of different networks apart: a VLAN pair or an overlay's network id.
///
/// Only identifiers that are the same in both directions take part (VLAN ids, VNI of VXLAN and GENEVE,
/// ERSPAN session). GTP TEIDs, MPLS labels and GRE keys differ per direction, so they do not.
/// Top 8 bits: kind; low 24 bits: id (outer VLAN × 4096 + inner VLAN, or VNI).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(pub u32);

impl Domain {
    /// No tag, no overlay.
    pub const NONE: Self = Self(0);

    /// One VLAN tag or a QinQ pair; ids are 12 bits.
    pub const fn vlan(outer: u16, inner: Option<u16>) -> Self {
        let inner = match inner {
            Some(id) => id as u32 & 0xfff,
            None => 0,
        };
        Self(1 << 24 | (outer as u32 & 0xfff) << 12 | inner)
    }

    /// A 24-bit network id of an overlay; `kind` is 2 and up.
    pub const fn overlay(kind: u8, id: u32) -> Self {
        Self((kind as u32) << 24 | (id & 0x00ff_ffff))
    }
}

/// Which of a key's two ends sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The sender is the key's `low` end.
    LowToHigh,
    /// The sender is the key's `high` end.
    HighToLow,
}

/// IPv4 flow key. `low` ≤ `high` by (address, port); addresses as big-endian numbers, ports in host order.
/// For ICMP echo both ports are the echo identifier; for other ICMP both are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key4 {
    /// Lower address.
    pub low_addr: u32,
    /// Higher address.
    pub high_addr: u32,
    /// Port of the lower end.
    pub low_port: u16,
    /// Port of the higher end.
    pub high_port: u16,
    /// VLAN or overlay.
    pub domain: Domain,
    /// IP protocol.
    pub transport: Transport,
}

/// IPv6 flow key, as [`Key4`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key6 {
    /// Lower address.
    pub low_addr: u128,
    /// Higher address.
    pub high_addr: u128,
    /// Port of the lower end.
    pub low_port: u16,
    /// Port of the higher end.
    pub high_port: u16,
    /// VLAN or overlay.
    pub domain: Domain,
    /// IP protocol.
    pub transport: Transport,
}

/// A flow key of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowKey {
    /// IPv4.
    V4(Key4),
    /// IPv6.
    V6(Key6),
}

impl FlowKey {
    /// Sorts the two ends and says which of them was the source.
    pub fn v4(
        source: (Ipv4Addr, u16),
        destination: (Ipv4Addr, u16),
        transport: Transport,
        domain: Domain,
    ) -> (Self, Direction) {
        let (source, destination) =
            ((u32::from(source.0), source.1), (u32::from(destination.0), destination.1));
        let (low, high, direction) = sort(source, destination);
        let key = Key4 {
            low_addr: low.0,
            high_addr: high.0,
            low_port: low.1,
            high_port: high.1,
            domain,
            transport,
        };
        (Self::V4(key), direction)
    }

    /// Sorts the two ends and says which of them was the source.
    pub fn v6(
        source: (Ipv6Addr, u16),
        destination: (Ipv6Addr, u16),
        transport: Transport,
        domain: Domain,
    ) -> (Self, Direction) {
        let (source, destination) =
            ((u128::from(source.0), source.1), (u128::from(destination.0), destination.1));
        let (low, high, direction) = sort(source, destination);
        let key = Key6 {
            low_addr: low.0,
            high_addr: high.0,
            low_port: low.1,
            high_port: high.1,
            domain,
            transport,
        };
        (Self::V6(key), direction)
    }

    /// IP protocol.
    pub const fn transport(&self) -> Transport {
        match self {
            Self::V4(key) => key.transport,
            Self::V6(key) => key.transport,
        }
    }

    /// VLAN or overlay.
    pub const fn domain(&self) -> Domain {
        match self {
            Self::V4(key) => key.domain,
            Self::V6(key) => key.domain,
        }
    }

    /// Address and port of the lower end.
    pub fn low(&self) -> (IpAddr, u16) {
        match self {
            Self::V4(key) => (Ipv4Addr::from(key.low_addr).into(), key.low_port),
            Self::V6(key) => (Ipv6Addr::from(key.low_addr).into(), key.low_port),
        }
    }

    /// Address and port of the higher end.
    pub fn high(&self) -> (IpAddr, u16) {
        match self {
            Self::V4(key) => (Ipv4Addr::from(key.high_addr).into(), key.high_port),
            Self::V6(key) => (Ipv6Addr::from(key.high_addr).into(), key.high_port),
        }
    }
}

fn sort<A: Ord + Copy>(source: (A, u16), destination: (A, u16)) -> ((A, u16), (A, u16), Direction) {
    if source <= destination {
        (source, destination, Direction::LowToHigh)
    } else {
        (destination, source, Direction::HighToLow)
    }
}

impl Direction {
    /// The other way.
    pub const fn reverse(self) -> Self {
        match self {
            Self::LowToHigh => Self::HighToLow,
            Self::HighToLow => Self::LowToHigh,
        }
    }

    /// 0 for low to high, 1 for high to low: the index of per-direction arrays.
    pub const fn index(self) -> usize {
        self as usize
    }
}
