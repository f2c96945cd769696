//! The pcapng format (draft-ietf-opsawg-pcapng).

use std::io::BufRead;

use super::batch::{Batch, MAX_FRAME};
use super::bytes::{ByteOrder, Fields};
use super::capture_file::Stream;
use super::error::Malformed;
use super::interface::{MAX_INTERFACES, Route};
use super::state::{Fault, State, Step};

mod resolution;

use resolution::Resolution;

pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
pub(super) const ENHANCED_PACKET: u32 = 6;

pub(super) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Type and length at the start.
const BLOCK_HEAD: usize = 8;
/// The length again, at the end.
const BLOCK_TAIL: usize = 4;
/// Both, and nothing in between.
const SHORTEST_BLOCK: u32 = 12;
/// Up to and with the version; enough to read the rest of any section header.
const SECTION_START: usize = 16;
/// What is looked at of a description: its options may be many, but those of interest are short.
const DESCRIPTION_LIMIT: usize = 64 << 10;
/// The fixed fields of the longest packet block.
const PACKET_FIELDS: usize = 20;
/// Bytes kept of an interface's name; IFNAMSIZ is 16, Windows names are some 50.
const NAME_LIMIT: usize = 255;

pub(super) const OPTION_END: u16 = 0;
const OPTION_IF_NAME: u16 = 2;
pub(super) const OPTION_IF_TSRESOL: u16 = 9;
const OPTION_IF_TSOFFSET: u16 = 14;

pub(super) struct Pcapng {
    order: ByteOrder,
    /// Of the current section, by the number that its packets give.
    interfaces: Vec<Described>,
}

#[derive(Clone, Copy)]
struct Described {
    route: Route,
    resolution: Resolution,
    /// Longest captured length; 0 for none.
    snap_len: u32,
}

/// The head of a block.
#[derive(Clone, Copy)]
struct Block {
    offset: u64,
    kind: u32,
    len: u32,
}

/// The packet that a block holds.
struct Held {
    interface: u32,
    /// `None`: the block has no time.
    ticks: Option<u64>,
    captured: u32,
    wire: u32,
    /// Bytes before the packet in its block.
    before: usize,
}

impl Pcapng {
    pub(super) fn recognises(head: &[u8]) -> bool {
        head.starts_with(&SECTION_HEADER.to_be_bytes())
    }

    pub(super) fn open(stream: &mut Stream) -> Result<Self, Fault> {
        let start = stream.peek(SECTION_START)?;
        if start.len() < SECTION_START {
            let (present, expected) = (start.len() as u64, SECTION_START as u64);
            return Err(Fault::Malformed(0, Malformed::CutHeader { present, expected }));
        }
        // The first step reads the header again; here it only has to be one.
        Ok(Self { order: section_order(0, start)?, interfaces: Vec::new() })
    }

    pub(super) fn step(
        &mut self,
        stream: &mut Stream,
        state: &mut State,
        batch: &mut Batch,
    ) -> Result<Step, Fault> {
        if !batch.is_empty() && !stream.holds(BLOCK_HEAD) {
            return Ok(Step::Later);
        }
        let offset = stream.offset();
        let head = stream.peek(BLOCK_HEAD)?;
        if head.is_empty() {
            return Ok(Step::End);
        }
        let mut fields = Fields::new(self.order, head);
        let (Some(kind), Some(len)) = (fields.u32(), fields.u32()) else {
            return Ok(state.cut(offset, head.len() as u64, BLOCK_HEAD as u64));
        };
        let block = Block { offset, kind, len };
        match kind {
            SECTION_HEADER => self.section(stream, state, block),
            INTERFACE_DESCRIPTION => self.description(stream, state, block),
            ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET => self.packet(stream, state, batch, block),
            // Names, statistics, secrets, custom blocks and all that is yet to come.
            _ => self.finish(stream, state, block, 0),
        }
    }

    /// A new section: its byte order and its interfaces are its own.
    fn section(&mut self, stream: &mut Stream, state: &mut State, block: Block) -> Result<Step, Fault> {
        let start = stream.peek(SECTION_START)?;
        if start.len() < SECTION_START {
            return Ok(state.cut(block.offset, start.len() as u64, SECTION_START as u64));
        }
        self.order = section_order(block.offset, start)?;
        self.interfaces.clear();
        let mut fields = Fields::new(self.order, start);
        let len = fields.bytes(4).and_then(|_| fields.u32()).unwrap_or_default();
        let block = Block { len, ..block };
        let version = fields.bytes(4).and_then(|_| Some((fields.u16()?, fields.u16()?)));
        match version {
            // 1.2 was written by an early tool and is the same as 1.0.
            Some((1, 0 | 2)) => self.finish(stream, state, block, SECTION_START as u32),
            other => {
                let (major, minor) = other.unwrap_or_default();
                Err(Fault::Malformed(block.offset, Malformed::Version { major, minor }))
            }
        }
    }

    fn description(&mut self, stream: &mut Stream, state: &mut State, block: Block) -> Result<Step, Fault> {
        let room = room(block)? as usize;
        let bytes = stream.peek(BLOCK_HEAD + room.min(DESCRIPTION_LIMIT))?;
        let mut fields = Fields::new(self.order, bytes.get(BLOCK_HEAD..).unwrap_or_default());
        let fixed = (|| {
            let link_code = fields.u16()?;
            fields.u16()?;
            Some((u32::from(link_code), fields.u32()?))
        })();
        let Some((link_code, snap_len)) = fixed else {
            return if room < 8 {
                Err(bad_length(block))
            } else {
                Ok(state.cut(block.offset, bytes.len() as u64, u64::from(block.len)))
            };
        };
        let (name, resolution) = options(fields);
        let position = self.interfaces.len();
        let route = (position < MAX_INTERFACES)
            .then(|| state.interfaces.add(position, link_code, name))
            .flatten()
            .ok_or(Fault::Malformed(block.offset, Malformed::TooManyInterfaces))?;
        self.interfaces.push(Described { route, resolution, snap_len });
        self.finish(stream, state, block, 8)
    }

    fn packet(
        &mut self,
        stream: &mut Stream,
        state: &mut State,
        batch: &mut Batch,
        block: Block,
    ) -> Result<Step, Fault> {
        let room = room(block)?;
        let fixed = BLOCK_HEAD + PACKET_FIELDS.min(room as usize);
        if !batch.is_empty() && !stream.holds(fixed) {
            return Ok(Step::Later);
        }
        let bytes = stream.peek(fixed)?;
        if bytes.len() < fixed {
            return Ok(state.cut(block.offset, bytes.len() as u64, u64::from(block.len)));
        }
        let held = self.held(block.kind, room, bytes).ok_or_else(|| bad_length(block))?;
        let room = room.saturating_sub(held.before as u32);
        if held.captured > room {
            let claimed = held.captured;
            return Err(Fault::Malformed(block.offset, Malformed::PacketLength { claimed, room }));
        }

        let described = self.interfaces.get(held.interface as usize).copied();
        let Some(Described { route, resolution, .. }) = described.filter(|found| found.route.link.is_some())
        else {
            let step = self.finish(stream, state, block, 0)?;
            if step == Step::Taken {
                match described {
                    Some(found) => state.pass_over(found.route),
                    None => state.no_interface(block.offset, held.interface),
                }
            }
            return Ok(step);
        };
        let captured = held.captured as usize;
        if captured > MAX_FRAME {
            let claimed = held.captured;
            return Err(Fault::Malformed(block.offset, Malformed::RecordLength { claimed }));
        }
        // Options follow the packet, as a rule few: wait for all of a block that fits the buffer, so that
        // finishing it does not block once the packet is in the batch.
        let start = BLOCK_HEAD + held.before;
        let need = start + captured;
        let whole = need.max((block.len as usize).min(start + MAX_FRAME));
        if !batch.is_empty() && !stream.holds(whole) {
            return Ok(Step::Later);
        }
        let bytes = stream.peek(whole)?;
        if bytes.len() < whole {
            return Ok(state.cut(block.offset, bytes.len() as u64, u64::from(block.len)));
        }
        check_tail(self.order, block, bytes)?;
        let time = match held.ticks {
            Some(ticks) => resolution.time(ticks),
            None => state.last_time,
        };
        let frame = bytes.get(start..need).unwrap_or_default();
        state.deliver(route, time, frame, held.wire, batch);
        if held.ticks.is_none() {
            state.no_time(block.offset);
        }
        if whole == block.len as usize {
            stream.consume(whole);
            return Ok(Step::Taken);
        }
        self.finish(stream, state, block, 0)
    }

    /// The fixed fields of a packet block. `None`: too short for its type.
    fn held(&self, kind: u32, room: u32, bytes: &[u8]) -> Option<Held> {
        let mut fields = Fields::new(self.order, bytes.get(BLOCK_HEAD..)?);
        if kind == SIMPLE_PACKET {
            let wire = fields.u32()?;
            // Always of the first interface, cut to its snap length, padded to the block's end.
            let snap_len = self.interfaces.first().map_or(0, |first| first.snap_len);
            let limit = if snap_len == 0 { u32::MAX } else { snap_len };
            let captured = wire.min(limit).min(room.saturating_sub(4));
            return Some(Held { interface: 0, ticks: None, captured, wire, before: 4 });
        }
        let interface = if kind == ENHANCED_PACKET {
            fields.u32()?
        } else {
            let interface = fields.u16()?;
            let _dropped = fields.u16()?;
            u32::from(interface)
        };
        let (high, low) = (fields.u32()?, fields.u32()?);
        let (captured, wire) = (fields.u32()?, fields.u32()?);
        let ticks = u64::from(high) << 32 | u64::from(low);
        Some(Held { interface, ticks: Some(ticks), captured, wire, before: PACKET_FIELDS })
    }

    /// Passes over a whole block, of which nothing was consumed, and checks that it ends as it began.
    /// `least` is the room that its type needs.
    fn finish(
        &self,
        stream: &mut Stream,
        state: &mut State,
        block: Block,
        least: u32,
    ) -> Result<Step, Fault> {
        if room(block)? < least {
            return Err(bad_length(block));
        }
        let len = u64::from(block.len);
        let before_tail = len - BLOCK_TAIL as u64;
        let skipped = stream.skip(before_tail)?;
        let tail = if skipped < before_tail { &[] } else { stream.peek(BLOCK_TAIL)? };
        if tail.len() < BLOCK_TAIL {
            let present = skipped + tail.len() as u64;
            return Ok(state.cut(block.offset, present, len));
        }
        check_tail_bytes(self.order, block, tail)?;
        stream.consume(BLOCK_TAIL);
        Ok(Step::Taken)
    }
}

/// Bytes between the two ends of a block.
fn room(block: Block) -> Result<u32, Fault> {
    if block.len < SHORTEST_BLOCK || !block.len.is_multiple_of(4) {
        return Err(bad_length(block));
    }
    Ok(block.len - SHORTEST_BLOCK)
}

fn bad_length(block: Block) -> Fault {
    Fault::Malformed(block.offset, Malformed::BlockLength { block: block.kind, claimed: block.len })
}

/// Checks the length at the end of a block that `bytes` holds whole; otherwise it is checked later.
fn check_tail(order: ByteOrder, block: Block, bytes: &[u8]) -> Result<(), Fault> {
    match bytes.len() == block.len as usize {
        true => check_tail_bytes(order, block, bytes.get(bytes.len() - BLOCK_TAIL..).unwrap_or_default()),
        false => Ok(()),
    }
}

fn check_tail_bytes(order: ByteOrder, block: Block, tail: &[u8]) -> Result<(), Fault> {
    let tail = Fields::new(order, tail).u32().unwrap_or_default();
    if tail == block.len {
        return Ok(());
    }
    let what = Malformed::BlockTrailer { block: block.kind, head: block.len, tail };
    Err(Fault::Malformed(block.offset, what))
}

/// The byte order that the section header in `start` declares.
fn section_order(offset: u64, start: &[u8]) -> Result<ByteOrder, Fault> {
    let magic =
        |order| Fields::new(order, start.get(BLOCK_HEAD..).unwrap_or_default()).u32().unwrap_or_default();
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .find(|&order| magic(order) == BYTE_ORDER_MAGIC)
        .ok_or_else(|| Fault::Malformed(offset, Malformed::ByteOrder { found: magic(ByteOrder::Big) }))
}

/// Name and time resolution of an interface. An option that is cut ends the list.
fn options(mut fields: Fields<'_>) -> (Option<String>, Resolution) {
    let (mut name, mut unit, mut offset) = (None, None, 0);
    while let Some((code, value)) = option(&mut fields) {
        match code {
            OPTION_END => break,
            OPTION_IF_NAME => {
                let kept = value.get(..NAME_LIMIT).unwrap_or(value);
                name = Some(String::from_utf8_lossy(kept).trim_end_matches('\0').to_owned());
            }
            OPTION_IF_TSRESOL => unit = value.first().copied(),
            OPTION_IF_TSOFFSET => offset = fields.with(value).i64().unwrap_or_default(),
            _ => {}
        }
    }
    (name.filter(|name| !name.is_empty()), Resolution::new(unit, offset))
}

fn option<'a>(fields: &mut Fields<'a>) -> Option<(u16, &'a [u8])> {
    let (code, len) = (fields.u16()?, usize::from(fields.u16()?));
    let value = fields.bytes(len)?;
    let padding = len.next_multiple_of(4) - len;
    // The padding of the last option may be missing.
    let _ = fields.bytes(padding);
    Some((code, value))
}
