//! What only big, disordered, undecided, watched or flagged flows need.

use crate::pool::NONE;

/// Holes remembered per direction; the oldest makes room.
const HOLES: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    /// Carries out of the packed counters, per direction, in units of 2^32.
    pub(crate) packets: [u32; 2],
    pub(crate) bytes: [u32; 2],
    pub(crate) payload: [u32; 2],
    /// Carries out of the packed counters, in units of 2^8.
    pub(crate) retransmitted: u32,
    pub(crate) out_of_order: u32,
    pub(crate) icmp_errors: u32,
    /// The part of packets and bytes that the kernel counted, both directions together.
    pub(crate) shunted_packets: u64,
    pub(crate) shunted_bytes: u64,
    holes: [[Hole; HOLES]; 2],
    oldest: [u8; 2],
    /// Index of the assembly of an undecided flow.
    pub(crate) assembly: u32,
    /// Index of the kept first payload of a flagged flow.
    pub(crate) heads: u32,
    /// A watched flow's [`crate::Watch`].
    pub(crate) watch: u32,
    /// TCP: the sequence numbers that a watched flow's streams start with.
    pub(crate) bases: [u32; 2],
}

/// Sequence numbers that were skipped; empty when both are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hole {
    start: u32,
    end: u32,
}

impl Default for Extra {
    fn default() -> Self {
        Self::NEW
    }
}

impl Extra {
    /// Nothing in it.
    pub(crate) const NEW: Self = Self {
        packets: [0; 2],
        bytes: [0; 2],
        payload: [0; 2],
        retransmitted: 0,
        out_of_order: 0,
        icmp_errors: 0,
        shunted_packets: 0,
        shunted_bytes: 0,
        holes: [[Hole { start: 0, end: 0 }; HOLES]; 2],
        oldest: [0; 2],
        assembly: NONE,
        heads: NONE,
        watch: NONE,
        bases: [0; 2],
    };

    /// Nothing in it that a settled flow would miss.
    pub(crate) fn is_idle(&self) -> bool {
        let Self { packets, bytes, payload, retransmitted, out_of_order, icmp_errors, .. } = self;
        [packets, bytes, payload].iter().all(|carries| **carries == [0; 2])
            && [retransmitted, out_of_order, icmp_errors].iter().all(|count| **count == 0)
            && self.shunted_packets == 0
            && self.holes.iter().flatten().all(|hole| hole.start == hole.end)
            && self.assembly == NONE
            && self.heads == NONE
            && self.watch == NONE
    }

    /// Data up to `end` arrived, but none from `start` on.
    pub(crate) fn skipped(&mut self, direction: usize, start: u32, end: u32) {
        let holes = &mut self.holes[direction];
        let slot = holes.iter().position(|hole| hole.start == hole.end).unwrap_or_else(|| {
            let oldest = usize::from(self.oldest[direction]) % HOLES;
            self.oldest[direction] = (oldest as u8 + 1) % HOLES as u8;
            oldest
        });
        holes[slot] = Hole { start, end };
    }

    /// Data that lies before what has arrived: whether it fills (a part of) a hole.
    pub(crate) fn fills(&mut self, direction: usize, start: u32, end: u32) -> bool {
        let mut filled = false;
        let mut rest = None;
        for hole in &mut self.holes[direction] {
            if hole.start == hole.end || !before(start, hole.end) || !before(hole.start, end) {
                continue;
            }
            filled = true;
            match (before(hole.start, start), before(end, hole.end)) {
                (false, false) => *hole = Hole::default(),
                (false, true) => hole.start = end,
                (true, false) => hole.end = start,
                (true, true) => {
                    rest = Some((end, hole.end));
                    hole.end = start;
                }
            }
        }
        if let Some((start, end)) = rest {
            self.skipped(direction, start, end);
        }
        filled
    }
}

/// Sequence number order (RFC 9293, section 3.4).
pub(crate) const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_from_both_ends_and_the_middle() {
        let mut extra = Extra::default();
        let at = |offset: u32| 0xffff_fff0u32.wrapping_add(offset);
        extra.skipped(0, at(0), at(40));
        assert!(extra.fills(0, at(10), at(20)), "the middle");
        assert!(!extra.fills(0, at(10), at(20)), "a second time");
        assert!(extra.fills(0, at(0), at(10)));
        assert!(extra.fills(0, at(15), at(30)), "a part of it is new");
        assert!(!extra.fills(1, at(30), at(40)), "the other direction");
        assert!(extra.fills(0, at(30), at(50)));
        assert!(extra.is_idle());
    }

    #[test]
    fn the_oldest_hole_makes_room() {
        let mut extra = Extra::default();
        (0..5).for_each(|n| extra.skipped(1, n * 10, n * 10 + 5));
        assert!(!extra.fills(1, 0, 5));
        assert!(extra.fills(1, 10, 15));
        assert!(extra.fills(1, 40, 45));
    }
}
