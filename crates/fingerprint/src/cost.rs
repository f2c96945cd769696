//! One probe on its own, for what measures its cost.

use crate::exchange::Exchange;
use crate::identify;
use crate::name::Protocol;
use crate::probe::Match;
use crate::protocols::PROBES;

/// The probe of a protocol as a question: whether the exchange could be this protocol, or is. `None` over a transport
/// that the probe is never asked about.
pub fn probe(protocol: Protocol) -> impl Fn(&Exchange<'_>) -> Option<bool> {
    let probe = PROBES.iter().find(|probe| probe.protocol == protocol);
    move |exchange| {
        let transport = identify::transports(exchange.transport)?;
        let probe = probe.filter(|probe| probe.transports.contains(transport))?;
        Some((probe.check)(exchange) != Match::No)
    }
}
