//! Packets out of nothing, or out of a capture: bpf/generate.bpf.c, driven.

use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use libbpf_rs::skel::{OpenSkel as _, SkelBuilder as _};
use libbpf_rs::{MapCore as _, MapFlags, OpenObject, ProgramInput};

use super::namespace;
use super::skeleton::generate::{GenerateSkel, GenerateSkelBuilder};
use crate::clock::Pinned;
use crate::in_memory::established::UPLOAD;
use crate::in_memory::mix::Capture;
use crate::in_memory::packet::TCP_HEADERS;

/// What to send.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// Opens flows 0 to 2^bits: handshake and request of each.
    Open {
        /// Flows, as a power of two.
        flow_bits: u32,
    },
    /// Data packets of flows 0 to 2^bits, both directions.
    Flows {
        /// Flows, as a power of two.
        flow_bits: u32,
        /// Bytes of a frame, without the checksum: 60 is the smallest on a wire.
        frame: u32,
        /// Of a thousand packets, how many belong to flows that begin (a quarter as many flows). More than none asks
        /// for frames of 101 bytes, so that the request fits.
        new_permille: u32,
    },
    /// The capture that was given, with other addresses each time round.
    Replay,
}

/// A loaded generator on an interface.
pub struct Generator {
    skeleton: GenerateSkel<'static>,
    interface: i32,
    /// Packets of the capture; 0 without one.
    packets: u64,
    core: usize,
    sent: u64,
    opened: u64,
    /// Data packets sent, by flow bits and frame: sequence numbers go on.
    continued: u64,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// Packets given to the interface.
    pub packets: u64,
    /// How long it took.
    pub time: Duration,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many packets.
    Packets(u64),
    /// After so long.
    Elapsed(Duration),
}

/// `BPF_F_TEST_XDP_LIVE_FRAMES` of linux/bpf.h.
const LIVE_FRAMES: u32 = 1 << 1;
/// Frames that the kernel offers to the program in the first system call; how many in the next, its pace says. A call ends
/// with 10 to 30 ms in which nothing is sent (the kernel waits for its pages to come back), so calls should be few.
const FIRST: u64 = 1_000_000;
/// No call takes longer than so many seconds, nor has more frames than its argument takes.
const LONGEST: f64 = 10.0;
/// Frames of the kernel's that a replayed packet fits into.
const RECORD: usize = 2_044;
/// Flows between a step of a flow and its next.
const APART: u32 = 64;

impl Generator {
    /// Loads it, to run on a core; with a capture, for replay.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn new(interface: &str, core: usize, capture: Option<&Capture>) -> anyhow::Result<Self> {
        // Lives as long as the process, as the skeleton does.
        let object: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
        let mut open = GenerateSkelBuilder::default().open(object)?;
        let frames: Vec<&[u8]> = capture.map_or_else(Vec::new, |capture| capture.iter().collect());
        open.maps.capture.set_max_entries(frames.len().max(1) as u32)?;
        let skeleton = open.load().context("loading the generator")?;
        for (number, frame) in frames.iter().enumerate() {
            skeleton.maps.capture.update(&(number as u32).to_ne_bytes(), &record(frame), MapFlags::ANY)?;
        }
        Ok(Self {
            skeleton,
            interface: namespace::index(interface)?,
            packets: frames.len() as u64,
            core,
            sent: 0,
            opened: 0,
            continued: 0,
        })
    }

    /// Begins again with flow 0, before any has been opened.
    pub fn restart(&mut self) {
        (self.sent, self.opened, self.continued) = (0, 0, 0);
    }

    /// Sends: so many packets a second, evenly, or as fast as the kernel goes.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn run(&mut self, plan: Plan, until: Until, rate: Option<u64>) -> anyhow::Result<Sent> {
        let _pinned = Pinned::to(self.core)?;
        let (limit, end) = match until {
            Until::Packets(packets) => (packets, None),
            Until::Elapsed(time) => {
                let limit = rate.map_or(u64::MAX, |rate| (rate as f64 * time.as_secs_f64()) as u64);
                (limit, Some(time))
            }
        };
        self.write_state(plan, self.sent.saturating_add(limit), rate)?;
        let (before, start) = (self.sent, Instant::now());
        // Without a rate every frame that is offered is sent: not one more than was asked for.
        let mut frames = if rate.is_some() { FIRST } else { FIRST.min(limit) };
        loop {
            let called = Instant::now();
            self.offer(plan, frames)?;
            self.read_state()?;
            let left = limit.saturating_sub(self.sent - before);
            let pace = frames as f64 / called.elapsed().as_secs_f64();
            let seconds = match end {
                Some(end) => end.saturating_sub(start.elapsed()).as_secs_f64(),
                None => left as f64 / rate.map_or(pace, |rate| rate.max(1) as f64),
            };
            if left == 0 || (end.is_some() && seconds < 0.01) {
                break;
            }
            frames = (pace * seconds.clamp(0.001, LONGEST)).min(f64::from(u32::MAX)) as u64;
            if rate.is_none() {
                frames = frames.min(left);
            }
        }
        Ok(Sent { packets: self.sent - before, time: start.elapsed() })
    }

    /// Offers frames to the program.
    fn offer(&mut self, plan: Plan, frames: u64) -> anyhow::Result<()> {
        let (program, mut frame) = match plan {
            Plan::Open { .. } => (&self.skeleton.progs.flows, vec![0; TCP_HEADERS + UPLOAD.len()]),
            Plan::Flows { frame, .. } => (&self.skeleton.progs.flows, vec![0; frame as usize]),
            Plan::Replay => (&self.skeleton.progs.replay, vec![0; RECORD]),
        };
        ensure!(frame.len() >= 60, "no frame has less than 60 bytes");
        if let Some(payload) = frame.get_mut(TCP_HEADERS..) {
            for (byte, text) in payload.iter_mut().zip(UPLOAD) {
                *byte = *text;
            }
        }
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let mut context: Vec<u8> = [0, frame.len() as u32, 0, self.interface as u32, 0, 0]
            .iter()
            .flat_map(|field: &u32| field.to_ne_bytes())
            .collect();
        let input = ProgramInput {
            context_in: Some(&mut context),
            data_in: Some(&frame),
            flags: LIVE_FRAMES,
            repeat: frames as u32,
            ..ProgramInput::default()
        };
        program.test_run(input).context("BPF_PROG_RUN with live frames (Linux 5.18)")?;
        Ok(())
    }

    fn write_state(&self, plan: Plan, limit: u64, rate: Option<u64>) -> anyhow::Result<()> {
        let request = UPLOAD.len() as u32;
        let (flow_bits, new_permille, frame, first_new) = match plan {
            Plan::Open { flow_bits } => (flow_bits, 1_000, 0, 0),
            Plan::Flows { flow_bits, frame, new_permille } => (flow_bits, new_permille, frame, 0),
            Plan::Replay => (0, 0, 0, 0),
        };
        let mut bytes = Vec::new();
        let gap = rate.map_or(0, |rate| (256_000_000_000 / rate.max(1)).max(1));
        for field in [self.sent, self.opened, self.continued, self.packets, limit, 0, gap] {
            bytes.extend_from_slice(&field.to_ne_bytes());
        }
        for field in [flow_bits, new_permille, frame, request, first_new, APART] {
            bytes.extend_from_slice(&u32::to_ne_bytes(field));
        }
        self.skeleton
            .maps
            .state
            .update(&0u32.to_ne_bytes(), &bytes, MapFlags::ANY)
            .context("generator's state")
    }

    fn read_state(&mut self) -> anyhow::Result<()> {
        let state = self.skeleton.maps.state.lookup(&0u32.to_ne_bytes(), MapFlags::ANY)?;
        let state = state.context("the generator has no state")?;
        let field = |index: usize| {
            let bytes = state.get(index * 8..index * 8 + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_ne_bytes)
        };
        (self.sent, self.opened, self.continued) = (field(0), field(1), field(2));
        Ok(())
    }
}

/// A packet as the map has it: cut, or padded, to what a frame can be.
fn record(frame: &[u8]) -> Vec<u8> {
    let length = frame.len().clamp(60, RECORD);
    let mut bytes = vec![0; 4 + RECORD];
    bytes[..4].copy_from_slice(&(length as u32).to_ne_bytes());
    let taken = frame.len().min(RECORD);
    bytes[4..4 + taken].copy_from_slice(&frame[..taken]);
    bytes
}
