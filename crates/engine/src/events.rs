//! Which flagged flows become events: suppression of repeats, and the rate limit.
//!
//! The first flagged flow of a (client, server, server port, protocol) is an event at once and opens a window.
//! Those that follow within it are held back; at its end the latest of them becomes an event that stands for
//! all, and a new window opens. So a pair that goes on and on is heard of once per window, and nothing is lost.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use offport_fingerprint::Protocol;
use offport_wire::Timestamp;

use crate::config::Config;
use crate::counters::Counters;
use crate::output::Output;
use crate::record::{Event, EventPhase, FlowRecord};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair {
    client: IpAddr,
    server: IpAddr,
    port: u16,
    protocol: Option<Protocol>,
}

#[derive(Debug)]
struct Window {
    pair: Pair,
    hash: u64,
    ends: Timestamp,
    held_back: u32,
    /// The latest that was held back.
    latest: Option<Event>,
}

/// Suppression and rate limit of one worker.
#[derive(Debug)]
pub(crate) struct Events {
    index: HashTable<u32>,
    windows: Vec<Window>,
    free: Vec<u32>,
    /// Windows in the order of their ends.
    order: VecDeque<u32>,
    /// The first end of a window; [`Timestamp::MAX`] if there is none.
    next: Timestamp,
    capacity: usize,
    length: std::time::Duration,
    hasher: FixedState,
    per_second: u32,
    second: u64,
    in_second: u32,
}

impl Events {
    pub(crate) fn new(config: &Config, seed: u64) -> Self {
        let capacity = config.suppress_entries.max(1) as usize;
        Self {
            // Twice the room: erased slots can then never force the table to grow.
            index: HashTable::with_capacity(capacity * 2),
            windows: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            order: VecDeque::with_capacity(capacity),
            next: Timestamp::MAX,
            capacity,
            length: config.suppress_window,
            hasher: FixedState::with_seed(seed),
            per_second: config.events_per_second,
            second: 0,
            in_second: 0,
        }
    }

    /// A flow was flagged. Whether its own event was raised.
    pub(crate) fn flagged(&mut self, event: Event, counters: &mut Counters, out: &mut impl Output) -> bool {
        counters.flagged += 1;
        let now = event.record.end;
        let pair = Pair::of(&event.record);
        let hash = self.hasher.hash_one(pair);
        let Self { index, windows, .. } = self;
        if let Some(&at) = index.find(hash, |&at| windows[at as usize].pair == pair) {
            let window = &mut windows[at as usize];
            window.held_back += 1;
            window.latest = Some(event);
            counters.events_waiting += 1;
            return false;
        }
        if !self.raise(&event, now, counters, out) {
            return false;
        }
        if self.index.len() >= self.capacity {
            counters.suppress_limit += 1;
            self.close_oldest(now, false, counters, out);
        }
        self.open(pair, hash, now);
        true
    }

    /// An announced flow has ended.
    pub(crate) fn ended(&mut self, event: &Event, counters: &mut Counters, out: &mut impl Output) {
        self.raise(event, event.record.end, counters, out);
    }

    /// Closes the windows that are over by `now`.
    #[inline]
    pub(crate) fn pass_time(&mut self, now: Timestamp, counters: &mut Counters, out: &mut impl Output) {
        while self.is_due(now) && !self.order.is_empty() {
            self.close_oldest(now, true, counters, out);
        }
    }

    /// Whether there may be a window that is over by `now`.
    #[inline]
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next <= now
    }

    /// Closes every window.
    pub(crate) fn finish(&mut self, now: Timestamp, counters: &mut Counters, out: &mut impl Output) {
        while !self.order.is_empty() {
            self.close_oldest(now, false, counters, out);
        }
    }

    fn open(&mut self, pair: Pair, hash: u64, now: Timestamp) {
        let window = Window { pair, hash, ends: now + self.length, held_back: 0, latest: None };
        let at = match self.free.pop() {
            Some(at) => {
                self.windows[at as usize] = window;
                at
            }
            None => {
                self.windows.push(window);
                self.windows.len() as u32 - 1
            }
        };
        let Self { index, windows, .. } = self;
        index.insert_unique(hash, at, |&at| windows[at as usize].hash);
        self.order.push_back(at);
        self.set_next();
    }

    fn set_next(&mut self) {
        self.next = self.order.front().map_or(Timestamp::MAX, |&at| self.windows[at as usize].ends);
    }

    /// The oldest window ends; what it held back becomes an event, and a new window if it is to `go_on`.
    fn close_oldest(&mut self, now: Timestamp, go_on: bool, counters: &mut Counters, out: &mut impl Output) {
        let Some(at) = self.order.pop_front() else { return };
        self.set_next();
        let window = &mut self.windows[at as usize];
        let held_back = std::mem::take(&mut window.held_back);
        let ends = window.ends;
        let latest = window.latest.take();
        counters.events_waiting -= u64::from(held_back);
        if let Some(mut event) = latest {
            event.repeats = held_back.saturating_sub(1);
            if self.raise(&event, ends.min(now), counters, out) {
                counters.events_suppressed += u64::from(event.repeats);
            } else {
                counters.events_limited += u64::from(event.repeats);
            }
            if go_on {
                self.windows[at as usize].ends = ends.max(now) + self.length;
                self.order.push_back(at);
                self.set_next();
                return;
            }
        }
        let hash = self.windows[at as usize].hash;
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
        self.free.push(at);
    }

    /// Gives an event out, if the rate allows.
    fn raise(
        &mut self,
        event: &Event,
        now: Timestamp,
        counters: &mut Counters,
        out: &mut impl Output,
    ) -> bool {
        let second = now.as_nanos() / 1_000_000_000;
        if second > self.second {
            (self.second, self.in_second) = (second, 0);
        }
        let allowed = self.in_second < self.per_second;
        let counter = match (event.phase, allowed) {
            (EventPhase::Flagged, true) => &mut counters.events_flagged,
            (EventPhase::Flagged, false) => &mut counters.events_limited,
            (EventPhase::Ended, true) => &mut counters.events_ended,
            (EventPhase::Ended, false) => &mut counters.ends_limited,
        };
        *counter += 1;
        if allowed {
            self.in_second += 1;
            out.event(event);
        }
        allowed
    }
}

impl Pair {
    fn of(record: &FlowRecord) -> Self {
        Self {
            client: record.client.ip,
            server: record.server.ip,
            port: record.server.port,
            protocol: record.protocol.map(|(protocol, _)| protocol),
        }
    }
}
