//! Asks the probes and weighs their answers.

use offport_wire::Transport;

use crate::answer::{Answer, Proof};
use crate::dispatch::{Candidates, Selection};
use crate::exchange::{Exchange, Side};
use crate::name::{Protocol, ProtocolSet};
use crate::probe::{Match, Probe, Transports};
use crate::protocols::PROBES;
use crate::proxy::Header;
use crate::recent::narrow;
use crate::signature::{Finding, Rank, Signatures};

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
/// first. A weak answer ([`Proof::is_weak`]) waits, while the stage is open, for probes that are still undecided: they
/// could outrank it.
///
/// Picked up midstream, a side may begin inside a message: nothing is ruled out before both sides were heard.
///
/// At [`Stage::Last`], [`Answer::NeedMore`] says that the bytes are a true beginning of a known protocol and
/// too few to prove it; [`Answer::NotRecognised`] always says that no known protocol starts like this.
pub fn identify(exchange: &Exchange<'_>, stage: Stage) -> Answer {
    identify_by(exchange, stage, Signatures::NONE, Candidates::for_exchange)
}

/// [`identify`] by signatures too, with the probes that `select` says are worth asking.
///
/// A signature that could still hold is waited for, while the stage is open, where it would go before what is proven: so the
/// answer does not depend on where segments end. A side that has said nothing may explain what nothing else does, and at the last
/// stage its silence is no beginning of anything.
pub(crate) fn identify_by(
    exchange: &Exchange<'_>,
    stage: Stage,
    signatures: &Signatures,
    select: impl FnOnce(&Exchange<'_>) -> Candidates,
) -> Answer {
    let mut inner = None;
    let (exchange, header) = behind_proxy_header(exchange, &mut inner);
    if exchange.client.is_empty() && exchange.server.is_empty() {
        return Answer::NeedMore;
    }
    let Tally { best, undecided } = Tally::of(exchange, select(exchange));
    let one_sided = exchange.client.is_empty() || exchange.server.is_empty();
    let undecided = undecided
        || (exchange.midstream && one_sided && stage == Stage::Open)
        || (header == Header::Partial && could_go_on_behind_header(exchange, signatures));
    let (best, undecided, held) = if signatures.is_empty() {
        (best, undecided, false)
    } else {
        with_signatures(best, undecided, stage, signatures, exchange)
    };
    match best {
        Some(_) if held => Answer::NeedMore,
        Some((_, proof)) if proof.is_weak() && undecided && stage == Stage::Open => Answer::NeedMore,
        Some((protocol, proof)) => Answer::Identified(protocol, proof),
        None if undecided => Answer::NeedMore,
        None => Answer::NotRecognised,
    }
}

/// What is best when signatures have been heard, whether anything is undecided, and whether a signature that goes before the
/// best may yet hold.
fn with_signatures(
    built_in: Option<(Protocol, Proof)>,
    undecided: bool,
    stage: Stage,
    signatures: &Signatures,
    exchange: &Exchange<'_>,
) -> (Option<(Protocol, Proof)>, bool, bool) {
    let Finding { best, pending, beginning, waiting } = signatures.find(exchange);
    let leads = |rank: &Rank| built_in.is_none_or(|(_, proof)| rank.goes_before(proof));
    let own = best.filter(leads);
    let held =
        stage == Stage::Open && pending.filter(leads).is_some_and(|rank| own.is_none_or(|own| rank > own));
    let best = own.and_then(|rank| Some((signatures.protocol(rank)?, rank.strength))).or(built_in);
    (best, undecided || beginning || (waiting && stage == Stage::Open), held)
}

/// While the client is still sending its header, only the server's bytes can speak against every protocol.
fn could_go_on_behind_header(exchange: &Exchange<'_>, signatures: &Signatures) -> bool {
    let silent = Exchange { client: Side::default(), ..*exchange };
    let Tally { best, undecided } = Tally::of(&silent, Candidates::for_exchange(&silent));
    let finding = signatures.find(&silent);
    exchange.server.is_empty() || best.is_some() || undecided || finding != Finding::default()
}

/// The protocols that an exchange could still turn out to be, and those that it is.
pub fn candidates(exchange: &Exchange<'_>) -> ProtocolSet {
    candidates_by(exchange, Signatures::NONE)
}

/// [`candidates`] by signatures too.
pub(crate) fn candidates_by(exchange: &Exchange<'_>, signatures: &Signatures) -> ProtocolSet {
    let mut inner = None;
    let (exchange, _) = behind_proxy_header(exchange, &mut inner);
    let probes = Selection::for_exchange(exchange);
    let possible = probes.iter().filter(|probe| (probe.check)(exchange) != Match::No);
    possible.map(|probe| probe.protocol).chain(signatures.candidates(exchange).iter()).collect()
}

/// Whether no probe proves more of these bytes. A start line of HTTP is no other protocol's structure, which fuzzing holds the
/// probes to; midstream only the other side may be.
fn is_final(exchange: &Exchange<'_>, protocol: Protocol, proof: Proof) -> bool {
    let one_sided = exchange.client.is_empty() || exchange.server.is_empty();
    proof == Proof::Structure
        || (protocol, proof) == (Protocol::Http, Proof::Banner) && (one_sided || !exchange.midstream)
}

/// What is needed of a probe to ask it. Of the whole rows few would share a line of cache.
#[derive(Clone, Copy)]
struct Asked {
    check: fn(&Exchange<'_>) -> Match,
    protocol: Protocol,
    strongest: Proof,
}

static ASKED: [Asked; PROBES.len()] = {
    let first = &PROBES[0];
    let Probe { check, protocol, strongest, .. } = *first;
    let mut asked = [Asked { check, protocol, strongest }; PROBES.len()];
    let mut index = 0;
    while index < PROBES.len() {
        let Probe { check, protocol, strongest, .. } = PROBES[index];
        asked[index] = Asked { check, protocol, strongest };
        index += 1;
    }
    asked
};

/// What all probes say together.
struct Tally {
    best: Option<(Protocol, Proof)>,
    undecided: bool,
}

impl Tally {
    fn of(exchange: &Exchange<'_>, candidates: Candidates) -> Self {
        let mut tally = Self { best: None, undecided: false };
        match candidates {
            Candidates::Forms(forms) => _ = tally.is_settled_by(exchange, forms.probes()),
            Candidates::Probes(probes) => {
                let (usual, others) = probes.split_usual();
                if !tally.is_settled_by(exchange, usual.indices()) {
                    tally.is_settled_by(exchange, others.left_by_stream(exchange).indices());
                }
            }
        }
        tally
    }

    /// Asks some probes; whether no other needs to be asked.
    fn is_settled_by(&mut self, exchange: &Exchange<'_>, probes: impl Iterator<Item = usize>) -> bool {
        for Asked { protocol, strongest, check } in probes.filter_map(|index| ASKED.get(index)) {
            // Among equals the first in the table wins, and doubt counts only against a heuristic.
            let is_settled = |(_, proof): (Protocol, Proof)| !proof.is_weak() && proof >= *strongest;
            if self.best.is_some_and(is_settled) {
                continue;
            }
            match check(exchange) {
                Match::No => {}
                Match::Maybe => self.undecided = true,
                Match::Yes(proof) => {
                    if self.best.is_none_or(|(_, best)| proof > best) {
                        self.best = Some((*protocol, proof));
                    }
                    if is_final(exchange, *protocol, proof) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// The exchange without the header that a load balancer put in front of it, made in `inner` if there is one, and what there is
/// of that header.
pub(crate) fn behind_proxy_header<'e, 'a>(
    exchange: &'e Exchange<'a>,
    inner: &'e mut Option<Exchange<'a>>,
) -> (&'e Exchange<'a>, Header) {
    if exchange.transport != Transport::TCP || exchange.midstream {
        return (exchange, Header::None);
    }
    let header = Header::read(exchange.client.bytes);
    let Header::Whole(length) = header else { return (exchange, header) };
    // Segment ends are a hint over TCP, and worth no copy.
    let client = &exchange.client;
    let client = Side {
        bytes: client.bytes.get(length..).unwrap_or_default(),
        ends: &[],
        first_len: client.first_len.saturating_sub(length as u32),
        total: client.total.saturating_sub(length as u64),
        closed: client.closed,
    };
    (inner.insert(Exchange { client, ..*exchange }), header)
}

/// Whether asking the probes that the first byte leaves comes to the same as asking all of them; and those that the first
/// eight leave.
pub(crate) fn is_dispatched_soundly(exchange: &Exchange<'_>) -> bool {
    let mut inner = None;
    let (exchange, _) = behind_proxy_header(exchange, &mut inner);
    let mut best = None;
    let mut undecided = false;
    for probe in probes(exchange.transport) {
        match (probe.check)(exchange) {
            Match::No => {}
            Match::Maybe => undecided = true,
            Match::Yes(proof) if best.is_none_or(|(_, strongest)| proof > strongest) => {
                best = Some((probe.protocol, proof));
            }
            Match::Yes(_) => {}
        }
    }
    let settled = best.is_some_and(|(_, proof)| !proof.is_weak());
    let by_byte = Selection::for_exchange(exchange);
    let candidates = [
        Candidates::for_exchange(exchange),
        Candidates::Probes(by_byte),
        Candidates::Probes(narrow(by_byte, exchange)),
    ];
    candidates.into_iter().all(|candidates| {
        let tally = Tally::of(exchange, candidates);
        tally.best == best && (settled || tally.undecided == undecided)
    })
}

/// Whether `protocol` is looked for on `transport`.
pub fn is_probed(protocol: Protocol, transport: Transport) -> bool {
    probes(transport).any(|probe| probe.protocol == protocol)
}

fn probes(transport: Transport) -> impl Iterator<Item = &'static Probe> {
    let transport = transports(transport);
    PROBES.iter().filter(move |probe| transport.is_some_and(|transport| probe.transports.contains(transport)))
}

pub(crate) const fn transports(transport: Transport) -> Option<Transports> {
    match transport {
        Transport::TCP => Some(Transports::TCP),
        Transport::UDP => Some(Transports::UDP),
        Transport::SCTP => Some(Transports::SCTP),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Speaker;

    const NOISE: &[u8] = b"\xde\xad\xbe\xef\x8b\xad\xf0\x0d\xca\xfe\xd0\x0d\x5e\xed\xc0\xde";

    fn tcp<'a>(client: &'a [u8], server: &'a [u8]) -> Exchange<'a> {
        let first = if client.is_empty() { Speaker::Server } else { Speaker::Client };
        let side = |bytes: &'a [u8]| Side { bytes, total: bytes.len() as u64, ..Side::default() };
        Exchange {
            transport: Transport::TCP,
            client: side(client),
            server: side(server),
            first,
            client_port: 50_000,
            server_port: 50_001,
            midstream: false,
        }
    }

    fn open(client: &[u8], server: &[u8]) -> Answer {
        identify(&tcp(client, server), Stage::Open)
    }

    #[test]
    fn named_as_soon_as_it_is_settled() {
        assert_eq!(open(b"GET / HT", b""), Answer::NeedMore);
        assert_eq!(open(b"GET / HTTP/1.1\r\n", b""), Answer::Identified(Protocol::Http, Proof::Banner));
        assert_eq!(open(b"", b"SSH-2.0-x"), Answer::Identified(Protocol::Ssh, Proof::Banner));
        assert_eq!(open(NOISE, b""), Answer::NotRecognised);
        assert_eq!(open(b"G", NOISE), Answer::NotRecognised);
    }

    #[test]
    fn a_beginning_is_too_little_and_not_unknown() {
        assert_eq!(identify(&tcp(b"GE", b""), Stage::Last), Answer::NeedMore);
        assert_eq!(identify(&tcp(b"", b""), Stage::Last), Answer::NeedMore);
        assert_eq!(identify(&tcp(NOISE, b""), Stage::Last), Answer::NotRecognised);
    }

    #[test]
    fn both_sides_explain_a_bare_greeting() {
        assert_eq!(open(b"", b"220 host\r\n"), Answer::NeedMore);
        let mut exchange = tcp(b"USER a\r\n", b"220 host\r\n");
        exchange.first = Speaker::Server;
        assert_eq!(identify(&exchange, Stage::Open), Answer::Identified(Protocol::Ftp, Proof::Banner));
        exchange.client.bytes = b"EHLO a\r\n";
        assert_eq!(identify(&exchange, Stage::Open), Answer::Identified(Protocol::Smtp, Proof::Banner));
    }

    #[test]
    fn midstream_waits_for_the_other_side() {
        let mut exchange = tcp(NOISE, b"");
        exchange.midstream = true;
        assert_eq!(identify(&exchange, Stage::Open), Answer::NeedMore);
        assert_eq!(identify(&exchange, Stage::Last), Answer::NotRecognised);
        exchange.server.bytes = b"HTTP/1.1 200 OK\r\n";
        assert_eq!(identify(&exchange, Stage::Open), Answer::Identified(Protocol::Http, Proof::Banner));
    }

    #[test]
    fn a_proxy_header_is_looked_behind() {
        assert_eq!(open(b"PROXY TCP4 192.0.2.1 198.51.10", b""), Answer::NeedMore);
        let header = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".as_slice();
        assert_eq!(open(header, b""), Answer::NeedMore);
        let request = [header, b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(open(&request, b""), Answer::Identified(Protocol::Http, Proof::Banner));
        assert_eq!(open(header, b"220 mx ESMTP\r\n"), Answer::Identified(Protocol::Smtp, Proof::Banner));
        let noise = [header, NOISE].concat();
        assert_eq!(open(&noise, b""), Answer::NotRecognised);
    }

    #[test]
    fn candidates_are_what_is_left() {
        assert!(candidates(&tcp(b"", b"220 host\r\n")).contains(Protocol::Smtp));
        assert!(candidates(&tcp(b"", b"220 host\r\n")).contains(Protocol::Ftp));
        assert!(!candidates(&tcp(b"", b"220 host\r\n")).contains(Protocol::Http));
        assert!(candidates(&tcp(NOISE, b"")).is_empty());
    }
}
