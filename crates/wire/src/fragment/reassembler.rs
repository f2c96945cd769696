//! The table of datagrams that are not whole yet.

use std::time::Duration;

use super::Fragment;
use super::buffers::Buffers;
use super::datagram::{Datagram, Id, Outcome};
use super::runs::Runs;
use super::table::Table;
use crate::packet::{Packet, Parsed};
use crate::reason::Drop;
use crate::time::Timestamp;

/// Slots are numbered with 32 bits.
const MAX_DATAGRAMS: usize = 1 << 24;

/// Bounds of a [`Reassembler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Datagrams that may wait for fragments at a time.
    pub datagrams: usize,
    /// Bytes of their buffers. Fewer than 128 KiB do not hold every datagram: one that grows is copied.
    pub bytes: usize,
    /// How long after its first fragment a datagram is given up.
    pub timeout: Duration,
}

impl Default for Limits {
    /// 4,096 datagrams, 4 MiB, 30 seconds (what Linux grants IPv4, `ipfrag_time`; RFC 8200 says 60).
    fn default() -> Self {
        Self { datagrams: 4096, bytes: 4 << 20, timeout: Duration::from_secs(30) }
    }
}

/// What became of a fragment.
#[derive(Debug)]
pub enum Reassembly<'s> {
    /// Others are missing.
    Waiting,
    /// It was the last one: the packet that all of them make.
    Packet(Packet<'s>),
    /// It, and perhaps others of its datagram, were dropped: so many in all.
    Dropped(Drop, u32),
}

/// Every fragment that was pushed is in one of `reassembled`, `dropped` and [`Reassembler::pending`].
///
/// Fragments here are frames: a fragment that came in a fragmented tunnel packet counts as the frames that
/// made it. This is the complete account; a [`Reassembly`] tells only of the datagram it is about, not of
/// those that were given up to make room for it or because their time had passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pushed.
    pub received: u64,
    /// Part of a packet that was handed out, duplicates included.
    pub reassembled: u64,
    /// Packets that they made.
    pub packets: u64,
    /// Dropped, by [`Drop::index`]; reasons that have nothing to do with fragments are what the whole
    /// datagram turned out to be.
    pub dropped: [u64; Drop::ALL.len()],
}

impl Counters {
    fn drop(&mut self, reason: Drop, fragments: u32) {
        if let Some(count) = self.dropped.get_mut(reason.index()) {
            *count += u64::from(fragments);
        }
    }
}

/// Puts datagrams together again (RFC 791; RFC 8200, section 4.5).
///
/// Fragments that overlap with other data than before lose their datagram (RFC 5722), in IPv4 too; exact
/// repetitions are counted and otherwise ignored. When a bound is reached, the oldest datagram goes. A datagram
/// of which the capture cut a fragment is whole up to the cut.
#[derive(Debug)]
pub struct Reassembler {
    limits: Limits,
    table: Table,
    buffers: Buffers,
    spare_runs: Vec<Runs>,
    /// The datagram that the last packet handed out borrows.
    done: Option<Datagram>,
    pending: u64,
    counters: Counters,
}

/// What one level of [`Reassembler::push`] came to.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for the length of a call; a box would be an allocation"
)]
enum Step {
    Waiting,
    Whole(Datagram),
    Dropped(Drop, u32),
}

impl Reassembler {
    /// `seed` is random per run: senders choose addresses and identifications, not where they fall in the table.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits: Limits { datagrams: limits.datagrams.clamp(1, MAX_DATAGRAMS), ..limits },
            table: Table::new(seed),
            buffers: Buffers::new(limits.bytes),
            spare_runs: Vec::new(),
            done: None,
            pending: 0,
            counters: Counters::default(),
        }
    }

    /// Adds a fragment; the packet, if it makes one, borrows the reassembler.
    ///
    /// A datagram that holds a fragment of another one, inside a tunnel, goes the same way at once.
    pub fn push<'s>(&'s mut self, fragment: &Fragment<'_>) -> Reassembly<'s> {
        if let Some(done) = self.done.take() {
            self.recycle(done);
        }
        let now = fragment.time;
        self.counters.received += u64::from(fragment.packets);
        self.expire(now);
        let mut step = self.add(fragment);
        // A fragment in a datagram is deeper in tunnels than the datagram's own, so this ends.
        loop {
            let whole = match step {
                Step::Waiting => return Reassembly::Waiting,
                Step::Dropped(reason, fragments) => {
                    self.counters.drop(reason, fragments);
                    return Reassembly::Dropped(reason, fragments);
                }
                Step::Whole(whole) => whole,
            };
            let fragments = whole.packets;
            step = match whole.parse(now) {
                Ok(Parsed::Packet(_)) => {
                    self.counters.reassembled += u64::from(fragments);
                    self.counters.packets += 1;
                    return match self.done.insert(whole).parse(now) {
                        Ok(Parsed::Packet(packet)) => Reassembly::Packet(packet),
                        Ok(Parsed::Fragment(_)) => Reassembly::Waiting,
                        Err(reason) => Reassembly::Dropped(reason, fragments),
                    };
                }
                Ok(Parsed::Fragment(inner)) => self.add(&inner),
                Err(reason) => Step::Dropped(reason, fragments),
            };
            self.recycle(whole);
        }
    }

    /// Gives up what has waited too long; the number of fragments that this drops.
    pub fn expire(&mut self, now: Timestamp) -> u64 {
        let mut given_up = 0;
        while let Some(slot) = self.table.oldest() {
            let started = self.table.get(slot).map_or(Timestamp::ZERO, |datagram| datagram.started);
            if now.since(started) < self.limits.timeout {
                break;
            }
            given_up += u64::from(self.give_up(slot, Drop::FragmentTimeout));
        }
        given_up
    }

    /// Fragments of datagrams that are not whole yet.
    pub const fn pending(&self) -> u64 {
        self.pending
    }

    /// Datagrams that are not whole yet.
    pub fn datagrams(&self) -> usize {
        self.table.len()
    }

    /// Bytes of all buffers, in use or kept for reuse; at most [`Limits::bytes`].
    pub const fn allocated(&self) -> usize {
        self.buffers.allocated()
    }

    /// The account so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> Step {
        let frames = u32::from(fragment.packets);
        let slot = self.slot_of(fragment);
        loop {
            let Some(datagram) = self.table.get_mut(slot) else {
                return Step::Dropped(Drop::FragmentLimit, frames);
            };
            let before = datagram.packets;
            let outcome = datagram.add(fragment, &mut self.buffers);
            self.pending += u64::from(datagram.packets - before);
            return match outcome {
                Outcome::Waiting => Step::Waiting,
                Outcome::Whole => match self.remove(slot) {
                    Some(whole) => Step::Whole(whole),
                    None => Step::Waiting,
                },
                Outcome::Refused => {
                    // Others of its datagram stay.
                    if before == 0 {
                        self.discard(slot);
                    }
                    Step::Dropped(Drop::FragmentMalformed, frames)
                }
                Outcome::Failed(reason) => Step::Dropped(reason, self.discard(slot)),
                Outcome::NoBuffer => match self.table.oldest() {
                    Some(oldest) if oldest != slot => {
                        self.give_up(oldest, Drop::FragmentLimit);
                        continue;
                    }
                    _ => Step::Dropped(Drop::FragmentLimit, self.discard(slot) + frames),
                },
            };
        }
    }

    /// The slot of the fragment's datagram, which is begun if need be.
    fn slot_of(&mut self, fragment: &Fragment<'_>) -> u32 {
        if let Some(slot) = self.table.find(&Id::of(fragment)) {
            return slot;
        }
        if self.table.len() >= self.limits.datagrams
            && let Some(oldest) = self.table.oldest()
        {
            self.give_up(oldest, Drop::FragmentLimit);
        }
        let runs = self.spare_runs.pop().unwrap_or_default();
        self.table.insert(Datagram::new(fragment, runs))
    }

    /// Drops a datagram and counts its fragments.
    fn give_up(&mut self, slot: u32, reason: Drop) -> u32 {
        let fragments = self.discard(slot);
        self.counters.drop(reason, fragments);
        fragments
    }

    /// Drops a datagram whose fragments the caller counts.
    fn discard(&mut self, slot: u32) -> u32 {
        let Some(datagram) = self.remove(slot) else { return 0 };
        let fragments = datagram.packets;
        self.recycle(datagram);
        fragments
    }

    fn remove(&mut self, slot: u32) -> Option<Datagram> {
        let datagram = self.table.remove(slot)?;
        self.pending -= u64::from(datagram.packets);
        Some(datagram)
    }

    fn recycle(&mut self, datagram: Datagram) {
        self.spare_runs.push(datagram.recycle(&mut self.buffers));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, ethernet, inner4, ipv4_with, udp};
    use crate::{Transport, TunnelKind, fuzz};

    /// The pieces of an IPv4 datagram, `size` bytes each.
    fn pieces(id: u16, protocol: u8, data: &[u8], size: usize) -> Vec<Vec<u8>> {
        let chunks = data.chunks(size).count();
        let piece = |(at, chunk): (usize, &[u8])| {
            ipv4_with(protocol, chunk, |header| {
                header.identification = id;
                header.more_fragments = at + 1 < chunks;
                header.fragment_offset = ((at * size / 8) as u16).try_into().unwrap();
            })
        };
        data.chunks(size).enumerate().map(piece).collect()
    }

    fn fragment(offset: u16, more: bool, data: &[u8]) -> Fragment<'_> {
        let data_len = data.len() as u32;
        Fragment { offset, more, data, data_len, ip_bytes: data_len + 20, ..Fragment::default() }
    }

    fn reassembler() -> Reassembler {
        Reassembler::new(Limits { timeout: Duration::from_secs(1), ..Limits::default() }, 7)
    }

    fn dropped(reassembler: &Reassembler, reason: Drop) -> u64 {
        reassembler.counters().dropped[reason.index()]
    }

    #[test]
    fn fragments_in_fragmented_tunnel_packets() {
        // The payload twice in fragments: of the inner and of the outer datagram.
        let datagram = udp(40_000, 80, &[7; 2000]);
        let frames: Vec<Vec<u8>> = pieces(1, 17, &datagram, 1000)
            .iter()
            .enumerate()
            .flat_map(|(at, inner)| pieces(10 + at as u16, 4, inner, 600))
            .map(|packet| ethernet(0x0800, &packet))
            .collect();
        assert_eq!(frames.len(), 5);
        let mut reassembler = reassembler();
        for (at, frame) in frames.iter().enumerate() {
            match reassembler.push(&testing::fragment(frame)) {
                Reassembly::Waiting => assert!(at < 4),
                Reassembly::Packet(packet) => {
                    assert_eq!((packet.packets, packet.payload), (5, &[7; 2000][..]));
                    assert_eq!(packet.tunnel.unwrap().kind, TunnelKind::IpIp);
                    assert_eq!(packet.ip_bytes, 20 + 1000 + 20 + 1000 + 20 + 8);
                }
                Reassembly::Dropped(reason, _) => panic!("{reason:?}"),
            }
        }
        assert_eq!((reassembler.counters().reassembled, reassembler.counters().packets), (5, 1));
        fuzz::check_account(&reassembler, &Limits::default());
    }

    #[test]
    fn a_tunnel_packet_in_fragments() {
        let frames = pieces(1, 47, &[&[0, 0, 8, 0][..], &inner4(&[5; 300])].concat(), 96);
        let mut reassembler = reassembler();
        let mut found = false;
        for frame in &frames {
            let bytes = ethernet(0x0800, frame);
            if let Reassembly::Packet(packet) = reassembler.push(&testing::fragment(&bytes)) {
                testing::assert_inner(&packet, &[5; 300]);
                assert_eq!((packet.ip_bytes, packet.packets), (340, frames.len() as u16));
                found = true;
            }
        }
        assert!(found);
    }

    #[test]
    fn overlaps_lose_the_datagram() {
        for six in [false, true] {
            let ends = [[0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]; 2];
            let with_ends = |fragment| match six {
                true => Fragment { source: ends[0].into(), destination: ends[1].into(), ..fragment },
                false => fragment,
            };
            let mut reassembler = reassembler();
            assert!(matches!(reassembler.push(&with_ends(fragment(8, true, &[1; 16]))), Reassembly::Waiting));
            // The same data again is no overlap.
            assert!(matches!(reassembler.push(&with_ends(fragment(16, true, &[1; 8]))), Reassembly::Waiting));
            let outcome = reassembler.push(&with_ends(fragment(16, false, &[2; 16])));
            assert!(matches!(outcome, Reassembly::Dropped(Drop::FragmentMalformed, 3)), "{outcome:?}");
            assert_eq!((reassembler.datagrams(), reassembler.pending()), (0, 0));
        }
    }

    #[test]
    fn other_data_in_the_same_place_is_an_overlap() {
        let mut reassembler = reassembler();
        reassembler.push(&fragment(0, true, &[1; 16]));
        let outcome = reassembler.push(&fragment(0, true, &[2; 16]));
        assert!(matches!(outcome, Reassembly::Dropped(Drop::FragmentMalformed, 2)));
    }

    #[test]
    fn the_protocol_is_the_first_fragments_in_ipv6_and_part_of_the_identity_in_ipv4() {
        let datagram = udp(7, 53, &[7; 24]);
        for (six, late_first) in [(true, false), (true, true), (false, false)] {
            let ends = [testing::A6.into(), testing::B6.into()];
            let part = |offset: u16, more, data, protocol| {
                let part = Fragment { protocol, ..fragment(offset, more, data) };
                let [source, destination]: [std::net::IpAddr; 2] = ends;
                if six { Fragment { source, destination, ..part } } else { part }
            };
            let first = part(0, true, &datagram[..16], Transport::UDP);
            let last = part(16, false, &datagram[16..], Transport(60));
            let (one, other) = if late_first { (last, first) } else { (first, last) };
            let mut reassembler = reassembler();
            assert!(matches!(reassembler.push(&one), Reassembly::Waiting));
            match reassembler.push(&other) {
                Reassembly::Packet(packet) => {
                    assert!(six);
                    assert_eq!((packet.key.transport(), packet.payload), (Transport::UDP, &[7; 24][..]));
                }
                outcome => assert!(!six, "{outcome:?}"),
            }
            assert_eq!(reassembler.datagrams(), if six { 0 } else { 2 });
        }
    }

    #[test]
    fn two_ends_lose_the_datagram() {
        for other in [fragment(24, false, &[1; 8]), fragment(8, false, &[1; 4]), fragment(32, true, &[1; 8])]
        {
            let mut reassembler = reassembler();
            reassembler.push(&fragment(16, false, &[1; 8]));
            let outcome = reassembler.push(&other);
            assert!(matches!(outcome, Reassembly::Dropped(Drop::FragmentMalformed, 2)), "{outcome:?}");
        }
    }

    #[test]
    fn impossible_fragments_go_alone() {
        let mut reassembler = reassembler();
        reassembler.push(&fragment(8, false, &[1; 8]));
        for bad in [
            fragment(0, true, &[1; 9]),
            fragment(0, true, &[]),
            fragment(65_528, false, &[1; 8]),
            fragment(3, true, &[1; 8]),
        ] {
            let outcome = reassembler.push(&bad);
            assert!(matches!(outcome, Reassembly::Dropped(Drop::FragmentMalformed, 1)), "{outcome:?}");
        }
        assert_eq!((reassembler.datagrams(), reassembler.pending()), (1, 1));
        // No UDP length of 257 fits: what the datagram holds is no packet.
        let outcome = reassembler.push(&fragment(0, true, &[1; 8]));
        assert!(matches!(outcome, Reassembly::Dropped(Drop::UdpMalformed, 2)), "{outcome:?}");
    }

    #[test]
    fn time_runs_out() {
        let mut reassembler = reassembler();
        reassembler.push(&fragment(0, true, &[1; 8]));
        reassembler.push(&fragment(8, true, &[1; 8]));
        let second = Timestamp::ZERO + Duration::from_secs(1);
        assert_eq!(reassembler.expire(Timestamp::ZERO + Duration::from_millis(999)), 0);
        assert_eq!(reassembler.expire(second), 2);
        assert_eq!((dropped(&reassembler, Drop::FragmentTimeout), reassembler.pending()), (2, 0));
        // A later fragment does so as well.
        reassembler.push(&Fragment { time: second, ..fragment(0, true, &[1; 8]) });
        let late = Timestamp::ZERO + Duration::from_secs(3);
        reassembler.push(&Fragment { id: 9, time: late, ..fragment(0, true, &[1; 8]) });
        assert_eq!((dropped(&reassembler, Drop::FragmentTimeout), reassembler.datagrams()), (3, 1));
    }

    #[test]
    fn the_oldest_makes_room() {
        let limits = Limits { datagrams: 2, ..Limits::default() };
        let mut reassembler = Reassembler::new(limits, 7);
        for id in 0..3 {
            reassembler.push(&Fragment { id, ..fragment(0, true, &[1; 8]) });
        }
        assert_eq!((reassembler.datagrams(), dropped(&reassembler, Drop::FragmentLimit)), (2, 1));

        let limits = Limits { bytes: 100 << 10, ..Limits::default() };
        let mut reassembler = Reassembler::new(limits, 7);
        for id in 0..3 {
            reassembler.push(&Fragment { id, ..fragment(50_000, true, &[1; 8]) });
            fuzz::check_account(&reassembler, &limits);
        }
        assert_eq!((reassembler.datagrams(), dropped(&reassembler, Drop::FragmentLimit)), (1, 2));
    }

    #[test]
    fn a_datagram_that_cannot_grow_is_dropped() {
        let limits = Limits { bytes: 5 << 10, ..Limits::default() };
        let mut reassembler = Reassembler::new(limits, 7);
        reassembler.push(&fragment(0, true, &[1; 8]));
        let outcome = reassembler.push(&fragment(4096, true, &[1; 8]));
        assert!(matches!(outcome, Reassembly::Dropped(Drop::FragmentLimit, 2)), "{outcome:?}");
        fuzz::check_account(&reassembler, &limits);
    }

    #[test]
    fn a_cut_fragment_leaves_the_start() {
        let datagram = udp(1, 2, &[7; 40]);
        let mut reassembler = reassembler();
        let cut = Fragment { data_len: 24, ..fragment(0, true, &datagram[..20]) };
        reassembler.push(&cut);
        match reassembler.push(&fragment(24, false, &datagram[24..])) {
            Reassembly::Packet(packet) => {
                assert_eq!((packet.payload, packet.payload_len), (&[7; 12][..], 40));
            }
            other => panic!("{other:?}"),
        };
    }

    #[test]
    fn a_whole_datagram_may_hold_nothing_usable() {
        let mut reassembler = reassembler();
        let short = Fragment { protocol: Transport(4), ..fragment(0, true, &[0x45; 8]) };
        reassembler.push(&short);
        let last = Fragment { offset: 8, more: false, ..short };
        assert!(matches!(reassembler.push(&last), Reassembly::Dropped(Drop::IpTruncated, 2)));
        assert_eq!(dropped(&reassembler, Drop::IpTruncated), 2);
        fuzz::check_account(&reassembler, &Limits::default());
    }
}
