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
    /// More may come: [`Answer::NeedMore`] is allowed.
    Open,
    /// The bound, the packets or the time are spent: the answer is final.
    Last,
}

/// Names the protocol that an exchange speaks.
///
/// The strongest proof wins; among equals the first in the table, which lists the more specific protocol
/// first. While a probe that is still undecided could outrank the best answer so far, a [`Proof::Heuristic`]
/// answer waits for it.
pub fn identify(exchange: &Exchange<'_>, stage: Stage) -> Answer {
    let Some(transport) = transports(exchange.transport) else { return Answer::NotRecognised };
    if exchange.client.is_empty() && exchange.server.is_empty() {
        return if stage == Stage::Open { Answer::NeedMore } else { Answer::NotRecognised };
    }
    let mut best: Option<(Protocol, Proof)> = None;
    let mut undecided = false;
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
    match (best, stage) {
        (Some((_, Proof::Heuristic)), Stage::Open) if undecided => Answer::NeedMore,
        (Some((protocol, proof)), _) => Answer::Identified(protocol, proof),
        (None, Stage::Open) if undecided => Answer::NeedMore,
        (None, _) => Answer::NotRecognised,
    }
}

const fn transports(transport: Transport) -> Option<Transports> {
    match transport {
        Transport::TCP => Some(Transports::TCP),
        Transport::UDP => Some(Transports::UDP),
        Transport::SCTP => Some(Transports::SCTP),
        _ => None,
    }
}
