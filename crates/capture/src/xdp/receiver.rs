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
use std::time::{Duration, Instant};

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

/// How often the rings are looked at before the clock is, and others have their turn: less than a microsecond.
const SPINS: u32 = 32;

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

    fn spin(&mut self) -> bool {
        if !self.soon || self.busy_poll {
            return false;
        }
        let start = Instant::now();
        while !self.mailbox.is_stopped() {
            for _ in 0..SPINS {
                if self.mailbox.is_pending() || self.is_ready() {
                    add(&self.counters.spins, 1);
                    return true;
                }
                std::hint::spin_loop();
            }
            if start.elapsed() >= self.spin {
                break;
            }
            // The kernel's own receiving threads may want this core.
            std::thread::yield_now();
        }
        self.soon = false;
        false
    }

    fn is_ready(&self) -> bool {
        self.interfaces.iter().flat_map(|interface| &interface.ports).any(|port| B::is_ready(&port.rx))
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Wake> {
        self.read_mail();
        if self.mailbox.is_stopped() {
            return Ok(Wake::Stopped);
        }
        if self.busy_poll {
            self.kick();
            return Ok(Wake::Ready);
        }
        // Whoever sleeps keeps nothing back.
        for port in self.interfaces.iter_mut().flat_map(|interface| &mut interface.ports) {
            port.release();
        }
        let start = Instant::now();
        if sys::poll(&mut self.polled, timeout)? == 0 {
            return Ok(Wake::TimedOut);
        }
        self.soon = start.elapsed() < self.spin;
        add(&self.counters.wakeups, 1);
        for polled in &mut self.polled {
            // The interface is gone (ENETDOWN). Polled again, it would return at once and for ever; the control
            // thread will take the port away.
            if polled.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
                polled.fd = -1;
            }
        }
        if self.mailbox.is_pending() {
            self.read_mail();
        }
        Ok(if self.mailbox.is_stopped() { Wake::Stopped } else { Wake::Ready })
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
        held
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
mod tests {
    use super::*;
    use crate::xdp::memory::{self, Kernel, Memory, Shared};

    struct Rig {
        core: Core<Memory>,
        kernels: Vec<Shared>,
        pools: Vec<Arc<Pool<memory::Frame>>>,
    }

    const SPIN: Duration = Duration::from_millis(200);
    const RING: usize = 128;
    const FRAMES: usize = 200;

    /// One worker with `ports` ports.
    fn rig(ports: usize, batch: usize) -> Rig {
        let mailbox = Arc::new(Mailbox::new().unwrap());
        let core = Core::new(0, batch, false, SPIN, Arc::clone(&mailbox), Arc::default());
        let (mut kernels, mut pools, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ports {
            let (kernel, spare) = Kernel::new(RING, FRAMES);
            let pool = Arc::new(Pool::new(spare, FRAMES));
            all.push(Port {
                memory: (),
                rx: memory::rx(&kernel),
                fill: Arc::new(Mutex::new(Arc::clone(&kernel))),
                pool: Arc::clone(&pool),
                counters: Arc::default(),
                cache: Vec::new(),
                taken: Vec::new(),
                done: 0,
            });
            kernels.push(kernel);
            pools.push(pool);
        }
        mailbox.send(Message::Attach(Attachment { interface: 3, ports: all, multi_buffer: true }));
        Rig { core, kernels, pools }
    }

    impl Rig {
        fn receive(&mut self) -> Vec<Vec<u8>> {
            let mut packets = Vec::new();
            self.core.receive(Timestamp::from_nanos(9), |frames| {
                for frame in frames {
                    assert_eq!((frame.interface, frame.time.as_nanos()), (3, 9));
                    assert_eq!(frame.wire_len as usize, frame.bytes.len());
                    packets.push(frame.bytes.to_vec());
                }
            });
            packets
        }

        /// Every frame is in the fill ring or in the pool.
        fn assert_all_returned(&mut self) {
            assert_eq!(self.core.wait(Some(Duration::ZERO)).unwrap(), Wake::TimedOut);
            for (kernel, pool) in self.kernels.iter().zip(&self.pools) {
                let kernel = kernel.lock().unwrap();
                kernel.assert_each_once();
                assert_eq!((kernel.filled.len(), pool.level()), (RING, (FRAMES - RING, FRAMES)));
            }
        }
    }

    #[test]
    fn packets_of_all_ports_arrive_once_and_frames_go_back() {
        let mut rig = rig(3, 16);
        assert!(rig.receive().is_empty());
        let mut expected = Vec::new();
        for round in 0..500u16 {
            for (port, kernel) in rig.kernels.iter().enumerate() {
                let packet = [port as u8, round as u8, (round >> 8) as u8];
                assert!(kernel.lock().unwrap().deliver(&[&packet]), "the fill ring ran dry");
                expected.push(packet.to_vec());
            }
            if round % 20 == 19 {
                let mut seen = Vec::new();
                while let packets @ [_, ..] = &*rig.receive() {
                    assert!(packets.len() <= 16);
                    seen.extend_from_slice(packets);
                }
                seen.sort();
                expected.sort();
                assert_eq!(seen, std::mem::take(&mut expected));
            }
        }
        rig.assert_all_returned();
        let counted: Vec<_> = rig.core.interfaces[0]
            .ports
            .iter()
            .map(|port| {
                (port.counters.packets.load(Ordering::Relaxed), port.counters.bytes.load(Ordering::Relaxed))
            })
            .collect();
        assert_eq!(counted, [(500, 1500); 3]);
    }

    #[test]
    fn who_sleeps_briefly_looks_for_packets_the_next_time() {
        let mut rig = rig(2, 16);
        assert!(rig.receive().is_empty());
        let (mailbox, kernel) = (Arc::clone(&rig.core.mailbox), Arc::clone(&rig.kernels[1]));
        let sleep = |rig: &mut Rig, time: Duration| {
            let mailbox = Arc::clone(&rig.core.mailbox);
            let thread = std::thread::spawn(move || {
                std::thread::sleep(time);
                mailbox.wake();
            });
            assert_eq!(rig.core.wait(None).unwrap(), Wake::Ready);
            thread.join().unwrap();
        };
        let spins = |rig: &Rig| rig.core.counters.spins.load(Ordering::Relaxed);

        assert!(!rig.core.spin(), "it has not slept yet");
        sleep(&mut rig, 2 * SPIN);
        assert!(!rig.core.spin(), "packets came late");

        sleep(&mut rig, SPIN / 20);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(SPIN / 20);
            assert!(kernel.lock().unwrap().deliver(&[b"packet"]));
        });
        assert!(rig.core.spin());
        thread.join().unwrap();
        assert_eq!(rig.receive(), [b"packet"]);
        assert_eq!(spins(&rig), 1);
        // Mail is looked at as well; without any, it gives up, and does not try again.
        mailbox.wake();
        assert!(rig.core.spin());
        assert!(rig.receive().is_empty());
        let start = Instant::now();
        assert!(!rig.core.spin());
        assert!(start.elapsed() >= SPIN);
        assert!(!rig.core.spin());
        assert_eq!(spins(&rig), 2);

        sleep(&mut rig, SPIN / 20);
        mailbox.stop();
        assert!(!rig.core.spin(), "it is to stop");
    }

    #[test]
    fn packets_of_several_frames_are_put_together() {
        let mut rig = rig(1, 4);
        for _ in 0..50 {
            {
                let mut kernel = rig.kernels[0].lock().unwrap();
                assert!(kernel.deliver(&[b"whole"]));
                assert!(kernel.deliver(&[b"one ", b"two ", b"three ", b"four ", b"five ", b"six"]));
                assert!(kernel.deliver(&[b"in ", b"two"]));
            }
            let mut seen = Vec::new();
            for _ in 0..4 {
                seen.extend(rig.receive());
            }
            let expected: [&[u8]; 3] = [b"whole", b"one two three four five six", b"in two"];
            assert_eq!(seen, expected);
        }
        assert_eq!(rig.core.counters.joined.load(Ordering::Relaxed), 100);
        rig.assert_all_returned();
    }

    #[test]
    fn more_to_join_than_there_is_room_for_waits_for_the_next_batch() {
        let mut rig = rig(1, 64);
        let piece = vec![7; 60 * 1024];
        for _ in 0..6 {
            assert!(rig.kernels[0].lock().unwrap().deliver(&[&piece, b"end"]));
        }
        let counts = [rig.receive().len(), rig.receive().len(), rig.receive().len()];
        assert_eq!(counts, [4, 2, 0]);
        let piece = vec![7; JOIN];
        assert!(rig.kernels[0].lock().unwrap().deliver(&[&piece, b"end"]));
        assert!(rig.receive().is_empty());
        assert_eq!(rig.core.counters.oversized.load(Ordering::Relaxed), 1);
        rig.assert_all_returned();
    }

    #[test]
    fn a_fill_ring_in_other_hands_is_filled_later() {
        let mut rig = rig(1, 64);
        let fill = Arc::clone(&rig.core_fill());
        let held = fill.lock().unwrap();
        for _ in 0..10 {
            assert!(rig.kernels[0].lock().unwrap().deliver(&[b"packet"]));
        }
        assert_eq!(rig.receive().len(), 10);
        assert_eq!(rig.core.counters.refill_postponed.load(Ordering::Relaxed), 1);
        assert_eq!(rig.kernels[0].lock().unwrap().filled.len(), RING - 10);
        drop(held);
        rig.assert_all_returned();
    }

    #[test]
    fn no_port_starves() {
        let mut rig = rig(2, 8);
        let mut seen = [0; 2];
        for _ in 0..100 {
            for (port, kernel) in rig.kernels.iter().enumerate() {
                while kernel.lock().unwrap().deliver(&[&[port as u8]]) {}
            }
            rig.receive().iter().for_each(|packet| seen[usize::from(packet[0])] += 1);
        }
        assert_eq!(seen, [400; 2]);
    }

    #[test]
    fn detach_and_stop() {
        let mut rig = rig(1, 8);
        assert!(rig.kernels[0].lock().unwrap().deliver(&[b"x"]));
        assert_eq!(rig.receive().len(), 1);
        rig.core.mailbox.send(Message::Detach(3));
        assert!(rig.receive().is_empty());
        assert!(rig.core.interfaces.is_empty());
        assert_eq!(rig.core.wait(Some(Duration::ZERO)).unwrap(), Wake::TimedOut);
        rig.core.mailbox.stop();
        assert_eq!(rig.core.wait(None).unwrap(), Wake::Stopped);
        assert_eq!(rig.core.wait(None).unwrap(), Wake::Stopped);
    }

    impl Rig {
        fn core_fill(&mut self) -> Arc<Mutex<Shared>> {
            self.core.read_mail();
            Arc::clone(&self.core.interfaces[0].ports[0].fill)
        }
    }
}
