//! What the tests that need privilege share: a veth pair in two namespaces of their own, and a sender.
#![allow(dead_code, unsafe_code, unreachable_pub)] // each test binary uses its part; setns and raw sockets
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// Whether to go on: as root yes; else no, and with `OFFPORT_REQUIRE` naming root it is a failure.
pub fn root() -> bool {
    // SAFETY: no arguments.
    if unsafe { libc::geteuid() } == 0 {
        return true;
    }
    let required = std::env::var("OFFPORT_REQUIRE").is_ok_and(|list| list.contains("root"));
    assert!(!required, "OFFPORT_REQUIRE promises root, and this is not root");
    eprintln!("SKIPPED: needs root");
    false
}

/// Two namespaces and a veth pair: `tap` in the sensor's, `wire` in the sender's; two queues each. What a thread that is
/// bound to CPU n sends on `wire` arrives on queue n of `tap`.
pub struct Veth {
    pub sensor: String,
    pub sender: String,
    mtu: u32,
}

impl Veth {
    pub fn new() -> Self {
        Self::with_mtu(1500)
    }

    pub fn with_mtu(mtu: u32) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("offport-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let veth = Self { sensor: format!("{id}-tap"), sender: format!("{id}-wire"), mtu };
        for namespace in [&veth.sensor, &veth.sender] {
            run(&format!("ip netns add {namespace}"));
            // No router solicitations among the packets that are counted.
            run(&format!("ip netns exec {namespace} sysctl -qw net.ipv6.conf.all.disable_ipv6=1"));
            run(&format!("ip netns exec {namespace} sysctl -qw net.ipv6.conf.default.disable_ipv6=1"));
        }
        veth.create();
        veth
    }

    /// Makes the pair.
    pub fn create(&self) {
        self.create_with(2);
    }

    /// Makes the pair with so many queues, two or more.
    pub fn create_with(&self, queues: u32) {
        let Self { sensor, sender, mtu } = self;
        let queues = format!("numtxqueues {queues} numrxqueues {queues}");
        run(&format!(
            "ip link add wire netns {sender} {queues} type veth peer name tap netns {sensor} {queues}"
        ));
        run(&format!("ip -n {sender} link set wire mtu {mtu} up"));
        run(&format!("ip -n {sensor} link set tap mtu {mtu} up"));
        // The carrier comes a moment later.
        run(&format!(
            "for i in $(seq 100); do ip netns exec {sensor} grep -q up /sys/class/net/tap/operstate && exit 0; \
             sleep 0.02; done; exit 1"
        ));
        self.spread();
    }

    /// XPS: the CPU that sends chooses the queue.
    pub fn spread(&self) {
        let sender = &self.sender;
        for queue in 0..2 {
            let mask = 1 << queue;
            run(&format!(
                "ip netns exec {sender} sh -c 'echo {mask} > /sys/class/net/wire/queues/tx-{queue}/xps_cpus'"
            ));
        }
    }

    /// Deletes the pair.
    pub fn delete(&self) {
        run(&format!("ip -n {} link del tap", self.sensor));
    }

    /// Runs `work` in a thread inside the sensor's namespace.
    pub fn sensor<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        in_namespace(&self.sensor, work)
    }

    /// Sends frames on `wire` from one CPU, with a pause of a millisecond every `burst` frames; 0 is without pauses.
    pub fn send(&self, cpu: usize, burst: usize, frames: Vec<Vec<u8>>) -> JoinHandle<()> {
        in_namespace(&self.sender, move || {
            pin(cpu);
            let socket = packet_socket("wire");
            for (number, frame) in frames.iter().enumerate() {
                if burst != 0 && number % burst == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                // SAFETY: a readable slice.
                while unsafe { libc::send(socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) } < 0 {
                    let error = std::io::Error::last_os_error();
                    assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS), "{error}");
                }
            }
        })
    }
}

impl Veth {
    /// Sends `count` times each of `frames` on `wire` from one CPU, as fast as the kernel can: as XDP frames that a
    /// program transmits (`BPF_F_TEST_XDP_LIVE_FRAMES`, Linux 5.18).
    pub fn flood(&self, cpu: usize, count: u32, frames: Vec<Vec<u8>>) -> JoinHandle<()> {
        in_namespace(&self.sender, move || {
            pin(cpu);
            let program = program(3); // XDP_TX
            // SAFETY: a terminated string.
            let interface = unsafe { libc::if_nametoindex(c"wire".as_ptr()) };
            for frame in frames {
                let context = [0u32, frame.len() as u32, 0, interface, 0, 0]; // struct xdp_md
                let mut options = libbpf_sys::bpf_test_run_opts {
                    sz: size_of::<libbpf_sys::bpf_test_run_opts>() as _,
                    data_in: frame.as_ptr().cast(),
                    data_size_in: frame.len() as u32,
                    ctx_in: context.as_ptr().cast(),
                    ctx_size_in: size_of_val(&context) as u32,
                    repeat: count as i32,
                    flags: 1 << 1, // BPF_F_TEST_XDP_LIVE_FRAMES
                    ..Default::default()
                };
                // SAFETY: an open program; buffers as long as the options say.
                let result =
                    unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &raw mut options) };
                assert_eq!(result, 0);
            }
        })
    }
}

/// A program that does nothing but return an XDP action.
pub fn program(action: i32) -> OwnedFd {
    // r0 = action; exit
    let code = [(0xb7, action), (0x95, 0)].map(|(code, imm)| libbpf_sys::bpf_insn {
        code,
        imm,
        ..Default::default()
    });
    // SAFETY: two instructions, terminated strings, no options.
    let program = unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_XDP,
            c"action".as_ptr(),
            c"MIT".as_ptr(),
            code.as_ptr(),
            code.len() as _,
            std::ptr::null_mut(),
        )
    };
    assert!(program >= 0, "{program}");
    // SAFETY: it was just opened.
    unsafe { OwnedFd::from_raw_fd(program) }
}

/// Takes a program off its interface, as `bpftool link detach` does, whoever holds the link.
pub fn detach(program: u32) {
    let link = libbpf_rs::query::LinkInfoIter::default().find(|link| link.prog_id == program).unwrap();
    // SAFETY: no memory is handed over.
    let fd = unsafe { libbpf_sys::bpf_link_get_fd_by_id(link.id) };
    assert!(fd >= 0, "{fd}");
    // SAFETY: it was just opened.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: no memory is handed over.
    assert_eq!(unsafe { libbpf_sys::bpf_link_detach(fd.as_raw_fd()) }, 0);
}

/// An interface's index, in the calling thread's namespace.
pub fn index(name: &CStr) -> i32 {
    // SAFETY: a terminated string.
    unsafe { libc::if_nametoindex(name.as_ptr()) as i32 }
}

/// Nanoseconds that a program takes for a frame in `BPF_PROG_RUN`.
pub fn time(program: &OwnedFd, frame: &[u8], repeat: i32) -> u32 {
    let mut options = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>() as _,
        data_in: frame.as_ptr().cast(),
        data_size_in: frame.len() as u32,
        repeat,
        ..Default::default()
    };
    // SAFETY: an open program; a buffer as long as the options say.
    let result = unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &raw mut options) };
    assert_eq!(result, 0);
    options.duration
}

impl Drop for Veth {
    fn drop(&mut self) {
        for namespace in [&self.sensor, &self.sender] {
            let _ = Command::new("ip").args(["netns", "del", namespace]).status();
        }
    }
}

pub fn run(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "`{command}` failed: {status}");
}

fn in_namespace<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let file = File::open(format!("/run/netns/{name}")).unwrap();
    std::thread::spawn(move || {
        // SAFETY: an open descriptor.
        assert_eq!(unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
        work()
    })
}

pub fn pin(cpu: usize) {
    // SAFETY: a cpu_set_t is plain bits, and outlives the call.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &raw const set), 0);
    }
}

fn packet_socket(interface: &str) -> OwnedFd {
    // SAFETY: integers, and a sockaddr_ll that outlives the call.
    unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
        assert!(fd >= 0);
        let socket = OwnedFd::from_raw_fd(fd);
        let name = std::ffi::CString::new(interface).unwrap();
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
        assert_ne!(address.sll_ifindex, 0);
        let length = size_of_val(&address) as u32;
        assert_eq!(libc::bind(fd, (&raw const address).cast(), length), 0);
        socket
    }
}
