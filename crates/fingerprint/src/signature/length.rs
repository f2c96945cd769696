//! How long the first message is, and where it says so.

use std::fmt;
use std::ops::Range;

use super::WINDOW;
use super::bits::{Settled, log2_up};
use crate::answer::Proof;
use crate::exchange::Side;
use crate::probe::Match;

/// Bounds of the first message, and the field that gives its length.
///
/// Of datagrams, the message is the first one, and a field has to agree with its length. A stream shows no ends: without a field only
/// `min` can be asked of it, and a field's value has to be within the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Length {
    /// Bytes at least.
    min: u32,
    /// Bytes at most.
    max: Option<u32>,
    field: Option<LengthField>,
}

/// Where a message gives its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthField {
    /// Where the field begins.
    pub offset: usize,
    /// Bytes of the field: 1 to 4.
    pub width: usize,
    /// Its byte order.
    pub order: ByteOrder,
    /// What the value counts.
    pub counts: Counts,
    /// What has to be added to the value.
    pub plus: u32,
}

/// The order of a field's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
}

/// What a length field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// The whole message, from its first byte.
    Message,
    /// What follows the field.
    Rest,
}

/// Why a length is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthError {
    /// `min` is above `max`.
    Crossed,
    /// A field of no or more than four bytes.
    Width(usize),
    /// The field ends behind the first [`WINDOW`] bytes.
    Beyond(usize),
    /// A stream, and `max` without a field.
    StreamMax,
    /// A stream, and a field without `max`.
    StreamField,
    /// A stream, and more than [`WINDOW`] bytes that would have to be waited for.
    StreamMin,
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crossed => f.write_str("min is above max"),
            Self::Width(width) => write!(f, "a field of {width} bytes"),
            Self::Beyond(end) => write!(f, "ends at {end}, but only the first {WINDOW} bytes are looked at"),
            Self::StreamMax => f.write_str("max without a length field, but a stream has no end"),
            Self::StreamField => f.write_str(
                "a length field without length.max, but a stream does not show its messages' ends",
            ),
            Self::StreamMin => write!(f, "min is above {WINDOW}, the bytes of a stream that are looked at"),
        }
    }
}

impl std::error::Error for LengthError {}

impl LengthField {
    const fn end(&self) -> usize {
        self.offset + self.width
    }

    /// The length of the whole message as `bytes` give it; `None` if they end before.
    fn read(&self, bytes: &[u8]) -> Option<u64> {
        let field = bytes.get(self.offset..self.end())?;
        let join = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        let value = match self.order {
            ByteOrder::Big => field.iter().fold(0, join),
            ByteOrder::Little => field.iter().rev().fold(0, join),
        };
        let before = match self.counts {
            Counts::Message => 0,
            Counts::Rest => self.end() as u64,
        };
        Some(value + before + u64::from(self.plus))
    }
}

impl Length {
    /// `stream`: whether it is to hold over TCP or SCTP.
    ///
    /// # Errors
    /// [`LengthError`].
    pub fn new(
        min: u32,
        max: Option<u32>,
        field: Option<LengthField>,
        stream: bool,
    ) -> Result<Self, LengthError> {
        if max.is_some_and(|max| min > max) {
            return Err(LengthError::Crossed);
        }
        if let Some(field) = field {
            if !(1..=4).contains(&field.width) {
                return Err(LengthError::Width(field.width));
            }
            match field.offset.saturating_add(field.width) {
                0..=WINDOW => {}
                end => return Err(LengthError::Beyond(end)),
            }
        }
        match (max, field) {
            (Some(_), None) if stream => Err(LengthError::StreamMax),
            (None, Some(_)) if stream => Err(LengthError::StreamField),
            (None, None) if stream && min as usize > WINDOW => Err(LengthError::StreamMin),
            _ => Ok(Self { min, max, field }),
        }
    }

    pub(super) const fn has_field(&self) -> bool {
        self.field.is_some()
    }

    /// What the field settles.
    pub(super) fn settled(&self, stream: bool) -> Option<Settled> {
        let field = self.field?;
        let all = 8 * field.width as u32;
        let free = match self.max {
            Some(max) if stream => log2_up((max - self.min).saturating_add(1)),
            _ => 0,
        };
        let at: Range<usize> = field.offset..field.end();
        Some(Settled { bits: all.saturating_sub(free), at })
    }

    /// Over a stream's bytes.
    pub(super) fn over_stream(&self, bytes: &[u8]) -> Match {
        match &self.field {
            None if bytes.len() >= self.min as usize => Match::Yes(Proof::Structure),
            None => Match::Maybe,
            Some(field) => field.read(bytes).map_or(Match::Maybe, |len| self.holds(len)),
        }
    }

    /// Over the first datagram.
    pub(super) fn over_datagram(&self, side: &Side<'_>) -> Match {
        let len = u64::from(side.first_len);
        match self.field.map(|field| field.read(side.first_datagram())) {
            Some(said) if said != Some(len) => Match::No,
            _ => self.holds(len),
        }
    }

    fn holds(&self, len: u64) -> Match {
        let holds = u64::from(self.min) <= len && self.max.is_none_or(|max| len <= u64::from(max));
        if holds { Match::Yes(Proof::Structure) } else { Match::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Match = Match::Yes(Proof::Structure);
    const FIELD: LengthField =
        LengthField { offset: 2, width: 2, order: ByteOrder::Big, counts: Counts::Rest, plus: 0 };

    fn datagram(length: &Length, bytes: &[u8]) -> Match {
        length.over_datagram(&Side::one(bytes, &[bytes.len() as u16]))
    }

    #[test]
    fn a_field_agrees_with_its_datagram() {
        let rest = Length::new(0, None, Some(FIELD), false).unwrap();
        assert_eq!(datagram(&rest, b"xx\0\x03abc"), YES);
        assert_eq!(datagram(&rest, b"xx\0\x03abcd"), Match::No);
        assert_eq!(datagram(&rest, b"xx\0"), Match::No, "a datagram does not grow");
        let field = LengthField { order: ByteOrder::Little, counts: Counts::Message, plus: 2, ..FIELD };
        let message = Length::new(0, None, Some(field), false).unwrap();
        assert_eq!(datagram(&message, b"xx\x05\0abc"), YES);
        let cut = Side { first_len: 600, ..Side::one(b"xx\x02\x54a", &[5]) };
        assert_eq!(rest.over_datagram(&cut), YES, "what was not kept was still sent");
    }

    #[test]
    fn datagrams_have_bounds() {
        let length = Length::new(3, Some(4), None, false).unwrap();
        let over = |len: usize| datagram(&length, &vec![0; len]);
        assert_eq!([2, 3, 4, 5].map(over), [Match::No, YES, YES, Match::No]);
    }

    #[test]
    fn of_a_stream_only_what_lasts_is_asked() {
        let min = Length::new(3, None, None, true).unwrap();
        assert_eq!([min.over_stream(b"ab"), min.over_stream(b"abc")], [Match::Maybe, YES]);
        let field = Length::new(5, Some(9), Some(FIELD), true).unwrap();
        assert_eq!(field.over_stream(b"xx\0"), Match::Maybe);
        assert_eq!(
            [0, 1, 5, 6].map(|value| field.over_stream(&[0, 0, 0, value])),
            [Match::No, YES, YES, Match::No]
        );
        assert_eq!(Length::new(0, Some(9), None, true), Err(LengthError::StreamMax));
        assert_eq!(Length::new(0, None, Some(FIELD), true), Err(LengthError::StreamField));
        assert_eq!(Length::new(513, None, None, true), Err(LengthError::StreamMin));
        assert_eq!(field.settled(true).unwrap().bits, 16 - 3);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(Length::new(2, Some(1), None, false), Err(LengthError::Crossed));
        let field = |offset, width| Length::new(0, None, Some(LengthField { offset, width, ..FIELD }), false);
        assert_eq!(field(0, 5), Err(LengthError::Width(5)));
        assert_eq!(field(0, 0), Err(LengthError::Width(0)));
        assert_eq!(field(511, 2), Err(LengthError::Beyond(513)));
        assert_eq!(field(usize::MAX, 2), Err(LengthError::Beyond(usize::MAX)));
    }
}
