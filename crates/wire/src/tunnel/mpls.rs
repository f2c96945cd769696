//! MPLS label stacks (RFC 3032) and the pseudowires on them (RFC 4385, RFC 4448).

use crate::ip::{self, Ends};
use crate::link::ethernet;
use crate::link::ethertype::Level;
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::view::View;
use crate::walk::{MAX_LABELS, Walk};

/// From the first label on. `ends`: those of the IP packet that it is in (RFC 4023), if any.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>, ends: Option<Ends>) -> Result<Parsed<'a>, Drop> {
    let (label, content) = stack(view)?;
    let walk = walk.enter(Tunnel {
        kind: TunnelKind::Mpls,
        id: Some(label),
        source: ends.map(Ends::source),
        destination: ends.map(Ends::destination),
    })?;
    // Nothing names the content: the first nibble is all there is to go by (RFC 4928).
    match content.nibble() {
        Some(4) => ip::v4::parse(walk, content),
        Some(6) => ip::v6::parse(walk, content),
        // A control word, or an Ethernet address that starts with 0.
        Some(0) => {
            let behind = content.skip(4).ok_or(Drop::TunnelMalformed)?;
            ethernet::parse_inner(walk, behind, Level::Inner)
                .or_else(|_| ethernet::parse_inner(walk, content, Level::Inner))
        }
        // An associated channel (RFC 5586).
        Some(1) => Err(Drop::NotIp),
        Some(_) => ethernet::parse_inner(walk, content, Level::Inner),
        None => Err(Drop::TunnelMalformed),
    }
}

/// The innermost label, and what follows the stack.
fn stack(mut view: View<'_>) -> Result<(u32, View<'_>), Drop> {
    const BOTTOM: u32 = 0x100;

    for _ in 0..MAX_LABELS {
        let (entry, rest) = view.header().ok_or(Drop::TunnelMalformed)?;
        let entry = u32::from_be_bytes(*entry);
        if entry & BOTTOM != 0 {
            return Ok((entry >> 12, rest));
        }
        view = rest;
    }
    Err(Drop::TooDeep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const LABELS: [u8; 8] = [0, 0, 0x10, 64, 0, 0, 0x21, 64];

    #[test]
    fn ip_below_a_stack() {
        for inner in [inner4(b"x"), inner6(b"x")] {
            let bytes = ethernet(0x8847, &[&LABELS[..], &inner].concat());
            let packet = packet(&bytes);
            assert_inner(&packet, b"x");
            let tunnel = Tunnel { kind: TunnelKind::Mpls, id: Some(2), source: None, destination: None };
            assert_eq!(packet.tunnel, Some(tunnel));
        }
    }

    #[test]
    fn pseudowires() {
        let frame = ethernet(0x0800, &inner4(b"x"));
        let mut zero = frame.clone();
        zero[0] = 0;
        for content in [frame.clone(), zero, [&[0, 0, 0, 1][..], &frame].concat()] {
            assert_inner(&packet(&ethernet(0x8847, &[&LABELS[..], &content].concat())), b"x");
        }
    }

    #[test]
    fn in_ip() {
        let bytes = ether4(137, &[&LABELS[..], &inner6(b"x")].concat());
        let packet = packet(&bytes);
        assert_inner(&packet, b"x");
        assert_eq!(packet.tunnel.unwrap().source, Some(A4.into()));
    }

    #[test]
    fn impossible_stacks() {
        assert_eq!(dropped(&ethernet(0x8847, &[0; 4 * MAX_LABELS + 4])), Drop::TooDeep);
        assert_eq!(dropped(&ethernet(0x8847, &[0; 6])), Drop::TunnelMalformed);
        assert_eq!(dropped(&ethernet(0x8847, &LABELS)), Drop::TunnelMalformed);
        assert_eq!(dropped(&ethernet(0x8847, &[&LABELS[..], &[0x10; 20]].concat())), Drop::NotIp);
    }
}
