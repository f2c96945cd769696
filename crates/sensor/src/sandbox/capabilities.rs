//! Capabilities (capabilities(7)): by thread, and never to be had back.

use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// Attaching again, when an interface comes back: the program (BPF; PERFMON, since without it the verifier asks more of a program),
/// its link and promiscuous mode (NET_ADMIN), sockets (NET_RAW).
const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::BPF)
    .union(CapabilitySet::PERFMON);

/// Packet memory is locked, and counted by user where CAP_IPC_LOCK is missing, as it soon will be.
pub(super) fn raise_locked_memory() {
    let all = Rlimit { current: None, maximum: None };
    if getrlimit(Resource::Memlock) != all && setrlimit(Resource::Memlock, all).is_err() {
        tracing::debug!(
            "RLIMIT_MEMLOCK stays as it is: packet memory may not fit (LimitMEMLOCK=infinity in a unit)"
        );
    }
}

/// Keeps what attaching again needs. Programs that are executed get nothing.
pub(super) fn reduce() -> io::Result<()> {
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    // Takes CAP_SETPCAP; without it there is nothing that could be gained by executing a program either.
    let permitted = capabilities(None)?.permitted;
    if permitted.contains(CapabilitySet::SETPCAP) {
        // Another user's effective set is empty at first.
        set(permitted)?;
        for capability in CapabilitySet::all().iter() {
            match remove_capability_from_bounding_set(capability) {
                // One that this kernel does not know yet.
                Ok(()) | Err(io::Errno::INVAL) => {}
                Err(error) => return Err(error),
            }
        }
    }
    // Where the limit could not be raised (it takes CAP_SYS_RESOURCE), packet memory takes this one.
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    let wanted = if unlimited { KEPT } else { KEPT | CapabilitySet::IPC_LOCK };
    set(capabilities(None)?.permitted & wanted)
}

/// Gives up all of this thread.
pub(super) fn clear() -> io::Result<()> {
    set(CapabilitySet::empty())
}

/// The names of those that this thread has.
pub(super) fn held() -> String {
    let held = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.permitted);
    let names: Vec<_> = held.iter_names().map(|(name, _)| name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn set(kept: CapabilitySet) -> io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })
}
