//! The rest of a frame: what was captured of it, and how long it was on the wire.

/// A part of a frame from some header on.
///
/// `bytes.len() <= wire` always: the capture may have cut the frame. Lengths that headers give are checked
/// against `wire`, reads against `bytes`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    bytes: &'a [u8],
    wire: usize,
}

impl<'a> View<'a> {
    /// `wire` is taken to be at least what was captured.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], wire: usize) -> Self {
        Self { bytes, wire: wire.max(bytes.len()) }
    }

    /// The captured bytes.
    #[inline]
    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The length on the wire.
    #[inline]
    pub(crate) const fn wire(&self) -> usize {
        self.wire
    }

    /// Whether the capture cut it.
    #[inline]
    pub(crate) const fn is_cut(&self) -> bool {
        self.bytes.len() < self.wire
    }

    /// A header of fixed size, and what follows it.
    #[inline]
    pub(crate) const fn header<const N: usize>(&self) -> Option<(&'a [u8; N], Self)> {
        match self.bytes.split_first_chunk() {
            Some((header, rest)) => Some((header, Self { bytes: rest, wire: self.wire - N })),
            None => None,
        }
    }

    /// What follows `count` captured bytes.
    #[inline]
    pub(crate) fn skip(&self, count: usize) -> Option<Self> {
        let bytes = self.bytes.get(count..)?;
        Some(Self { bytes, wire: self.wire - count })
    }

    /// What follows `count` bytes that need not have been captured.
    #[inline]
    pub(crate) fn skip_wire(&self, count: usize) -> Option<Self> {
        let wire = self.wire.checked_sub(count)?;
        Some(Self { bytes: self.bytes.get(count..).unwrap_or_default(), wire })
    }

    /// The first `len` bytes on the wire; `None` when there are fewer.
    #[inline]
    pub(crate) fn limit(&self, len: usize) -> Option<Self> {
        if len > self.wire {
            return None;
        }
        Some(Self { bytes: self.bytes.get(..len).unwrap_or(self.bytes), wire: len })
    }

    /// The first captured byte's upper half: the version of an IP header.
    #[inline]
    pub(crate) fn nibble(&self) -> Option<u8> {
        self.bytes.first().map(|byte| byte >> 4)
    }
}

/// A big-endian 16-bit number.
#[inline]
pub(crate) const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_go_by_the_wire_and_reads_by_the_capture() {
        let view = View::new(&[1, 2, 3, 4], 10);
        assert!(view.is_cut());
        assert!(view.limit(11).is_none());
        let view = view.limit(8).unwrap();
        assert_eq!((view.bytes().len(), view.wire()), (4, 8));
        assert!(view.skip(5).is_none());
        let beyond = view.skip_wire(6).unwrap();
        assert_eq!((beyond.bytes().len(), beyond.wire()), (0, 2));
        let (header, rest) = view.header::<3>().unwrap();
        assert_eq!((header, rest.bytes(), rest.wire()), (&[1, 2, 3], &[4][..], 5));
        assert!(view.limit(2).unwrap().header::<3>().is_none());
    }

    #[test]
    fn a_wire_length_shorter_than_the_capture_is_not_believed() {
        assert_eq!(View::new(&[0; 4], 2).wire(), 4);
    }
}
