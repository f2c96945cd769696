//! One worker: frames in, records and events out.

use std::sync::Arc;

use offport_flow::{Brief, Outcome, ServicePorts, Tracker};
use offport_policy::Policy;
use offport_wire::fragment::{Fragment, Reassembler, Reassembly};
use offport_wire::{Drop, Frame, Packet, Parsed, Timestamp, glance, parse};

use crate::config::Config;
use crate::counters::{Counters, VERDICT_TRANSPORTS};
use crate::early_errors::EarlyErrors;
use crate::events::Events;
use crate::outcome::Outcomes;
use crate::output::{HandOver, Output};
use crate::shunting::Shunting;
use crate::stages::{Stages, State};
use crate::steering::Steering;

/// Packets that are looked up before the first of them is counted.
const CHUNK: usize = 32;

/// The stages of the data path in order, for one core.
///
/// No I/O, no thread, no clock: time is that of the frames and of [`Worker::tick`]. The same frames give the
/// same records and events, however they are cut into batches.
#[derive(Debug)]
pub struct Worker {
    tracker: Tracker,
    reassembler: Reassembler,
    stages: State,
    policy: Arc<Policy>,
    steering: Option<Steering>,
    /// Frames that parsing refused, by [`Drop::index`].
    refused: [u64; Drop::ALL.len()],
    early: EarlyErrors,
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
            tracker: Tracker::new(&config.flow, seed),
            reassembler: Reassembler::new(config.fragments, seed),
            stages: State {
                outcomes: Outcomes::new(config.max_outcomes, seed),
                events: Events::new(&config, seed),
                counters: Counters::default(),
                event_floor: config.event_floor,
                shunting: config.shunting,
                worker: worker_id,
            },
            policy,
            steering: config.steering,
            refused: [0; Drop::ALL.len()],
            early: EarlyErrors::new(),
        }
    }

    /// Frames in the order in which they were received.
    pub fn batch(&mut self, frames: &[Frame<'_>], out: &mut impl Output) {
        for frames in frames.chunks(CHUNK) {
            self.chunk(frames, out);
        }
        self.publish();
    }

    /// A reassembled datagram that another worker handed over.
    pub fn receive(&mut self, datagram: &HandOver<'_>, out: &mut impl Output) {
        self.stages.counters.taken_over += u64::from(datagram.frames);
        self.track(&datagram.packet, datagram.frames, out);
        self.publish();
    }

    /// Time has come to `now`: timers. Call it some ten times a second, with or without frames.
    pub fn tick(&mut self, now: Timestamp, out: &mut impl Output) {
        self.reassembler.expire(now);
        self.add_late(out);
        let Self { tracker, stages, policy, .. } = self;
        tracker.advance(now, &mut Stages { state: stages, policy, out });
        stages.events.pass_time(now, &mut stages.counters, out);
        self.retry_early_errors(now, out);
        self.publish();
    }

    /// The end: every flow is judged, if it has payload, and written; what suppression held back is raised.
    pub fn finish(&mut self, now: Timestamp, out: &mut impl Output) {
        self.reassembler.expire(now);
        self.add_late(out);
        self.retry_early_errors(Timestamp::from_nanos(u64::MAX), out);
        let Self { tracker, stages, policy, .. } = self;
        tracker.finish(now, &mut Stages { state: stages, policy, out });
        stages.events.finish(now, &mut stages.counters, out);
        self.publish();
    }

    /// What was counted up to the latest call.
    pub fn counters(&self) -> &Counters {
        &self.stages.counters
    }

    /// Judges by another policy from now on; verdicts that were given stay.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.tracker.set_service_ports(service_ports(&policy));
        self.policy = policy;
    }

    /// Looks a chunk up and only then counts it: the lookups' cache misses overlap.
    ///
    /// Of most frames a glance is enough. What needs more is parsed again, whole: that is less work than to write
    /// every packet to memory and to read it back.
    fn chunk(&mut self, frames: &[Frame<'_>], out: &mut impl Output) {
        let mut briefs = [Brief::NONE; CHUNK];
        for (brief, frame) in briefs.iter_mut().zip(frames) {
            if let Ok(Some(plain)) = glance(frame) {
                *brief = self.tracker.brief(&plain);
            }
        }
        for brief in &mut briefs[..frames.len()] {
            self.tracker.look_ahead(brief);
        }
        for (brief, frame) in briefs.iter().zip(frames) {
            self.stages.counters.received += 1;
            self.stages.counters.received_bytes += u64::from(frame.wire_len);
            self.pass_time(frame.time, out);
            if self.tracker.quick(brief, frame.time) {
                self.stages.counters.processed += 1;
            } else {
                self.whole(frame, out);
            }
        }
    }

    /// A frame that needs all the stages.
    #[inline(never)]
    fn whole(&mut self, frame: &Frame<'_>, out: &mut impl Output) {
        match parse(frame) {
            Ok(Parsed::Packet(packet)) => self.track(&packet, 1, out),
            Ok(Parsed::Fragment(fragment)) => self.fragment(&fragment, out),
            Err(reason) => self.refused[reason.index()] += 1,
        }
    }

    /// What is due by a packet's time.
    #[inline]
    fn pass_time(&mut self, now: Timestamp, out: &mut impl Output) {
        self.retry_early_errors(now, out);
        let State { events, counters, .. } = &mut self.stages;
        events.pass_time(now, counters, out);
    }

    /// A packet, through all the stages.
    fn track(&mut self, packet: &Packet<'_>, frames: u32, out: &mut impl Output) {
        self.pass_time(packet.time, out);
        let Self { tracker, stages, policy, early, .. } = self;
        let outcome = track(tracker, &mut Stages { state: stages, policy, out }, packet, frames);
        if outcome == Outcome::IcmpUnmatched {
            early.keep(packet);
        }
    }

    fn retry_early_errors(&mut self, now: Timestamp, out: &mut impl Output) {
        let Self { tracker, stages, policy, early, .. } = self;
        while let Some(packet) = early.due(now) {
            tracker.packet(&packet, &mut Stages { state: stages, policy, out });
        }
    }

    /// What the kernel counted of flows after they were released.
    fn add_late(&mut self, out: &mut impl Output) {
        while let Some((key, shunted)) = out.late() {
            let Self { tracker, stages, policy, .. } = self;
            tracker.add_late(&key, &shunted, &mut Stages { state: stages, policy, out });
        }
    }

    /// A fragment, and the datagram, if it makes one. All fragments of a datagram come here, whoever owns its flow:
    /// only the first of them has ports.
    fn fragment(&mut self, fragment: &Fragment<'_>, out: &mut impl Output) {
        let Self { tracker, reassembler, stages, policy, steering, .. } = self;
        let Reassembly::Packet(packet) = reassembler.push(fragment) else { return };
        let frames = u32::from(packet.packets);
        match steering.as_ref().map(|steering| steering.owner(&packet.key)) {
            Some(owner) if owner != stages.worker => {
                if out.hand_over(owner, HandOver { packet, frames }) {
                    stages.counters.handed_over += u64::from(frames);
                } else {
                    stages.counters.hand_over_failed += u64::from(frames);
                }
            }
            _ => {
                track(tracker, &mut Stages { state: stages, policy, out }, &packet, frames);
            }
        }
    }

    /// Copies what other parts count to where it is read.
    fn publish(&mut self) {
        let counters = &mut self.stages.counters;
        let fragments = self.reassembler.counters();
        for ((all, parsed), reassembly) in
            counters.dropped.iter_mut().zip(&self.refused).zip(&fragments.dropped)
        {
            *all = parsed + reassembly;
        }
        counters.fragments = fragments.received;
        counters.reassembled = fragments.packets;
        counters.held = self.reassembler.pending();
        counters.flow = *self.tracker.counters();
        counters.flow.icmp_unmatched -= self.early.not_final();
    }
}

fn track<O: Output>(
    tracker: &mut Tracker,
    stages: &mut Stages<'_, O>,
    packet: &Packet<'_>,
    frames: u32,
) -> Outcome {
    let outcome = tracker.packet(packet, stages);
    let counter = match outcome {
        Outcome::Refused => &mut stages.state.counters.table_full,
        Outcome::Tracked | Outcome::IcmpMatched | Outcome::IcmpUnmatched => {
            &mut stages.state.counters.processed
        }
    };
    *counter += u64::from(frames);
    outcome
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
