//! What counting needs of a frame, without the rest of its packet.
//!
//! The same walk as [`crate::parse`], over the same code: it only makes something smaller of what it finds, and turns back
//! where the walk leaves the hot path.

use crate::ip::{Ip, Segment};
use crate::key::{Direction, Domain, FlowKey};
use crate::link;
use crate::packet::{Frame, LinkType, Parsed, TcpFlags, TransportHeader};
use crate::reason::Drop;
use crate::view::View;
use crate::walk::{Context, Tags, Walk};

/// A TCP or UDP packet that no tunnel, fragment or unusual header is in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// [`crate::Packet::key`].
    pub key: FlowKey,
    /// [`crate::Packet::direction`].
    pub direction: Direction,
    /// [`crate::Packet::ip_bytes`].
    pub ip_bytes: u32,
    /// [`crate::Packet::payload_len`].
    pub payload_len: u32,
    /// TCP sequence number; 0 for UDP.
    pub seq: u32,
    /// TCP flags; none for UDP.
    pub flags: TcpFlags,
}

/// Looks at a frame.
///
/// `None`: [`crate::parse`] has to. Otherwise that gives a packet with just these fields.
///
/// # Errors
/// Those of [`crate::parse`].
#[inline(always)]
pub fn glance(frame: &Frame<'_>) -> Result<Option<Plain>, Drop> {
    glance_with(frame, Whole)
}

/// What is to be done with what a glance sees. Inlined, it is there once for each kind of packet, and need not ask what it
/// is.
pub trait Sight {
    /// What is made of it.
    type Result;

    /// What was seen.
    fn seen(self, plain: &Plain) -> Self::Result;
}

/// [`glance`], and what is to be done with what it sees.
///
/// # Errors
/// Those of [`crate::parse`].
#[inline(always)]
pub fn glance_with<S: Sight>(frame: &Frame<'_>, sight: S) -> Result<Option<S::Result>, Drop> {
    if frame.link != LinkType::Ethernet {
        return Ok(None);
    }
    let view = View::new(frame.bytes, frame.wire_len as usize);
    link::ethernet::parse_outermost(view, |tags| Glimpse { tags, sight })
}

/// A copy.
struct Whole;

impl Sight for Whole {
    type Result = Plain;

    #[inline(always)]
    fn seen(self, plain: &Plain) -> Plain {
        *plain
    }
}

/// At the frame's own Ethernet header.
struct Glimpse<S> {
    tags: Tags,
    sight: S,
}

impl<S: Sight> Context for Glimpse<S> {
    type Answer<'a> = Option<S::Result>;

    const OPTIONS: bool = false;

    #[inline(always)]
    fn domain(&self) -> Domain {
        self.tags.domain()
    }

    #[inline(always)]
    fn packet(self, ip: Ip, segment: Segment<'_>) -> Option<S::Result> {
        let (key, direction) = ip.key(&segment, self.domain());
        let (seq, flags) = match segment.header {
            TransportHeader::Tcp(tcp) => (tcp.seq, tcp.flags),
            _ => (0, TcpFlags(0)),
        };
        let payload_len = segment.payload.wire() as u32;
        Some(self.sight.seen(&Plain { key, direction, ip_bytes: ip.bytes, payload_len, seq, flags }))
    }

    #[inline(always)]
    fn rare<'a>(self, _: impl FnOnce(Walk) -> Result<Parsed<'a>, Drop>) -> Result<Option<S::Result>, Drop> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ether4, ether6, ethernet, frame, inner4, ipv4, tcp, udp};
    use crate::{fuzz, parse};

    fn look(bytes: &[u8]) -> Option<Plain> {
        let frame = frame(LinkType::Ethernet, bytes);
        // What it says is what parsing says.
        fuzz::check(&frame);
        glance(&frame).unwrap()
    }

    #[test]
    fn plain_packets_are_seen() {
        let segment = tcp(40_000, 80, 0x18, &[1; 8], b"payload");
        for bytes in [ether4(6, &segment), ether6(6, &segment)] {
            let plain = look(&bytes).unwrap();
            assert_eq!((plain.payload_len, plain.seq, plain.flags), (7, 1, TcpFlags(0x18)));
        }
        for bytes in [ether4(17, &udp(1, 2, b"x")), ether6(17, &udp(1, 2, b"x"))] {
            assert_eq!(look(&bytes).unwrap().payload_len, 1);
        }
        let mut tagged = ethernet(0x8100, &[0, 7, 8, 0]);
        tagged.extend(inner4(b"x"));
        assert_eq!(look(&tagged).unwrap().key.domain(), Domain::vlan(7, None));
    }

    #[test]
    fn the_rest_is_left_to_parsing() {
        let vxlan = ether4(17, &udp(1, 4789, b"no tunnel after all"));
        for bytes in [ether4(1, &[8; 16]), ether4(4, &ipv4(6, &tcp(1, 2, 0, &[], b""))), vxlan] {
            assert_eq!(look(&bytes), None);
        }
    }

    #[test]
    fn refusals_are_those_of_parsing() {
        for bytes in [ethernet(0x0800, &[]), ether4(17, &[0; 7]), vec![0; 13]] {
            let frame = frame(LinkType::Ethernet, &bytes);
            assert_eq!(glance(&frame).unwrap_err(), parse(&frame).unwrap_err());
        }
    }
}
