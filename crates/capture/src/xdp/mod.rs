//! Live capture: an XDP program that steers packets by flow, and AF_XDP sockets that receive them.
//!
//! [`open`] gives a [`Control`] for the control thread and one [`Receiver`] for each worker.
//!
//! ```text
//! options ─ open ┬ program    bpf/steer.bpf.c: load, configure, maps
//!                ├ attach     onto an interface, native or generic
//!                ├ port       packet memory, a socket per (queue, worker)   ─ xsk (xsk-rs), rings
//!                └ control    interfaces that go and come, counters        ─ statistics
//! receiver       batches of packets; frames back to the kernel             ─ backend, pool, mailbox
//! shunt          flows that the XDP program counts and drops
//! slots          the table that packets are steered by; slots that move to another worker
//! doctor         what an interface can do, and what to change
//! ```
//!
//! `unsafe` is in `sys` and `ethtool` (system calls), `rings` (shared rings), `xsk` (packet memory), `program` (one shared word),
//! `shunt::memory` and `slots` (shared arrays) and the generated `skeleton`.

mod attach;
mod backend;
mod control;
pub mod doctor;
mod dry_run;
mod error;
mod ethtool;
pub mod fuzz;
mod interface;
mod mailbox;
#[cfg(test)]
mod memory;
mod options;
mod pool;
mod port;
mod program;
mod receiver;
mod rings;
mod rss;
mod shunt;
mod skeleton;
mod slots;
mod statistics;
mod sys;
mod xsk;

pub use control::{Control, Notice, PortInfo, open};
pub use dry_run::{Account, DryRun, Fate, Verdict};
pub use error::CaptureError;
pub use interface::{numa_node, receive_queues};
pub use options::{
    Action, BusyPoll, FrameSize, MAX_BATCH, MAX_SHUNT_ENTRIES, Mode, MultiBuffer, NoSocket, Options,
    Steering, ZeroCopy,
};
pub use receiver::{Receiver, Wake};
pub use shunt::{Shunt, ShuntCount};
pub use slots::{MAX_PINS, Slots};
pub use statistics::{
    InterfaceStatistics, NicStatistics, PortStatistics, ReceiverStatistics, ShuntStatistics, Snapshot,
    SocketStatistics, XdpCounters,
};
