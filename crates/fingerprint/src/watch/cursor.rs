//! Where the watch stands in one side's stream.

use super::{Broken, Heard, PASSED_OVER, Piece, Step};

/// The longest head of a message that rules may ask for: the line that a load balancer puts before the client's first.
pub(super) const HEAD: usize = crate::proxy::LINE_MAX;

/// Packets beyond a hole before what is in it is given up.
const PATIENCE: u8 = 16;

/// What fills a segment without data up to Ethernet's minimum, at most.
const PADDING: u32 = 6;

/// Steps that one packet may take: messages of a few bytes each could make more.
const STEPS: usize = 64;

/// A head's bytes.
pub(super) type Head = [u8; HEAD];

/// Where a cursor keeps bytes: the beginning of a head that goes on in the next packet, and that of a packet that came
/// before the one that it follows.
pub(super) type Kept<'a> = [&'a mut Head; 2];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Offset in the stream of what is to be read next: of what is kept, if anything is.
    at: u64,
    /// Bytes of the beginning of a head that are kept.
    kept: u8,
    /// Packets beyond a hole.
    beyond: u8,
    /// The beginning of what stands next beyond the hole.
    early: Early,
}

/// The beginning of a packet that came before the one that it follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Early {
    offset: u64,
    /// Length of the packet; zero: there is none.
    len: u32,
    /// Bytes of it that are kept.
    kept: u8,
}

impl Early {
    /// Keeps the packet that stands nearest to the hole.
    fn keep(&mut self, piece: &Piece<'_>, room: &mut Head) {
        if self.len == 0 || piece.offset < self.offset {
            let kept = keep(room, 0, piece.bytes);
            *self = Self { offset: piece.offset, len: piece.len, kept };
        }
    }
}

/// Keeps bytes behind those that are kept, as many as there is room for; how many are kept now.
fn keep(room: &mut Head, kept: u8, bytes: &[u8]) -> u8 {
    let room = room.get_mut(usize::from(kept)..).unwrap_or_default();
    let added = bytes.len().min(room.len());
    room[..added].copy_from_slice(&bytes[..added]);
    kept + added as u8
}

const _: () = assert!(HEAD <= u8::MAX as usize, "a count of kept bytes is one byte");

impl Cursor {
    /// Up to where the stream was heard, or passed over.
    pub(super) const fn heard(&self) -> u64 {
        self.at + self.kept as u64
    }

    /// What was heard elsewhere, and is the next of the stream.
    pub(super) const fn pass_over(&mut self, count: u64) {
        self.at += count;
    }

    /// Whether any bytes are kept.
    pub(super) const fn keeps(&self) -> bool {
        self.kept > 0 || self.early.kept > 0
    }

    /// Has `read` read what a packet brings.
    pub(super) fn hear(
        &mut self,
        [head, early]: Kept<'_>,
        piece: &Piece<'_>,
        mut read: impl FnMut(&[u8]) -> Step,
    ) -> Heard {
        let heard = match piece.offset > self.heard() {
            true => self.keep_early(early, piece),
            false => self.hear_next(head, piece, &mut read),
        };
        if heard != Heard::GoOn || self.early.len == 0 || self.early.offset > self.heard() {
            return heard;
        }
        let Early { offset, len, kept } = std::mem::take(&mut self.early);
        let bytes = early.get(..usize::from(kept)).unwrap_or_default();
        match self.hear_next(head, &Piece { offset, len, bytes, ..*piece }, &mut read) {
            // It stands behind the packet that has brought what was missing.
            Heard::Broken(broken) => Heard::Broken(Broken { at: 0, ..broken }),
            heard => heard,
        }
    }

    fn keep_early(&mut self, room: &mut Head, piece: &Piece<'_>) -> Heard {
        self.beyond = self.beyond.saturating_add(1);
        self.early.keep(piece, room);
        if self.beyond > PATIENCE { Heard::Lost } else { Heard::GoOn }
    }

    /// `piece` does not begin beyond what was heard.
    fn hear_next(
        &mut self,
        room: &mut Head,
        piece: &Piece<'_>,
        read: &mut impl FnMut(&[u8]) -> Step,
    ) -> Heard {
        let wanted = self.heard();
        let end = piece.offset + u64::from(piece.len);
        if end <= wanted {
            return Heard::GoOn;
        }
        self.beyond = 0;
        let before = usize::try_from(wanted - piece.offset).unwrap_or(usize::MAX);
        let mut fresh = piece.bytes.get(before..).unwrap_or_default();
        for _ in 0..STEPS {
            if fresh.is_empty() {
                // The capture may have cut it.
                return if self.heard() >= end { Heard::GoOn } else { Heard::Lost };
            }
            let old = usize::from(self.kept);
            let head = match old {
                0 => fresh,
                _ => {
                    self.kept = keep(room, self.kept, fresh);
                    &room[..usize::from(self.kept)]
                }
            };
            match read(head) {
                // Of a head that fills the buffer no rule wants more.
                Step::More if head.len() >= HEAD => return Heard::Lost,
                Step::More => {
                    if old == 0 {
                        self.kept = keep(room, 0, fresh);
                    }
                    fresh = &[];
                }
                Step::Took(count) if count > PASSED_OVER => return Heard::Enough,
                Step::Took(count) => {
                    self.at += count;
                    let count = count as usize;
                    if count < old {
                        room.copy_within(count..old, 0);
                        self.kept = (old - count) as u8;
                    } else {
                        self.kept = 0;
                        fresh = fresh.get(count - old..).unwrap_or_default();
                    }
                }
                Step::Enough => return Heard::Enough,
                // Link padding that a device counted as payload.
                Step::Broken(_) if piece.len <= PADDING && piece.bytes.iter().all(|&byte| byte == 0) => {
                    self.kept = old as u8;
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

    const KEPT: [Head; 2] = [[0; HEAD]; 2];
    const STREAM: &[u8] = b"\x03abc\x01d\x08efghijkl\x02mn";

    /// One packet that comes early is read when what was missing is there; of two, the nearer one.
    #[test]
    fn the_nearest_early_packet_is_kept() {
        let at = |range: std::ops::Range<usize>| piece(range.start as u64, &STREAM[range]);
        for order in [[1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]] {
            let pieces = [at(0..5), at(5..9), at(9..STREAM.len())];
            let (mut cursor, mut kept, mut seen) = (Cursor::default(), KEPT, Vec::new());
            for index in order {
                assert_eq!(
                    cursor.hear(kept.each_mut(), &pieces[index], read(&mut seen)),
                    Heard::GoOn,
                    "{order:?}"
                );
            }
            let all = !matches!(order, [1, 2, 0] | [2, 1, 0]);
            assert_eq!(seen, if all { b"adem".as_slice() } else { b"ade" }, "{order:?}");
        }
    }

    #[test]
    fn heads_are_found_however_the_stream_is_cut() {
        for size in 1..=STREAM.len() {
            let mut seen = Vec::new();
            let (mut cursor, mut kept) = (Cursor::default(), KEPT);
            for (index, part) in STREAM.chunks(size).enumerate() {
                let heard =
                    cursor.hear(kept.each_mut(), &piece((index * size) as u64, part), read(&mut seen));
                assert_eq!(heard, Heard::GoOn);
            }
            assert_eq!(seen, b"adem", "pieces of {size}");
        }
    }

    #[test]
    fn what_was_heard_is_not_heard_again() {
        let mut seen = Vec::new();
        let (mut cursor, mut kept) = (Cursor::default(), KEPT);
        for (from, to) in [(0, 5), (2, 5), (0, 6), (4, 9), (5, 18)] {
            assert_eq!(
                cursor.hear(kept.each_mut(), &piece(from as u64, &STREAM[from..to]), read(&mut seen)),
                Heard::GoOn
            );
        }
        assert_eq!(seen, b"adem");
    }

    #[test]
    fn holes_do_not_matter_within_what_is_passed_over() {
        let mut seen = Vec::new();
        let (mut cursor, mut kept) = (Cursor::default(), KEPT);
        for (from, to) in [(0, 8), (12, 14), (15, 18)] {
            assert_eq!(
                cursor.hear(kept.each_mut(), &piece(from as u64, &STREAM[from..to]), read(&mut seen)),
                Heard::GoOn
            );
        }
        assert_eq!(seen, b"adem");
        let (mut cursor, mut kept) = (Cursor::default(), KEPT);
        for _ in 0..PATIENCE {
            assert_eq!(cursor.hear(kept.each_mut(), &piece(1, &STREAM[1..]), read(&mut seen)), Heard::GoOn);
        }
        assert_eq!(cursor.hear(kept.each_mut(), &piece(1, &STREAM[1..]), read(&mut seen)), Heard::Lost);
    }

    #[test]
    fn a_packet_that_the_capture_has_cut() {
        let mut seen = Vec::new();
        let cut = |bytes, len| Piece { len, ..piece(0, bytes) };
        assert_eq!(
            Cursor::default().hear(KEPT.clone().each_mut(), &cut(&STREAM[..2], 4), read(&mut seen)),
            Heard::GoOn
        );
        assert_eq!(
            Cursor::default().hear(KEPT.clone().each_mut(), &cut(&STREAM[..1], 4), read(&mut seen)),
            Heard::Lost
        );
        assert_eq!(
            Cursor::default().hear(KEPT.clone().each_mut(), &cut(&STREAM[..4], 18), read(&mut seen)),
            Heard::Lost
        );
    }
}
