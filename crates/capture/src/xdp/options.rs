//! What a caller may choose.

use std::num::NonZeroU16;
use std::time::Duration;

use super::error::CaptureError;
use super::slots::{MAX_PINS, MAX_WORKER};

/// How live capture is set up. Every default is what suits a passive tap.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of workers, each with a [`Receiver`](crate::xdp::Receiver) of its own. Default 1.
    pub workers: NonZeroU16,
    /// Who chooses the worker. Default [`Steering::Flow`].
    pub steering: Steering,
    /// Where the XDP program runs. Default [`Mode::Auto`].
    pub mode: Mode,
    /// Whether the NIC writes into our memory. Default [`ZeroCopy::Auto`].
    pub zero_copy: ZeroCopy,
    /// Frames larger than one UMEM frame. Default [`MultiBuffer::Auto`].
    pub multi_buffer: MultiBuffer,
    /// Try huge pages for packet memory; what was got is in [`PortInfo`](crate::xdp::PortInfo). Default true.
    pub huge_pages: bool,
    /// Receive queues to open, from 0 on; `None` is all that the interface has.
    pub queues: Option<u32>,
    /// Bytes of one UMEM frame. Default [`FrameSize::Bytes2048`].
    pub frame_size: FrameSize,
    /// Bytes left free in front of each packet, beyond the 256 of the kernel. Default 0.
    pub frame_headroom: u32,
    /// UMEM frames per queue; `None` is [`Options::frames_per_queue`]'s rule.
    pub frames: Option<u32>,
    /// Entries of each fill ring, a power of two. Default 4096.
    pub fill_ring: u32,
    /// Entries of each RX ring (one per worker and queue), a power of two. Default 2048.
    pub rx_ring: u32,
    /// Packets handed over at once at most, 1 to [`MAX_BATCH`]. Default 64.
    pub batch: usize,
    /// Drive the NIC from the worker instead of from interrupts. Default off.
    pub busy_poll: Option<BusyPoll>,
    /// How long a worker whose rings are empty looks for packets before it sleeps, when the last ones came that fast.
    /// Default 0: not at all.
    pub spin: Duration,
    /// Set the interfaces promiscuous for as long as the process lives. Default true.
    pub promiscuous: bool,
    /// ARP, LLDP and the like. Default [`Action::Drop`].
    pub not_ip: Action,
    /// Packets that cannot be parsed as far as their ports. Default [`Action::Drop`].
    pub malformed: Action,
    /// Packets whose worker has no socket on their queue. Default [`NoSocket::Drop`].
    pub no_socket: NoSocket,
    /// Flows that the XDP program can count and drop ([`Shunt`](crate::xdp::Shunt)) at the same time, 260 bytes each;
    /// rounded up to a power of two. 0, the default, is none: then that part of the program is not even loaded.
    pub shunt_entries: u32,
    /// Flows that can stay with a worker while their slots move to another ([`Slots::give`](crate::xdp::Slots::give)),
    /// 16 bytes each, rounded up. 0, the default, is none: then slots cannot be moved.
    pub pins: u32,
    /// Seed of the steering hash; `None` is random, as it should be outside of tests.
    pub seed: Option<u64>,
}

/// Largest [`Options::batch`].
pub const MAX_BATCH: usize = 256;

/// Largest [`Options::shunt_entries`].
pub const MAX_SHUNT_ENTRIES: u32 = 1 << 24;

/// Who chooses the worker of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Steering {
    /// The XDP program, by a symmetric hash of the innermost 5-tuple: both directions of every flow reach
    /// one worker whatever the NIC does.
    #[default]
    Flow,
    /// The NIC: worker = queue modulo workers. Right only where its RSS is known to be symmetric.
    Rss,
}

/// Where the XDP program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// In the driver if it can, else in the stack; which one is in [`PortInfo`](crate::xdp::PortInfo).
    #[default]
    Auto,
    /// In the driver, or fail.
    Native,
    /// In the network stack, after an skb was made: every driver can, slowly.
    Generic,
}

impl Mode {
    /// The name in configuration and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

/// Whether the NIC writes packets into our memory directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ZeroCopy {
    /// If the driver can.
    #[default]
    Auto,
    /// Yes, or fail.
    Required,
    /// No: the kernel copies each packet.
    Off,
}

/// Frames larger than one UMEM frame, as several descriptors; they are copied together and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MultiBuffer {
    /// If the interface's MTU asks for it. Not all drivers that have zero-copy have both at once.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never: the kernel drops such frames.
    Off,
}

/// Bytes of one UMEM frame. The kernel keeps 256 of them for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FrameSize {
    /// 2,048: packets up to 1,792 bytes.
    #[default]
    Bytes2048,
    /// 4,096: packets up to 3,840 bytes.
    Bytes4096,
}

impl FrameSize {
    /// The number.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::Bytes2048 => 2048,
            Self::Bytes4096 => 4096,
        }
    }
}

/// Preferred busy polling (`SO_PREFER_BUSY_POLL`, Linux 5.11): the worker's own calls run the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyPoll {
    /// Packets per call, `SO_BUSY_POLL_BUDGET`.
    pub budget: u32,
    /// Microseconds to spin in one call, `SO_BUSY_POLL`.
    pub microseconds: u32,
}

impl Default for BusyPoll {
    fn default() -> Self {
        Self { budget: 64, microseconds: 20 }
    }
}

/// What becomes of packets that no flow claims. They are counted in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Action {
    /// Dropped in the kernel.
    #[default]
    Drop,
    /// Left to the kernel's network stack.
    Pass,
    /// Handed to the worker of hash 0.
    Worker,
}

/// What becomes of packets whose worker has no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NoSocket {
    /// Dropped in the kernel.
    #[default]
    Drop,
    /// Left to the kernel's network stack.
    Pass,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: NonZeroU16::MIN,
            steering: Steering::default(),
            mode: Mode::default(),
            zero_copy: ZeroCopy::default(),
            multi_buffer: MultiBuffer::default(),
            huge_pages: true,
            queues: None,
            frame_size: FrameSize::default(),
            frame_headroom: 0,
            frames: None,
            fill_ring: 4096,
            rx_ring: 2048,
            batch: 64,
            busy_poll: None,
            spin: Duration::ZERO,
            promiscuous: true,
            not_ip: Action::default(),
            malformed: Action::default(),
            no_socket: NoSocket::default(),
            shunt_entries: 0,
            pins: 0,
            seed: None,
        }
    }
}

impl Options {
    /// UMEM frames per queue: as asked for; or enough for a full fill ring while one worker stands still
    /// with a full RX ring and the others hold as much again.
    pub fn frames_per_queue(&self) -> u32 {
        self.frames.unwrap_or_else(|| self.fill_ring.saturating_add(self.rx_ring.saturating_mul(2)))
    }

    /// Refuses what cannot work, with the reason.
    pub(crate) fn check(&self) -> Result<(), CaptureError> {
        let refuse = |option, problem| Err(CaptureError::Option { option, problem });
        for (option, entries) in [("fill_ring", self.fill_ring), ("rx_ring", self.rx_ring)] {
            if !entries.is_power_of_two() {
                return refuse(option, format!("{entries} is no power of two"));
            }
        }
        if self.batch == 0 || self.batch > MAX_BATCH {
            return refuse("batch", format!("{} is not within 1 and {MAX_BATCH}", self.batch));
        }
        if self.frames_per_queue() < self.fill_ring {
            return refuse(
                "frames",
                format!("{} frames do not fill a fill ring of {}", self.frames_per_queue(), self.fill_ring),
            );
        }
        if self.frame_capacity() < 1024 {
            return refuse("frame_headroom", format!("{} leaves no room for packets", self.frame_headroom));
        }
        if self.shunt_entries > MAX_SHUNT_ENTRIES {
            let problem = format!("{} is more than {MAX_SHUNT_ENTRIES}", self.shunt_entries);
            return refuse("shunt_entries", problem);
        }
        if self.pins > MAX_PINS {
            return refuse("pins", format!("{} is more than {MAX_PINS}", self.pins));
        }
        if self.workers.get() > MAX_WORKER {
            return refuse("workers", format!("{} is more than {MAX_WORKER}", self.workers));
        }
        if self.queues == Some(0) {
            return refuse("queues", "0: at least one is needed".to_owned());
        }
        if self.mode == Mode::Generic && self.zero_copy == ZeroCopy::Required {
            let problem = "zero-copy needs the driver: set mode = \"native\"".to_owned();
            return refuse("zero_copy", problem);
        }
        Ok(())
    }

    /// The largest packet that fits one UMEM frame.
    pub fn frame_capacity(&self) -> u32 {
        self.frame_size.bytes().saturating_sub(XDP_PACKET_HEADROOM + self.frame_headroom)
    }
}

/// `XDP_PACKET_HEADROOM` of linux/bpf.h.
pub(crate) const XDP_PACKET_HEADROOM: u32 = 256;
