//! The walk's entry: from the link type to the first header.

use crate::link;
use crate::packet::{Frame, LinkType, Parsed};
use crate::reason::Drop;
use crate::tunnel;
use crate::view::View;
use crate::walk::{Outermost, Walk};

/// Walks a frame down to its innermost packet.
///
/// The answer borrows the frame. Tunnels are followed to a depth of [`crate::MAX_TUNNELS`]; the innermost
/// IP packet is the record, and a tunnel whose content is not IP is a flow of its outer packet.
///
/// # Errors
/// The reason why there is no packet, which is the label of the metric that counts it.
#[inline]
pub fn parse<'a>(frame: &Frame<'a>) -> Result<Parsed<'a>, Drop> {
    let view = View::new(frame.bytes, frame.wire_len as usize);
    match frame.link {
        LinkType::Ethernet => link::ethernet::parse_outermost(view, |tags| Outermost { frame, tags }),
        _ => parse_other(frame, view),
    }
}

/// The link types of capture files.
#[inline(never)]
fn parse_other<'a>(frame: &Frame<'a>, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let walk = Walk::new(frame);
    match frame.link {
        LinkType::Ethernet => link::ethernet::parse_outermost(view, |tags| Outermost { frame, tags }),
        LinkType::Loopback => link::loopback::parse(walk, view),
        LinkType::RawIp => link::loopback::parse_raw(walk, view),
        LinkType::LinuxSll => link::cooked::parse_v1(walk, view),
        LinkType::LinuxSll2 => link::cooked::parse_v2(walk, view),
        LinkType::Ppp => link::ppp::parse_framed(walk, view),
        LinkType::PppoeSession => tunnel::pppoe::parse(walk, view),
        LinkType::CiscoHdlc => link::ppp::parse_cisco(walk, view),
        LinkType::Ieee80211 => link::wifi::parse(walk, view),
        LinkType::Ieee80211Radiotap => link::wifi::parse_radiotap(walk, view),
    }
}
