//! Where the watch stands in one side's stream.

use arrayvec::ArrayVec;

use super::{Broken, Heard, PASSED_OVER, Piece, Step};

/// The longest head of a message that rules may ask for: the line that a load balancer puts before the client's first.
pub(super) const HEAD: usize = crate::proxy::LINE_MAX;

/// Packets beyond a hole before what is in it is given up.
const PATIENCE: u8 = 16;

/// What fills a segment without data up to Ethernet's minimum, at most.
const PADDING: u32 = 6;

/// Steps that one packet may take: messages of a few bytes each could make more.
const STEPS: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    /// Offset in the stream of what is to be read next: of `kept`, if there is any.
    at: u64,
    /// The beginning of a head that goes on in the next packet.
    kept: ArrayVec<u8, HEAD>,
    /// Packets beyond a hole.
    beyond: u8,
    /// The beginning of what stands next beyond the hole.
    early: Early,
}

/// The beginning of a packet that came before the one that it follows.
#[derive(Clone, Debug, Default)]
struct Early {
    offset: u64,
    /// Length of the packet; zero: there is none.
    len: u32,
    bytes: ArrayVec<u8, HEAD>,
}

impl Early {
    /// Keeps the packet that stands nearest to the hole.
    fn keep(&mut self, piece: &Piece<'_>) {
        if self.len == 0 || piece.offset < self.offset {
            let bytes = piece.bytes.iter().take(HEAD).copied().collect();
            *self = Self { offset: piece.offset, len: piece.len, bytes };
        }
    }
}

impl Cursor {
    /// Up to where the stream was heard, or passed over.
    pub(super) const fn heard(&self) -> u64 {
        self.at + self.kept.len() as u64
    }

    /// Has `read` read what a packet brings.
    pub(super) fn hear(&mut self, piece: &Piece<'_>, mut read: impl FnMut(&[u8]) -> Step) -> Heard {
        let heard = self.hear_next(piece, &mut read);
        let wanted = self.heard();
        if heard != Heard::GoOn || self.early.len == 0 || self.early.offset > wanted {
            return heard;
        }
        let Early { offset, len, bytes } = std::mem::take(&mut self.early);
        let heard = self.hear_next(&Piece { offset, len, bytes: &bytes, ..*piece }, &mut read);
        match heard {
            // It stands behind the packet that has brought what was missing.
            Heard::Broken(broken) => Heard::Broken(Broken { at: 0, ..broken }),
            heard => heard,
        }
    }

    fn hear_next(&mut self, piece: &Piece<'_>, mut read: impl FnMut(&[u8]) -> Step) -> Heard {
        let wanted = self.at + self.kept.len() as u64;
        let end = piece.offset + u64::from(piece.len);
        if end <= wanted {
            return Heard::GoOn;
        }
        if piece.offset > wanted {
            self.beyond = self.beyond.saturating_add(1);
            self.early.keep(piece);
            return if self.beyond > PATIENCE { Heard::Lost } else { Heard::GoOn };
        }
        self.beyond = 0;
        let before = usize::try_from(wanted - piece.offset).unwrap_or(usize::MAX);
        let mut fresh = piece.bytes.get(before..).unwrap_or_default();
        for _ in 0..STEPS {
            if fresh.is_empty() {
                // The capture may have cut it.
                let whole = self.at + self.kept.len() as u64 >= end;
                return if whole { Heard::GoOn } else { Heard::Lost };
            }
            let old = self.kept.len();
            if old > 0 {
                let added = fresh.len().min(HEAD - old);
                self.kept.extend(fresh.iter().take(added).copied());
            }
            let head = if old > 0 { self.kept.as_slice() } else { fresh };
            match read(head) {
                // Of a head that fills the buffer no rule wants more.
                Step::More if head.len() >= HEAD => return Heard::Lost,
                Step::More => {
                    if old == 0 {
                        self.kept.extend(fresh.iter().copied());
                    }
                    fresh = &[];
                }
                Step::Took(count) if count > PASSED_OVER => return Heard::Enough,
                Step::Took(count) => {
                    self.at += count;
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    if count < old {
                        self.kept.truncate(old);
                        self.kept.drain(..count);
                    } else {
                        self.kept.clear();
                        fresh = fresh.get(count - old..).unwrap_or_default();
                    }
                }
                Step::Enough => return Heard::Enough,
                // Link padding that a device counted as payload.
                Step::Broken(_) if piece.len <= PADDING && piece.bytes.iter().all(|&byte| byte == 0) => {
                    self.kept.truncate(old);
                    return Heard::GoOn;
                }
                Step::Broken(breach) => {
                    return Heard::Broken(Broken { breach, at: piece.bytes.len() - fresh.len() });
                }
            }
        }
        Heard::Enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Speaker;

    /// Messages of a length byte and so many more, of which two are read.
    fn read(seen: &mut Vec<u8>) -> impl FnMut(&[u8]) -> Step {
        |head| match *head {
            [length, first, ..] => {
                seen.push(first);
                Step::Took(1 + u64::from(length))
            }
            _ => Step::More,
        }
    }

    fn piece(offset: u64, bytes: &[u8]) -> Piece<'_> {
        Piece { speaker: Speaker::Client, offset, bytes, len: bytes.len() as u32, acked: Some(0) }
    }

    const STREAM: &[u8] = b"\x03abc\x01d\x08efghijkl\x02mn";

    /// One packet that comes early is read when what was missing is there; of two, the nearer one.
    #[test]
    fn the_nearest_early_packet_is_kept() {
        let at = |range: std::ops::Range<usize>| piece(range.start as u64, &STREAM[range]);
        for order in [[1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]] {
            let pieces = [at(0..5), at(5..9), at(9..STREAM.len())];
            let (mut cursor, mut seen) = (Cursor::default(), Vec::new());
            for index in order {
                assert_eq!(cursor.hear(&pieces[index], read(&mut seen)), Heard::GoOn, "{order:?}");
            }
            let all = !matches!(order, [1, 2, 0] | [2, 1, 0]);
            assert_eq!(seen, if all { b"adem".as_slice() } else { b"ade" }, "{order:?}");
        }
    }

    #[test]
    fn heads_are_found_however_the_stream_is_cut() {
        for size in 1..=STREAM.len() {
            let mut seen = Vec::new();
            let mut cursor = Cursor::default();
            for (index, part) in STREAM.chunks(size).enumerate() {
                let heard = cursor.hear(&piece((index * size) as u64, part), read(&mut seen));
                assert_eq!(heard, Heard::GoOn);
            }
            assert_eq!(seen, b"adem", "pieces of {size}");
        }
    }

    #[test]
    fn what_was_heard_is_not_heard_again() {
        let mut seen = Vec::new();
        let mut cursor = Cursor::default();
        for (from, to) in [(0, 5), (2, 5), (0, 6), (4, 9), (5, 18)] {
            assert_eq!(cursor.hear(&piece(from as u64, &STREAM[from..to]), read(&mut seen)), Heard::GoOn);
        }
        assert_eq!(seen, b"adem");
    }

    #[test]
    fn holes_do_not_matter_within_what_is_passed_over() {
        let mut seen = Vec::new();
        let mut cursor = Cursor::default();
        for (from, to) in [(0, 8), (12, 14), (15, 18)] {
            assert_eq!(cursor.hear(&piece(from as u64, &STREAM[from..to]), read(&mut seen)), Heard::GoOn);
        }
        assert_eq!(seen, b"adem");
        let mut cursor = Cursor::default();
        for _ in 0..PATIENCE {
            assert_eq!(cursor.hear(&piece(1, &STREAM[1..]), read(&mut seen)), Heard::GoOn);
        }
        assert_eq!(cursor.hear(&piece(1, &STREAM[1..]), read(&mut seen)), Heard::Lost);
    }

    #[test]
    fn a_packet_that_the_capture_has_cut() {
        let mut seen = Vec::new();
        let cut = |bytes, len| Piece { len, ..piece(0, bytes) };
        assert_eq!(Cursor::default().hear(&cut(&STREAM[..2], 4), read(&mut seen)), Heard::GoOn);
        assert_eq!(Cursor::default().hear(&cut(&STREAM[..1], 4), read(&mut seen)), Heard::Lost);
        assert_eq!(Cursor::default().hear(&cut(&STREAM[..4], 18), read(&mut seen)), Heard::Lost);
    }
}
