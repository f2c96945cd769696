//! The rings of an AF_XDP socket, read and written in place (Documentation/networking/af_xdp.rst).
//!
//! xsk-rs makes, maps and owns them; its own access is a call into C for every descriptor. Here a descriptor is one load
//! or one store.
#![allow(unsafe_code)] // memory that is shared with the kernel

use std::io;
use std::mem::size_of;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::xdp_desc;

use super::sys;

/// A ring. `T` is what it holds.
struct Ring<T> {
    /// It is mapped as long as the socket's owner lives, which must outlive this.
    start: NonNull<u8>,
    offsets: libc::xdp_ring_offset,
    mask: u32,
    holds: std::marker::PhantomData<T>,
}

// SAFETY: the memory belongs to no thread.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T: Copy> Ring<T> {
    fn find(fd: RawFd, offsets: libc::xdp_ring_offset, page: u64, entries: u32) -> io::Result<Self> {
        if !entries.is_power_of_two() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let size = offsets.desc as usize + entries as usize * size_of::<T>();
        let start = sys::ring_start(fd, page, size)?;
        Ok(Self::at(start, offsets, entries))
    }

    /// The ring that begins there, of a power of two entries.
    const fn at(start: NonNull<u8>, offsets: libc::xdp_ring_offset, entries: u32) -> Self {
        Self { start, offsets, mask: entries - 1, holds: std::marker::PhantomData }
    }

    #[inline(always)]
    fn producer(&self) -> &AtomicU32 {
        self.number(self.offsets.producer)
    }

    #[inline(always)]
    fn consumer(&self) -> &AtomicU32 {
        self.number(self.offsets.consumer)
    }

    fn flags(&self) -> &AtomicU32 {
        self.number(self.offsets.flags)
    }

    /// The entry of a running number.
    #[inline(always)]
    fn entry(&self, number: u32) -> *mut T {
        let index = (number & self.mask) as usize;
        // SAFETY: `index` is below the number of entries, all of which lie in the mapping from `desc` on.
        unsafe { self.start.add(self.offsets.desc as usize).cast::<T>().add(index).as_ptr() }
    }

    #[inline(always)]
    fn number(&self, offset: u64) -> &AtomicU32 {
        // SAFETY: the kernel says that a u32 is there, aligned, in the mapping, which outlives `self`; both sides access it
        // atomically.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(offset as usize).cast()) }
    }
}

/// An RX ring: the kernel produces.
pub(crate) struct Received {
    ring: Ring<xdp_desc>,
    /// The number of the next descriptor.
    next: u32,
    /// Where the kernel was, when it was looked at last.
    produced: u32,
}

impl Received {
    /// The RX ring of a socket, of which there must be one at most. It must not outlive the socket's owner.
    pub(crate) fn of(fd: RawFd, entries: u32) -> io::Result<Self> {
        let offsets = sys::ring_offsets(fd)?;
        Ok(Self::new(Ring::find(fd, offsets.rx, libc::XDP_PGOFF_RX_RING as u64, entries)?))
    }

    fn new(ring: Ring<xdp_desc>) -> Self {
        let next = ring.consumer().load(Ordering::Relaxed);
        Self { ring, next, produced: next }
    }

    /// Whether there is one to take.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.ring.producer().load(Ordering::Relaxed) != self.next
    }

    /// Takes up to `limit` descriptors; returns how many.
    #[inline]
    pub(crate) fn take(&mut self, limit: usize, mut each: impl FnMut(xdp_desc)) -> usize {
        if (self.produced.wrapping_sub(self.next) as usize) < limit {
            // What is written before the kernel moves on is seen after it.
            self.produced = self.ring.producer().load(Ordering::Acquire);
        }
        let count = (self.produced.wrapping_sub(self.next) as usize).min(limit);
        for _ in 0..count {
            // SAFETY: the kernel is past this entry and does not write to it before `consumer` is.
            each(unsafe { self.ring.entry(self.next).read() });
            self.next = self.next.wrapping_add(1);
        }
        if count > 0 {
            // They have been read before the kernel is told that it may write.
            self.ring.consumer().store(self.next, Ordering::Release);
        }
        count
    }
}

/// The fill ring of an (interface, queue): the kernel consumes.
pub(crate) struct Given {
    ring: Ring<u64>,
    /// The number of the next entry.
    next: u32,
    /// Where the kernel was, when it was looked at last.
    consumed: u32,
}

impl Given {
    /// The fill ring that was made with a socket, of which there must be one at most. It must not outlive its owner.
    pub(crate) fn of(fd: RawFd, entries: u32) -> io::Result<Self> {
        let offsets = sys::ring_offsets(fd)?;
        Ok(Self::new(Ring::find(fd, offsets.fr, libc::XDP_UMEM_PGOFF_FILL_RING, entries)?))
    }

    fn new(ring: Ring<u64>) -> Self {
        let next = ring.producer().load(Ordering::Relaxed);
        let consumed = ring.consumer().load(Ordering::Acquire);
        Self { ring, next, consumed }
    }

    /// Gives up to `limit` addresses, as many as there is room for; returns how many.
    #[inline]
    pub(crate) fn give(&mut self, limit: usize, mut each: impl FnMut() -> Option<u64>) -> usize {
        let entries = self.ring.mask as usize + 1;
        let mut room = entries - self.next.wrapping_sub(self.consumed) as usize;
        if room < limit {
            self.consumed = self.ring.consumer().load(Ordering::Acquire);
            room = entries - self.next.wrapping_sub(self.consumed) as usize;
        }
        let mut count = 0;
        while count < limit.min(room)
            && let Some(address) = each()
        {
            // SAFETY: the kernel has consumed this entry and does not read it before `producer` is past it.
            unsafe { self.ring.entry(self.next).write(address) };
            self.next = self.next.wrapping_add(1);
            count += 1;
        }
        if count > 0 {
            // They are written before the kernel is told that it may read.
            self.ring.producer().store(self.next, Ordering::Release);
        }
        count
    }

    /// Whether the kernel sleeps until it is told that frames are there.
    pub(crate) fn needs_wakeup(&self) -> bool {
        self.ring.flags().load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    use super::*;

    const ENTRIES: u32 = 8;
    /// Numbers run over.
    const START: u32 = u32::MAX - 20;
    /// How many go through a ring while its other side is another thread.
    const MANY: u32 = if cfg!(miri) { 200 } else { 100_000 };

    /// A ring in plain memory, laid out as the kernel does. Miri sees each access of both sides.
    struct Plain(NonNull<u8>);

    // SAFETY: the memory belongs to no thread.
    unsafe impl Sync for Plain {}

    impl Plain {
        const OFFSETS: libc::xdp_ring_offset =
            libc::xdp_ring_offset { producer: 0, consumer: 64, flags: 4, desc: 128 };

        fn layout() -> Layout {
            Layout::from_size_align(128 + ENTRIES as usize * size_of::<xdp_desc>(), 64).unwrap()
        }

        fn new() -> Self {
            // SAFETY: it is not empty.
            let plain = Self(NonNull::new(unsafe { alloc_zeroed(Self::layout()) }).unwrap());
            plain.side::<u64>().producer().store(START, Ordering::Relaxed);
            plain.side::<u64>().consumer().store(START, Ordering::Relaxed);
            plain
        }

        /// A side of it, which must not outlive it.
        fn side<T: Copy>(&self) -> Ring<T> {
            Ring::at(self.0, Self::OFFSETS, ENTRIES)
        }
    }

    impl Drop for Plain {
        fn drop(&mut self) {
            // SAFETY: of `new`, and the sides are gone.
            unsafe { dealloc(self.0.as_ptr(), Self::layout()) }
        }
    }

    fn desc(number: u32) -> xdp_desc {
        xdp_desc { addr: u64::from(number) << 11, len: number, options: 0 }
    }

    /// The kernel: delivers a descriptor, if there is room.
    fn deliver(ring: &Ring<xdp_desc>, number: u32) -> bool {
        let at = ring.producer().load(Ordering::Relaxed);
        let is_full = at.wrapping_sub(ring.consumer().load(Ordering::Acquire)) == ENTRIES;
        if !is_full {
            // SAFETY: user space is past this entry.
            unsafe { ring.entry(at).write(desc(number)) };
            ring.producer().store(at.wrapping_add(1), Ordering::Release);
        }
        !is_full
    }

    /// The kernel: takes a frame, if there is one.
    fn consume(ring: &Ring<u64>) -> Option<u64> {
        let at = ring.consumer().load(Ordering::Relaxed);
        (at != ring.producer().load(Ordering::Acquire)).then(|| {
            // SAFETY: user space has written this entry.
            let address = unsafe { ring.entry(at).read() };
            ring.consumer().store(at.wrapping_add(1), Ordering::Release);
            address
        })
    }

    fn take(received: &mut Received, limit: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        let count = received.take(limit, |desc| taken.push(desc.len));
        assert_eq!(count, taken.len());
        taken
    }

    #[test]
    fn descriptors_are_taken_once_and_in_order() {
        let plain = Plain::new();
        let (kernel, mut received) = (plain.side(), Received::new(plain.side()));
        assert!(!received.is_ready() && take(&mut received, 4).is_empty());
        let mut next = 0;
        for round in 0..40 {
            let delivered = (0..).take_while(|more| deliver(&kernel, next + more)).count() as u32;
            assert_eq!(delivered, if round == 0 { ENTRIES } else { 5 });
            next += delivered;
            assert!(received.is_ready());
            assert_eq!(take(&mut received, 3), (next - 8..next - 5).collect::<Vec<_>>());
            assert_eq!(take(&mut received, 2), [next - 5, next - 4]);
        }
        assert_eq!(take(&mut received, 100).len(), 3);
        assert!(!received.is_ready());
    }

    #[test]
    fn no_more_is_given_than_there_is_room_for() {
        let plain = Plain::new();
        let (kernel, mut given) = (plain.side(), Given::new(plain.side()));
        let (mut next, mut seen) = (0, 0);
        let mut give = |limit: usize, most: u64| {
            let end = next + most;
            given.give(limit, || {
                (next < end).then(|| {
                    next += 1;
                    next - 1
                })
            })
        };
        assert_eq!((give(3, 100), give(100, 2), give(100, 100), give(100, 100)), (3, 2, 3, 0));
        for _ in 0..20 {
            for _ in 0..5 {
                assert_eq!(consume(&kernel), Some(seen));
                seen += 1;
            }
            assert_eq!((give(2, 100), give(100, 100)), (2, 3));
        }
        assert_eq!(std::iter::from_fn(|| consume(&kernel)).count(), 8);
    }

    #[test]
    fn the_kernel_says_that_it_sleeps() {
        let plain = Plain::new();
        let given = Given::new(plain.side());
        assert!(!given.needs_wakeup());
        plain.side::<u64>().flags().store(libc::XDP_RING_NEED_WAKEUP, Ordering::Relaxed);
        assert!(given.needs_wakeup());
    }

    /// Both sides at once: with an order of memory that does not hold, Miri tells of a race.
    #[test]
    fn descriptors_cross_threads() {
        let plain = Plain::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let kernel = plain.side();
                (0..MANY).for_each(|number| {
                    while !deliver(&kernel, number) {
                        std::thread::yield_now();
                    }
                });
            });
            let mut received = Received::new(plain.side());
            let mut expected = 0;
            while expected < MANY {
                let count = received.take(5, |taken| {
                    assert_eq!((taken.len, taken.addr), (expected, desc(expected).addr));
                    expected += 1;
                });
                if count == 0 {
                    std::thread::yield_now();
                }
            }
        });
    }

    #[test]
    fn frames_cross_threads() {
        let plain = Plain::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut given, mut next) = (Given::new(plain.side()), 0);
                while next < MANY {
                    let frame = || {
                        (next < MANY).then(|| {
                            next += 1;
                            u64::from(next - 1)
                        })
                    };
                    if given.give(3, frame) == 0 {
                        std::thread::yield_now();
                    }
                }
            });
            let kernel = plain.side();
            let mut expected = 0;
            while expected < u64::from(MANY) {
                match consume(&kernel) {
                    Some(address) => assert_eq!(address, expected),
                    None => {
                        std::thread::yield_now();
                        continue;
                    }
                }
                expected += 1;
            }
        });
    }
}
