//! Reading a message that may still be arriving: every read either succeeds, runs short, or proves the
//! bytes wrong at the first byte that contradicts.

use std::ops::RangeInclusive;

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::probe::{self, Match};

/// Why reading ended before the message did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes ended; all that was there fits.
    Short,
    /// A byte contradicts the protocol.
    Wrong,
}

/// A read, or why it ended.
pub(crate) type Step<T> = Result<T, Stop>;

/// Contradiction unless `holds`.
pub(crate) const fn require(holds: bool) -> Step<()> {
    if holds { Ok(()) } else { Err(Stop::Wrong) }
}

/// Reads off the front of a slice.
///
/// Reading past the end is [`Stop::Short`] while more may arrive, and [`Stop::Wrong`] once the part that is read
/// is whole: then the message does not hold what it should.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    rest: &'a [u8],
    whole: bool,
}

impl<'a> Scan<'a> {
    /// Bytes that may go on.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, whole: false }
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether nothing can follow what is there.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let short = if self.whole { Stop::Wrong } else { Stop::Short };
        let (head, rest) = self.rest.split_at_checked(count).ok_or(short)?;
        self.rest = rest;
        Ok(head)
    }

    /// Up to `count` bytes: fewer when the bytes end first.
    pub(crate) fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        head
    }

    /// A part of `count` bytes as its own scan: whole when all of it is there. Wrong when it cannot be.
    pub(crate) fn part(&mut self, count: usize) -> Step<Self> {
        require(!self.whole || count <= self.rest.len())?;
        let rest = self.take_up_to(count);
        Ok(Self { rest, whole: rest.len() == count })
    }

    pub(crate) fn skip(&mut self, count: usize) -> Step<()> {
        self.take(count).map(drop)
    }

    pub(crate) fn u8(&mut self) -> Step<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(crate) fn u16_be(&mut self) -> Step<u16> {
        self.be(2, 0..=u64::MAX).map(|value| value as u16)
    }

    pub(crate) fn u32_be(&mut self) -> Step<u32> {
        self.be(4, 0..=u64::MAX).map(|value| value as u32)
    }

    pub(crate) fn u16_le(&mut self) -> Step<u16> {
        self.le(2, 0..=u64::MAX).map(|value| value as u16)
    }

    pub(crate) fn u32_le(&mut self) -> Step<u32> {
        self.le(4, 0..=u64::MAX).map(|value| value as u32)
    }

    /// The very bytes of `wanted`.
    #[inline]
    pub(crate) fn expect(&mut self, wanted: &[u8]) -> Step<()> {
        // Of a known length, most of the time, so that no call compares it.
        if self.rest.len() >= wanted.len() {
            require(self.rest.starts_with(wanted))?;
            return self.skip(wanted.len());
        }
        let seen = self.rest.len().min(wanted.len());
        require(self.rest[..seen] == wanted[..seen])?;
        self.skip(wanted.len())
    }

    /// One of `wanted`, of which none is the beginning of another; its index.
    pub(crate) fn expect_one_of(&mut self, wanted: &[&[u8]]) -> Step<usize> {
        let mut stop = Stop::Wrong;
        for (index, wanted) in wanted.iter().enumerate() {
            match self.expect(wanted) {
                Ok(()) => return Ok(index),
                Err(Stop::Short) => stop = Stop::Short,
                Err(Stop::Wrong) => {}
            }
        }
        Err(stop)
    }

    /// A byte that `allowed` accepts.
    pub(crate) fn u8_if(&mut self, allowed: impl FnOnce(u8) -> bool) -> Step<u8> {
        let byte = self.u8()?;
        require(allowed(byte))?;
        Ok(byte)
    }

    /// A big-endian number of `width` bytes (at most 8) in `range`. Its leading bytes alone already contradict
    /// when no number in the range starts with them.
    pub(crate) fn be(&mut self, width: usize, range: RangeInclusive<u64>) -> Step<u64> {
        let seen = self.rest.len().min(width);
        let prefix = self.rest[..seen].iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        let missing = 8 * (width - seen) as u32;
        let low = prefix.checked_shl(missing).unwrap_or(0);
        let high = low | 1u64.checked_shl(missing).map_or(u64::MAX, |bit| bit - 1);
        require(high >= *range.start() && low <= *range.end())?;
        self.skip(width)?;
        Ok(prefix)
    }

    /// A little-endian number of `width` bytes (at most 8) in `range`, with the same early contradiction.
    pub(crate) fn le(&mut self, width: usize, range: RangeInclusive<u64>) -> Step<u64> {
        let seen = self.rest.len().min(width);
        let suffix = self.rest[..seen].iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        let (start, end) = (*range.start(), *range.end());
        let fits = match 1u64.checked_shl(8 * seen as u32) {
            Some(step) if seen < width => {
                let first = start.checked_add(suffix.wrapping_sub(start) & (step - 1));
                first.is_some_and(|first| first <= end)
            }
            _ => range.contains(&suffix),
        };
        require(fits)?;
        self.skip(width)?;
        Ok(suffix)
    }
}

/// What a parser gets to see of one side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// The stream from its first byte, or the first datagram, as far as kept.
    pub(crate) bytes: &'a [u8],
    /// Length of the datagram on the wire; `usize::MAX` for a stream.
    pub(crate) total: usize,
    /// No more bytes will come.
    pub(crate) spent: bool,
}

impl<'a> Message<'a> {
    pub(crate) const fn scan(&self) -> Scan<'a> {
        Scan { rest: self.bytes, whole: self.bytes.len() == self.total }
    }

    /// Whether this is a datagram, whose length is known.
    pub(crate) const fn is_datagram(&self) -> bool {
        self.total != usize::MAX
    }
}

/// [`probe::weigh`] for parsers of one message: a datagram must hold all that it announces, a stream may still
/// deliver it.
pub(crate) fn weigh(
    exchange: &Exchange<'_>,
    client: impl Fn(Message<'_>) -> Step<Proof>,
    server: impl Fn(Message<'_>) -> Step<Proof>,
) -> Match {
    let datagram = exchange.transport == Transport::UDP;
    probe::weigh(exchange, |side| judge(side, datagram, &client), |side| judge(side, datagram, &server))
}

/// [`weigh`], but over UDP, where the first datagram that was seen need not be the flow's first, the roles may be
/// the other way round.
pub(crate) fn weigh_either_way(
    exchange: &Exchange<'_>,
    client: impl Fn(Message<'_>) -> Step<Proof>,
    server: impl Fn(Message<'_>) -> Step<Proof>,
) -> Match {
    let straight = weigh(exchange, &client, &server);
    if exchange.transport == Transport::UDP { straight.or(weigh(exchange, server, client)) } else { straight }
}

fn judge(side: &Side<'_>, datagram: bool, parse: impl Fn(Message<'_>) -> Step<Proof>) -> Match {
    let message = if datagram {
        Message { bytes: side.first_datagram(), total: side.first_len as usize, spent: true }
    } else {
        Message { bytes: side.bytes, total: usize::MAX, spent: side.closed }
    };
    match parse(message) {
        Ok(proof) => Match::Yes(proof),
        Err(Stop::Short) => Match::Maybe,
        Err(Stop::Wrong) => Match::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_bytes_contradict_early() {
        let mut scan = Scan::new(&[0x48]);
        assert_eq!(scan.be(2, 1..=0x4800), Err(Stop::Short));
        assert_eq!(Scan::new(&[0x49]).be(2, 1..=0x4800), Err(Stop::Wrong));
        assert_eq!(Scan::new(&[0x48, 0x01]).be(2, 1..=0x4800), Err(Stop::Wrong));
        assert_eq!(Scan::new(&[0x48, 0x00]).be(2, 1..=0x4800), Ok(0x4800));
        assert_eq!(Scan::new(&[0; 8]).be(8, 0..=u64::MAX), Ok(0));
        assert_eq!(Scan::new(&[]).be(8, 0..=u64::MAX), Err(Stop::Short));
    }

    #[test]
    fn trailing_bytes_contradict_early() {
        assert_eq!(Scan::new(&[5]).le(4, 16..=200), Err(Stop::Wrong));
        assert_eq!(Scan::new(&[16]).le(4, 16..=200), Err(Stop::Short));
        assert_eq!(Scan::new(&[16, 1]).le(4, 16..=200), Err(Stop::Wrong));
        assert_eq!(Scan::new(&[5, 1]).le(4, 16..=300), Err(Stop::Short));
        assert_eq!(Scan::new(&[5, 1, 0, 0]).le(4, 16..=300), Ok(261));
        assert_eq!(Scan::new(&[0xff; 8]).le(8, 0..=u64::MAX), Ok(u64::MAX));
        assert_eq!(Scan::new(&[1; 7]).le(8, 0..=u64::MAX), Err(Stop::Short));
    }

    #[test]
    fn a_partial_magic_is_short_or_wrong() {
        assert_eq!(Scan::new(b"SM").expect(b"SMB"), Err(Stop::Short));
        assert_eq!(Scan::new(b"SX").expect(b"SMB"), Err(Stop::Wrong));
        assert_eq!(Scan::new(b"SMB").expect(b"SMB"), Ok(()));
        let either: &[&[u8]] = &[b"OPEN", b"OKAY"];
        assert_eq!(Scan::new(b"OKAY").expect_one_of(either), Ok(1));
        assert_eq!(Scan::new(b"O").expect_one_of(either), Err(Stop::Short));
        assert_eq!(Scan::new(b"OX").expect_one_of(either), Err(Stop::Wrong));
    }
}
