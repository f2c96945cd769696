//! How much a condition settles, in bits: what random bytes would have to get right.

use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind};

/// Bits, and where in the payload they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) bits: u32,
    pub(super) at: Range<usize>,
}

/// What conditions settle together. Those that look at the same place may say the same thing: the one that says most counts.
pub(super) fn together(mut settled: Vec<Settled>) -> u32 {
    settled.sort_by_key(|one| std::cmp::Reverse(one.bits));
    let mut counted: Vec<Settled> = Vec::new();
    for one in settled {
        if counted.iter().all(|other| one.at.end <= other.at.start || other.at.end <= one.at.start) {
            counted.push(one);
        }
    }
    counted.iter().map(|one| one.bits).sum()
}

/// What a regular expression settles at least.
pub(super) fn of(hir: &Hir) -> u32 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => u32::try_from(literal.0.len()).unwrap_or(u32::MAX).saturating_mul(8),
        HirKind::Class(Class::Bytes(class)) => {
            let values: u32 =
                class.iter().map(|range| u32::from(range.end()) - u32::from(range.start()) + 1).sum();
            8 - log2_up(values).min(8)
        }
        // Characters have several bytes, some of which others have too: not counted.
        HirKind::Class(Class::Unicode(_)) => 0,
        HirKind::Repetition(repetition) => repetition.min.saturating_mul(of(&repetition.sub)),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(of).fold(0, u32::saturating_add),
        HirKind::Alternation(branches) => {
            let least = branches.iter().map(of).min().unwrap_or(0);
            least.saturating_sub(log2_up(u32::try_from(branches.len()).unwrap_or(u32::MAX)))
        }
    }
}

/// Logarithm to base 2, rounded up.
pub(super) const fn log2_up(values: u32) -> u32 {
    match values {
        0 | 1 => 0,
        values => u32::BITS - (values - 1).leading_zeros(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(pattern: &str) -> u32 {
        let mut parser = regex_syntax::ParserBuilder::new().utf8(false).unicode(false).build();
        of(&parser.parse(pattern).unwrap())
    }

    #[test]
    fn bits_are_what_chance_would_have_to_meet() {
        assert_eq!(bits("ACME"), 32);
        assert_eq!(bits("ACME.*"), 32);
        assert_eq!(bits("[0-9]"), 4);
        assert_eq!(bits("[0-9]{3}x?"), 12);
        assert_eq!(bits("(?s)."), 0);
        assert_eq!(bits("(GET|PUT|TOP) /"), 24 - 2 + 16);
        assert_eq!(bits("(?i)a"), 7);
        assert_eq!(bits("a{100000}"), 800_000);
    }

    #[test]
    fn the_same_place_counts_once() {
        let at = |bits, at| Settled { bits, at };
        assert_eq!(together(vec![at(16, 0..2), at(32, 2..6)]), 48);
        assert_eq!(together(vec![at(16, 0..2), at(32, 1..5)]), 32);
        assert_eq!(together(vec![at(8, 0..1), at(8, 3..4), at(40, 0..512)]), 40);
        assert_eq!(together(Vec::new()), 0);
    }
}
