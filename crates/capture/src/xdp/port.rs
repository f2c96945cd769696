//! An open interface: the attached program, its packet memory, and a socket for each (queue, worker).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use xsk_rs::config::BindFlags;

use super::attach::{self, Attached};
use super::backend::Backend;
use super::error::CaptureError;
use super::options::{BusyPoll, Mode, MultiBuffer, Options, Steering, ZeroCopy};
use super::pool::Pool;
use super::program::{Buffers, PortId, Program};
use super::receiver::{Attachment, Port, PortCounters};
use super::rss::{Nic, Symmetric};
use super::statistics::SocketStatistics;
use super::xsk::{self, Fill, Frame, Rx, Umem, UmemLayout, Xsk};
use super::{interface, sys};

/// An (interface, queue) that has a number. It outlives the interface.
pub(crate) struct PortRecord {
    pub id: PortId,
    pub queue: u32,
    /// What each worker received; written by that worker.
    received: Vec<Arc<PortCounters>>,
    /// What was counted on sockets that are closed.
    closed: Vec<SocketStatistics>,
}

/// What exists as long as the interface is open.
pub(crate) struct Live {
    pub index: u32,
    /// `None` after [`Control::detach`](super::Control::detach).
    pub attached: Option<Attached>,
    _promiscuous: Option<OwnedFd>,
    /// With steering by the card: its key, until the interface is closed.
    _symmetric: Option<Symmetric<Nic>>,
    /// By port.
    pub pools: Vec<Arc<Pool<Frame>>>,
    /// By port, then by worker: second descriptors of the workers' sockets, to read counters by.
    pub sockets: Vec<Vec<OwnedFd>>,
    pub zero_copy: bool,
    pub huge_pages: bool,
    pub multi_buffer: bool,
    pub running: bool,
}

/// A port that was opened.
struct Opened {
    memory: Umem,
    huge_pages: bool,
    /// By worker.
    rx: Vec<Rx>,
    fill: Fill,
    pool: Pool<Frame>,
}

impl PortRecord {
    pub(crate) fn new(id: PortId, queue: u32, workers: usize) -> Self {
        Self {
            id,
            queue,
            received: (0..workers).map(|_| Arc::default()).collect(),
            closed: vec![SocketStatistics::default(); workers],
        }
    }

    /// By worker: closed sockets and, if given, the open ones.
    pub(crate) fn statistics(&self, sockets: Option<&Vec<OwnedFd>>) -> Vec<SocketStatistics> {
        let mut all = self.closed.clone();
        for (worker, statistics) in all.iter_mut().enumerate() {
            statistics.packets = self.received[worker].packets.load(Ordering::Relaxed);
            statistics.bytes = self.received[worker].bytes.load(Ordering::Relaxed);
            let socket = sockets.and_then(|sockets| sockets.get(worker));
            let Some(now) = socket.and_then(|socket| sys::xdp_statistics(socket.as_raw_fd()).ok()) else {
                continue;
            };
            statistics.rx_dropped += now.rx_dropped;
            statistics.rx_ring_full += now.rx_ring_full;
            statistics.fill_ring_empty += now.rx_fill_ring_empty_descs;
            statistics.rx_invalid += now.rx_invalid_descs;
        }
        all
    }
}

impl Live {
    /// Opens an interface: program, packet memory, sockets. Returns what each worker is to receive on.
    pub(crate) fn open(
        program: &mut Program,
        options: &Options,
        name: &str,
        number: u16,
        ports: &[PortRecord],
    ) -> Result<(Self, Vec<Attachment<Xsk>>), CaptureError> {
        let index = sys::interface_index(name)
            .ok_or_else(|| CaptureError::NotFound { interface: name.to_owned() })?;
        let mtu = sys::interface_mtu(name).map_err(|error| CaptureError::system("reading the MTU", error))?;
        let multi_buffer = match options.multi_buffer {
            MultiBuffer::On => true,
            MultiBuffer::Off => false,
            MultiBuffer::Auto => mtu + LINK_HEADERS > options.frame_capacity(),
        };

        // Also with `multi_buffer = "off"`: the frames that fit are taken.
        let large = mtu + LINK_HEADERS > options.frame_capacity();
        let buffers = if multi_buffer || large { Buffers::Several } else { Buffers::One };

        let symmetric = match options.steering {
            Steering::Flow => None,
            Steering::Rss => Symmetric::ensure(name)?,
        };
        // The program first: some drivers give queues to AF_XDP only with a program in place.
        let attached = attach::attach(program, name, index, options.mode, buffers)?;
        let promiscuous = options
            .promiscuous
            .then(|| sys::promiscuous(index))
            .transpose()
            .map_err(|error| CaptureError::system("setting promiscuous mode", error))?;

        // Memory comes from the node of the thread that touches it first, which is this one.
        let preferred = interface::numa_node(name).map(sys::PreferNode::new);
        let mut opened = Vec::new();
        for port in ports {
            opened.push(open_port(options, name, port.queue, attached.mode, multi_buffer)?);
        }
        drop(preferred);
        let huge_pages = opened.iter().all(|port| port.huge_pages);
        if options.huge_pages && !huge_pages {
            warn_of_ordinary_pages(options, name, ports.len());
        }
        if options.zero_copy == ZeroCopy::Auto && is_known_to_stall(name) {
            tracing::warn!(
                "{name}: zero-copy is not asked for: igb grants it, and loses packets or brings none; \"require\" asks for it"
            );
        }

        let mut zero_copy = true;
        let mut sockets = Vec::new();
        for (port, opened) in ports.iter().zip(&opened) {
            let mut descriptors = Vec::new();
            for (worker, rx) in opened.rx.iter().enumerate() {
                let fd = Xsk::fd(rx);
                zero_copy &= sys::is_zero_copy(fd).unwrap_or(false);
                program.set_socket(port.id, worker as u32, fd)?;
                let fd = sys::duplicate(fd);
                descriptors.push(fd.map_err(|error| CaptureError::system("duplicating a socket", error))?);
            }
            sockets.push(descriptors);
        }
        // Last, when every index of the socket map has its socket.
        for port in ports {
            program.add_port(index, port.queue, port.id)?;
        }

        let (pools, attachments) = attachments(options, number, ports, opened, multi_buffer);
        let live = Self {
            index,
            attached: Some(attached),
            _promiscuous: promiscuous,
            _symmetric: symmetric,
            pools,
            sockets,
            zero_copy,
            huge_pages,
            multi_buffer,
            running: interface::is_running(name),
        };
        Ok((live, attachments))
    }

    /// Closes what the control thread holds, and keeps the last counters. The workers close their sockets.
    pub(crate) fn close(self, program: &mut Program, ports: &mut [PortRecord]) {
        for (port, sockets) in ports.iter_mut().zip(&self.sockets) {
            port.closed = port.statistics(Some(sockets));
            program.remove_port(self.index, port.queue);
        }
    }
}

/// Ethernet header and two VLAN tags: what a frame may have on top of the MTU.
pub(crate) const LINK_HEADERS: u32 = 14 + 8;

/// 2 MiB, in frames.
fn frames_per_huge_page(options: &Options) -> u32 {
    (2 << 20) / options.frame_size.bytes()
}

/// A mapping of huge pages is unmapped in whole ones only, and xsk-rs unmaps frames × size.
fn frames_in_huge_pages(options: &Options) -> u32 {
    let per_page = frames_per_huge_page(options);
    options.frames_per_queue().div_ceil(per_page).saturating_mul(per_page)
}

/// One UMEM per (interface, queue), not one for all. libxdp binds every further socket of a UMEM by way of the first
/// (`xsk_socket__create_shared`), and from that one the kernel takes the mode, and the rings if the queue is the same
/// (net/xdp/xsk.c, `xsk_bind`, XDP_SHARED_UMEM). So only the first queue of a UMEM can have several sockets; a NIC
/// without zero-copy would take it from all; and nothing more could be bound when the first interface has gone. One
/// UMEM per port has none of that, and its frames come back as one when the interface goes.
fn create_umem(options: &Options) -> Result<(Umem, Vec<Frame>, bool), CaptureError> {
    let layout = |frames| UmemLayout {
        frames,
        frame_size: options.frame_size.bytes(),
        headroom: options.frame_headroom,
        fill_ring: options.fill_ring,
    };
    if options.huge_pages
        && let Ok((umem, frames)) = Umem::new(layout(frames_in_huge_pages(options)), true)
    {
        return Ok((umem, frames, true));
    }
    let (umem, frames) = Umem::new(layout(options.frames_per_queue()), false)
        .map_err(|error| CaptureError::system("registering packet memory (UMEM)", error))?;
    Ok((umem, frames, false))
}

fn warn_of_ordinary_pages(options: &Options, name: &str, ports: usize) {
    let pages = u64::from(frames_in_huge_pages(options) / frames_per_huge_page(options)) * ports as u64;
    tracing::warn!(
        "{name}: no huge pages for {} MiB of packet memory, ordinary ones are used. `sysctl vm.nr_hugepages={pages}` \
         provides them, huge_pages = \"off\" silences this",
        pages * 2,
    );
}

/// Opens one socket per worker on a queue, and fills the fill ring.
fn open_port(
    options: &Options,
    name: &str,
    queue: u32,
    mode: Mode,
    multi_buffer: bool,
) -> Result<Opened, CaptureError> {
    let (memory, mut frames, huge_pages) = create_umem(options)?;
    let total = frames.len();
    let mut flags = BindFlags::XDP_USE_NEED_WAKEUP;
    match options.zero_copy {
        // Generic mode never has zero-copy; asked for, the kernel would say EOPNOTSUPP.
        ZeroCopy::Required => flags |= BindFlags::XDP_ZEROCOPY,
        ZeroCopy::Off => flags |= BindFlags::XDP_COPY,
        ZeroCopy::Auto if mode == Mode::Generic || is_known_to_stall(name) => flags |= BindFlags::XDP_COPY,
        ZeroCopy::Auto => {}
    }
    if multi_buffer {
        flags |= BindFlags::XDP_USE_SG;
    }

    let mut all = Vec::new();
    let mut filled = None;
    for _ in 0..options.workers.get() {
        let (rx, fill) =
            retry_busy(|| xsk::open(&memory, name, queue, (options.rx_ring, options.fill_ring), flags))
                .map_err(|error| explain_bind(options, name, queue, multi_buffer, error))?;
        if let Some(mut fill) = fill {
            // At once and to the brim: ice and i40e leak the buffers of a ring that they find short.
            Xsk::fill(&mut fill, options.fill_ring as usize, &mut frames);
            filled = Some(fill);
        }
        if let Some(busy_poll) = options.busy_poll {
            set_busy_poll(Xsk::fd(&rx), busy_poll)
                .map_err(|error| CaptureError::system("setting busy_poll", error))?;
        }
        all.push(rx);
    }
    let fill = filled.ok_or_else(|| CaptureError::Bind {
        interface: name.to_owned(),
        queue,
        hint: "The library gave no fill ring for it",
        source: io::Error::other("no fill ring"),
    })?;
    Ok(Opened { memory, huge_pages, rx: all, fill, pool: Pool::new(frames, total) })
}

/// Whether the driver grants zero-copy and then brings no packets. igb (seen with Linux 6.18) wakes the vector of the queue that sends
/// instead of the one that receives where they are two: with fewer than five queues. With more, packets were lost all the same.
pub(crate) fn is_known_to_stall(name: &str) -> bool {
    interface::driver(name) == "igb"
}

/// Opens and closes a queue's sockets: whether that works.
pub(crate) fn try_queue(options: &Options, name: &str, queue: u32) -> Result<(), CaptureError> {
    open_port(options, name, queue, options.mode, false).map(drop)
}

/// The kernel frees a closed socket's queue with a delay (16 to 40 ms were seen), and says EBUSY until then.
fn retry_busy<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

fn explain_bind(
    options: &Options,
    name: &str,
    queue: u32,
    multi_buffer: bool,
    source: io::Error,
) -> CaptureError {
    let interface = name.to_owned();
    let bind = |hint, source| CaptureError::Bind { interface: name.to_owned(), queue, hint, source };
    match source.raw_os_error() {
        Some(libc::EPERM | libc::ENOBUFS | libc::ENOMEM | libc::EAFNOSUPPORT) => {
            CaptureError::system("opening an AF_XDP socket", source)
        }
        Some(libc::EBUSY) => {
            bind("Another program has an AF_XDP socket on this queue; stop it first", source)
        }
        Some(libc::ENETDOWN) => bind("The interface is down: `ip link set … up`", source),
        Some(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOENT) if options.zero_copy == ZeroCopy::Required => {
            let hint = if multi_buffer {
                ", or multi_buffer = \"off\": not every driver has both at once"
            } else {
                ", or use a driver that has it (virtio_net since Linux 6.13, ixgbe, i40e, ice, igc, mlx5)"
            };
            CaptureError::ZeroCopy { interface, queue, driver: interface::driver(name), hint, source }
        }
        Some(libc::EINVAL) => {
            bind("The queue may not exist (`ethtool -l`), or the ring sizes may not suit the driver", source)
        }
        _ => bind("`dmesg` may know more", source),
    }
}

/// Linux 5.11; not in libc for every target.
const SO_PREFER_BUSY_POLL: i32 = 69;
const SO_BUSY_POLL_BUDGET: i32 = 70;

fn set_busy_poll(fd: i32, busy_poll: BusyPoll) -> io::Result<()> {
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    sys::set_option(fd, libc::SOL_SOCKET, SO_PREFER_BUSY_POLL, 1)?;
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_BUSY_POLL, number(busy_poll.microseconds))?;
    sys::set_option(fd, libc::SOL_SOCKET, SO_BUSY_POLL_BUDGET, number(busy_poll.budget))
}

/// Turns sockets by port into sockets by worker.
fn attachments(
    options: &Options,
    number: u16,
    ports: &[PortRecord],
    opened: Vec<Opened>,
    multi_buffer: bool,
) -> (Vec<Arc<Pool<Frame>>>, Vec<Attachment<Xsk>>) {
    let mut pools = Vec::with_capacity(ports.len());
    let mut workers: Vec<_> = (0..options.workers.get())
        .map(|_| Attachment { interface: number, ports: Vec::with_capacity(ports.len()), multi_buffer })
        .collect();
    for (record, port) in ports.iter().zip(opened) {
        let pool = Arc::new(port.pool);
        let fill = Arc::new(Mutex::new(port.fill));
        for ((worker, rx), counters) in workers.iter_mut().zip(port.rx).zip(&record.received) {
            worker.ports.push(Port {
                memory: port.memory.clone(),
                rx,
                fill: Arc::clone(&fill),
                pool: Arc::clone(&pool),
                counters: Arc::clone(counters),
                cache: Vec::with_capacity(options.batch * 4),
                taken: Vec::with_capacity(options.batch * 2),
                done: 0,
            });
        }
        pools.push(pool);
    }
    (pools, workers)
}
