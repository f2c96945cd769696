//! What must hold of the packet store's files whatever is in them: fuzz targets and tests share it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use offport_engine::Session;
use offport_wire::{Domain, FlowKey, Frame, LinkType, Timestamp, Transport};

use super::chunk::Chunk;
use super::index::{self, ChunkIndex, Indexer, Summary};
use super::pcapng;
use super::reader::PacketStore;
use super::repair::{Repaired, repair};
use super::segment::{self, Segment};

/// Time of the first packet.
const BEGIN: u64 = 1_764_270_000_000_000_000;
/// Bytes of an index that a packet takes at least.
const ENTRY: usize = 12;

/// Reads the bytes as an index and as pieces of a capture file. The first byte says whether a frame's head, with its sum, is put
/// in front: no fuzzer finds a sum.
///
/// # Panics
/// When what is read cannot be in there.
pub fn read_index(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let sealed = (how & 1 == 1).then(|| index::sealed(rest));
    check_index(sealed.as_deref().unwrap_or(rest));
    if let Some(packet) = pcapng::packet(rest) {
        assert!(packet.bytes.len() <= rest.len());
        let len = pcapng::packet_block_len(rest).expect("a packet has a length");
        assert!(len >= pcapng::packet_len(packet.bytes.len()) && len <= rest.len());
    }
    if let Some((names, len)) = pcapng::interfaces(rest) {
        assert!(names.len() <= len / 16, "names out of nothing");
    }
}

fn check_index(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((chunk, behind)) = ChunkIndex::read(rest) {
        assert!(behind.len() < rest.len());
        let body = rest.len() - behind.len();
        assert!(chunk.end() >= chunk.offset);
        let mut places = 0;
        for packets in chunk.sessions() {
            places += packets.places().inspect(|&(_, place)| assert!(place >= chunk.offset)).count();
        }
        assert!(places <= body / ENTRY, "packets out of nothing");
        let mut summary = Summary::default();
        summary.add(&chunk);
        assert_eq!(Summary::at_end_of(&summary.frame()).map(|read| read.end), Some(summary.end));
        rest = behind;
    }
    Summary::at_end_of(bytes);
}

/// A segment as the writer leaves it, then damaged as the bytes say, then repaired and read; in `folder`, in which nothing else is.
///
/// Of what is whole from the front of both files on, nothing is lost, and nothing else is shown. That is asked for as long as no sum
/// was made right again behind the writer's back; what always holds is that both ways end, and that a repaired segment needs no
/// further repair.
///
/// # Panics
/// When something does not hold.
pub fn damage_and_repair(folder: &Path, data: &[u8]) {
    let (made, edits) = Made::from(data);
    let damaged = Damaged::new(&made, edits);
    let segment = Segment::new(7, Timestamp::from_nanos(BEGIN));
    let write = |path, bytes: &Option<Vec<u8>>| match bytes {
        Some(bytes) => fs::write(path, bytes).expect("the folder is there"),
        None => _ = fs::remove_file(path),
    };
    write(segment.data(folder), &Some(damaged.data.clone()));
    write(segment.index(folder), &damaged.index);

    if damaged.index.as_deref().is_some_and(|index| index::MAGIC.check(index).is_err()) {
        // Its first frame is another version's now: nobody reads it, and nothing of it is cut off.
        assert!(PacketStore::new(folder).find((Timestamp::ZERO, Timestamp::MAX), |_| true).is_err());
        assert!(repair(folder, &segment).is_err());
        assert_eq!(fs::read(segment.data(folder)).ok(), Some(damaged.data));
        assert_eq!(fs::read(segment.index(folder)).ok(), damaged.index);
        return;
    }

    let before = read(folder);
    let repaired = repair(folder, &segment).expect("the files can be read and written");
    let len = fs::metadata(segment.data(folder)).map_or(0, |data| data.len());
    match repaired {
        Repaired::Whole => assert_eq!(len, damaged.data.len() as u64),
        Repaired::Cut(bytes) => assert_eq!(len + bytes, damaged.data.len() as u64),
        Repaired::Removed => assert!(segment::list(folder).is_ok_and(|segments| segments.is_empty())),
    }
    if repaired != Repaired::Removed {
        assert_eq!(repair(folder, &segment).ok(), Some(Repaired::Whole), "once is enough");
    }
    let after = read(folder);
    assert!(after.packets.iter().all(|(number, bytes)| before.packets.get(number) == Some(bytes)));
    if !damaged.resealed {
        let (packets, intact) = made.whole_in(&damaged);
        let expected = made.packets.range(..packets as u64);
        assert_eq!(after.shown + after.gone, packets as u64, "{repaired:?}");
        if intact {
            assert!(after.packets.iter().eq(expected), "not what was written");
        }
    }
}

/// Packets by their numbers: which they are, their time tells.
type Packets = BTreeMap<u64, Vec<u8>>;

struct Read {
    packets: Packets,
    shown: u64,
    gone: u64,
}

fn read(folder: &Path) -> Read {
    let found = PacketStore::new(folder).find((Timestamp::ZERO, Timestamp::MAX), |_| true);
    let found = found.expect("a damaged file is no error");
    let (mut packets, mut shown) = (Packets::new(), 0);
    let show = |found: super::FoundPacket<'_>| {
        shown += 1;
        packets.insert(found.packet.time.wrapping_sub(BEGIN), found.packet.bytes.to_vec());
        io::Result::Ok(())
    };
    let gone = found.read(show).expect("a damaged file is no error");
    assert_eq!(shown + gone, found.len() as u64, "shown or gone");
    Read { packets, shown, gone }
}

/// What the writer has left.
struct Made {
    data: Vec<u8>,
    index: Vec<u8>,
    /// Of each chunk: where it ends in both files, and how many packets there are up to there.
    ends: Vec<[usize; 3]>,
    packets: Packets,
}

impl Made {
    /// From bytes: the first says how many chunks there are and whether it was closed, the next how many packets are in each,
    /// and of which sizes. The rest is for the damage.
    fn from(data: &[u8]) -> (Self, &[u8]) {
        let mut data = data;
        let mut next = || {
            let (first, rest) = data.split_first().unwrap_or((&0, &[]));
            data = rest;
            *first
        };
        let shape = next();
        let mut made = Self {
            data: pcapng::head(&["tap0".to_owned()]),
            index: Vec::new(),
            ends: Vec::new(),
            packets: Packets::new(),
        };
        let (mut chunk, mut indexer) = (Chunk::new(), Indexer::default());
        let mut summary = Summary { end: made.data.len() as u64, ..Summary::default() };
        for _ in 0..1 + shape % 4 {
            chunk.clear();
            let kind = next();
            for _ in 0..1 + kind % 8 {
                let number = made.packets.len() as u64;
                let bytes = segment_of_tcp(number, kind);
                assert!(chunk.push(&frame(BEGIN + number, &bytes), &session(number as u32 % 3)));
                made.packets.insert(number, bytes);
            }
            let frame = indexer.frame(&chunk, made.data.len() as u64);
            summary.add(&ChunkIndex::read(frame).expect("it was just made").0);
            made.index.extend(frame);
            made.data.extend(chunk.bytes());
            made.ends.push([made.data.len(), made.index.len(), made.packets.len()]);
        }
        if shape & 0x80 == 0 {
            made.index.extend(summary.frame());
        }
        (made, data)
    }

    /// How many packets can be had from damaged files: those before the first damage of the index, as far as the capture file
    /// reaches. And whether they are as they were.
    fn whole_in(&self, damaged: &Damaged) -> (usize, bool) {
        let same =
            |one: &[u8], other: &[u8]| one.iter().zip(other).take_while(|(one, other)| one == other).count();
        let index = same(&self.index, damaged.index.as_deref().unwrap_or_default());
        let data = same(&self.data, &damaged.data);
        let is_whole = |end: &&[usize; 3]| end[0] <= damaged.data.len() && end[1] <= index;
        let last = self.ends.iter().take_while(is_whole).last();
        last.map_or((0, true), |end| (end[2], end[0] <= data))
    }
}

struct Damaged {
    data: Vec<u8>,
    index: Option<Vec<u8>>,
    /// A frame of the index was changed, and has the sum of what it is now.
    resealed: bool,
}

impl Damaged {
    /// Each damage is four bytes: what and in which file, where (two bytes), and with what.
    fn new(made: &Made, edits: &[u8]) -> Self {
        let (mut data, mut index) = (made.data.clone(), made.index.clone());
        let (mut resealed, mut missing) = (false, false);
        for edit in edits.chunks_exact(4).take(8) {
            let &[what, high, low, with] = edit else { continue };
            let bytes = if what & 1 == 0 { &mut index } else { &mut data };
            let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
            match what >> 1 & 7 {
                0 => bytes.truncate(at),
                1 => bytes.extend(std::iter::repeat_n(with, at % 64)),
                2 => bytes.insert(at, with),
                3 => missing |= with == 0,
                4 => resealed |= reseal(&mut index, at, with),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= with;
                    }
                }
            }
        }
        Self { data, index: (!missing).then_some(index), resealed }
    }
}

/// Changes a byte of a frame's body, and its sum with it. Which frame: that in which `at` is.
fn reseal(index: &mut Vec<u8>, at: usize, with: u8) -> bool {
    let mut begin = 0;
    while let Some((_, behind)) = ChunkIndex::read(&index[begin..]) {
        let end = index.len() - behind.len();
        if at < end {
            let head = begin + crate::frame::HEAD;
            let mut body = index[head..end].to_vec();
            let place = at.saturating_sub(head).min(body.len() - 1);
            body[place] ^= with;
            index.splice(begin..end, index::sealed(&body));
            return true;
        }
        begin = end;
    }
    false
}

/// A made-up session, one of both families and transports, each third one flagged.
pub(crate) fn session(number: u32) -> Session {
    let key = if number.is_multiple_of(2) {
        FlowKey::v4((number.into(), 1_000), (u32::MAX.into(), 80), Transport::TCP, Domain::NONE).0
    } else {
        FlowKey::v6(
            (u128::from(number).into(), 1_000),
            (u128::MAX.into(), 80),
            Transport::UDP,
            Domain::vlan(7, None),
        )
        .0
    };
    let start = Timestamp::from_nanos(1_000 * u64::from(number));
    Session { key, start, flagged: number.is_multiple_of(3) }
}

pub(crate) fn frame(time: u64, bytes: &[u8]) -> Frame<'_> {
    Frame {
        bytes,
        link: LinkType::Ethernet,
        wire_len: bytes.len() as u32,
        time: Timestamp::from_nanos(time),
        interface: 0,
    }
}

/// A frame of either direction of a connection, with flags and a length that `kind` and its number say.
fn segment_of_tcp(number: u64, kind: u8) -> Vec<u8> {
    let turn = kind.rotate_left(number as u32);
    let (mut ends, payload) = ([[10, 0, 0, 1, 0x9c, 0x40], [10, 0, 0, 2, 0, 80]], usize::from(turn >> 3));
    if turn & 1 == 1 {
        ends.reverse();
    }
    let mut bytes = vec![2; 12];
    bytes.extend([8, 0, 0x45, 0, 0, 40 + payload as u8, 0, number as u8, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend(ends.iter().flat_map(|end| &end[..4]));
    bytes.extend(ends.iter().flat_map(|end| &end[4..]));
    bytes.extend([0, 0, 0, turn, 0, 0, 0, kind, 0x50, turn & 0x17, 1, 0, 0, 0, 0, 0]);
    bytes.extend(std::iter::repeat_n(number as u8, payload));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_cut_anywhere_are_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let whole = [0x82, 5, 7, 1];
        let (made, _) = Made::from(&whole);
        for (file, len) in [(0, made.index.len()), (1, made.data.len())] {
            for at in (0..=len as u16).rev().step_by(3) {
                let [high, low] = at.to_be_bytes();
                damage_and_repair(folder.path(), &[&whole[..], &[file, high, low, 0]].concat());
            }
        }
        damage_and_repair(folder.path(), &whole);
        damage_and_repair(folder.path(), &[0x02, 5, 7, 1]);
        // No index at all.
        damage_and_repair(folder.path(), &[&whole[..], &[6, 0, 0, 0]].concat());
    }

    #[test]
    fn any_byte_of_an_index_may_lie() {
        let folder = tempfile::tempdir().unwrap();
        let whole = [0x01, 2, 3];
        let (made, _) = Made::from(&whole);
        for at in (0..made.index.len() as u16).step_by(5) {
            let [high, low] = at.to_be_bytes();
            for with in [0x01, 0x80, 0xff] {
                damage_and_repair(folder.path(), &[&whole[..], &[8, high, low, with]].concat());
                damage_and_repair(folder.path(), &[&whole[..], &[10, high, low, with]].concat());
            }
        }
    }

    #[test]
    fn an_index_with_the_right_sums_may_hold_anything() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            for len in 0..200 {
                read_index(&[&[1], &vec![byte; len][..]].concat());
                read_index(&[&[0], &vec![byte; len][..]].concat());
            }
        }
    }
}
