//! One signature: conditions on what one side says first, all of which must hold.

use std::fmt;
use std::ops::RangeInclusive;

use offport_wire::Transport;

use super::WINDOW;
use super::bits::{self, Settled};
use super::condition::Condition;
use super::length::Length;
use crate::answer::Proof;
use crate::exchange::Side;
use crate::name::{NameError, Protocol};
use crate::probe::Match;

/// Whose first payload a signature describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// The client's.
    Client,
    /// The server's.
    Server,
    /// That of one of the two, whichever.
    Either,
}

/// What a signature is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The protocol that it stands for: a built-in name or one of its own.
    pub name: String,
    /// TCP, UDP and SCTP, or some of them.
    pub transports: Vec<Transport>,
    /// Whose payload.
    pub spoken: Spoken,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// And this.
    pub length: Option<Length>,
    /// The usual server ports: they order signatures of equal strength, and decide nothing.
    pub ports: Vec<RangeInclusive<u16>>,
    /// How strong a proof it is; `None`: as strong as it can be.
    pub strength: Option<Proof>,
}

/// A signature that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    parts: Parts,
    strength: Proof,
}

/// Why parts make no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The name cannot be a protocol's.
    Name(NameError),
    /// No transport, or another than TCP, UDP and SCTP.
    Transports,
    /// So few bits are settled that it would match by chance.
    TooWeak(u32),
    /// The strength is more than what is settled can prove.
    Strength {
        /// What was asked for.
        asked: Proof,
        /// What it comes to.
        proven: Proof,
        /// Bits that the conditions settle.
        bits: u32,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Transports => f.write_str("no transport that signatures know"),
            Self::TooWeak(0) => f.write_str("would match anything"),
            Self::TooWeak(bits) => {
                write!(f, "fixes {bits} bits: would match one payload in {}", 1u64 << bits)
            }
            Self::Strength { asked: Proof::Structure, bits, .. } if *bits >= BANNER_BITS => {
                f.write_str("a structure needs a length field")
            }
            Self::Strength { asked, proven, bits } => write!(
                f,
                "a {} needs {BANNER_BITS} fixed bits, these are {bits}: no more than a {}",
                asked.name(),
                proven.name()
            ),
        }
    }
}

impl std::error::Error for Flaw {}

/// Fewer fixed bits are no signature.
const LEAST_BITS: u32 = 8;
/// What a banner fixes at least, and a structure beside its length field.
const BANNER_BITS: u32 = 32;

impl Signature {
    /// Checks that `parts` say enough, and how much that proves: fewer than 32 fixed bits are a heuristic; that many, and a
    /// length field beside them, a structure; else a banner.
    ///
    /// # Errors
    /// [`Flaw`].
    pub fn new(parts: Parts) -> Result<Self, Flaw> {
        if Protocol::from_name(&parts.name).is_none() {
            Protocol::check_name(&parts.name).map_err(Flaw::Name)?;
        }
        let known = [Transport::TCP, Transport::UDP, Transport::SCTP];
        if parts.transports.is_empty() || !parts.transports.iter().all(|one| known.contains(one)) {
            return Err(Flaw::Transports);
        }
        let settled: Vec<Settled> = parts.conditions.iter().map(Condition::settled).collect();
        let fixed = bits::together(settled.clone());
        let field =
            parts.length.as_ref().and_then(|length| length.settled(is_over_stream(&parts.transports)));
        let bits = bits::together(settled.into_iter().chain(field).collect());
        if bits < LEAST_BITS {
            return Err(Flaw::TooWeak(bits));
        }
        let has_field = parts.length.as_ref().is_some_and(Length::has_field);
        let proven = match () {
            () if bits < BANNER_BITS => Proof::Heuristic,
            () if has_field && fixed >= BANNER_BITS => Proof::Structure,
            () => Proof::Banner,
        };
        match parts.strength {
            Some(asked) if asked > proven => Err(Flaw::Strength { asked, proven, bits: fixed }),
            strength => Ok(Self { strength: strength.unwrap_or(proven), parts }),
        }
    }

    /// What it stands for.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// How strong a proof it is.
    pub fn strength(&self) -> Proof {
        self.strength
    }

    /// What it runs over.
    pub fn transports(&self) -> &[Transport] {
        &self.parts.transports
    }

    /// Its usual server ports.
    pub fn ports(&self) -> &[RangeInclusive<u16>] {
        &self.parts.ports
    }

    pub(super) fn spoken(&self) -> Spoken {
        self.parts.spoken
    }

    /// Whether the two ask for the same, so that the later one would never be heard.
    pub(super) fn asks_as(&self, other: &Self) -> bool {
        let (one, other) = (&self.parts, &other.parts);
        one.spoken == other.spoken
            && one.conditions == other.conditions
            && one.length == other.length
            && one.transports.iter().any(|transport| other.transports.contains(transport))
    }

    /// How well the server's port fits: one of its ports; it has none; another.
    pub(super) fn fit(&self, server_port: u16) -> u8 {
        match self.ports() {
            [] => 1,
            ports if ports.iter().any(|ports| ports.contains(&server_port)) => 2,
            _ => 0,
        }
    }

    /// Whether payload that begins with `byte` can fulfil it.
    pub(super) fn admits(&self, byte: u8) -> bool {
        self.parts.conditions.iter().all(|condition| condition.admits(byte))
    }

    /// What it says of a side that has spoken.
    pub(super) fn check(&self, side: &Side<'_>, transport: Transport) -> Match {
        let datagrams = transport == Transport::UDP;
        let bytes = if datagrams { side.first_datagram() } else { side.bytes };
        let mut all = Match::Yes(self.strength);
        for condition in &self.parts.conditions {
            match condition.over(bytes) {
                Match::Yes(_) => {}
                Match::Maybe => all = Match::Maybe,
                Match::No => return Match::No,
            }
        }
        match &self.parts.length {
            Some(length) if datagrams => all = all.and_holds(length.over_datagram(side)),
            Some(length) => all = all.and_holds(length.over_stream(bytes)),
            None => {}
        }
        // A datagram does not grow, and nothing is looked at behind the window.
        let grows = !datagrams && bytes.len() < WINDOW;
        if all == Match::Maybe && !grows { Match::No } else { all }
    }
}

impl Match {
    /// Both must hold, and the proof is the first's.
    fn and_holds(self, other: Self) -> Self {
        match (self, other) {
            (_, Self::No) | (Self::No, _) => Self::No,
            (_, Self::Maybe) => Self::Maybe,
            (first, Self::Yes(_)) => first,
        }
    }
}

/// Whether one of them is a stream.
pub(super) fn is_over_stream(transports: &[Transport]) -> bool {
    transports.iter().any(|&transport| transport != Transport::UDP)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::length::{ByteOrder, Counts, LengthField};
    use super::super::pattern::Pattern;
    use super::*;

    pub(in super::super) fn parts(name: &str, bytes: &[u8]) -> Parts {
        Parts {
            name: name.to_owned(),
            transports: vec![Transport::TCP],
            spoken: Spoken::Client,
            conditions: vec![Condition::bytes(0, bytes, None).unwrap()],
            length: None,
            ports: Vec::new(),
            strength: None,
        }
    }

    fn field(stream: bool) -> Option<Length> {
        let (order, counts) = (ByteOrder::Big, Counts::Rest);
        let field = LengthField { offset: 4, width: 2, order, counts, plus: 0 };
        Some(Length::new(0, Some(300), Some(field), stream).unwrap())
    }

    fn strength(parts: Parts) -> Proof {
        Signature::new(parts).unwrap().strength()
    }

    #[test]
    fn strength_is_what_is_settled() {
        assert_eq!(strength(parts("a", b"ac")), Proof::Heuristic);
        assert_eq!(strength(parts("a", b"acm")), Proof::Heuristic);
        assert_eq!(strength(parts("a", b"acme")), Proof::Banner);
        assert_eq!(strength(Parts { length: field(true), ..parts("a", b"acme") }), Proof::Structure);
        assert_eq!(strength(Parts { length: field(true), ..parts("a", b"acm") }), Proof::Heuristic);
        let udp = Parts { transports: vec![Transport::UDP], length: field(false), ..parts("a", b"acm") };
        assert_eq!(strength(udp), Proof::Banner, "all bits of a field that agrees count");
        assert_eq!(
            strength(Parts { strength: Some(Proof::Heuristic), ..parts("a", b"acme") }),
            Proof::Heuristic
        );
    }

    #[test]
    fn nothing_is_stronger_than_what_it_proves() {
        let asked =
            |strength, parts| Signature::new(Parts { strength: Some(strength), ..parts }).unwrap_err();
        let (banner, structure) = (Proof::Banner, Proof::Structure);
        assert_eq!(
            asked(banner, parts("a", b"acm")),
            Flaw::Strength { asked: banner, proven: Proof::Heuristic, bits: 24 }
        );
        assert_eq!(
            asked(structure, parts("a", b"acme")),
            Flaw::Strength { asked: structure, proven: banner, bits: 32 }
        );
    }

    #[test]
    fn what_would_match_anything_is_refused() {
        let refused = |parts| Signature::new(parts).unwrap_err();
        assert_eq!(refused(Parts { conditions: Vec::new(), ..parts("a", b"x") }), Flaw::TooWeak(0));
        let masked = Condition::bytes(0, b"\x40", Some(b"\xf0")).unwrap();
        assert_eq!(refused(Parts { conditions: vec![masked], ..parts("a", b"x") }), Flaw::TooWeak(4));
        assert_eq!(refused(Parts { transports: Vec::new(), ..parts("a", b"x") }), Flaw::Transports);
        assert_eq!(refused(parts("unknown", b"x")), Flaw::Name(NameError::Reserved));
        assert_eq!(refused(parts("No", b"x")), Flaw::Name(NameError::Malformed));
        assert!(Signature::new(parts("ssh", b"x")).is_ok(), "a built-in name");
    }

    #[test]
    fn all_conditions_must_hold() {
        let mut both = parts("a", b"acme");
        both.conditions.push(Condition::pattern(4, Pattern::new("[0-9]{2}").unwrap()).unwrap());
        let signature = Signature::new(both).unwrap();
        let check = |bytes: &[u8]| signature.check(&Side::one(bytes, &[]), Transport::TCP);
        assert_eq!(check(b"ac"), Match::Maybe);
        assert_eq!(check(b"acme1"), Match::Maybe);
        assert_eq!(check(b"acme12"), Match::Yes(Proof::Banner));
        assert_eq!(check(b"acmex"), Match::No);
        assert_eq!(check(b"bcme12"), Match::No);
    }

    #[test]
    fn a_datagram_and_a_full_window_do_not_grow() {
        let mut late = parts("a", b"acme");
        late.transports.push(Transport::UDP);
        late.conditions.push(Condition::pattern(4, Pattern::new("(?s).*END").unwrap()).unwrap());
        let signature = Signature::new(late).unwrap();
        let check =
            |bytes: &[u8], transport| signature.check(&Side::one(bytes, &[bytes.len() as u16]), transport);
        assert_eq!(check(b"acme..", Transport::TCP), Match::Maybe);
        assert_eq!(check(b"acme..", Transport::UDP), Match::No);
        assert_eq!(check(b"acme..END", Transport::UDP), Match::Yes(Proof::Banner));
        let full = [b"acme".as_slice(), &[b'.'; WINDOW - 4]].concat();
        assert_eq!(check(&full[..WINDOW - 1], Transport::TCP), Match::Maybe);
        assert_eq!(check(&full, Transport::TCP), Match::No);
        let two = Side { ends: &[6], ..Side::one(b"acme..END", &[]) };
        assert_eq!(signature.check(&two, Transport::UDP), Match::No, "the first datagram only");
    }
}
