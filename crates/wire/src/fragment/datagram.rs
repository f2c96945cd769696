//! One datagram that is not whole yet, and the parsing of one that is.

use std::net::IpAddr;

use super::Fragment;
use super::buffers::Buffers;
use super::runs::{Added, Runs};
use crate::ip::{self, Ends, Ip};
use crate::key::{Domain, Transport};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::time::Timestamp;
use crate::view::View;
use crate::walk::Walk;

/// A datagram has at most this many bytes of data (RFC 791; RFC 8200, section 4.5).
const MAX_LEN: u32 = 65_535;

/// What the fragments of one datagram have in common.
///
/// The protocol is one of them in IPv4 (RFC 791, section 2.3), but not in IPv6, where fragments may differ in it (RFC
/// 8200, section 4.5): told apart by it, they would never meet, and what they hold would go unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    /// IPv4's; 0 in IPv6.
    protocol: Transport,
    domain: Domain,
}

impl Id {
    pub(super) const fn of(fragment: &Fragment<'_>) -> Self {
        let protocol = match fragment.source {
            IpAddr::V4(_) => fragment.protocol,
            IpAddr::V6(_) => Transport(0),
        };
        Self {
            source: fragment.source,
            destination: fragment.destination,
            id: fragment.id,
            protocol,
            domain: fragment.domain,
        }
    }
}

/// What adding a fragment did.
pub(super) enum Outcome {
    /// It was added, or was a duplicate: data is missing still.
    Waiting,
    /// Nothing is missing any more.
    Whole,
    /// The fragment is impossible on its own: the others may still make a datagram.
    Refused,
    /// The datagram is not to be had.
    Failed(Drop),
    /// There is no buffer for it: nothing has happened.
    NoBuffer,
}

/// A datagram and its fragments so far.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) id: Id,
    pub(super) started: Timestamp,
    /// Frames so far, duplicates included.
    pub(super) packets: u32,
    ip_bytes: u32,
    /// Known once the last fragment is there.
    total: Option<u32>,
    runs: Runs,
    /// Everything before is captured; more only if the capture cut no fragment.
    captured: u32,
    buffer: Box<[u8]>,
    /// Of the first fragment, or of the earliest while that is missing; so is the protocol.
    walk: Walk,
    protocol: Transport,
}

impl Datagram {
    pub(super) fn new(fragment: &Fragment<'_>, mut runs: Runs) -> Self {
        runs.clear();
        Self {
            id: Id::of(fragment),
            started: fragment.time,
            packets: 0,
            ip_bytes: 0,
            total: None,
            runs,
            captured: MAX_LEN,
            buffer: Box::default(),
            walk: walk_of(fragment),
            protocol: fragment.protocol,
        }
    }

    /// Adds a fragment. It is counted unless it is `Refused` or there is `NoBuffer`.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>, buffers: &mut Buffers) -> Outcome {
        let start = u32::from(fragment.offset);
        let Some(end) = start.checked_add(fragment.data_len).filter(|&end| end <= MAX_LEN) else {
            return Outcome::Refused;
        };
        let captured = fragment.data.len().min(fragment.data_len as usize);
        let data = fragment.data.get(..captured).unwrap_or_default();
        if end == start || start % 8 != 0 || (fragment.more && end % 8 != 0) {
            return Outcome::Refused;
        }
        let captured_end = start + captured as u32;
        if !self.reserve(captured_end as usize, buffers) {
            return Outcome::NoBuffer;
        }
        self.packets += u32::from(fragment.packets);
        self.ip_bytes = self.ip_bytes.saturating_add(fragment.ip_bytes);
        if self.packets > u32::from(u16::MAX) {
            return Outcome::Failed(Drop::FragmentLimit);
        }
        if !self.set_total(fragment.more, end) {
            return Outcome::Failed(Drop::FragmentMalformed);
        }
        match self.runs.add(start, end) {
            Added::New => {}
            Added::Duplicate if self.holds(start, data) => return Outcome::Waiting,
            // RFC 5722 for IPv6; Linux does the same for IPv4 (inet_frag_queue_insert()). Any choice of which
            // data wins would be wrong for some receiver, and what it hides would go unseen.
            Added::Duplicate | Added::Overlap => return Outcome::Failed(Drop::FragmentMalformed),
            Added::TooMany => return Outcome::Failed(Drop::FragmentLimit),
        }
        if captured_end < end {
            self.captured = self.captured.min(captured_end);
        }
        if let Some(place) = self.buffer.get_mut(start as usize..captured_end as usize) {
            place.copy_from_slice(data);
        }
        if start == 0 {
            self.walk = walk_of(fragment);
            self.protocol = fragment.protocol;
        }
        match self.total {
            Some(total) if self.runs.is_whole(total) => Outcome::Whole,
            _ => Outcome::Waiting,
        }
    }

    /// Parses what is in a whole datagram.
    pub(super) fn parse(&self, now: Timestamp) -> Result<Parsed<'_>, Drop> {
        let total = self.total.unwrap_or(0);
        let data = self.buffer.get(..total.min(self.captured) as usize).unwrap_or_default();
        let view = View::new(data, total as usize);
        let walk = Walk { packets: self.packets as u16, time: now, ..self.walk };
        let protocol = self.protocol.0;
        match (self.id.source, self.id.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let ip = Ip { ends: Ends::V4(source, destination), bytes: self.ip_bytes };
                ip::v4::reassembled(walk, ip, protocol, view)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let ip = Ip { ends: Ends::V6(source, destination), bytes: self.ip_bytes };
                ip::v6::reassembled(walk, ip, protocol, view)
            }
            _ => Err(Drop::FragmentMalformed),
        }
    }

    /// Takes it apart for reuse.
    pub(super) fn recycle(self, buffers: &mut Buffers) -> Runs {
        buffers.give(self.buffer);
        self.runs
    }

    /// Whether the end of this fragment fits what is known of the datagram's length.
    fn set_total(&mut self, more: bool, end: u32) -> bool {
        match (self.total, more) {
            (None, true) => true,
            (None, false) => {
                self.total = Some(end);
                self.runs.end() <= end
            }
            (Some(total), true) => end <= total,
            (Some(total), false) => end == total,
        }
    }

    /// Whether the datagram has the same bytes there; what the capture cut is given the benefit of the doubt.
    fn holds(&self, start: u32, data: &[u8]) -> bool {
        let known = (self.captured.saturating_sub(start) as usize).min(data.len());
        let start = start as usize;
        self.buffer.get(start..start + known) == data.get(..known)
    }

    fn reserve(&mut self, len: usize, buffers: &mut Buffers) -> bool {
        if len <= self.buffer.len() {
            return true;
        }
        let Some(mut larger) = buffers.take(len) else { return false };
        if let Some(start) = larger.get_mut(..self.buffer.len()) {
            start.copy_from_slice(&self.buffer);
        }
        buffers.give(std::mem::replace(&mut self.buffer, larger));
        true
    }
}

const fn walk_of(fragment: &Fragment<'_>) -> Walk {
    Walk {
        link: fragment.link,
        domain: fragment.domain,
        tunnel: fragment.tunnel,
        depth: fragment.depth,
        llc: 0,
        packets: fragment.packets,
        time: fragment.time,
        interface: fragment.interface,
    }
}
