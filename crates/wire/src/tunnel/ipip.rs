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
