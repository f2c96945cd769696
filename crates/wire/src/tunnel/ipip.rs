//! IP in IP, all four ways (RFC 2003, RFC 4213, RFC 2473).

use crate::ip::{self, Ip, number};
use crate::packet::{Parsed, Tunnel, TunnelKind};
use crate::reason::Drop;
use crate::view::View;
use crate::walk::Walk;

/// From the inner version field on; `protocol` is 4 or 41.
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, protocol: u8, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let walk = walk.enter(Tunnel::between(TunnelKind::IpIp, None, ip.ends))?;
    match protocol {
        number::IPV4 => ip::v4::parse(walk, view),
        _ => ip::v6::parse(walk, view),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn all_four_ways() {
        for outer in [ether4, ether6] {
            for (protocol, inner) in [(4, inner4(b"x")), (41, inner6(b"x"))] {
                let bytes = outer(protocol, &inner);
                let packet = packet(&bytes);
                assert_inner(&packet, b"x");
                let tunnel = packet.tunnel.unwrap();
                assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::IpIp, None));
                assert!(tunnel.source == Some(A4.into()) || tunnel.source == Some(A6.into()));
            }
        }
    }

    #[test]
    fn malformed_inside() {
        assert_eq!(dropped(&ether4(4, &inner6(b"x"))), Drop::Ipv4Malformed);
        assert_eq!(dropped(&ether4(41, &[0x60; 10])), Drop::IpTruncated);
    }
}
