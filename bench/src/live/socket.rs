//! A minimal AF_XDP receiver, by way of xsk-rs.
#![allow(unsafe_code)] // xsk-rs's ring calls: each block says what keeps its contract

use std::num::NonZeroU32;
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use xsk_rs::config::{BindFlags, Interface, LibxdpFlags, QueueSize, SocketConfig, UmemConfig};
use xsk_rs::umem::frame::FrameDesc;
use xsk_rs::{CompQueue, FillQueue, RxQueue, Socket as XskSocket, TxQueue, Umem};

use crate::clock::thread_nanos;

/// Frames of packet memory, as `offportd` has them by default: a full fill ring and two full RX rings.
const FRAMES: u32 = 8_192;
const FILL_RING: u32 = 4_096;
const RX_RING: u32 = 2_048;
const BATCH: usize = 64;
/// Milliseconds to wait for packets before looking whether to stop.
const PATIENCE: i32 = 50;

/// A socket with rings and packet memory.
pub(super) struct Socket {
    _umem: Umem,
    receive: RxQueue,
    fill: FillQueue,
    _transmit: TxQueue,
    _completion: CompQueue,
    /// Frames that are ours.
    spare: Vec<FrameDesc>,
}

/// What a receiver did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Packets received.
    pub packets: u64,
    /// Nanoseconds of its thread's processor time, the kernel's share in its system calls included.
    pub nanos: u64,
}

impl Socket {
    /// Binds in copy mode. The kernel frees the socket before late, so that a queue may be busy for a moment.
    pub(super) fn open(interface: &str, queue: u32) -> anyhow::Result<Self> {
        for _ in 0..50 {
            if let Ok(socket) = Self::try_open(interface, queue) {
                return Ok(socket);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Self::try_open(interface, queue)
    }

    fn try_open(interface: &str, queue: u32) -> anyhow::Result<Self> {
        let interface: Interface = interface.parse().context("interface name")?;
        let config = UmemConfig::builder()
            .fill_queue_size(QueueSize::new(FILL_RING)?)
            .comp_queue_size(QueueSize::new(1)?)
            .build()?;
        let frames = NonZeroU32::new(FRAMES).context("frames")?;
        let (umem, mut spare) = Umem::new(config, frames, false).context("packet memory")?;
        let config = SocketConfig::builder()
            .rx_queue_size(QueueSize::new(RX_RING)?)
            .tx_queue_size(QueueSize::new(1)?)
            .libxdp_flags(LibxdpFlags::XSK_LIBXDP_FLAGS_INHIBIT_PROG_LOAD)
            .bind_flags(BindFlags::XDP_USE_NEED_WAKEUP | BindFlags::XDP_COPY)
            .build();
        // SAFETY: the only socket of this UMEM, on a queue that has no other.
        let opened = unsafe { XskSocket::new(config, &umem, &interface, queue) };
        let (transmit, receive, rings) = opened.context("AF_XDP socket")?;
        let Some((mut fill, completion)) = rings else { bail!("a first socket without a fill ring") };
        let first = spare.split_off(spare.len() - FILL_RING as usize);
        // SAFETY: frames of this UMEM that nobody else has; they are given up here.
        unsafe { fill.produce(&first) };
        Ok(Self { _umem: umem, receive, fill, _transmit: transmit, _completion: completion, spare })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.receive.fd().as_raw_fd()
    }

    /// Takes frames out and gives them back, unread, until told to stop.
    pub(super) fn receive_and_drop(&mut self, stop: &AtomicBool) -> anyhow::Result<Tally> {
        let mut taken = [FrameDesc::default(); BATCH];
        let start = thread_nanos();
        let mut packets = 0;
        while !stop.load(Ordering::Relaxed) {
            // SAFETY: the socket is bound to the UMEM that all its frames come from.
            let count = unsafe { self.receive.consume(&mut taken) };
            if count == 0 {
                self.receive.poll(PATIENCE)?;
                continue;
            }
            packets += count as u64;
            self.spare.extend_from_slice(&taken[..count]);
            let wanted = self.spare.len();
            let rest = wanted - wanted.min(self.fill.nb_free(wanted as u32) as usize);
            // SAFETY: frames that came out of the RX ring, or were never given away, each once; given up here.
            let given = unsafe { self.fill.produce(&self.spare[rest..]) };
            self.spare.truncate(wanted - given);
            if self.fill.needs_wakeup() {
                self.receive.poll(0)?;
            }
        }
        Ok(Tally { packets, nanos: thread_nanos() - start })
    }
}
