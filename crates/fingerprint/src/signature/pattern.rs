//! A regular expression over bytes, as a table that is walked once, byte by byte.

use std::fmt;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::bits;
use crate::answer::Proof;
use crate::probe::Match;

/// Bytes of a regular expression's text.
pub const MAX_PATTERN: usize = 256;

/// Bytes of a regular expression's table, and of what it is made from.
const MAX_TABLE: usize = 128 << 10;
const MAX_NFA: usize = 256 << 10;
const MAX_WORK: usize = 2 << 20;

/// A regular expression. It begins where it is laid on, ends where it has matched, and knows bytes, not characters.
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
    bits: u32,
    shortest: usize,
    longest: Option<usize>,
}

/// Why a regular expression is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// More than [`MAX_PATTERN`] bytes of text.
    TooLong(usize),
    /// Not the syntax of regular expressions; what its parser says.
    Syntax(String),
    /// `^`, `$`, `\b` and their like.
    Assertion,
    /// It matches the empty string, so everything.
    MatchesNothing,
    /// A part of it, as `[^\x00-\xff]`, matches no byte at all.
    NeverMatches,
    /// Its table would have more than 128 KiB.
    TooLarge,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => write!(f, "{len} bytes long, more than {MAX_PATTERN}"),
            Self::Syntax(words) => write!(f, "not a regular expression: {words}"),
            Self::Assertion => f.write_str("has an assertion (^, $, \\b or the like)"),
            Self::MatchesNothing => f.write_str("matches the empty string, and so everything"),
            Self::NeverMatches => f.write_str("has a part that nothing can match"),
            Self::TooLarge => write!(f, "needs a table of more than {} KiB", MAX_TABLE >> 10),
        }
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Compiles `text`: the syntax of the `regex` crate, bytes instead of characters (`.` is any byte but a line feed,
    /// `(?s).` any byte, `\xff` a byte), no assertions. What matches the first bytes is enough.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::TooLong(text.len()));
        }
        let mut parser = regex_syntax::ParserBuilder::new().utf8(false).unicode(false).nest_limit(32).build();
        let hir = parser.parse(text).map_err(|error| PatternError::Syntax(first_cause(&error)))?;
        let properties = hir.properties();
        if !properties.look_set().is_empty() {
            return Err(PatternError::Assertion);
        }
        if has_empty_class(&hir) {
            return Err(PatternError::NeverMatches);
        }
        let shortest = properties.minimum_len().ok_or(PatternError::NeverMatches)?;
        if shortest == 0 {
            return Err(PatternError::MatchesNothing);
        }
        let dfa = compile(&hir).ok_or(PatternError::TooLarge)?;
        let anchored = start::Config::new().anchored(Anchored::Yes);
        let start = dfa.start_state(&anchored).map_err(|_| PatternError::Assertion)?;
        let (bits, longest) = (bits::of(&hir), properties.maximum_len());
        Ok(Self { text: text.into(), dfa, start, bits, shortest, longest })
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// Bytes that it needs at least.
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Bytes that it looks at.
    pub(super) fn longest(&self) -> usize {
        self.longest.unwrap_or(usize::MAX)
    }

    /// Whether what begins with `byte` can match.
    pub(super) fn admits(&self, byte: u8) -> bool {
        !self.dfa.is_dead_state(self.dfa.next_state(self.start, byte))
    }

    /// Whether `bytes` begin with a match. One step per byte; a table is behind by one byte, hence the last step.
    pub(super) fn over(&self, bytes: &[u8]) -> Match {
        let mut state = self.start;
        for &byte in bytes {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    return Match::Yes(Proof::Structure);
                }
                if self.dfa.is_dead_state(state) || self.dfa.is_quit_state(state) {
                    return Match::No;
                }
            }
        }
        let end = self.dfa.next_eoi_state(state);
        if self.dfa.is_match_state(end) { Match::Yes(Proof::Structure) } else { Match::Maybe }
    }
}

fn compile(hir: &Hir) -> Option<dense::DFA<Vec<u32>>> {
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(MAX_NFA))
                .which_captures(thompson::WhichCaptures::None),
        )
        .build_from_hir(hir)
        .ok()?;
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .accelerate(false)
        .dfa_size_limit(Some(MAX_TABLE))
        .determinize_size_limit(Some(MAX_WORK));
    dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()
}

/// The parser draws the pattern over several lines: its last one says what is wrong.
fn first_cause(error: &regex_syntax::Error) -> String {
    let text = error.to_string();
    let words = text.lines().last().unwrap_or_default();
    words.trim().trim_start_matches("error: ").to_owned()
}

fn has_empty_class(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) => false,
        HirKind::Class(Class::Bytes(class)) => class.ranges().is_empty(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().is_empty(),
        HirKind::Repetition(repetition) => has_empty_class(&repetition.sub),
        HirKind::Capture(capture) => has_empty_class(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_empty_class),
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Match = Match::Yes(Proof::Structure);

    #[track_caller]
    fn over(pattern: &str, bytes: &[u8]) -> Match {
        Pattern::new(pattern).unwrap().over(bytes)
    }

    #[test]
    fn a_beginning_is_a_doubt_until_it_matches_or_cannot() {
        assert_eq!(over("HELO [a-z]+;", b""), Match::Maybe);
        assert_eq!(over("HELO [a-z]+;", b"HELO ab"), Match::Maybe);
        assert_eq!(over("HELO [a-z]+;", b"HELO ab;"), YES);
        assert_eq!(over("HELO [a-z]+;", b"HELO ab;junk"), YES);
        assert_eq!(over("HELO [a-z]+;", b"HELO aB"), Match::No);
        assert_eq!(over("HELO", b"xHELO"), Match::No, "anchored");
    }

    #[test]
    fn it_knows_bytes() {
        assert_eq!(over(r"\xff\x00", b"\xff\x00"), YES);
        assert_eq!(over("a.b", b"a\xffb"), YES);
        assert_eq!(over("a.b", b"a\nb"), Match::No);
        assert_eq!(over("(?s)a.b", b"a\nb"), YES);
        assert_eq!(over("(?i)acme", b"AcMe"), YES);
    }

    #[test]
    fn what_is_not_taken_says_why() {
        let refused = |pattern: &str| Pattern::new(pattern).unwrap_err();
        assert_eq!(refused(&"a".repeat(257)), PatternError::TooLong(257));
        assert_eq!(refused("^a"), PatternError::Assertion);
        assert_eq!(refused("a$"), PatternError::Assertion);
        assert_eq!(refused(r"a\bb"), PatternError::Assertion);
        assert_eq!(refused("a*"), PatternError::MatchesNothing);
        assert_eq!(refused(""), PatternError::MatchesNothing);
        assert_eq!(refused(r"a|b[^\x00-\xff]"), PatternError::NeverMatches);
        assert_eq!(refused("(a{1000}){1000}"), PatternError::TooLarge);
        assert_eq!(refused("[a-z]{0,400}[^a]{400}(a|ab|b)*x"), PatternError::TooLarge);
        assert_eq!(refused("(a"), PatternError::Syntax("unclosed group".into()));
    }

    #[test]
    fn what_a_first_byte_leaves() {
        let pattern = Pattern::new("[a-c]x").unwrap();
        assert!(pattern.admits(b'b') && !pattern.admits(b'x'));
        assert!(Pattern::new("a").unwrap().admits(b'a'), "a match of one byte");
    }
}
