//! AF_XDP sockets and packet memory by way of xsk-rs; their rings are read and written in place ([`super::rings`]).
//!
//! xsk-rs's `FrameDesc` is `Copy`, and its packet slices borrow the UMEM, not the frame. Here a frame is a [`Frame`], which
//! is neither, so that the rules of [`Backend`] hold. All frames that exist are made in
//! [`Umem::new`]; from then on each is in exactly one place: in the kernel's hands, or in one `Frame`.
#![allow(unsafe_code)] // packet memory: each block says why it is sound

use std::error::Error;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::NonNull;

use libc::xdp_desc;
use xsk_rs::config::{BindFlags, FrameSize, Interface, LibxdpFlags, QueueSize, SocketConfig, UmemConfig};
use xsk_rs::umem::frame::FrameDesc;
use xsk_rs::{FillQueue, RxQueue, Socket, TxQueue, Umem as XskUmem};

use super::backend::Backend;
use super::rings::{Given, Received};

/// The real thing.
pub(crate) struct Xsk;

/// The right to read one frame of a [`Umem`].
pub(crate) struct Frame(xdp_desc);

/// Packet memory shared with the kernel.
#[derive(Clone)]
pub(crate) struct Umem {
    xsk: XskUmem,
    /// Where it starts, for as long as `xsk` lives.
    start: NonNull<u8>,
}

// SAFETY: `start` is only read through, and the memory belongs to no thread.
unsafe impl Send for Umem {}

/// The receiving side of a socket.
pub(crate) struct Rx {
    ring: Received,
    // Owns the socket.
    queue: RxQueue,
    // xsk-rs cannot make a socket without a TX ring; it has one entry and is never used.
    _transmit: TxQueue,
}

/// The fill ring of an (interface, queue), with the completion ring that the kernel insists on.
pub(crate) struct Fill {
    ring: Given,
    // Owns it.
    _queue: FillQueue,
    _completion: xsk_rs::CompQueue,
}

/// What a UMEM looks like.
#[derive(Clone, Copy)]
pub(crate) struct UmemLayout {
    pub frames: u32,
    pub frame_size: u32,
    pub headroom: u32,
    pub fill_ring: u32,
}

impl Umem {
    /// Maps and registers the memory. With `huge_pages`, frames × size must be a multiple of 2 MiB.
    pub(crate) fn new(layout: UmemLayout, huge_pages: bool) -> io::Result<(Self, Vec<Frame>)> {
        let config = UmemConfig::builder()
            .frame_size(FrameSize::new(layout.frame_size).map_err(invalid)?)
            .frame_headroom(layout.headroom)
            .fill_queue_size(QueueSize::new(layout.fill_ring).map_err(invalid)?)
            .comp_queue_size(QueueSize::new(1).map_err(invalid)?)
            .build()
            .map_err(invalid)?;
        let frames = NonZeroU32::new(layout.frames).ok_or(io::ErrorKind::InvalidInput)?;
        let (xsk, frames) = XskUmem::new(config, frames, huge_pages).map_err(|error| errno(&error))?;
        let start = start_of(&xsk, &frames).ok_or(io::ErrorKind::InvalidData)?;
        let frame = |desc: &FrameDesc| Frame(xdp_desc { addr: desc.addr() as u64, len: 0, options: 0 });
        Ok((Self { xsk, start }, frames.iter().map(frame).collect()))
    }
}

/// xsk-rs does not tell where its memory starts, but where a frame lies, and how far from the start that is.
fn start_of(umem: &XskUmem, frames: &[FrameDesc]) -> Option<NonNull<u8>> {
    let frame = frames.first()?;
    // SAFETY: the frame is one of this UMEM, and nothing of it is read.
    let at = unsafe { umem.data(frame) }.contents().as_ptr();
    NonNull::new(at.wrapping_sub(frame.addr()).cast_mut())
}

/// Opens a socket on an (interface, queue). The fill ring comes with the first socket of each.
pub(crate) fn open(
    umem: &Umem,
    interface: &str,
    queue: u32,
    (rx_ring, fill_ring): (u32, u32),
    flags: BindFlags,
) -> io::Result<(Rx, Option<Fill>)> {
    let interface: Interface = interface.parse().map_err(invalid)?;
    let config = SocketConfig::builder()
        .rx_queue_size(QueueSize::new(rx_ring).map_err(invalid)?)
        .tx_queue_size(QueueSize::new(1).map_err(invalid)?)
        // The program is ours: xsk-rs must not load its own.
        .libxdp_flags(LibxdpFlags::XSK_LIBXDP_FLAGS_INHIBIT_PROG_LOAD)
        .bind_flags(flags)
        .build();
    // SAFETY: INHIBIT_PROG_LOAD is set, which is what sharing an (interface, queue) asks for.
    let (transmit, queue, rings) =
        unsafe { Socket::new(config, &umem.xsk, &interface, queue) }.map_err(|error| errno(&error))?;
    let fd = queue.fd().as_raw_fd();
    let fill = match rings {
        Some((queue, completion)) => {
            Some(Fill { ring: Given::of(fd, fill_ring)?, _queue: queue, _completion: completion })
        }
        None => None,
    };
    Ok((Rx { ring: Received::of(fd, rx_ring)?, queue, _transmit: transmit }, fill))
}

impl Backend for Xsk {
    type Memory = Umem;
    type Frame = Frame;
    type Rx = Rx;
    type Fill = Fill;

    #[inline]
    fn bytes<'a>(memory: &'a Umem, frame: &'a Frame) -> &'a [u8] {
        // SAFETY: the descriptor came from this UMEM's RX ring, so the kernel has checked address and length
        // against it; and as long as `frame` is borrowed it cannot be given to a fill ring, so nothing writes.
        unsafe {
            std::slice::from_raw_parts(memory.start.as_ptr().add(frame.0.addr as usize), frame.0.len as usize)
        }
    }

    #[inline]
    fn continues(frame: &Frame) -> bool {
        frame.0.options & libc::XDP_PKT_CONTD != 0
    }

    #[inline]
    fn receive(rx: &mut Rx, limit: usize, into: &mut Vec<Frame>) -> usize {
        rx.ring.take(limit, |desc| into.push(Frame(desc)))
    }

    #[inline]
    fn is_ready(rx: &Rx) -> bool {
        rx.ring.is_ready()
    }

    #[inline]
    fn fd(rx: &Rx) -> RawFd {
        rx.queue.fd().as_raw_fd()
    }

    #[inline]
    fn fill(ring: &mut Fill, limit: usize, frames: &mut Vec<Frame>) -> usize {
        ring.ring.give(limit, || frames.pop().map(|Frame(desc)| desc.addr))
    }

    #[inline]
    fn sleeps(ring: &Fill) -> bool {
        ring.ring.needs_wakeup()
    }
}

/// The operating system's error at the end of the chain: xsk-rs says only "could not create".
fn errno(error: &(dyn Error + 'static)) -> io::Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(code);
        }
        cause = error.source();
    }
    io::Error::other(error.to_string())
}

fn invalid(error: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
