//! ICMP errors that arrive before the flow that they quote.
//!
//! A fragmented datagram reaches its flow's owner by way of the worker that reassembles it; the port unreachable that it
//! causes comes straight, and may be faster. So an error that quotes no flow is tried again for a moment.

use std::time::Duration;

use offport_wire::{Packet, Timestamp};

/// How long an error is tried again.
const PATIENCE: Duration = Duration::from_millis(250);
/// Errors that wait at a time; beyond that they are counted at once.
const MOST: usize = 64;

/// The errors that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct EarlyErrors {
    waiting: Vec<Waiting>,
    /// Attempts that found no flow and were followed by another.
    retried: u64,
}

#[derive(Debug)]
struct Waiting {
    packet: Packet<'static>,
    hash: u64,
}

impl EarlyErrors {
    pub(crate) fn new() -> Self {
        Self { waiting: Vec::with_capacity(MOST), retried: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// An error that quotes no flow yet.
    pub(crate) fn keep(&mut self, packet: &Packet<'_>, hash: u64) {
        if self.waiting.len() < MOST {
            self.waiting.push(Waiting { packet: without_payload(packet), hash });
        }
    }

    /// Gives each to `matched` again, and keeps those that it finds no flow for, until they are too old.
    pub(crate) fn retry(&mut self, now: Timestamp, mut matched: impl FnMut(&Packet<'_>, u64) -> bool) {
        let retried = &mut self.retried;
        self.waiting.retain(|Waiting { packet, hash }| {
            *retried += 1;
            !matched(packet, *hash) && now.since(packet.time) < PATIENCE
        });
    }

    /// There will be no other attempt.
    pub(crate) fn give_up(&mut self) {
        self.waiting.clear();
    }

    /// Of the attempts that found no flow, those that were not the last word.
    pub(crate) fn not_final(&self) -> u64 {
        self.retried + self.waiting.len() as u64
    }
}

/// An error's payload is of no use; without it the packet borrows nothing.
fn without_payload(packet: &Packet<'_>) -> Packet<'static> {
    let Packet {
        key,
        direction,
        icmp_error,
        ip_bytes,
        packets,
        transport,
        payload: _,
        payload_len,
        link,
        tunnel,
        time,
        interface,
    } = *packet;
    Packet {
        key,
        direction,
        icmp_error,
        ip_bytes,
        packets,
        transport,
        payload: &[],
        payload_len,
        link,
        tunnel,
        time,
        interface,
    }
}
