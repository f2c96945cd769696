//! Asks the probes and weighs their answers.

use offport_wire::Transport;

use crate::answer::{Answer, Proof};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports};
use crate::protocols::PROBES;

/// Whether more payload can still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// More may come: a weak answer may still be outranked.
    Open,
    /// The bound, the packets or the time are spent: no more will be asked of this flow.
    Last,
}

/// Names the protocol that an exchange speaks.
///
/// The strongest proof wins; among equals the first in the table, which lists the more specific protocol
/// first. A [`Proof::Heuristic`] answer waits, while the stage is open, for probes that are still undecided: they
/// could outrank it.
///
/// Picked up midstream, a side may begin inside a message: nothing is ruled out before both sides were heard.
///
/// At [`Stage::Last`], [`Answer::NeedMore`] says that the bytes are a true beginning of a known protocol and
/// too few to prove it; [`Answer::NotRecognised`] always says that no known protocol starts like this.
pub fn identify(exchange: &Exchange<'_>, stage: Stage) -> Answer {
    let Some(transport) = transports(exchange.transport) else { return Answer::NotRecognised };
    if exchange.client.is_empty() && exchange.server.is_empty() {
        return Answer::NeedMore;
    }
    let mut best: Option<(Protocol, Proof)> = None;
    let one_sided = exchange.client.is_empty() || exchange.server.is_empty();
    let mut undecided = exchange.midstream && one_sided && stage == Stage::Open;
    for Probe { protocol, check, .. } in PROBES.iter().filter(|probe| probe.transports.contains(transport)) {
        match check(exchange) {
            Match::No => {}
            Match::Maybe => undecided = true,
            Match::Yes(proof) => {
                if best.is_none_or(|(_, strongest)| proof > strongest) {
                    best = Some((*protocol, proof));
                }
            }
        }
    }
    match best {
        Some((_, Proof::Heuristic)) if undecided && stage == Stage::Open => Answer::NeedMore,
        Some((protocol, proof)) => Answer::Identified(protocol, proof),
        None if undecided => Answer::NeedMore,
        None => Answer::NotRecognised,
    }
}

pub(crate) const fn transports(transport: Transport) -> Option<Transports> {
    match transport {
        Transport::TCP => Some(Transports::TCP),
        Transport::UDP => Some(Transports::UDP),
        Transport::SCTP => Some(Transports::SCTP),
        _ => None,
    }
}
