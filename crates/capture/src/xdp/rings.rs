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
        Ok(Self { start, offsets, mask: entries - 1, holds: std::marker::PhantomData })
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
        let ring = Ring::find(fd, offsets.rx, libc::XDP_PGOFF_RX_RING as u64, entries)?;
        let next = ring.consumer().load(Ordering::Relaxed);
        Ok(Self { ring, next, produced: next })
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
        let page = libc::XDP_UMEM_PGOFF_FILL_RING;
        let ring = Ring::find(fd, offsets.fr, page, entries)?;
        let next = ring.producer().load(Ordering::Relaxed);
        let consumed = ring.consumer().load(Ordering::Acquire);
        Ok(Self { ring, next, consumed })
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
