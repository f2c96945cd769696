//! Threads that have time.

/// The calling thread gets what others leave of a core: packets wait for no file. Linux keeps the nice value by thread
/// (sched(7)); to raise it needs no privilege.
pub(crate) fn give_way() {
    if let Err(error) = rustix::process::nice(LOWEST) {
        tracing::warn!(
            "a thread that writes evidence keeps its priority, and may be in the way of workers: {error}"
        );
    }
}

/// The highest nice value.
const LOWEST: i32 = 19;

#[cfg(test)]
mod tests {
    use super::{LOWEST, give_way};

    /// Of the calling thread (proc_pid_stat(5), field 19; the third stands first behind the name).
    fn nice() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit(')').next().unwrap().split_whitespace().nth(19 - 3).unwrap().parse().unwrap()
    }

    #[test]
    fn a_thread_gives_way_and_others_do_not() {
        let before = nice();
        let after = std::thread::spawn(|| {
            give_way();
            nice()
        });
        assert_eq!((after.join().unwrap(), nice()), (LOWEST, before));
        assert!(before < LOWEST);
    }
}
