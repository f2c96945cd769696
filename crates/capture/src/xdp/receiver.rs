//! The worker's side: packets in batches, and frames back to the kernel in the same call.
//!
//! Every worker receives on every (interface, queue), so that the XDP program can choose the worker freely. The fill
//! ring of a port is shared by its workers: whoever has frames to give back takes it for a moment, and goes on
//! without if another has it. It belongs to no single worker, because the one that receives need not be the one that
//! would refill: a sleeping owner would starve a port whose packets all go to others.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use arrayvec::ArrayVec;
use offport_wire::{Frame, LinkType, Timestamp};

use super::backend::Backend;
use super::mailbox::Mailbox;
use super::options::MAX_BATCH;
use super::pool::{EXCHANGE, Pool};
use super::sys;
use super::xsk::Xsk;

/// Receives the packets of one worker. `Send`: make it anywhere, then move it to its thread.
pub struct Receiver {
    core: Core<Xsk>,
}

/// Why [`Receiver::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Packets may be there.
    Ready,
    /// Nothing came in the time given.
    TimedOut,
    /// [`Control::stop`](crate::xdp::Control::stop) was called. Packets may be there still.
    Stopped,
}

impl Receiver {
    /// Hands over what has arrived, at most one batch, then gives the frames back to the kernel. Returns the number
    /// of packets; 0 means that there is nothing to do but [`wait`](Self::wait).
    ///
    /// `time` becomes the time of all of them: one clock reading per batch is the caller's. The slice and its bytes
    /// are valid inside `handle` only. `handle` is not called without packets.
    #[inline]
    pub fn receive(&mut self, time: Timestamp, handle: impl FnOnce(&[Frame<'_>])) -> usize {
        self.core.receive(time, handle)
    }

    /// Sleeps until packets arrive, `timeout` is over or the control thread calls. `None` waits for ever.
    /// With busy polling it does not sleep.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Wake> {
        self.core.wait(timeout)
    }

    /// Before [`wait`](Self::wait): looks for packets for a while ([`Options::spin`](crate::xdp::Options::spin)) if the
    /// last ones came soon, since to be woken costs the core that receives them much more than they do. Whether to call
    /// [`receive`](Self::receive) again.
    #[inline]
    pub fn spin(&mut self) -> bool {
        self.core.spin()
    }

    /// Whether [`wait`](Self::wait) runs the driver instead of sleeping.
    pub fn polls_busily(&self) -> bool {
        self.core.busy_poll
    }

    /// Whether the latest batch was as large as one may be: more is waiting, or nearly so.
    #[inline]
    pub fn was_full(&self) -> bool {
        self.core.was_full
    }

    /// Packets that the kernel had for this worker and could not hand over, since its sockets were opened: it was too slow for them.
    /// A call to the kernel for each (interface, queue).
    pub fn lost(&self) -> u64 {
        self.core.lost()
    }

    /// Index of this worker.
    pub fn worker(&self) -> u16 {
        self.core.worker
    }

    pub(crate) fn new(core: Core<Xsk>) -> Self {
        Self { core }
    }
}

/// [`Receiver`] over any rings.
pub(crate) struct Core<B: Backend> {
    worker: u16,
    batch: usize,
    busy_poll: bool,
    /// How long to look for packets before sleeping.
    spin: Duration,
    /// The last wait was shorter than that.
    soon: bool,
    /// The latest batch had no room left.
    was_full: bool,
    mailbox: Arc<Mailbox<Message<B>>>,
    counters: Arc<ReceiverCounters>,
    interfaces: Vec<Attachment<B>>,
    /// Where packets of several frames are put together; empty until a port needs it.
    join: Box<[u8]>,
    /// Interface and port to begin with, moved on each time so that none is starved by the others.
    turn: usize,
    polled: Vec<libc::pollfd>,
}

/// Room to put packets of several frames together, per batch. The largest packet is 64 KiB and a link header.
const JOIN: usize = 256 * 1024;

/// From the control thread to a worker.
pub(crate) enum Message<B: Backend> {
    /// Receive on these ports as well.
    Attach(Attachment<B>),
    /// Close all ports of an interface.
    Detach(u16),
}

/// All ports of one interface, as one worker has them.
pub(crate) struct Attachment<B: Backend> {
    pub interface: u16,
    pub ports: Vec<Port<B>>,
    pub multi_buffer: bool,
}

/// One worker's socket on one (interface, queue).
pub(crate) struct Port<B: Backend> {
    pub memory: B::Memory,
    pub rx: B::Rx,
    pub fill: Arc<Mutex<B::Fill>>,
    pub pool: Arc<Pool<B::Frame>>,
    pub counters: Arc<PortCounters>,
    /// Frames of this worker's on the way from the RX ring to the fill ring or the pool.
    pub cache: Vec<B::Frame>,
    /// Received and not yet given back; empty between batches, but for a packet whose rest is still to come.
    pub taken: Vec<B::Frame>,
    /// How many of `taken` have been handed over.
    pub done: usize,
}

/// What one worker received on one port. Single writer.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct PortCounters {
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
}

/// What one worker's receiver did. Single writer.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct ReceiverCounters {
    pub batches: AtomicU64,
    pub wakeups: AtomicU64,
    pub spins: AtomicU64,
    pub joined: AtomicU64,
    pub oversized: AtomicU64,
    pub refill_postponed: AtomicU64,
}

impl<B: Backend> Core<B> {
    pub(crate) fn new(
        worker: u16,
        batch: usize,
        busy_poll: bool,
        spin: Duration,
        mailbox: Arc<Mailbox<Message<B>>>,
        counters: Arc<ReceiverCounters>,
    ) -> Self {
        let mut core = Self {
            worker,
            batch: batch.clamp(1, MAX_BATCH),
            busy_poll,
            spin,
            soon: false,
            was_full: false,
            mailbox,
            counters,
            interfaces: Vec::new(),
            join: Box::default(),
            turn: 0,
            polled: Vec::new(),
        };
        core.rebuild_poll_set();
        core
    }

    fn receive(&mut self, time: Timestamp, handle: impl FnOnce(&[Frame<'_>])) -> usize {
        if self.mailbox.is_pending() {
            self.read_mail();
        }
        if self.take_batch() == 0 {
            return 0;
        }
        let count = self.hand_over(time, handle);
        self.give_back();
        count
    }

    /// Takes up to one batch of frames out of the RX ring of all ports. Returns how many are in hand.
    fn take_batch(&mut self) -> usize {
        let mut room = self.batch;
        let mut held = 0;
        let count = self.interfaces.len();
        self.turn = self.turn.wrapping_add(1);
        for index in 0..count {
            let interface = &mut self.interfaces[(index + self.turn) % count];
            let ports = interface.ports.len();
            for index in 0..ports {
                let port = &mut interface.ports[(index + self.turn) % ports];
                // What is left over is a packet of several frames, which may need more than the batch has room
                // for: always leave room for the largest.
                let limit = room.max(if port.taken.is_empty() { 0 } else { MAX_FRAMES });
                let got = B::receive(&mut port.rx, limit, &mut port.taken);
                held += port.taken.len();
                room = room.saturating_sub(got);
            }
        }
        self.was_full = room == 0;
        held
    }

    fn lost(&self) -> u64 {
        let ports = self.interfaces.iter().flat_map(|interface| &interface.ports);
        // A socket that does not tell is one that is being closed.
        ports
            .filter_map(|port| sys::xdp_statistics(B::fd(&port.rx)).ok())
            .map(|socket| socket.rx_dropped + socket.rx_ring_full)
            .sum()
    }

    /// Gives the packets in hand to `handle`. Returns how many there were.
    fn hand_over(&mut self, time: Timestamp, handle: impl FnOnce(&[Frame<'_>])) -> usize {
        let mut frames: ArrayVec<Frame<'_>, { MAX_BATCH + MAX_FRAMES }> = ArrayVec::new();
        let mut join: &mut [u8] = &mut self.join;
        let (mut joined, mut oversized) = (0, 0);
        for attachment in &mut self.interfaces {
            let interface = attachment.interface;
            for port in &mut attachment.ports {
                let Port { ref memory, ref taken, ref mut done, ref counters, .. } = *port;
                if taken.is_empty() {
                    continue;
                }
                let (mut packets, mut octets) = (0, 0);
                while *done < taken.len() && !frames.is_full() {
                    let first = &taken[*done];
                    let bytes = if B::continues(first) {
                        // A packet of several frames.
                        let Some(length) = taken[*done..].iter().position(|frame| !B::continues(frame))
                        else {
                            break; // the rest is still to come
                        };
                        let parts = &taken[*done..=*done + length];
                        let size = parts.iter().map(|frame| B::bytes(memory, frame).len()).sum::<usize>();
                        if size > JOIN {
                            oversized += 1;
                            *done += parts.len();
                            continue;
                        }
                        if size > join.len() {
                            break; // no room left in this batch
                        }
                        let (whole, rest) = join.split_at_mut(size);
                        join = rest;
                        let mut at = 0;
                        for part in parts {
                            let part = B::bytes(memory, part);
                            whole[at..at + part.len()].copy_from_slice(part);
                            at += part.len();
                        }
                        joined += 1;
                        *done += parts.len();
                        &*whole
                    } else {
                        *done += 1;
                        B::bytes(memory, first)
                    };
                    packets += 1;
                    octets += bytes.len() as u64;
                    let wire_len = bytes.len() as u32;
                    frames.push(Frame { bytes, link: LinkType::Ethernet, wire_len, time, interface });
                }
                add(&counters.packets, packets);
                add(&counters.bytes, octets);
            }
        }
        if joined + oversized > 0 {
            add(&self.counters.joined, joined);
            add(&self.counters.oversized, oversized);
        }
        if !frames.is_empty() {
            add(&self.counters.batches, 1);
            handle(&frames);
        }
        frames.len()
    }

    /// Gives the frames that were handed over back to the kernel.
    fn give_back(&mut self) {
        let mut postponed = 0;
        for port in self.interfaces.iter_mut().flat_map(|interface| &mut interface.ports) {
            if port.done == 0 {
                continue;
            }
            let Port { rx, fill, pool, cache, taken, done, .. } = port;
            cache.extend(taken.drain(..*done));
            *done = 0;
            match fill.try_lock() {
                Ok(mut fill) => refill::<B>(&mut fill, cache, pool, B::fd(rx)),
                Err(TryLockError::Poisoned(_)) => {}
                Err(TryLockError::WouldBlock) => postponed += 1,
            }
            while cache.len() > 2 * EXCHANGE {
                pool.give(EXCHANGE, cache);
            }
        }
        if postponed > 0 {
            add(&self.counters.refill_postponed, postponed);
        }
        if self.busy_poll {
            self.kick();
        }
    }

    /// Runs the driver of every port (busy polling).
    fn kick(&self) {
        for port in self.interfaces.iter().flat_map(|interface| &interface.ports) {
            sys::kick(B::fd(&port.rx));
        }
    }

    fn read_mail(&mut self) {
        if !self.mailbox.is_pending() {
            return;
        }
        for message in self.mailbox.take() {
            match message {
                Message::Attach(attachment) => {
                    if attachment.multi_buffer && self.join.is_empty() {
                        self.join = vec![0; JOIN].into();
                    }
                    self.interfaces.push(attachment);
                }
                Message::Detach(interface) => {
                    // Frames in the kernel's hands cannot be had back one by one: the UMEM goes with the last
                    // worker's socket.
                    self.interfaces.retain(|attachment| attachment.interface != interface);
                }
            }
        }
        self.rebuild_poll_set();
    }

    fn rebuild_poll_set(&mut self) {
        let readable = |fd: RawFd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        self.polled.clear();
        self.polled.push(readable(self.mailbox.event().as_raw_fd()));
        self.polled.extend(
            self.interfaces
                .iter()
                .flat_map(|interface| &interface.ports)
                .map(|port| readable(B::fd(&port.rx))),
        );
    }
}

/// Descriptors of the largest packet: one for the linear part and MAX_SKB_FRAGS (17) more.
const MAX_FRAMES: usize = 18;

impl<B: Backend> Port<B> {
    /// Gives back every frame that is not part of a packet yet to be handed over.
    fn release(&mut self) {
        let mut fill = self.fill.lock().unwrap_or_else(PoisonError::into_inner);
        refill::<B>(&mut fill, &mut self.cache, &self.pool, B::fd(&self.rx));
        drop(fill);
        self.pool.give(self.cache.len(), &mut self.cache);
    }
}

/// Fills a fill ring from the cache, then from the pool.
fn refill<B: Backend>(fill: &mut B::Fill, cache: &mut Vec<B::Frame>, pool: &Pool<B::Frame>, fd: RawFd) {
    loop {
        let count = cache.len();
        if B::fill(fill, count, cache) < count {
            break; // full
        }
        if pool.take(EXCHANGE, cache) == 0 {
            break; // nothing left
        }
    }
    if B::sleeps(fill) {
        sys::kick(fd);
    }
}

/// Adds to a counter that only this thread writes: no locked instruction.
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
mod waiting;
