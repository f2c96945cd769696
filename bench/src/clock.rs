//! Time, of the processor and of the wall, and cores.

use anyhow::ensure;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Nanoseconds of processor time that this thread has had. What others do on the core meanwhile does not count, so it
/// tells on a shared machine what wall time tells on a quiet one.
pub fn thread_nanos() -> u64 {
    nanos(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// Nanoseconds of a clock that only goes forward.
pub fn wall_nanos() -> u64 {
    nanos(ClockId::CLOCK_MONOTONIC)
}

fn nanos(clock: ClockId) -> u64 {
    // Both clocks exist since Linux 2.6, so this cannot fail.
    clock_gettime(clock).map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// Pins this thread to a core.
///
/// # Errors
/// The system refuses.
pub fn pin(core: usize) -> anyhow::Result<()> {
    ensure!(core_affinity::set_for_current(core_affinity::CoreId { id: core }), "cannot pin to core {core}");
    Ok(())
}

/// This thread on one core until dropped; then where it was allowed before. Children started meanwhile would inherit it.
#[derive(Debug)]
pub struct Pinned(CpuSet);

impl Pinned {
    /// Pins this thread to a core.
    ///
    /// # Errors
    /// The system refuses.
    pub fn to(core: usize) -> anyhow::Result<Self> {
        let before = sched_getaffinity(Pid::from_raw(0))?;
        pin(core)?;
        Ok(Self(before))
    }

    /// Pins this thread to the last core that it may use: interrupts prefer the first.
    ///
    /// # Errors
    /// The system refuses.
    pub fn to_last_core() -> anyhow::Result<Self> {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let core = cores.last().ok_or_else(|| anyhow::anyhow!("no core to pin to"))?;
        Self::to(core.id)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Cores that were allowed a moment ago.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}
