//! Which UDP ports tunnels run over.

use crate::ip::Ip;
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::tunnel::{geneve, gtpu, teredo, vxlan};
use crate::view::View;
use crate::walk::Walk;

/// Parses a UDP payload as a tunnel.
pub(crate) type Parse = for<'a> fn(Walk, Ip, View<'a>) -> Result<Parsed<'a>, Drop>;

/// The tunnel that runs over these ports (source, destination). VXLAN, GENEVE and GTP-U say that the
/// destination is the known one (RFC 7348 section 5, RFC 8926 section 3.3, 3GPP TS 29.281 section 4.4.2); a
/// Teredo server or relay answers from its own.
#[inline]
pub(crate) fn recognise(ports: (u16, u16)) -> Option<Parse> {
    match ports {
        // 8472 is what Linux used before the port was assigned, and still its default.
        (_, 4789 | 8472) => Some(vxlan::parse),
        (_, 4790) => Some(vxlan::parse_gpe),
        (_, 6081) => Some(geneve::parse),
        (_, 2152) => Some(gtpu::parse),
        (_, 3544) | (3544, _) => Some(teredo::parse),
        _ => None,
    }
}
