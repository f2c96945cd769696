//! AF_XDP sockets and packet memory by way of xsk-rs.
//!
//! xsk-rs's `FrameDesc` is `Copy`, and its packet slices borrow the UMEM, not the frame. Here it is wrapped into
//! [`Frame`], which is neither, so that the rules of [`Backend`] hold. All frames that exist are made in
//! [`Umem::new`]; from then on each is in exactly one place: in the kernel's hands, or in one `Frame`.
#![allow(unsafe_code)] // xsk-rs's ring and memory calls: each block says what keeps its contract

use std::error::Error;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, RawFd};

use xsk_rs::config::{BindFlags, FrameSize, Interface, LibxdpFlags, QueueSize, SocketConfig, UmemConfig};
use xsk_rs::umem::frame::FrameDesc;
use xsk_rs::{FillQueue, RxQueue, Socket, TxQueue, Umem as XskUmem};

use super::backend::Backend;

/// The real thing.
pub(crate) struct Xsk;

/// The right to read one frame of a [`Umem`].
#[repr(transparent)]
pub(crate) struct Frame(FrameDesc);

/// Packet memory shared with the kernel.
#[derive(Clone)]
pub(crate) struct Umem(XskUmem);

/// The receiving side of a socket.
pub(crate) struct Rx {
    queue: RxQueue,
    // xsk-rs cannot make a socket without a TX ring; it has one entry and is never used.
    _transmit: TxQueue,
    scratch: Box<[FrameDesc]>,
}

/// The fill ring of an (interface, queue), with the completion ring that the kernel insists on.
pub(crate) struct Fill {
    queue: FillQueue,
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
        let (umem, frames) = XskUmem::new(config, frames, huge_pages).map_err(|error| errno(&error))?;
        Ok((Self(umem), frames.into_iter().map(Frame).collect()))
    }
}

/// Opens a socket on an (interface, queue). The fill ring comes with the first socket of each.
pub(crate) fn open(
    umem: &Umem,
    interface: &str,
    queue: u32,
    rx_ring: u32,
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
        unsafe { Socket::new(config, &umem.0, &interface, queue) }.map_err(|error| errno(&error))?;
    let rx = Rx { queue, _transmit: transmit, scratch: vec![FrameDesc::default(); SCRATCH].into() };
    let fill = rings.map(|(queue, completion)| Fill { queue, _completion: completion });
    Ok((rx, fill))
}

/// Descriptors taken out of an RX ring at once.
const SCRATCH: usize = 64;

impl Backend for Xsk {
    type Memory = Umem;
    type Frame = Frame;
    type Rx = Rx;
    type Fill = Fill;

    #[inline]
    fn bytes<'a>(memory: &'a Umem, frame: &'a Frame) -> &'a [u8] {
        // SAFETY: the descriptor came from this UMEM's RX ring, so the kernel has checked address and length
        // against it; and as long as `frame` is borrowed it cannot be given to a fill ring, so nothing writes.
        // `Data` derefs to a slice that borrows itself; what it points at lives as long as the UMEM.
        let data = unsafe { memory.0.data(&frame.0) };
        let slice = data.contents();
        // SAFETY: same memory, with the lifetime of `memory` and `frame` instead of the wrapper's.
        unsafe { std::slice::from_raw_parts(slice.as_ptr(), slice.len()) }
    }

    #[inline]
    fn continues(frame: &Frame) -> bool {
        frame.0.has_more_frames()
    }

    #[inline]
    fn receive(rx: &mut Rx, limit: usize, into: &mut Vec<Frame>) -> usize {
        let mut total = 0;
        while total < limit {
            let want = (limit - total).min(rx.scratch.len());
            // SAFETY: the socket is bound to the UMEM that all its frames come from.
            let got = unsafe { rx.queue.consume(&mut rx.scratch[..want]) };
            into.extend(rx.scratch[..got].iter().map(|desc| Frame(*desc)));
            total += got;
            if got < want {
                break;
            }
        }
        total
    }

    #[inline]
    fn fd(rx: &Rx) -> RawFd {
        rx.queue.fd().as_raw_fd()
    }

    #[inline]
    fn fill(ring: &mut Fill, limit: usize, frames: &mut Vec<Frame>) -> usize {
        let limit = limit.min(frames.len());
        if limit == 0 {
            return 0;
        }
        // `produce` takes all or nothing, so ask first.
        let count = limit.min(ring.queue.nb_free(limit as u32) as usize);
        let start = frames.len() - count;
        let descs: &[Frame] = &frames[start..];
        // SAFETY: `Frame` is a transparent wrapper of `FrameDesc`.
        let descs = unsafe { std::slice::from_raw_parts(descs.as_ptr().cast::<FrameDesc>(), descs.len()) };
        // SAFETY: these frames are user space's, each once, and of this ring's UMEM; they are given up below.
        let produced = unsafe { ring.queue.produce(descs) };
        frames.truncate(frames.len() - produced);
        produced
    }

    #[inline]
    fn sleeps(ring: &Fill) -> bool {
        ring.queue.needs_wakeup()
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
