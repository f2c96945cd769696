//! What can go wrong while capture is set up: the cause, and what to do about it.

use std::io;

use thiserror::Error;

/// Live capture could not be set up. The text names the cause and the remedy, with the options of
/// [`Options`](crate::xdp::Options) by their names.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// No interface was named.
    #[error("no interface was given")]
    NoInterface,
    /// There is no such interface.
    #[error("{interface}: there is no such interface in this network namespace; `ip -br link` lists them")]
    NotFound {
        /// Its name.
        interface: String,
    },
    /// An interface was named twice.
    #[error("{interface}: named twice")]
    Twice {
        /// Its name.
        interface: String,
    },
    /// An option has a value that cannot work.
    #[error("{option}: {problem}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The process may not do this.
    #[error(
        "{doing}: not permitted. Run as root, or with CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_PERFMON; in a \
         container these have to be granted to it"
    )]
    NotPermitted {
        /// What was tried.
        doing: &'static str,
    },
    /// The locked-memory limit is too small.
    #[error(
        "{doing}: no memory. UMEM frames are locked memory: raise the limit (LimitMEMLOCK=infinity in the systemd \
         unit, `ulimit -l unlimited` in a shell), or lower `frames` or `workers`"
    )]
    Memory {
        /// What was tried.
        doing: &'static str,
    },
    /// The kernel is too old or was built without what is needed.
    #[error(
        "{doing}: this kernel cannot do that ({source}). Linux 6.1 or newer is needed, with CONFIG_XDP_SOCKETS and \
         CONFIG_BPF_JIT"
    )]
    Kernel {
        /// What was tried.
        doing: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel did not take the XDP program.
    #[error(
        "the XDP program was not loaded: {source}. The verifier's reasons are in the log, target `libbpf`"
    )]
    Load {
        /// The kernel's answer.
        source: io::Error,
    },
    /// The program could not be run on a frame from memory.
    #[error("the XDP program was not run: {source}")]
    Run {
        /// The kernel's answer.
        source: io::Error,
    },
    /// A BPF map could not be read or written.
    #[error("BPF map `{map}`: {source}")]
    Map {
        /// Name of the map in bpf/maps.h.
        map: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Another XDP program sits on the interface.
    #[error(
        "{interface}: XDP program {program} is attached already: another instance, or another tool (`bpftool net`, \
         `ip link show {interface}`). Stop it first"
    )]
    Occupied {
        /// The interface.
        interface: String,
        /// Id of the program.
        program: u32,
    },
    /// The driver does not take an XDP program.
    #[error(
        "{interface}: the driver ({driver}) takes no XDP program in {mode} mode: {source}. {hint} Or set \
         mode = \"generic\", which is slow but works everywhere"
    )]
    Attach {
        /// The interface.
        interface: String,
        /// Its driver.
        driver: String,
        /// The mode asked for.
        mode: &'static str,
        /// What may help.
        hint: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The card cannot send both directions of a flow to one queue.
    #[error(
        "{interface}: steering = \"rss\" needs a symmetric hash, which this card ({driver}) does not give: {problem}. Use \
         steering = \"flow\""
    )]
    Rss {
        /// The interface.
        interface: String,
        /// Its driver.
        driver: String,
        /// What is in the way.
        problem: String,
    },
    /// The driver does not do zero-copy.
    #[error(
        "{interface} queue {queue}: the driver ({driver}) grants no zero-copy: {source}. Set zero_copy = \"auto\" to \
         let the kernel copy{hint}"
    )]
    ZeroCopy {
        /// The interface.
        interface: String,
        /// The queue.
        queue: u32,
        /// Its driver.
        driver: String,
        /// What may help.
        hint: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A socket could not be bound.
    #[error("{interface} queue {queue}: an AF_XDP socket could not be bound: {source}. {hint}")]
    Bind {
        /// The interface.
        interface: String,
        /// The queue.
        queue: u32,
        /// What may help.
        hint: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Anything else.
    #[error("{doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl CaptureError {
    /// Sorts an operating system's error by what can be done about it.
    pub(crate) fn system(doing: &'static str, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted { doing },
            Some(libc::ENOMEM | libc::ENOBUFS) => Self::Memory { doing },
            Some(libc::EAFNOSUPPORT | libc::ENOSYS | libc::ENOPROTOOPT | libc::EPROTONOSUPPORT) => {
                Self::Kernel { doing, source }
            }
            _ => Self::System { doing, source },
        }
    }

    pub(crate) fn load(error: libbpf_rs::Error) -> Self {
        let doing = "loading the XDP program";
        let source = to_io(&error);
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::NotPermitted { doing },
            io::ErrorKind::OutOfMemory => Self::Memory { doing },
            io::ErrorKind::Unsupported => Self::Kernel { doing, source },
            _ => Self::Load { source },
        }
    }

    pub(crate) fn run(error: &libbpf_rs::Error) -> Self {
        Self::Run { source: to_io(error) }
    }

    pub(crate) fn map(map: &'static str, error: &libbpf_rs::Error) -> Self {
        Self::Map { map, source: to_io(error) }
    }
}

/// libbpf-rs tells the kind of an error and its text, not its number.
fn to_io(error: &libbpf_rs::Error) -> io::Error {
    use libbpf_rs::ErrorKind as From;
    let kind = match error.kind() {
        From::NotFound => io::ErrorKind::NotFound,
        From::PermissionDenied => io::ErrorKind::PermissionDenied,
        From::AlreadyExists => io::ErrorKind::AlreadyExists,
        From::InvalidInput => io::ErrorKind::InvalidInput,
        From::Unsupported => io::ErrorKind::Unsupported,
        From::OutOfMemory => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, format!("{error:#}"))
}
