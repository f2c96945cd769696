//! ICMP errors that arrive before the flow that they quote.
//!
//! A fragmented datagram reaches its flow's owner by way of the worker that reassembles it; the port unreachable that it
//! causes comes straight, and may be faster. So an error that quotes no flow is tried once more, a moment later. When
//! that is depends on the packets' times alone, so that replays in other batches do the same.

use std::collections::VecDeque;
use std::time::Duration;

use offport_wire::{Packet, Timestamp};

/// When an error is tried again.
const PATIENCE: Duration = Duration::from_millis(250);
/// Errors that wait at a time; beyond that they are counted at once.
const MOST: usize = 64;

/// The errors that wait, oldest first.
#[derive(Debug)]
pub(crate) struct EarlyErrors {
    waiting: VecDeque<Packet<'static>>,
    /// When the first is tried again; [`Timestamp::MAX`] if there is none.
    next: Timestamp,
    /// First attempts that were followed by another.
    retried: u64,
}

impl EarlyErrors {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::with_capacity(MOST), next: Timestamp::MAX, retried: 0 }
    }

    /// An error that quotes no flow yet.
    pub(crate) fn keep(&mut self, packet: &Packet<'_>) {
        if self.waiting.len() < MOST {
            self.waiting.push_back(packet.without_payload());
            self.set_next();
        }
    }

    /// An error whose second and last attempt is due.
    #[inline]
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Packet<'static>> {
        if self.is_due(now) { self.take() } else { None }
    }

    /// Whether there may be one.
    #[inline]
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next <= now
    }

    #[inline(never)]
    fn take(&mut self) -> Option<Packet<'static>> {
        let packet = self.waiting.pop_front()?;
        self.retried += 1;
        self.set_next();
        Some(packet)
    }

    fn set_next(&mut self) {
        self.next = self.waiting.front().map_or(Timestamp::MAX, |packet| packet.time + PATIENCE);
    }

    /// Attempts that found no flow and were, or will be, followed by another.
    pub(crate) fn not_final(&self) -> u64 {
        self.retried + self.waiting.len() as u64
    }
}
