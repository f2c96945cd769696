//! PPPoE sessions (RFC 2516).

use crate::link::ppp;
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::Walk;

/// From the version field on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[version, code, i0, i1, l0, l1], rest) = view.header().ok_or(Drop::TunnelMalformed)?;
    if version != 0x11 || code != 0 {
        return Err(Drop::TunnelMalformed);
    }
    let content = rest.limit(usize::from(be16(l0, l1))).ok_or(Drop::TunnelMalformed)?;
    let walk = walk.enter(Tunnel {
        kind: TunnelKind::Pppoe,
        id: Some(u32::from(be16(i0, i1))),
        source: None,
        destination: None,
    })?;
    ppp::parse(walk, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkType::PppoeSession;
    use crate::testing::*;

    #[test]
    fn sessions() {
        let ppp = [&[0, 0x21][..], &inner4(b"x")].concat();
        let pppoe = [&[0x11, 0, 0, 9, 0, ppp.len() as u8][..], &ppp].concat();
        let mut padded = ethernet(0x8864, &pppoe);
        padded.resize(90, 0);
        let packet = packet(&padded);
        assert_inner(&packet, b"x");
        assert_eq!(packet.tunnel.map(|tunnel| (tunnel.kind, tunnel.id)), Some((TunnelKind::Pppoe, Some(9))));
        assert_inner(&packet_on(PppoeSession, &pppoe), b"x");
    }

    #[test]
    fn what_is_no_session() {
        assert_eq!(dropped(&ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0])), Drop::NotIp);
        assert_eq!(dropped(&ethernet(0x8864, &[0x11, 9, 0, 0, 0, 0])), Drop::TunnelMalformed);
        assert_eq!(dropped(&ethernet(0x8864, &[0x11, 0, 0, 0, 0, 9, 0])), Drop::TunnelMalformed);
        assert_eq!(dropped(&ethernet(0x8864, &[0x11, 0, 0, 9, 0, 4, 0xc0, 0x21, 1, 1])), Drop::NotIp);
    }
}
