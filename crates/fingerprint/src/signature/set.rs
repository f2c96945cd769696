//! Many signatures, and which of them are worth asking.

use std::cmp::Reverse;
use std::fmt;

use offport_wire::Transport;

use super::signature::{Signature, Spoken};
use crate::answer::{Answer, Proof};
use crate::dispatch::Candidates;
use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::{Stage, identify_by};
use crate::name::{NameError, Protocol, ProtocolSet};
use crate::probe::Match;

/// Signatures that are in force, by transport, speaker and first byte. The default is none.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    signatures: Vec<Signature>,
    /// What each stands for.
    protocols: Vec<Protocol>,
    /// `None` if there is no signature.
    table: Option<Box<Table>>,
}

/// Signatures whose names are not interned yet, so that they can be tried and dropped without a trace.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// With places for new names as they come, whatever is interned.
    set: Signatures,
    /// The new names, in the order of their places.
    names: Vec<String>,
}

/// Why signatures make no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftError {
    /// More than [`Signatures::MAX`].
    TooMany,
    /// The signature at this position brings more names than [`Protocol::MAX_OWN`].
    Names(usize),
    /// Two, by their positions, ask for the same and stand for different protocols, or are the same.
    Same(usize, usize),
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "more than {} signatures", Signatures::MAX),
            Self::Names(_) => write!(f, "more than {} names of one's own", Protocol::MAX_OWN),
            Self::Same(..) => f.write_str("asks for the same as an earlier one"),
        }
    }
}

impl std::error::Error for DraftError {}

/// What signatures say of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The best that holds.
    pub(crate) best: Option<Rank>,
    /// The best that could still come to hold.
    pub(crate) pending: Option<Rank>,
    /// A side's bytes are a beginning.
    pub(crate) beginning: bool,
    /// There are signatures of a side that has said nothing yet.
    pub(crate) waiting: bool,
}

/// What goes before what; greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) strength: Proof,
    fit: u8,
    /// Earlier files and earlier places go first.
    position: Reverse<u8>,
}

impl Rank {
    /// Whether it goes before a built-in protocol that is proven as well as that. An operator knows their network, so
    /// among equals it does, but not on a port that is none of those that it names.
    pub(crate) fn goes_before(self, proof: Proof) -> bool {
        self.strength > proof || (self.strength == proof && self.fit > 0)
    }
}

/// A bit for each signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ids([u64; Signatures::MAX / 64]);

impl Ids {
    fn insert(&mut self, id: usize) {
        if let Some(word) = self.0.get_mut(id / 64) {
            *word |= 1 << (id % 64);
        }
    }

    fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        self.0.into_iter().zip((0..).step_by(64)).flat_map(|(mut bits, first): (u64, u32)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < u64::BITS).then_some((first + bit) as u8)
            })
        })
    }
}

#[derive(Clone, Debug)]
struct Table {
    /// By transport, speaker and the first byte of what it says.
    by_byte: [[[Ids; 256]; 2]; 3],
    /// Whether there is any of a speaker.
    any: [[bool; 2]; 3],
}

const SPEAKERS: [Speaker; 2] = [Speaker::Client, Speaker::Server];

const fn place(transport: Transport) -> Option<usize> {
    match transport {
        Transport::TCP => Some(0),
        Transport::UDP => Some(1),
        Transport::SCTP => Some(2),
        _ => None,
    }
}

impl Table {
    fn new(signatures: &[Signature]) -> Option<Box<Self>> {
        if signatures.is_empty() {
            return None;
        }
        let mut table = Box::new(Self { by_byte: [[[Ids::default(); 256]; 2]; 3], any: [[false; 2]; 3] });
        for (id, signature) in signatures.iter().enumerate() {
            for transport in signature.transports().iter().filter_map(|&transport| place(transport)) {
                for speaker in SPEAKERS.into_iter().filter(|&speaker| speaks(signature.spoken(), speaker)) {
                    table.any[transport][speaker as usize] = true;
                    for (byte, ids) in (0..=u8::MAX).zip(&mut table.by_byte[transport][speaker as usize]) {
                        if signature.admits(byte) {
                            ids.insert(id);
                        }
                    }
                }
            }
        }
        Some(table)
    }

    /// Those to ask of what a side said, in whichever role it may be.
    fn of(&self, transport: usize, speaker: Speaker, first: u8, midstream: bool) -> Ids {
        let of = |speaker: Speaker| {
            self.by_byte.get(transport).map_or(Ids::default(), |by| by[speaker as usize][usize::from(first)])
        };
        if midstream { of(Speaker::Client).or(of(Speaker::Server)) } else { of(speaker) }
    }
}

fn speaks(spoken: Spoken, speaker: Speaker) -> bool {
    match spoken {
        Spoken::Client => speaker == Speaker::Client,
        Spoken::Server => speaker == Speaker::Server,
        Spoken::Either => true,
    }
}

impl Signatures {
    /// Signatures of a set at most.
    pub const MAX: usize = 256;

    /// None: what is identified is what is built in.
    pub const NONE: &'static Self = &Self { signatures: Vec::new(), protocols: Vec::new(), table: None };

    /// The signatures with what they stand for, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Protocol, &Signature)> {
        self.protocols.iter().copied().zip(&self.signatures)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.signatures.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.signatures.is_empty()
    }

    pub(crate) fn protocol(&self, rank: Rank) -> Option<Protocol> {
        self.protocols.get(usize::from(rank.position.0)).copied()
    }

    /// Asks those that the first bytes leave.
    pub(crate) fn find(&self, exchange: &Exchange<'_>) -> Finding {
        let mut finding = Finding::default();
        let Some(table) = &self.table else { return finding };
        self.ask(table, exchange, |signature, position, said, side| {
            let fit = signature.fit(exchange.server_port);
            let rank = Some(Rank { strength: signature.strength(), fit, position: Reverse(position) });
            match said {
                Match::No => {}
                Match::Yes(_) => finding.best = finding.best.max(rank),
                Match::Maybe => {
                    finding.beginning = true;
                    if !side.closed {
                        finding.pending = finding.pending.max(rank);
                    }
                }
            }
        });
        finding.waiting = !exchange.midstream
            && place(exchange.transport).and_then(|transport| table.any.get(transport)).is_some_and(|any| {
                [&exchange.client, &exchange.server]
                    .into_iter()
                    .zip(any)
                    .any(|(side, &any)| any && side.is_empty() && !side.closed)
            });
        finding
    }

    /// What the exchange is by its signatures, or could turn out to be by what was said.
    pub(crate) fn candidates(&self, exchange: &Exchange<'_>) -> ProtocolSet {
        let mut candidates = ProtocolSet::EMPTY;
        if let Some(table) = &self.table {
            self.ask(table, exchange, |_, position, said, _| {
                if let Some(&protocol) = self.protocols.get(usize::from(position))
                    && said != Match::No
                {
                    candidates.insert(protocol);
                }
            });
        }
        candidates
    }

    fn ask(
        &self,
        table: &Table,
        exchange: &Exchange<'_>,
        mut told: impl FnMut(&Signature, u8, Match, &Side<'_>),
    ) {
        let Some(transport) = place(exchange.transport) else { return };
        for (side, speaker) in [&exchange.client, &exchange.server].into_iter().zip(SPEAKERS) {
            let Some(&first) = side.bytes.first() else { continue };
            for position in table.of(transport, speaker, first, exchange.midstream).iter() {
                if let Some(signature) = self.signatures.get(usize::from(position)) {
                    told(signature, position, signature.check(side, exchange.transport), side);
                }
            }
        }
    }
}

impl Draft {
    /// Puts signatures together; where two are equal otherwise, the earlier goes first.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn new(signatures: Vec<Signature>) -> Result<Self, DraftError> {
        if signatures.len() > Signatures::MAX {
            return Err(DraftError::TooMany);
        }
        for (later, signature) in signatures.iter().enumerate() {
            if let Some(earlier) = signatures[..later].iter().position(|one| one.asks_as(signature)) {
                return Err(DraftError::Same(earlier, later));
            }
        }
        let mut names: Vec<String> = Vec::new();
        let mut protocols = Vec::with_capacity(signatures.len());
        for (position, signature) in signatures.iter().enumerate() {
            let name = signature.name();
            let protocol = Protocol::built_in(name).or_else(|| {
                let place = names.iter().position(|known| known == name).unwrap_or_else(|| {
                    names.push(name.to_owned());
                    names.len() - 1
                });
                Protocol::OWN.get(place).copied()
            });
            protocols.push(protocol.ok_or(DraftError::Names(position))?);
        }
        let table = Table::new(&signatures);
        Ok(Self { set: Signatures { signatures, protocols, table }, names })
    }

    /// The signatures, in order.
    pub fn signatures(&self) -> &[Signature] {
        &self.set.signatures
    }

    /// The names that are not built in.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// What an exchange of which no more comes is by these signatures and what is built in: its name and the proof.
    pub fn identify(&self, exchange: &Exchange<'_>) -> Option<(&str, Proof)> {
        match identify_by(exchange, Stage::Last, &self.set, Candidates::for_exchange) {
            Answer::Identified(protocol, proof) => {
                let own = protocol.index().checked_sub(Protocol::ALL.len());
                let name = own
                    .map_or_else(|| Some(protocol.name()), |place| self.names.get(place).map(String::as_str));
                Some((name?, proof))
            }
            Answer::NeedMore | Answer::NotRecognised => None,
        }
    }

    /// The set, with the places that it would take if there were no other names.
    pub(crate) fn provisional(&self) -> &Signatures {
        &self.set
    }

    /// Interns the names: the signatures can be put in force.
    ///
    /// # Errors
    /// [`NameError::TooMany`], where names of earlier sets have taken the places.
    pub fn adopt(self) -> Result<Signatures, NameError> {
        let Self { mut set, .. } = self;
        set.protocols = set
            .signatures
            .iter()
            .map(|signature| Protocol::intern(signature.name()))
            .collect::<Result<_, _>>()?;
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::condition::Condition;
    use super::super::pattern::Pattern;
    use super::super::signature::Parts;
    use super::super::signature::tests::parts;
    use super::*;
    use crate::talk::Talk;

    fn draft(parts: impl IntoIterator<Item = Parts>) -> Draft {
        let signatures = parts.into_iter().map(|parts| Signature::new(parts).unwrap()).collect();
        Draft::new(signatures).unwrap()
    }

    fn server(name: &str, bytes: &[u8]) -> Parts {
        Parts { spoken: Spoken::Server, ..parts(name, bytes) }
    }

    fn pattern(name: &str, text: &str) -> Parts {
        let condition = Condition::pattern(0, Pattern::new(text).unwrap()).unwrap();
        Parts { conditions: vec![condition], ..parts(name, b"x") }
    }

    fn named<'d>(draft: &'d Draft, talk: &Talk) -> Option<&'d str> {
        draft.identify(&talk.exchange()).map(|(name, _)| name)
    }

    fn open(draft: &Draft, talk: &Talk) -> Answer {
        identify_by(&talk.exchange(), Stage::Open, &draft.set, Candidates::for_exchange)
    }

    const FIRST_OWN: Protocol = Protocol::OWN[0];

    #[test]
    fn none_says_nothing() {
        let talk = Talk::tcp().client(b"acme");
        assert_eq!(Signatures::NONE.find(&talk.exchange()), Finding::default());
        assert!(Signatures::NONE.candidates(&talk.exchange()).is_empty());
    }

    #[test]
    fn a_name_is_given_and_kept() {
        let set = draft([parts("acme-set-test", b"acme"), parts("ssh", b"hhss")]).adopt().unwrap();
        let acme = Protocol::from_name("acme-set-test").unwrap();
        assert_eq!(set.iter().map(|(protocol, _)| protocol).collect::<Vec<_>>(), [acme, Protocol::Ssh]);
        assert!(set.candidates(&Talk::tcp().client(b"ac").exchange()).contains(acme));
        let answer =
            identify_by(&Talk::tcp().client(b"acme").exchange(), Stage::Open, &set, Candidates::for_exchange);
        assert_eq!(answer, Answer::Identified(acme, Proof::Banner));
    }

    #[test]
    fn a_beginning_is_waited_for_and_junk_is_not() {
        let draft = draft([parts("acme", b"\xac\x3e\x01\x02")]);
        assert_eq!(open(&draft, &Talk::tcp().client(b"\xac\x3e")), Answer::NeedMore);
        let whole = Talk::tcp().client(b"\xac\x3e").client(b"\x01\x02");
        assert_eq!(open(&draft, &whole), Answer::Identified(FIRST_OWN, Proof::Banner));
        let junk = b"\xac\x3f\x01\x02 junk that nothing begins with";
        assert_eq!(open(&draft, &Talk::tcp().client(junk)), Answer::NotRecognised);
        assert_eq!(named(&draft, &Talk::udp().client(b"\xac\x3e\x01\x02")), None, "another transport");
    }

    #[test]
    fn a_side_that_is_silent_is_waited_for_but_not_for_ever() {
        let draft = draft([server("acme", b"acme")]);
        let junk = Talk::tcp().client(b"\xde\xad\xbe\xef\x8b\xad\xf0\x0d");
        assert_eq!(open(&draft, &junk), Answer::NeedMore);
        let last = identify_by(&junk.exchange(), Stage::Last, &draft.set, Candidates::for_exchange);
        assert_eq!(last, Answer::NotRecognised, "silence is no beginning");
        assert_eq!(named(&draft, &junk.clone().server(b"acme")), Some("acme"));
        assert_eq!(open(&draft, &junk.server(b"emca")), Answer::NotRecognised);
        let http = Talk::tcp().client(b"GET / HTTP/1.1\r\n");
        assert_eq!(open(&draft, &http), Answer::Identified(Protocol::Http, Proof::Banner), "not held up");
    }

    #[test]
    fn among_equals_a_signature_goes_before_what_is_built_in() {
        let get = b"GET /acme HTTP/1.1\r\n";
        let sized = |name, ports| Parts { ports, ..parts(name, b"GET /acme") };
        assert_eq!(named(&draft([sized("acme", vec![])]), &Talk::tcp().client(get)), Some("acme"));
        // The talk's port is 50001.
        let named_port = draft([sized("acme", vec![50_001..=50_001])]);
        assert_eq!(named(&named_port, &Talk::tcp().client(get)), Some("acme"));
        let other_port = draft([sized("acme", vec![1..=99])]);
        assert_eq!(named(&other_port, &Talk::tcp().client(get)), Some("http"));
        let weak = Parts { strength: Some(Proof::Heuristic), ..parts("acme", b"GET /acme") };
        assert_eq!(named(&draft([weak]), &Talk::tcp().client(get)), Some("http"));
    }

    #[test]
    fn what_could_outrank_is_waited_for_however_it_is_cut() {
        let draft = draft([pattern("acme", "GET /[a-z]* HTTP/1.1\r\nX-Acme: ")]);
        let request = b"GET /a HTTP/1.1\r\nX-Acme: 1\r\n\r\n";
        for cut in 1..request.len() {
            let (early, late) = request.split_at(cut);
            let early = Talk::tcp().client(early);
            if cut < 25 {
                assert_eq!(open(&draft, &early), Answer::NeedMore, "{cut}");
            }
            let whole = early.client(late);
            assert_eq!(open(&draft, &whole), Answer::Identified(FIRST_OWN, Proof::Banner));
        }
        let early = Talk::tcp().client(&request[..20]);
        let mut finished = early.exchange();
        finished.client.closed = true;
        let answer = identify_by(&finished, Stage::Open, &draft.set, Candidates::for_exchange);
        assert_eq!(answer, Answer::Identified(Protocol::Http, Proof::Banner), "no more can come");
        let other = Talk::tcp().client(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(open(&draft, &other), Answer::Identified(Protocol::Http, Proof::Banner));
    }

    #[test]
    fn strength_then_port_then_order() {
        let banner = parts("banner", b"\xacbcd");
        let weak = parts("weak", b"\xacb");
        let ported = Parts { ports: vec![50_001..=50_001], ..parts("ported", b"\xacbcde") };
        let later = parts("later", b"\xacbcdef");
        let talk = Talk::tcp().client(b"\xacbcdef");
        let named = |parts: &[&Parts]| {
            named(&draft(parts.iter().map(|&parts| parts.clone())), &talk).unwrap().to_owned()
        };
        assert_eq!(named(&[&weak, &banner]), "banner");
        assert_eq!(named(&[&banner, &later]), "banner");
        assert_eq!(named(&[&later, &banner]), "later");
        assert_eq!(named(&[&banner, &ported]), "ported");
    }

    #[test]
    fn midstream_either_side_may_be_either() {
        let draft = draft([parts("acme", b"acme")]);
        assert_eq!(named(&draft, &Talk::tcp().midstream().server(b"acme")), Some("acme"));
        assert_eq!(named(&draft, &Talk::tcp().server(b"acme")), None);
    }

    #[test]
    fn sets_are_bounded_and_free_of_doubles() {
        let new = |parts: Vec<Parts>| {
            Draft::new(parts.into_iter().map(|parts| Signature::new(parts).unwrap()).collect()).unwrap_err()
        };
        let many = |count: u16, name: fn(u16) -> String| {
            (0..count).map(|n| parts(&name(n), &n.to_be_bytes())).collect::<Vec<_>>()
        };
        assert_eq!(new(many(257, |_| "a".into())), DraftError::TooMany);
        assert_eq!(new(many(49, |n| format!("a{n}"))), DraftError::Names(Protocol::MAX_OWN));
        assert_eq!(new(vec![parts("a", b"a"), parts("b", b"b"), parts("c", b"a")]), DraftError::Same(0, 2));
    }

    /// Signatures that share beginnings, of both sides and all strengths; no built-in protocol begins with 0xac 0x3e.
    fn tangle() -> Draft {
        let either = |name, bytes| Parts { spoken: Spoken::Either, ..parts(name, bytes) };
        draft([
            parts("two", b"\xac\x3e"),
            parts("four", b"\xac\x3e\x01\x02"),
            Parts { ports: vec![50_001..=50_001], ..parts("six", b"\xac\x3e\x01\x02\x03\x04") },
            pattern("digits", r"\xac\x3e[0-9]{8}\n"),
            pattern("late", r"(?s)\xac\x3e.*\xfe\xdc\xba"),
            server("greets", b"\xac\x3e\x11\x22"),
            either("both", b"\xac\x3e\x99\x99\x99"),
        ])
    }

    fn said() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"\xac\x3e"[..],
            b"\x01\x02",
            b"\x03\x04",
            b"\x11\x22",
            b"\x99\x99\x99",
            b"1234",
            b"5678\n",
            b"\xfe\xdc\xba",
            b"\xac",
            b"\0",
        ]);
        prop::collection::vec(piece, 0..5)
            .prop_map(|pieces| [b"\xac\x3e", pieces.concat().as_slice()].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        /// Asked at every arrival, the first answer is the one that the whole conversation gives.
        #[test]
        fn the_answer_does_not_depend_on_cuts_or_on_who_speaks_first(
            client in said(),
            server in prop::option::of(said()),
            cuts in prop::collection::vec((any::<bool>(), 1..6usize), 0..30),
        ) {
            let draft = tangle();
            let server = server.unwrap_or_default();
            let mut whole = Talk::tcp().client(&client);
            if !server.is_empty() {
                whole = whole.server(&server);
            }
            let both_said_all = named(&draft, &whole);
            // By the client alone, if the server is not waited for.
            let (mut rest, mut other, mut talk) = (&client[..], &server[..], Talk::tcp());
            let mut answer = Answer::NeedMore;
            let all = [(false, usize::MAX), (true, usize::MAX)];
            for (of_server, count) in cuts.into_iter().chain(all) {
                let source = if of_server { &mut other } else { &mut rest };
                let (part, left) = source.split_at(count.min(source.len()));
                *source = left;
                if part.is_empty() {
                    continue;
                }
                talk = if of_server { talk.server(part) } else { talk.client(part) };
                answer = open(&draft, &talk);
                if answer != Answer::NeedMore {
                    break;
                }
            }
            match answer {
                Answer::Identified(protocol, proof) => {
                    let name = draft.names.get(protocol.index() - Protocol::ALL.len()).map(String::as_str);
                    // A proof of one side is not held up for what the other might still prove better.
                    let by_one = [Talk::tcp().client(&client), Talk::tcp().server(&server)];
                    let one = by_one.iter().any(|talk| named(&draft, talk) == name);
                    prop_assert!(name == both_said_all || one, "{name:?} {proof:?}, not {both_said_all:?}");
                    prop_assert!(proof > Proof::Heuristic || name == both_said_all);
                }
                Answer::NotRecognised => prop_assert_eq!(both_said_all, None),
                Answer::NeedMore => {}
            }
        }

        /// Which of them are asked makes no difference.
        #[test]
        fn the_table_leaves_nobody_out(client in said(), server in said(), udp: bool, midstream: bool) {
            let draft = tangle();
            let talk = if udp { Talk::udp() } else { Talk::tcp() };
            let talk = if midstream { talk.midstream() } else { talk };
            let talk = talk.client(&client).server(&server);
            let exchange = talk.exchange();
            let mut every = ProtocolSet::EMPTY;
            for (protocol, signature) in draft.set.iter() {
                let sides = [(&exchange.client, Speaker::Client), (&exchange.server, Speaker::Server)];
                for (side, speaker) in sides {
                    let role = midstream || speaks(signature.spoken(), speaker);
                    let here = signature.transports().contains(&exchange.transport);
                    if role && here && signature.check(side, exchange.transport) != Match::No {
                        every.insert(protocol);
                    }
                }
            }
            prop_assert_eq!(draft.set.candidates(&exchange), every);
        }
    }
}
