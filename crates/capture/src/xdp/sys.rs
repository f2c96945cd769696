//! System calls that neither std nor xsk-rs offers, each in a safe function.
#![allow(unsafe_code)] // system calls: each block says why its arguments are valid

use std::ffi::CString;
use std::io;
use std::mem::{size_of, size_of_val};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::time::Duration;

/// Interface index by name; `None` if there is no such interface in this network namespace.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: a NUL-terminated string that outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => None,
        index => Some(index),
    }
}

/// `poll(2)`; `None` waits for ever. A signal counts as nothing ready.
pub(crate) fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    // Rounded up, so that a wait of less than a millisecond is none of zero.
    let timeout =
        timeout.map_or(-1, |time| i32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i32::MAX));
    // SAFETY: pointer and length are those of a slice that is exclusively borrowed.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
    match ready {
        0.. => Ok(ready as usize),
        _ => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            error => Err(error),
        },
    }
}

/// A non-blocking `eventfd(2)`.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    own(fd)
}

/// Makes an eventfd readable.
pub(crate) fn eventfd_signal(fd: BorrowedFd<'_>) {
    let one = 1u64;
    // SAFETY: 8 readable bytes. It fails only when the counter is about to overflow: readable already.
    unsafe { libc::write(fd.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
}

/// Makes an eventfd unreadable again.
pub(crate) fn eventfd_clear(fd: BorrowedFd<'_>) {
    let mut count = 0u64;
    // SAFETY: 8 writable bytes. It fails only when the counter is 0: unreadable already.
    unsafe { libc::read(fd.as_raw_fd(), (&raw mut count).cast(), size_of::<u64>()) };
}

/// CLOCK_MONOTONIC_COARSE in nanoseconds: what `bpf_ktime_get_coarse_ns()` reads.
pub(crate) fn monotonic_coarse() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a writable timespec. It does not fail: the clock is there since Linux 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Shared memory, unmapped when dropped.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: the memory belongs to no thread; what is in it is accessed atomically only.
unsafe impl Send for Mapping {}
// SAFETY: the same.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// The memory of a BPF array with BPF_F_MMAPABLE.
    pub(crate) fn of(map: BorrowedFd<'_>, size: usize) -> io::Result<Self> {
        Self::new(libc::MAP_SHARED | libc::MAP_POPULATE, map.as_raw_fd(), size)
    }

    /// Memory of this process.
    #[cfg(test)]
    pub(crate) fn anonymous(size: usize) -> io::Result<Self> {
        Self::new(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, size)
    }

    fn new(flags: i32, fd: RawFd, size: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping wherever the kernel likes.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, fd, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(start.cast()) {
            Some(start) => Ok(Self { start, size }),
            None => Err(io::Error::from(io::ErrorKind::InvalidData)),
        }
    }

    /// Its first byte, aligned to a page.
    pub(crate) const fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: what mmap() gave; whoever has a reference into it borrows `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size) };
    }
}

/// Where the numbers and entries of an AF_XDP socket's rings lie in their mappings.
pub(crate) fn ring_offsets(socket: RawFd) -> io::Result<libc::xdp_mmap_offsets> {
    // SAFETY: numbers, for which all zeros are a value.
    let mut offsets: libc::xdp_mmap_offsets = unsafe { std::mem::zeroed() };
    let mut size = size_of::<libc::xdp_mmap_offsets>() as libc::socklen_t;
    // SAFETY: `size` bytes that the kernel may write to.
    let result = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_XDP,
            libc::XDP_MMAP_OFFSETS,
            (&raw mut offsets).cast(),
            &raw mut size,
        )
    };
    // Kernels before 5.4 give less, without the flags.
    match result {
        0 if size as usize == size_of::<libc::xdp_mmap_offsets>() => Ok(offsets),
        0 => Err(io::Error::from(io::ErrorKind::Unsupported)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Where this process has a ring of an AF_XDP socket in its memory, of `size` bytes at least; `page` says which ring.
///
/// Whoever made the socket has mapped it. Kernels before 6.4 do not map a ring of a bound socket again (net/xdp/xsk.c:
/// `xsk_mmap` gives EBUSY), so it is looked up.
pub(crate) fn ring_start(socket: RawFd, page: u64, size: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: numbers, for which all zeros are a value.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a structure that the kernel may write to.
    if unsafe { libc::fstat(socket, &raw mut status) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let start = maps.lines().find_map(|line| ring_in(line, status.st_ino, page, size));
    let start = start.and_then(|start| NonNull::new(std::ptr::with_exposed_provenance_mut(start)));
    start
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the socket's ring is not in /proc/self/maps"))
}

/// The start of a mapping, from its line in /proc/self/maps (proc(5)), if it is that one.
fn ring_in(line: &str, inode: u64, page: u64, size: usize) -> Option<usize> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let offset = u64::from_str_radix(fields.nth(1)?, 16).ok()?;
    let of: u64 = fields.nth(1)?.parse().ok()?;
    let is_socket = fields.next()?.starts_with("socket:");
    let [start, end] = [start, end].map(|end| usize::from_str_radix(end, 16));
    let (start, end) = (start.ok()?, end.ok()?);
    (is_socket && of == inode && offset == page && end - start >= size).then_some(start)
}

/// Lets the kernel go on filling a socket: wakes a driver that sleeps for want of frames, and runs the driver
/// when busy polling is on (net/xdp/xsk.c: `__xsk_recvmsg`). Errors mean "nothing to do".
pub(crate) fn kick(fd: RawFd) {
    // SAFETY: no buffer is given.
    unsafe {
        libc::recvfrom(
            fd,
            std::ptr::null_mut(),
            0,
            libc::MSG_DONTWAIT,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
}

/// `setsockopt(2)` of an int.
pub(crate) fn set_option(fd: RawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: an int that outlives the call, and its size.
    let result = unsafe {
        libc::setsockopt(fd, level, name, (&raw const value).cast(), size_of::<i32>() as libc::socklen_t)
    };
    check(result)
}

/// `getsockopt(2)` of a plain value of the kernel's; shorter answers leave the rest as it was in `value`.
fn get_option<T: Copy>(fd: RawFd, level: i32, name: i32, mut value: T) -> io::Result<T> {
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: as many writable bytes as `length` says; callers use integer structs only, for which every bit
    // pattern is valid.
    let result = unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut length) };
    check(result).map(|()| value)
}

/// Whether an AF_XDP socket was bound in zero-copy mode (`XDP_OPTIONS`, linux/if_xdp.h).
pub(crate) fn is_zero_copy(fd: RawFd) -> io::Result<bool> {
    const XDP_OPTIONS: i32 = 8;
    const XDP_OPTIONS_ZEROCOPY: u32 = 1;
    get_option(fd, libc::SOL_XDP, XDP_OPTIONS, 0u32).map(|flags| flags & XDP_OPTIONS_ZEROCOPY != 0)
}

/// `struct xdp_statistics` of linux/if_xdp.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct XdpStatistics {
    pub rx_dropped: u64,
    pub rx_invalid_descs: u64,
    pub tx_invalid_descs: u64,
    pub rx_ring_full: u64,
    pub rx_fill_ring_empty_descs: u64,
    pub tx_ring_empty_descs: u64,
}

/// What the kernel counted for one AF_XDP socket since it was opened.
pub(crate) fn xdp_statistics(fd: RawFd) -> io::Result<XdpStatistics> {
    get_option(fd, libc::SOL_XDP, libc::XDP_STATISTICS, XdpStatistics::default())
}

/// Attaches an XDP program by a `bpf_link`: it goes when the descriptor is closed, however the process ends.
pub(crate) fn xdp_link(program: BorrowedFd<'_>, interface: u32, flags: u32) -> io::Result<OwnedFd> {
    let options = libbpf_sys::bpf_link_create_opts {
        sz: size_of::<libbpf_sys::bpf_link_create_opts>() as _,
        flags,
        ..Default::default()
    };
    // SAFETY: an open descriptor, and options whose `sz` says how long they are.
    let fd = unsafe {
        libbpf_sys::bpf_link_create(
            program.as_raw_fd(),
            interface as i32,
            libbpf_sys::BPF_XDP,
            &raw const options,
        )
    };
    if fd < 0 {
        // libbpf 1.x returns -errno.
        return Err(io::Error::from_raw_os_error(-fd));
    }
    own(fd)
}

/// A socket that keeps an interface promiscuous until it is closed, however the process ends; unlike the flag
/// of `ip link`, nothing is left behind (packet(7), `PACKET_MR_PROMISC`).
pub(crate) fn promiscuous(interface: u32) -> io::Result<OwnedFd> {
    // Protocol 0: receives nothing.
    // SAFETY: no pointers.
    let fd = own(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })?;
    let request = libc::packet_mreq {
        mr_ifindex: interface as i32,
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    // SAFETY: a packet_mreq that outlives the call, and its size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            size_of_val(&request) as libc::socklen_t,
        )
    };
    check(result).map(|()| fd)
}

/// An interface's flags (`IFF_*`; netdevice(7)).
pub(crate) fn interface_flags(name: &str) -> io::Result<i32> {
    let mut request = InterfaceRequest { name: [0; libc::IFNAMSIZ], value: Value { pad: [0; 3] } };
    interface_ioctl(name, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: SIOCGIFFLAGS has filled in the flags.
    Ok(i32::from(unsafe { request.value.flags }))
}

/// An interface's MTU (netdevice(7)).
pub(crate) fn interface_mtu(name: &str) -> io::Result<u32> {
    let mut request = InterfaceRequest { name: [0; libc::IFNAMSIZ], value: Value { pad: [0; 3] } };
    interface_ioctl(name, libc::SIOCGIFMTU, &mut request)?;
    // SAFETY: SIOCGIFMTU has filled in the number.
    Ok(unsafe { request.value.number } as u32)
}

/// An ethtool request (linux/ethtool.h).
///
/// # Safety
/// `T` is the struct that the kernel reads and writes for the command in its first field, all of it, and plain
/// integers; where the command has a tail whose length a field gives, the tail is part of `T`.
pub(crate) unsafe fn ethtool<T: Copy>(name: &str, command: &mut T) -> io::Result<()> {
    let mut request = InterfaceRequest {
        name: [0; libc::IFNAMSIZ],
        value: Value { data: std::ptr::from_mut(command).cast() },
    };
    interface_ioctl(name, SIOCETHTOOL, &mut request)
}

/// linux/sockios.h.
const SIOCETHTOOL: libc::Ioctl = 0x8946;

/// `struct ifreq` (net/if.h): 16 bytes of name, 24 of union.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; libc::IFNAMSIZ],
    value: Value,
}

#[repr(C)]
union Value {
    flags: i16,
    number: i32,
    data: *mut libc::c_void,
    pad: [u64; 3],
}

fn interface_ioctl(name: &str, code: libc::Ioctl, request: &mut InterfaceRequest) -> io::Result<()> {
    if name.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: no pointers.
    let socket = own(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: a whole ifreq; where its union holds a pointer, `ethtool`'s contract says what it points to.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), code, std::ptr::from_mut(request)) })
}

/// An AF_XDP socket that is bound to nothing.
pub(crate) fn xdp_socket() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    own(unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })
}

/// `verified_insns` of `struct bpf_prog_info` (Linux 5.16).
pub(crate) fn verified_instructions(program: BorrowedFd<'_>) -> io::Result<u32> {
    let mut info = libbpf_sys::bpf_prog_info::default();
    let mut length = size_of_val(&info) as u32;
    // SAFETY: an open descriptor, and as many writable bytes as `length` says; all pointers in it are null.
    let result = unsafe {
        libbpf_sys::bpf_obj_get_info_by_fd(program.as_raw_fd(), (&raw mut info).cast(), &raw mut length)
    };
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(info.verified_insns)
}

/// As long as it lives, this thread's new memory comes from one NUMA node, if that has any left
/// (set_mempolicy(2), `MPOL_PREFERRED`).
pub(crate) struct PreferNode(());

impl PreferNode {
    pub(crate) fn new(node: u32) -> Self {
        const MPOL_PREFERRED: i32 = 1;
        let mask = 1u64.checked_shl(node).unwrap_or(0);
        if mask != 0 {
            set_memory_policy(MPOL_PREFERRED, mask);
        }
        Self(())
    }
}

impl Drop for PreferNode {
    fn drop(&mut self) {
        const MPOL_DEFAULT: i32 = 0;
        set_memory_policy(MPOL_DEFAULT, 0);
    }
}

/// A preference that cannot be had costs speed, nothing else: errors are not looked at.
fn set_memory_policy(mode: i32, nodes: u64) {
    let (mask, bits) = if nodes == 0 { (std::ptr::null(), 0) } else { (&raw const nodes, 64u64) };
    // SAFETY: a mask of as many bits as the third argument says, or none.
    unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask, bits) };
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn own(fd: i32) -> io::Result<OwnedFd> {
    check(fd)?;
    // SAFETY: the caller has just opened it and passes it on.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A second descriptor of the same open file.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the caller holds the owner of `fd` for the length of this call.
    unsafe { BorrowedFd::borrow_raw(fd) }.as_fd().try_clone_to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_found_by_inode_offset_and_size() {
        let rx = "7f2a1c000000-7f2a1c009000 rw-s 00000000 00:08 41235                      socket:[41235]";
        let fill = "7f2a1c010000-7f2a1c019000 rw-s 100000000 00:08 41235                      socket:[41235]";
        let file = "7f2a1c020000-7f2a1c029000 r--p 00000000 fe:00 41235                      /lib/x.so";
        let bare = "7f2a1c030000-7f2a1c039000 rw-p 00000000 00:00 0";
        let find =
            |inode, page, size| [rx, fill, file, bare, ""].map(|line| ring_in(line, inode, page, size));
        let (rx_at, fill_at) = (Some(0x7f2a_1c00_0000), Some(0x7f2a_1c01_0000));
        assert_eq!(find(41_235, 0, 0x9000), [rx_at, None, None, None, None]);
        assert_eq!(find(41_235, 1 << 32, 0x8100), [None, fill_at, None, None, None]);
        assert_eq!(find(41_235, 0, 0x9001), [None; 5]);
        assert_eq!(find(41_236, 0, 0x1000), [None; 5]);
    }
}
