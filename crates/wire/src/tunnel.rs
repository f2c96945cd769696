//! Tunnels: headers that lead to another packet.

pub(crate) mod erspan;
pub(crate) mod geneve;
pub(crate) mod gre;
pub(crate) mod gtpu;
pub(crate) mod ipip;
pub(crate) mod mpls;
pub(crate) mod over_udp;
pub(crate) mod pppoe;
pub(crate) mod teredo;
pub(crate) mod vxlan;

use crate::ip::Ends;
use crate::packet::{Tunnel, TunnelKind};

impl Tunnel {
    /// A tunnel between the ends of an IP packet.
    pub(crate) const fn between(kind: TunnelKind, id: Option<u32>, ends: Ends) -> Self {
        Self { kind, id, source: Some(ends.source()), destination: Some(ends.destination()) }
    }
}

/// [`crate::Domain`] kinds of the overlays.
pub(crate) mod overlay {
    pub(crate) const VXLAN: u8 = 2;
    pub(crate) const GENEVE: u8 = 3;
    pub(crate) const ERSPAN: u8 = 4;
}
