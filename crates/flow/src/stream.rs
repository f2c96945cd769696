//! The first payload of one direction, put together in sequence order.
//!
//! Everything that is kept lies within the bound, so a segment that comes early is written to its place at once
//! and a bitmap remembers it: no list of held segments, no limit on how finely a stream is cut. Where segments
//! overlap, the byte that was received first stays: what was judged cannot be rewritten afterwards.

use crate::config::{MAX_PAYLOAD_PACKETS, PAYLOAD_BOUND};
use crate::view::FirstPayload;

const WORDS: usize = PAYLOAD_BOUND / 64;
const ENDS: usize = MAX_PAYLOAD_PACKETS as usize;

#[derive(Debug)]
pub(crate) struct Stream {
    /// Sequence number of `bytes[0]`; meaningful when `anchored`.
    base: u32,
    anchored: bool,
    /// One byte that looked like a keep-alive probe was left out.
    probe_skipped: bool,
    /// Zeros at the very start that may be link padding counted as payload: how many, until what follows tells.
    padding: u8,
    /// Where they start.
    padding_seq: u32,
    /// Data after a hole has arrived.
    held: bool,
    /// Data past `limit` has arrived.
    beyond: bool,
    closed: bool,
    /// Data packets since the hole at `len` was seen.
    gap_packets: u8,
    ends_len: u8,
    /// Bytes without a hole.
    len: u16,
    /// No byte from here on will be kept: the bound, the FIN, or where the capture cut a segment.
    limit: u16,
    bound: u16,
    first_len: u32,
    /// Bytes at and after `len` that have arrived; bits below `len` mean nothing.
    have: [u64; WORDS],
    ends: [u16; ENDS],
    bytes: [u8; PAYLOAD_BOUND],
}

/// A TCP segment's data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    /// Sequence number of the first byte.
    pub(crate) seq: u32,
    /// The data that was captured.
    pub(crate) data: &'a [u8],
    /// Its length as the headers give it.
    pub(crate) len: u32,
    /// It may be a keep-alive probe with a garbage byte (RFC 9293, section 3.8.4): no start for a stream.
    pub(crate) may_be_probe: bool,
    /// A bare acknowledgement or SYN-ACK with a few zero bytes: see [`MAX_PADDING`].
    pub(crate) may_be_padding: bool,
}

/// Link padding that a device counted as payload at most: what fills 54 bytes of Ethernet, IPv4 and TCP up to the
/// minimum of 60. Such zeros stand where the stream's real bytes come later.
pub(crate) const MAX_PADDING: usize = 6;

/// What a segment did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// There is more to look at, or it is now known that there will be no more.
    pub(crate) changed: bool,
    /// A hole was given up; nothing before it was kept.
    pub(crate) start_lost: bool,
    /// A hole was given up.
    pub(crate) gap: bool,
    /// Zeros that were left out were padding: the sender had said nothing yet.
    pub(crate) was_padding: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            base: 0,
            anchored: false,
            probe_skipped: false,
            padding: 0,
            padding_seq: 0,
            held: false,
            beyond: false,
            closed: false,
            gap_packets: 0,
            ends_len: 0,
            len: 0,
            limit: 0,
            bound: 0,
            first_len: 0,
            have: [0; WORDS],
            ends: [0; ENDS],
            bytes: [0; PAYLOAD_BOUND],
        }
    }
}

impl Stream {
    /// Empty again; `bytes` keeps its old content, which `len` hides.
    pub(crate) fn reset(&mut self, bound: u16) {
        self.anchored = false;
        self.probe_skipped = false;
        self.padding = 0;
        self.held = false;
        self.beyond = false;
        self.closed = false;
        self.gap_packets = 0;
        self.ends_len = 0;
        self.len = 0;
        self.bound = bound.min(PAYLOAD_BOUND as u16);
        self.limit = self.bound;
        self.first_len = 0;
        self.have = [0; WORDS];
    }

    /// The stream starts at this sequence number: a SYN told. Data that came before the SYN moves to its place.
    pub(crate) fn anchor(&mut self, seq: u32) {
        if !self.anchored {
            self.base = seq;
            self.anchored = true;
            return;
        }
        let earlier = self.base.wrapping_sub(seq);
        if earlier == 0 || earlier >= u32::from(self.limit) || self.closed {
            return;
        }
        self.move_up(earlier as u16);
        self.base = seq;
    }

    /// A TCP segment.
    pub(crate) fn segment(&mut self, segment: Segment<'_>, gap_packets: u8) -> Progress {
        let mut progress = Progress::default();
        if self.closed || segment.len == 0 {
            return progress;
        }
        if self.gap_packets > gap_packets {
            self.give_up(&mut progress);
            if self.closed {
                return progress;
            }
        }
        if !self.anchored {
            if segment.may_be_probe && !self.probe_skipped {
                self.probe_skipped = true;
                return progress;
            }
            self.base = segment.seq;
            self.anchored = true;
        }
        if self.is_padding(&segment) {
            self.padding = self.padding.max(segment.len as u8);
            self.padding_seq = segment.seq;
            return progress;
        }
        self.weigh_padding(segment.seq, segment.len, &mut progress);
        let before = self.len;
        let offset = i64::from(segment.seq.wrapping_sub(self.base) as i32);
        self.place(offset, segment.data);
        if before == 0 && self.len > 0 {
            self.first_len = (i64::from(segment.len) + offset.min(0)).clamp(0, i64::from(u32::MAX)) as u32;
        }
        let captured = offset + segment.data.len() as i64;
        if captured < offset + i64::from(segment.len) && captured < i64::from(self.limit) {
            self.limit = self.limit.min(captured.clamp(i64::from(self.len), PAYLOAD_BOUND as i64) as u16);
        }
        self.beyond |= offset > i64::from(self.len);
        self.settle(before, &mut progress);
        if self.held || self.beyond {
            self.gap_packets = if self.len > before { 0 } else { self.gap_packets.saturating_add(1) };
        }
        progress
    }

    /// A datagram or user message.
    pub(crate) fn datagram(&mut self, data: &[u8], len: u32) -> Progress {
        let mut progress = Progress::default();
        if self.closed || len == 0 {
            return progress;
        }
        let before = self.len;
        let room = usize::from(self.bound - self.len);
        let taken = room.min(data.len());
        let start = usize::from(self.len);
        self.bytes[start..start + taken].copy_from_slice(&data[..taken]);
        self.len += taken as u16;
        if self.ends_len == 0 {
            self.first_len = len;
        }
        if taken > 0 {
            self.push_end();
        }
        if (taken as u64) < u64::from(len) || usize::from(self.ends_len) == ENDS {
            self.limit = self.len;
        }
        self.closed = self.len >= self.limit;
        progress.changed = self.len > before || self.closed;
        progress
    }

    /// Nothing more will be waited for: a hole is given up.
    pub(crate) fn conclude(&mut self) -> Progress {
        let mut progress = Progress::default();
        if !self.closed && (self.held || self.beyond) {
            self.give_up(&mut progress);
        }
        progress
    }

    /// The sender has finished; `seq` is the sequence number of its FIN.
    pub(crate) fn finish(&mut self, seq: u32) -> Progress {
        let mut progress = Progress::default();
        if self.closed {
            return progress;
        }
        self.weigh_padding(seq, 1, &mut progress);
        let offset = if self.anchored { seq.wrapping_sub(self.base) as i32 } else { 0 };
        if offset >= i32::from(self.len) && offset < i32::from(self.limit) {
            self.limit = offset as u16;
            self.settle(self.len, &mut progress);
        }
        progress
    }

    /// Sequence number of its first byte, if that is known.
    pub(crate) fn base(&self) -> Option<u32> {
        self.anchored.then_some(self.base)
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Nothing is kept, as far as is known.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first_payload(&self) -> FirstPayload<'_> {
        FirstPayload {
            bytes: &self.bytes[..usize::from(self.len)],
            ends: &self.ends[..usize::from(self.ends_len)],
            first_len: self.first_len,
            closed: self.closed,
            bounded: self.len >= self.bound,
        }
    }

    /// Whether these zeros are left out until what follows tells whether they are data.
    fn is_padding(&self, segment: &Segment<'_>) -> bool {
        let expected = segment.seq == if self.padding > 0 { self.padding_seq } else { self.base };
        segment.may_be_padding && self.len == 0 && expected && !self.has(segment.len as usize)
    }

    /// What stands where zeros were left out decides on them: other bytes for the first of them replace them all;
    /// a segment that starts within them or right behind them makes those before it data. Anything else may have
    /// been overtaken, and decides nothing: a sender that shuffles its segments must not get rid of its start.
    fn weigh_padding(&mut self, seq: u32, len: u32, progress: &mut Progress) {
        if self.padding == 0 {
            return;
        }
        let distance = i64::from(seq.wrapping_sub(self.padding_seq) as i32);
        if distance <= 0 && distance + i64::from(len) > 0 {
            self.padding = 0;
            progress.was_padding = true;
        } else if distance > 0 && distance <= i64::from(self.padding) {
            self.padding = distance as u8;
            progress.changed |= self.take_padding();
        }
    }

    /// Zeros that were left out are data. Whether there is more to look at.
    fn take_padding(&mut self) -> bool {
        let padding = std::mem::take(&mut self.padding);
        let before = self.len;
        let offset = i64::from(self.padding_seq.wrapping_sub(self.base) as i32);
        self.place(offset, &[0; MAX_PADDING][..usize::from(padding).min(MAX_PADDING)]);
        if self.len == before {
            return false;
        }
        if before == 0 {
            self.first_len = padding.into();
        }
        self.push_end();
        true
    }

    /// Writes data at an offset from the start, but not over what is there, and takes in what now has no hole
    /// before it.
    fn place(&mut self, offset: i64, data: &[u8]) {
        let (len, limit) = (i64::from(self.len), i64::from(self.limit));
        let from = offset.max(len);
        let to = (offset + data.len() as i64).min(limit);
        if from >= to {
            return;
        }
        let data = &data[(from - offset) as usize..(to - offset) as usize];
        let (from, to) = (from as usize, to as usize);
        if !self.held && from == usize::from(self.len) {
            self.bytes[from..to].copy_from_slice(data);
            self.len = to as u16;
            return;
        }
        for (position, &byte) in (from..to).zip(data) {
            if !self.has(position) {
                self.bytes[position] = byte;
                self.set(position);
            }
        }
        self.absorb();
    }

    fn absorb(&mut self) {
        while self.len < self.limit && self.has(usize::from(self.len)) {
            self.len += 1;
        }
        self.held = (usize::from(self.len)..usize::from(self.limit)).any(|position| self.has(position));
    }

    fn settle(&mut self, before: u16, progress: &mut Progress) {
        if self.len > before {
            self.push_end();
        }
        self.closed = self.len >= self.limit;
        progress.changed |= self.len > before || self.closed;
    }

    fn push_end(&mut self) {
        let last = usize::from(self.ends_len).min(ENDS - 1);
        self.ends[last] = self.len;
        self.ends_len = (last + 1) as u8;
    }

    /// The hole stays: what is before it is all there is, or, with nothing before it, what is after it.
    fn give_up(&mut self, progress: &mut Progress) {
        progress.gap = true;
        progress.changed = true;
        self.gap_packets = 0;
        self.beyond = false;
        // Padding or data, nothing will tell any more; to drop them would let a sender hide its start.
        if self.padding > 0 {
            self.take_padding();
        }
        if self.len > 0 {
            self.closed = true;
            return;
        }
        progress.start_lost = true;
        match (0..usize::from(self.limit)).find(|&position| self.has(position)) {
            Some(first) => self.move_down(first as u16),
            None => self.anchored = false,
        }
    }

    /// Drops a hole at the start.
    fn move_down(&mut self, by: u16) {
        let shift = usize::from(by);
        self.bytes.copy_within(shift.., 0);
        for position in 0..PAYLOAD_BOUND {
            let source = position + shift;
            self.assign(position, source < PAYLOAD_BOUND && self.has(source));
        }
        self.base = self.base.wrapping_add(u32::from(by));
        if self.limit < self.bound {
            self.limit -= by;
        }
        self.absorb();
        self.first_len = u32::from(self.len);
        self.push_end();
        self.closed = self.len >= self.limit;
    }

    /// Makes a hole at the start.
    fn move_up(&mut self, by: u16) {
        let shift = usize::from(by);
        (0..usize::from(self.len)).for_each(|position| self.set(position));
        self.bytes.copy_within(..PAYLOAD_BOUND - shift, shift);
        for position in (0..PAYLOAD_BOUND).rev() {
            let there = position >= shift && self.has(position - shift);
            self.assign(position, there);
        }
        if self.limit < self.bound {
            self.limit = (self.limit + by).min(self.bound);
        }
        self.len = 0;
        self.ends_len = 0;
        self.first_len = 0;
        self.absorb();
    }

    fn has(&self, position: usize) -> bool {
        self.have[position / 64] & 1 << (position % 64) != 0
    }

    fn set(&mut self, position: usize) {
        self.have[position / 64] |= 1 << (position % 64);
    }

    fn assign(&mut self, position: usize, there: bool) {
        if there {
            self.set(position);
        } else {
            self.have[position / 64] &= !(1 << (position % 64));
        }
    }
}
