//! What the walk down a frame has learnt so far.

use crate::ip::{Ip, Segment};
use crate::key::Domain;
use crate::packet::{Frame, LinkInfo, Packet, Parsed, Tunnel};
use crate::reason::Drop;
use crate::time::Timestamp;
use crate::view::be16;

/// Tunnels inside one another.
pub const MAX_TUNNELS: u8 = 4;
/// VLAN tags on one Ethernet header.
pub const MAX_TAGS: usize = 4;
/// Labels of one MPLS stack.
pub const MAX_LABELS: usize = 8;
/// Extension headers of one IPv6 header; those of a GTP-U header.
pub const MAX_EXTENSIONS: usize = 8;

/// IEEE 802.2 headers on one frame. A SNAP header may name a tag, and a tag may be followed by a length, behind which
/// another LLC header stands: without a bound the walk would go as deep as the frame is long.
pub(crate) const MAX_LLC: u8 = 16;

/// Where a walk has got to, and what is to be made of the packet at its end: [`Outermost`] and
/// [`Glimpse`](crate::glance::Glimpse) on the hot path, [`Walk`] once it has left it.
pub(crate) trait Context: Sized {
    /// What is made of a packet.
    type Answer<'a>;

    /// Whether it wants to know of TCP's options.
    const OPTIONS: bool = true;

    /// The domain of the packet.
    fn domain(&self) -> Domain;
    /// A packet that the walk has come to.
    fn packet<'a>(self, ip: Ip, segment: Segment<'a>) -> Self::Answer<'a>;
    /// Leaves the hot path: `parse` is the rest of the walk.
    fn rare<'a>(self, parse: impl FnOnce(Walk) -> Result<Parsed<'a>, Drop>)
    -> Result<Self::Answer<'a>, Drop>;
}

/// Still at the frame's own Ethernet header. Small enough to stay in registers: a [`Walk`] that is put
/// together field by field and copied from function to function costs more than all else in a packet.
#[derive(Clone, Copy)]
pub(crate) struct Outermost<'a> {
    pub(crate) frame: &'a Frame<'a>,
    pub(crate) tags: Tags,
}

impl Outermost<'_> {
    /// All of it, spelled out.
    #[inline(always)]
    fn walk(self) -> Walk {
        let macs = self.frame.bytes.first_chunk().map(|addresses| {
            let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = addresses;
            ([s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5])
        });
        let link = LinkInfo { macs, vlan: self.tags.outer(), inner_vlan: self.tags.inner() };
        Walk { link, domain: self.tags.domain(), ..Walk::new(self.frame) }
    }
}

impl Context for Outermost<'_> {
    type Answer<'a> = Parsed<'a>;

    #[inline(always)]
    fn domain(&self) -> Domain {
        self.tags.domain()
    }

    #[inline(always)]
    fn packet<'a>(self, ip: Ip, segment: Segment<'a>) -> Parsed<'a> {
        self.walk().packet(ip, segment)
    }

    #[inline(always)]
    fn rare<'a>(self, parse: impl FnOnce(Walk) -> Result<Parsed<'a>, Drop>) -> Result<Parsed<'a>, Drop> {
        parse(self.walk())
    }
}

/// The state of a walk. Copied at each tunnel, so that a failed attempt leaves no trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    pub(crate) link: LinkInfo,
    pub(crate) domain: Domain,
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) depth: u8,
    /// IEEE 802.2 headers so far.
    pub(crate) llc: u8,
    /// Frames that the packet is made of.
    pub(crate) packets: u16,
    pub(crate) time: Timestamp,
    pub(crate) interface: u16,
}

impl Context for Walk {
    type Answer<'a> = Parsed<'a>;

    #[inline(always)]
    fn domain(&self) -> Domain {
        self.domain
    }

    #[inline(always)]
    fn packet<'a>(self, ip: Ip, segment: Segment<'a>) -> Parsed<'a> {
        let (key, direction) = ip.key(&segment, self.domain);
        Parsed::Packet(Packet {
            key,
            direction,
            icmp_error: false,
            ip_bytes: ip.bytes,
            packets: self.packets,
            transport: segment.header,
            payload: segment.payload.bytes(),
            payload_len: segment.payload.wire() as u32,
            link: self.link,
            tunnel: self.tunnel,
            time: self.time,
            interface: self.interface,
        })
    }

    #[inline(always)]
    fn rare<'a>(self, parse: impl FnOnce(Walk) -> Result<Parsed<'a>, Drop>) -> Result<Parsed<'a>, Drop> {
        parse(self)
    }
}

impl Walk {
    #[inline(always)]
    pub(crate) const fn new(frame: &Frame<'_>) -> Self {
        Self {
            link: LinkInfo { macs: None, vlan: None, inner_vlan: None },
            domain: Domain::NONE,
            tunnel: None,
            depth: 0,
            llc: 0,
            packets: 1,
            time: frame.time,
            interface: frame.interface,
        }
    }

    /// The state inside a tunnel.
    pub(crate) fn enter(self, tunnel: Tunnel) -> Result<Self, Drop> {
        if self.depth >= MAX_TUNNELS {
            return Err(Drop::TooDeep);
        }
        Ok(Self { tunnel: Some(tunnel), depth: self.depth + 1, ..self })
    }

    /// The state behind an IEEE 802.2 header.
    pub(crate) fn enter_llc(self) -> Result<Self, Drop> {
        if self.llc >= MAX_LLC {
            return Err(Drop::TooDeep);
        }
        Ok(Self { llc: self.llc + 1, ..self })
    }

    /// The state inside an overlay whose network id keeps equal 5-tuples apart.
    pub(crate) fn enter_overlay(self, tunnel: Tunnel, domain: Domain) -> Result<Self, Drop> {
        Ok(Self { domain, ..self.enter(tunnel)? })
    }
}

/// The first two VLAN ids of a header; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    outer: u16,
    inner: u16,
}

impl Tags {
    /// Adds a tag's control information. Id 0 is a priority tag, no VLAN (IEEE 802.1Q, clause 9.6), and one
    /// direction of a flow may carry it alone.
    #[inline(always)]
    pub(crate) const fn push(&mut self, [high, low]: [u8; 2]) {
        let id = be16(high, low) & 0x0fff;
        if self.outer == 0 {
            self.outer = id;
        } else if self.inner == 0 {
            self.inner = id;
        }
    }

    #[inline(always)]
    pub(crate) fn outer(self) -> Option<u16> {
        (self.outer != 0).then_some(self.outer)
    }

    #[inline(always)]
    pub(crate) fn inner(self) -> Option<u16> {
        (self.inner != 0).then_some(self.inner)
    }

    #[inline(always)]
    pub(crate) fn domain(self) -> Domain {
        match self.outer() {
            Some(outer) => Domain::vlan(outer, self.inner()),
            None => Domain::NONE,
        }
    }
}
