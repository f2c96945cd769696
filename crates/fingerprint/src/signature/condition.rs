//! What must stand at an offset.

use std::fmt;

use super::WINDOW;
use super::bits::Settled;
use super::pattern::Pattern;
use crate::answer::Proof;
use crate::probe::Match;

/// What must stand at an offset of a side's first payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    offset: usize,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    /// Each byte, where it is masked, is the one of the same place.
    Bytes(Box<[Masked]>),
    Pattern(Box<Pattern>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Masked {
    value: u8,
    mask: u8,
}

impl Masked {
    const fn fits(self, byte: u8) -> bool {
        (byte ^ self.value) & self.mask == 0
    }
}

/// Why a condition is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionError {
    /// No bytes.
    Empty,
    /// Mask and bytes differ in length.
    MaskLength {
        /// Bytes of the mask.
        mask: usize,
        /// Bytes under it.
        bytes: usize,
    },
    /// A byte has bits where the mask has none: one of the two is wrong.
    BehindMask(usize),
    /// It ends behind the first [`WINDOW`] bytes.
    Beyond(usize),
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::MaskLength { mask, bytes } => write!(f, "{mask} bytes of mask for {bytes} bytes"),
            Self::BehindMask(at) => write!(f, "byte {at} has bits that the mask takes away"),
            Self::Beyond(end) => write!(f, "ends at {end}, but only the first {WINDOW} bytes are looked at"),
        }
    }
}

impl std::error::Error for ConditionError {}

impl Condition {
    /// These bytes, where `mask` has bits; without a mask, all of them.
    ///
    /// # Errors
    /// [`ConditionError`].
    pub fn bytes(offset: usize, bytes: &[u8], mask: Option<&[u8]>) -> Result<Self, ConditionError> {
        if bytes.is_empty() {
            return Err(ConditionError::Empty);
        }
        if let Some(mask) = mask.filter(|mask| mask.len() != bytes.len()) {
            return Err(ConditionError::MaskLength { mask: mask.len(), bytes: bytes.len() });
        }
        let masks = mask.unwrap_or_default().iter().copied().chain(std::iter::repeat(0xff));
        let masked: Box<[Masked]> =
            bytes.iter().zip(masks).map(|(&value, mask)| Masked { value, mask }).collect();
        if let Some(at) = masked.iter().position(|one| one.value & !one.mask != 0) {
            return Err(ConditionError::BehindMask(at));
        }
        Self { offset, what: What::Bytes(masked) }.within()
    }

    /// A match of this regular expression.
    ///
    /// # Errors
    /// [`ConditionError::Beyond`].
    pub fn pattern(offset: usize, pattern: Pattern) -> Result<Self, ConditionError> {
        Self { offset, what: What::Pattern(Box::new(pattern)) }.within()
    }

    fn within(self) -> Result<Self, ConditionError> {
        let end = self.end();
        if end <= WINDOW { Ok(self) } else { Err(ConditionError::Beyond(end)) }
    }

    /// Where it ends at the earliest.
    pub(super) fn end(&self) -> usize {
        let len = match &self.what {
            What::Bytes(bytes) => bytes.len(),
            What::Pattern(pattern) => pattern.shortest(),
        };
        self.offset.saturating_add(len)
    }

    pub(super) fn settled(&self) -> Settled {
        let (bits, len) = match &self.what {
            What::Bytes(bytes) => (bytes.iter().map(|one| one.mask.count_ones()).sum(), bytes.len()),
            What::Pattern(pattern) => (pattern.bits(), pattern.longest()),
        };
        Settled { bits, at: self.offset..self.offset.saturating_add(len) }
    }

    /// Whether payload that begins with `byte` can fulfil it.
    pub(super) fn admits(&self, byte: u8) -> bool {
        match &self.what {
            _ if self.offset > 0 => true,
            What::Bytes(bytes) => bytes.first().is_some_and(|first| first.fits(byte)),
            What::Pattern(pattern) => pattern.admits(byte),
        }
    }

    /// `Yes` (of whatever proof), `No`, or `Maybe` while `bytes` end before it is settled.
    pub(super) fn over(&self, bytes: &[u8]) -> Match {
        let Some(bytes) = bytes.get(self.offset..) else { return Match::Maybe };
        match &self.what {
            What::Pattern(pattern) => pattern.over(bytes),
            What::Bytes(wanted) if !wanted.iter().zip(bytes).all(|(one, &byte)| one.fits(byte)) => Match::No,
            What::Bytes(wanted) if bytes.len() < wanted.len() => Match::Maybe,
            What::Bytes(_) => Match::Yes(Proof::Structure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Match = Match::Yes(Proof::Structure);

    #[test]
    fn bytes_at_an_offset() {
        let condition = Condition::bytes(2, b"\xac\x3e", None).unwrap();
        for (bytes, expected) in [
            (&b""[..], Match::Maybe),
            (b"xx", Match::Maybe),
            (b"xx\xac", Match::Maybe),
            (b"xx\xac\x3e", YES),
            (b"xx\xac\x3ex", YES),
            (b"xx\xad", Match::No),
            (b"xx\xac\x3f", Match::No),
        ] {
            assert_eq!(condition.over(bytes), expected, "{bytes:02x?}");
        }
        assert!(condition.admits(0), "nothing is said of the first byte");
    }

    #[test]
    fn a_mask_takes_bits_away() {
        let condition = Condition::bytes(0, b"\x40\x01", Some(b"\xf0\x01")).unwrap();
        assert_eq!(condition.over(b"\x4f\xff"), YES);
        assert_eq!(condition.over(b"\x5f\xff"), Match::No);
        assert_eq!(condition.over(b"\x4f\xfe"), Match::No);
        assert!(condition.admits(0x4a) && !condition.admits(0x3a));
        assert_eq!(condition.settled().bits, 5);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let bytes = Condition::bytes;
        assert_eq!(bytes(0, b"", None), Err(ConditionError::Empty));
        assert_eq!(bytes(0, b"ab", Some(b"a")), Err(ConditionError::MaskLength { mask: 1, bytes: 2 }));
        assert_eq!(bytes(0, b"\x0f\xff", Some(b"\xff\xf0")), Err(ConditionError::BehindMask(1)));
        assert_eq!(bytes(511, b"ab", None), Err(ConditionError::Beyond(513)));
        assert!(bytes(510, b"ab", None).is_ok());
        let pattern = Pattern::new("abc+").unwrap();
        assert_eq!(Condition::pattern(510, pattern.clone()), Err(ConditionError::Beyond(513)));
        assert!(Condition::pattern(509, pattern).is_ok());
    }
}
