//! seccomp (seccomp(2)): the system calls that are left. All others fail with EPERM.
//!
//! A list of what is allowed, by what std, libbpf, tokio and glibc call: a call that is not on it is one that the sensor
//! never makes. Threads are made by clone(2), whose flags a filter sees; clone3(2) is said not to exist, as on old kernels.

use std::collections::BTreeMap;

use anyhow::Context as _;
use libc::{
    AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_XDP, CLONE_THREAD, ENOSYS, EPERM, PROT_EXEC,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// A call, and what is asked of its arguments: one of these has to hold.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What a worker does: rings, the kernel's wake-ups, the table of shunted flows, memory, time.
const WORKER: &[i64] = &[
    libc::SYS_bpf,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
];

/// What the others do besides: files, sockets, timers, and to start (libbpf keeps places for its maps by memfd_create(2)).
const PROCESS: &[i64] = &[
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_capget,
    libc::SYS_capset,
    libc::SYS_chdir,
    libc::SYS_clock_getres,
    libc::SYS_connect,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_get_mempolicy,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrusage,
    libc::SYS_getsockname,
    libc::SYS_getuid,
    libc::SYS_ioctl,
    libc::SYS_linkat,
    libc::SYS_listen,
    libc::SYS_lseek,
    libc::SYS_mbind,
    libc::SYS_memfd_create,
    libc::SYS_mincore,
    libc::SYS_mkdirat,
    libc::SYS_mlock,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_prctl,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_prlimit64,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvmmsg,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_seccomp,
    libc::SYS_sendfile,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_set_mempolicy,
    libc::SYS_setpriority,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_unlinkat,
];

/// Older forms of the same, which x86-64 has still.
#[cfg(target_arch = "x86_64")]
const OLDER: [&[i64]; 2] = [
    &[libc::SYS_arch_prctl, libc::SYS_poll, libc::SYS_time, libc::SYS_gettimeofday],
    &[
        libc::SYS_access,
        libc::SYS_dup2,
        libc::SYS_epoll_wait,
        libc::SYS_getdents,
        libc::SYS_getrlimit,
        libc::SYS_link,
        libc::SYS_lstat,
        libc::SYS_mkdir,
        libc::SYS_open,
        libc::SYS_pipe,
        libc::SYS_readlink,
        libc::SYS_rename,
        libc::SYS_rmdir,
        libc::SYS_select,
        libc::SYS_stat,
        libc::SYS_unlink,
    ],
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: [&[i64]; 2] = [&[], &[]];

/// Address families of the sockets that the sensor opens: packets, the kernel, and where events go.
const FAMILIES: [i32; 6] = [AF_XDP, AF_PACKET, AF_NETLINK, AF_UNIX, AF_INET, AF_INET6];

/// The whole process, as far as it is made from here on.
pub(super) fn restrict_process() -> anyhow::Result<()> {
    let none = Rules::from([(libc::SYS_clone3, Vec::new())]);
    install(none, SeccompAction::Allow, SeccompAction::Errno(ENOSYS as u32))?;
    let mut rules = unconditional(&[WORKER, PROCESS, OLDER[0], OLDER[1]]);
    rules.insert(libc::SYS_mmap, Vec::new());
    rules.insert(libc::SYS_mprotect, Vec::new());
    let thread = u64::from(CLONE_THREAD.cast_unsigned());
    rules.insert(libc::SYS_clone, vec![only(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    let families = FAMILIES.iter().map(|family| only(0, SeccompCmpOp::Eq, u64::from(family.cast_unsigned())));
    rules.insert(libc::SYS_socket, families.collect::<anyhow::Result<_>>()?);
    // As no other call than these two stay, clone3 has to be let through to the filter that answers for it.
    rules.insert(libc::SYS_clone3, Vec::new());
    install(rules, refused(), SeccompAction::Allow)
}

/// The calling thread, a worker.
pub(super) fn restrict_worker() -> anyhow::Result<()> {
    let mut rules = unconditional(&[WORKER, OLDER[0]]);
    let executable = u64::from(PROT_EXEC.cast_unsigned());
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![only(2, SeccompCmpOp::MaskedEq(executable), 0)?]);
    }
    install(rules, refused(), SeccompAction::Allow)
}

const fn refused() -> SeccompAction {
    SeccompAction::Errno(EPERM as u32)
}

fn unconditional(lists: &[&[i64]]) -> Rules {
    lists.iter().flat_map(|list| list.iter().map(|call| (*call, Vec::new()))).collect()
}

fn only(argument: u8, operator: SeccompCmpOp, value: u64) -> anyhow::Result<SeccompRule> {
    Ok(SeccompRule::new(vec![SeccompCondition::new(argument, Dword, operator, value)?])?)
}

fn install(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> anyhow::Result<()> {
    let architecture = std::env::consts::ARCH.try_into().context("seccomp on this architecture")?;
    let program: BpfProgram = SeccompFilter::new(rules, otherwise, listed, architecture)?.try_into()?;
    Ok(apply_filter(&program)?)
}
