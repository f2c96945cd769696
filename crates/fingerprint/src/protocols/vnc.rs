//! vnc: to be written.

use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Vnc, transports: Transports::TCP, check };

fn check(_exchange: &Exchange<'_>) -> Match {
    Match::No
}
