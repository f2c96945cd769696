//! One probe on its own, for what measures its cost.

use crate::dispatch::Selection;
use crate::exchange::Exchange;
use crate::identify;
use crate::name::Protocol;
use crate::probe::Match;
use crate::protocols::PROBES;
use crate::recent::narrow;

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

/// How many probes an exchange's first byte leaves, and how many its beginning leaves when it comes again.
pub fn asked(exchange: &Exchange<'_>) -> [usize; 2] {
    let by_byte = Selection::for_exchange(exchange);
    [by_byte, narrow(by_byte, exchange)].map(|probes| probes.iter().count())
}
