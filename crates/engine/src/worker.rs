//! One worker: frames in, records and events out.

use std::sync::Arc;

use offport_fingerprint::Signatures;
use offport_flow::{Beginning, Brief, Briefs, CHUNK, Quick, ServicePorts, Tracker, prefetch};
use offport_policy::Policy;
use offport_wire::fragment::{Fragment, Reassembler, Reassembly};
use offport_wire::{Drop, Frame, Parsed, Timestamp, glance_with, parse};

use crate::config::Config;
use crate::counters::{Counters, VERDICT_TRANSPORTS};
use crate::flows::Flows;
use crate::output::{HandOver, Output};
use crate::shunting::Shunting;

/// The stages of the data path in order, for one core.
///
/// No I/O, no thread, no clock: time is that of the frames and of [`Worker::tick`]. The same frames give the
/// same records and events, however they are cut into batches.
#[derive(Debug)]
pub struct Worker {
    reassembler: Reassembler,
    flows: Flows,
    /// Frames that parsing refused, by [`Drop::index`].
    refused: [u64; Drop::ALL.len()],
}

impl Worker {
    /// A worker with empty tables. All memory but that of fragments is reserved here. `seed` must be random
    /// where packets may be hostile, and the same for runs that are to be compared.
    pub fn new(config: Config, policy: Arc<Policy>, worker_id: u16, seed: u64) -> Self {
        let ports = service_ports(&policy);
        Self::with_ports(config, policy, ports, worker_id, seed)
    }

    pub(crate) fn with_ports(
        mut config: Config,
        policy: Arc<Policy>,
        ports: ServicePorts,
        worker_id: u16,
        seed: u64,
    ) -> Self {
        config.flow.service_ports = ports;
        config.flow.offer_step = config.shunting.as_ref().map_or(0, Shunting::step);
        Self {
            reassembler: Reassembler::new(config.fragments, seed),
            refused: [0; Drop::ALL.len()],
            flows: Flows::new(config, policy, worker_id, seed),
        }
    }

    /// Offers no more than this of flows that are not flagged, until something else is set: where more comes than it can do,
    /// evidence is left out that is of the least use, since packets that are not even counted would be worse. At first it is
    /// [`Beginning::ALL`].
    pub fn set_beginning(&mut self, beginning: Beginning) {
        self.flows.tracker.set_beginning(beginning);
    }

    /// Frames in the order in which they were received.
    pub fn batch(&mut self, frames: &[Frame<'_>], out: &mut impl Output) {
        frames.iter().take(CHUNK).for_each(fetch);
        for (number, chunk) in frames.chunks(CHUNK).enumerate() {
            let next = frames.get((number + 1) * CHUNK..).unwrap_or_default();
            self.chunk(chunk, next, out);
        }
    }

    /// A packet that another worker handed over.
    pub fn receive(&mut self, handed: &HandOver<'_>, out: &mut impl Output) {
        let HandOver { packet, frames, is_new } = *handed;
        self.flows.state.counters.taken_over += u64::from(frames);
        self.flows.pass_time(packet.time, out);
        if is_new {
            self.flows.track(&packet, None, frames, true, out);
        } else {
            self.flows.track_or_hand_over(&packet, frames, out);
        }
        self.missed(frames);
    }

    /// Time has come to `now`: timers. Call it some ten times a second, with or without frames.
    pub fn tick(&mut self, now: Timestamp, out: &mut impl Output) {
        self.reassembler.expire(now);
        self.flows.tick(now, out);
    }

    /// The end: every flow is judged, if it has payload, and written; what suppression held back is raised.
    pub fn finish(&mut self, now: Timestamp, out: &mut impl Output) {
        self.reassembler.expire(now);
        self.flows.finish(now, out);
    }

    /// What was counted so far.
    pub fn counters(&mut self) -> &Counters {
        self.gather();
        &self.flows.state.counters
    }

    /// Judges by another policy from now on; verdicts that were given stay.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.flows.set_policy(policy);
    }

    /// Identifies by other signatures from now on; what was identified stays.
    pub fn set_signatures(&mut self, signatures: Arc<Signatures>) {
        self.flows.state.identifier.set_signatures(signatures);
    }

    /// Looks a chunk up and only then counts it: the lookups' cache misses overlap.
    ///
    /// Of most frames a glance is enough. What needs more is parsed again, whole: that is less work than to write
    /// every packet to memory and to read it back.
    fn chunk(&mut self, frames: &[Frame<'_>], next: &[Frame<'_>], out: &mut impl Output) {
        let mut briefs = Briefs::default();
        let bytes = glance_at(frames, next, &self.flows.tracker, &mut briefs);
        self.flows.tracker.look_ahead(&mut briefs);
        let counters = &mut self.flows.state.counters;
        counters.received += frames.len() as u64;
        counters.received_bytes += bytes;
        self.count(frames, &briefs, out);
    }

    #[inline(never)]
    fn count(&mut self, frames: &[Frame<'_>], briefs: &Briefs, out: &mut impl Output) {
        // Most frames of a chunk have one time.
        let mut latest = None;
        let (mut processed, mut spared) = (0, 0);
        for (brief, frame) in briefs.iter().zip(frames) {
            let moment = match latest {
                Some((time, moment)) if time == frame.time => moment,
                _ => {
                    let moment = self.flows.pass_time(frame.time, out);
                    latest = self.flows.is_done_by(frame.time).then_some((frame.time, moment));
                    moment
                }
            };
            match self.flows.tracker.quick(briefs, brief, moment) {
                Quick::Counted => processed += 1,
                Quick::Kept(flow) => {
                    processed += 1;
                    out.keep(frame, &self.flows.tracker.session(flow));
                }
                Quick::Spared => {
                    processed += 1;
                    spared += 1;
                }
                Quick::Refused => {
                    self.whole(frame, brief, out);
                    // It may have made something that is due at once.
                    latest = None;
                }
            }
        }
        self.flows.state.counters.processed += processed;
        self.flows.state.counters.keep_spared += spared;
    }

    /// A frame that needs all the stages.
    #[inline(never)]
    fn whole(&mut self, frame: &Frame<'_>, brief: &Brief, out: &mut impl Output) {
        // By reference: a packet is too large to be moved about.
        match &parse(frame) {
            Ok(Parsed::Packet(packet)) => {
                self.flows.track(packet, brief.hint(), 1, false, out);
                match self.flows.tracker.kept() {
                    Quick::Kept(flow) => out.keep(frame, &self.flows.tracker.session(flow)),
                    Quick::Spared => self.flows.state.counters.keep_spared += 1,
                    Quick::Counted | Quick::Refused => {}
                }
            }
            Ok(Parsed::Fragment(fragment)) => self.fragment(fragment, out),
            Err(reason) => self.refused[reason.index()] += 1,
        }
    }

    /// A fragment, and the datagram, if it makes one. All fragments of a datagram come here, whoever owns its flow:
    /// only the first of them has ports.
    fn fragment(&mut self, fragment: &Fragment<'_>, out: &mut impl Output) {
        let Reassembly::Packet(packet) = self.reassembler.push(fragment) else { return };
        let frames = packet.packets.into();
        self.flows.track_or_hand_over(&packet, frames, out);
        self.missed(frames);
    }

    /// There is no frame of the latest packet that could be kept.
    fn missed(&mut self, frames: u32) {
        let counters = &mut self.flows.state.counters;
        match self.flows.tracker.kept() {
            Quick::Kept(_) => counters.keep_missed += u64::from(frames),
            Quick::Spared => counters.keep_spared += u64::from(frames),
            Quick::Counted | Quick::Refused => {}
        }
    }

    /// Copies what other parts count to where it is read.
    fn gather(&mut self) {
        let tracked = self.flows.tracked();
        let counters = &mut self.flows.state.counters;
        let fragments = self.reassembler.counters();
        for ((all, parsed), reassembly) in
            counters.dropped.iter_mut().zip(&self.refused).zip(&fragments.dropped)
        {
            *all = parsed + reassembly;
        }
        counters.fragments = fragments.received;
        counters.reassembled = fragments.packets;
        counters.held = self.reassembler.pending();
        counters.flow = tracked;
    }
}

/// By itself, so that the registers are its own. Frame by frame has those fetched that come after these, so that no more
/// are under way than a core keeps track of. Bytes of the frames.
#[inline(never)]
fn glance_at(frames: &[Frame<'_>], next: &[Frame<'_>], tracker: &Tracker, briefs: &mut Briefs) -> u64 {
    let mut bytes = 0;
    for (at, frame) in frames.iter().enumerate() {
        if let Some(next) = next.get(at) {
            fetch(next);
        }
        bytes += u64::from(frame.wire_len);
        if !matches!(glance_with(frame, briefs.and(tracker)), Ok(Some(()))) {
            briefs.push_none();
        }
    }
    bytes
}

/// Has a packet's headers, and where its payload starts, brought into the cache.
#[inline]
fn fetch(frame: &Frame<'_>) {
    const LINE: usize = 64;
    for at in [0, LINE] {
        if let Some(byte) = frame.bytes.get(at) {
            prefetch(byte);
        }
    }
}

/// The ports that a policy knows services of.
pub(crate) fn service_ports(policy: &Policy) -> ServicePorts {
    let mut ports = ServicePorts::default();
    for transport in VERDICT_TRANSPORTS {
        for port in (1..=u16::MAX).filter(|&port| policy.is_service_port(transport, port)) {
            ports.insert(transport, port);
        }
    }
    ports
}
