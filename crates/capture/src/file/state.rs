//! What the readers of both formats share: interfaces, counts, warnings.

use std::io;

use offport_wire::Timestamp;

use super::batch::Batch;
use super::error::Malformed;
use super::interface::{Interfaces, Route};
use super::warning::Warning;

/// Where the records of a file went: `records` = `delivered` + `unsupported` + `without_interface`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Whole packet records found.
    pub records: u64,
    /// Handed out as frames.
    pub delivered: u64,
    /// Passed over: link type not supported.
    pub unsupported: u64,
    /// Passed over: of an interface that the file does not describe.
    pub without_interface: u64,
    /// Handed out with the time of the packet before, having none of their own.
    pub without_time: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) interfaces: Interfaces,
    pub(super) counts: Counts,
    pub(super) warnings: Vec<Warning>,
    pub(super) last_time: Timestamp,
}

/// What a step through a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A record or block was dealt with.
    Taken,
    /// The next record needs reading that may block, and the batch already has frames: hand them out first.
    Later,
    /// No more records.
    End,
}

/// What ends the reading of a file.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Malformed(u64, Malformed),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl State {
    /// Hands out a packet.
    pub(super) fn deliver(
        &mut self,
        route: Route,
        time: Timestamp,
        bytes: &[u8],
        wire_len: u32,
        batch: &mut Batch,
    ) {
        self.counts.records += 1;
        self.interfaces.count(route.index);
        match route.link {
            Some(link) => {
                self.counts.delivered += 1;
                self.last_time = time;
                let bytes = bytes.get(usize::from(route.strip)..).unwrap_or_default();
                let wire_len = wire_len.saturating_sub(u32::from(route.strip));
                batch.push(link, route.index, time, bytes, wire_len);
            }
            None => self.counts.unsupported += 1,
        }
    }

    /// Counts a packet whose link type is not supported.
    pub(super) fn pass_over(&mut self, route: Route) {
        self.counts.records += 1;
        self.counts.unsupported += 1;
        self.interfaces.count(route.index);
    }

    /// Counts a packet that belongs to no interface.
    pub(super) fn no_interface(&mut self, offset: u64, interface: u32) {
        self.counts.records += 1;
        self.counts.without_interface += 1;
        if self.counts.without_interface == 1 {
            self.warnings.push(Warning::UnknownInterface { offset, interface });
        }
    }

    /// Counts a packet without a time.
    pub(super) fn no_time(&mut self, offset: u64) {
        self.counts.without_time += 1;
        if self.counts.without_time == 1 {
            self.warnings.push(Warning::NoTime { offset });
        }
    }

    /// The file ends within the record at `offset`.
    pub(super) fn cut(&mut self, offset: u64, present: u64, expected: u64) -> Step {
        self.warnings.push(Warning::CutRecord { offset, present, expected });
        Step::End
    }
}
