//! The XDP program on an interface.

use std::io;
use std::os::fd::OwnedFd;

use libbpf_rs::{Xdp, XdpFlags};

use super::error::CaptureError;
use super::options::Mode;
use super::program::{Buffers, Program};
use super::{interface, sys};

/// An attached program. It is detached when this is dropped, or the process ends however it may.
pub(crate) struct Attached {
    _link: OwnedFd,
    /// Native or generic: what was got.
    pub mode: Mode,
    /// The kernel's number of the program.
    id: u32,
}

impl Attached {
    /// Whether it sits on the interface still: a link can be detached by others, and another program can come in its place.
    pub(crate) fn is_there(&self, program: &Program, index: u32) -> bool {
        there(program, index) == Some((self.mode, self.id))
    }
}

/// linux/if_link.h.
const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// Attaches a program.
///
/// A mode is always asked for by name: without one the kernel takes generic mode where the driver has no XDP, and says
/// nothing.
///
/// The program for one buffer is tried first, unless `buffers` says that it will not do.
pub(crate) fn attach(
    program: &Program,
    name: &str,
    index: u32,
    mode: Mode,
    buffers: Buffers,
) -> Result<Attached, CaptureError> {
    let link = |flags| {
        let link = |buffers| sys::xdp_link(program.fd(buffers), index, flags).map(|link| (link, buffers));
        match buffers {
            Buffers::One => link(Buffers::One).or_else(|error| match is_final(&error) {
                true => Err(error),
                // The MTU may be more than the driver has room for in one buffer.
                false => link(Buffers::Several).inspect(|_| {
                    tracing::info!(
                        "{name}: the driver takes no program for one buffer ({error}): the other one it is"
                    );
                }),
            }),
            Buffers::Several => link(Buffers::Several),
        }
    };
    let link = match mode {
        Mode::Native => link(XDP_FLAGS_DRV_MODE),
        Mode::Generic => link(XDP_FLAGS_SKB_MODE),
        Mode::Auto => link(XDP_FLAGS_DRV_MODE).or_else(|error| match is_final(&error) {
            true => Err(error),
            false => link(XDP_FLAGS_SKB_MODE),
        }),
    };
    match link {
        Ok((link, buffers)) => {
            let (mode, id) = there(program, index).unwrap_or((mode, 0));
            tracing::debug!("{name}: the program for {buffers:?} is attached");
            Ok(Attached { _link: link, mode, id })
        }
        Err(error) => Err(explain(program, name, index, mode, error)),
    }
}

/// Another program is there, or there is no right to: no other mode or program changes that.
fn is_final(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EEXIST | libc::EPERM | libc::ENODEV))
}

/// What sits on the interface, and its number.
fn there(program: &Program, index: u32) -> Option<(Mode, u32)> {
    let found = Xdp::new(program.fd(Buffers::One)).query(index as i32, XdpFlags::NONE).ok()?;
    // XDP_ATTACHED_* of linux/if_link.h.
    match found.attach_mode {
        1 => Some((Mode::Native, found.drv_prog_id)),
        2 => Some((Mode::Generic, found.skb_prog_id)),
        _ => None,
    }
}

fn explain(program: &Program, name: &str, index: u32, mode: Mode, source: io::Error) -> CaptureError {
    match source.raw_os_error() {
        Some(libc::EPERM) => CaptureError::NotPermitted { doing: "attaching the XDP program" },
        Some(libc::EBUSY | libc::EEXIST) => CaptureError::Occupied {
            interface: name.to_owned(),
            program: Xdp::new(program.fd(Buffers::One)).query_id(index as i32, XdpFlags::NONE).unwrap_or(0),
        },
        Some(libc::ENODEV) => CaptureError::NotFound { interface: name.to_owned() },
        _ => {
            let mtu = sys::interface_mtu(name).unwrap_or(0);
            let hint = if mtu > 1500 {
                format!(
                    "Its MTU is {mtu}: many drivers take native XDP only with frames that fit one page. Lower it to \
                     1500 (`ip link set {name} mtu 1500`)."
                )
            } else {
                "Many drivers need as many spare transmit queues as there are CPUs, and large receive offload off \
                 (`ethtool -K … lro off`)."
                    .to_owned()
            };
            CaptureError::Attach {
                interface: name.to_owned(),
                driver: interface::driver(name),
                mode: mode.name(),
                hint,
                source,
            }
        }
    }
}
