//! The XDP program on frames from memory, without an interface (`BPF_PROG_RUN`).

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use offport_wire::{Direction, FlowKey};

use super::error::CaptureError;
use super::options::{MultiBuffer, Options};
use super::program::{Buffers, Program};
use super::shunt::{self, Shunt};
use super::skeleton::types::offport_counter;
use super::slots::Slots;
use super::statistics::XdpCounters;
use super::sys;

/// The loaded program, attached to nothing. Loading it is the test of whether this kernel takes it; running it is how
/// the program is tested.
pub struct DryRun {
    program: Program,
    buffers: Buffers,
    _sockets: Vec<OwnedFd>,
}

/// What the program did with one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// What became of the frame.
    pub verdict: Verdict,
    /// The steering hash; 0 if the frame was not steered by its flow.
    pub hash: u64,
    /// The worker whose socket was chosen, if any.
    pub worker: Option<u32>,
    /// Name of the counter that says why: `redirected`, `no_socket`, or a reason of [`XdpCounters`].
    pub counted: &'static str,
    /// The program could not read all headers, and handed the frame to the worker of slot 0.
    pub unreached: bool,
    /// What the frame is counted as if its flow is shunted; `None` if it goes up in any case.
    pub account: Option<Account>,
}

/// What a shunted packet adds, and to which flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The flow.
    pub key: FlowKey,
    /// Which end sent the packet.
    pub direction: Direction,
    /// IP bytes.
    pub bytes: u32,
    /// Payload bytes.
    pub payload: u32,
}

/// XDP actions (linux/bpf.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// XDP_ABORTED, or an unknown number.
    Aborted,
    /// XDP_DROP.
    Drop,
    /// XDP_PASS.
    Pass,
    /// XDP_REDIRECT, to a worker's socket.
    Redirect,
}

impl DryRun {
    /// Loads the program, the one for frames of several buffers with [`MultiBuffer::On`]. Each worker below `sockets` gets a socket to redirect to.
    pub fn new(options: &Options, sockets: u32) -> Result<Self, CaptureError> {
        Self::load(options, sockets, true)
    }

    /// As [`new`](Self::new), without the code that tells of each frame's fate: the program as it runs, to time it.
    pub fn untraced(options: &Options, sockets: u32) -> Result<Self, CaptureError> {
        Self::load(options, sockets, false)
    }

    fn load(options: &Options, sockets: u32, trace: bool) -> Result<Self, CaptureError> {
        options.check()?;
        let mut program = Program::load(options, 1, trace)?;
        let mut all = Vec::new();
        for worker in 0..sockets {
            let socket =
                sys::xdp_socket().map_err(|error| CaptureError::system("opening an AF_XDP socket", error))?;
            program.set_socket(0, worker, socket.as_raw_fd())?;
            all.push(socket);
        }
        // BPF_PROG_RUN says that frames come in by queue 0 of the loopback interface.
        let loopback = sys::interface_index("lo").unwrap_or(1);
        program.add_port(loopback, 0, 0)?;
        let buffers = match options.multi_buffer {
            MultiBuffer::On => Buffers::Several,
            MultiBuffer::Auto | MultiBuffer::Off => Buffers::One,
        };
        Ok(Self { program, buffers, _sockets: all })
    }

    /// Runs the program on a frame of at least 14 bytes, an Ethernet header: the kernel takes no less.
    pub fn run(&self, frame: &[u8]) -> Result<Fate, CaptureError> {
        let (action, _) = self.program.run(self.buffers, frame, 1)?;
        let trace = self.program.trace().unwrap_or_default();
        Ok(Fate {
            verdict: match action {
                1 => Verdict::Drop,
                2 => Verdict::Pass,
                4 => Verdict::Redirect,
                _ => Verdict::Aborted,
            },
            hash: trace.hash,
            worker: (trace.index != u32::MAX).then_some(trace.index),
            counted: name_of(trace.counted),
            unreached: trace.unreached != 0,
            account: (trace.shuntable != 0).then(|| Account {
                key: shunt::key_of(&trace.flow),
                direction: if trace.direction == 0 { Direction::LowToHigh } else { Direction::HighToLow },
                bytes: trace.bytes,
                payload: trace.payload,
            }),
        })
    }

    /// Nanoseconds that the program takes for a frame, on average over `repeat` runs.
    pub fn time(&self, frame: &[u8], repeat: u32) -> Result<u32, CaptureError> {
        self.program.run(self.buffers, frame, repeat).map(|(_, nanos)| nanos)
    }

    /// A hold on the shunt table; `None` without [`Options::shunt_entries`].
    pub fn shunt(&self) -> Option<Shunt> {
        self.program.shunt(Arc::default())
    }

    /// A hold on the table that packets are steered by.
    pub fn slots(&self) -> Slots {
        self.program.slots()
    }

    /// What was counted so far.
    pub fn counters(&self) -> Result<XdpCounters, CaptureError> {
        self.program.counters(0)
    }

    /// Instructions that the verifier went through, of the million that it allows.
    pub fn verified_instructions(&self) -> Result<u32, CaptureError> {
        self.program.verified_instructions()
    }
}

fn name_of(counter: offport_counter) -> &'static str {
    XdpCounters::default().iter().nth(counter.0 as usize).map_or("", |(name, _)| name)
}
