//! The control thread's side: opens interfaces, watches over them, reads counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::CaptureError;
use super::mailbox::Mailbox;
use super::options::{Mode, Options};
use super::port::{Live, PortRecord};
use super::program::Program;
use super::receiver::{Core, Message, Receiver, ReceiverCounters};
use super::shunt::{Shunt, ShuntCounters};
use super::slots::Slots;
use super::statistics::{InterfaceStatistics, PortStatistics, ReceiverStatistics, ShuntStatistics, Snapshot};
use super::xsk::Xsk;
use super::{ethtool, interface, sys};

/// Opens live capture on `interfaces`: loads and attaches the XDP program, opens every worker's sockets.
///
/// The receivers go to the workers' threads, one each, in the order of worker numbers; the rest stays on the control
/// thread. Packets are received from the moment this returns. Everything ends with the process, however it ends:
/// nothing is left on the interfaces.
///
/// The calling thread's network namespace counts, here and for [`Control::tick`].
pub fn open(interfaces: &[String], options: &Options) -> Result<(Control, Vec<Receiver>), CaptureError> {
    options.check()?;
    if interfaces.is_empty() {
        return Err(CaptureError::NoInterface);
    }
    let mut queues = 0;
    for (index, name) in interfaces.iter().enumerate() {
        if sys::interface_index(name).is_none() {
            return Err(CaptureError::NotFound { interface: name.clone() });
        }
        if interfaces[..index].contains(name) {
            return Err(CaptureError::Twice { interface: name.clone() });
        }
        queues += options.queues.unwrap_or_else(|| interface::receive_queues(name));
    }

    // Twice what is there now: an interface may come back with more queues.
    let program = Program::load(options, (queues * 2).max(16), false)?;
    let mut control = Control {
        program,
        options: options.clone(),
        workers: Vec::new(),
        interfaces: interfaces.iter().map(|name| Interface::new(name)).collect(),
        ports: 0,
        shunts: Vec::new(),
    };
    let mut receivers = Vec::new();
    for worker in 0..options.workers.get() {
        let mailbox = Mailbox::new().map_err(|error| CaptureError::system("creating an eventfd", error))?;
        let worker_side = Worker { mailbox: Arc::new(mailbox), counters: Arc::default() };
        let core = Core::new(
            worker,
            options.batch,
            options.busy_poll.is_some(),
            options.spin,
            Arc::clone(&worker_side.mailbox),
            Arc::clone(&worker_side.counters),
        );
        control.workers.push(worker_side);
        receivers.push(Receiver::new(core));
    }
    for index in 0..control.interfaces.len() {
        control.open_interface(index)?;
    }
    Ok((control, receivers))
}

/// Live capture as the control thread sees it. Dropped, it detaches the program; the receivers keep what has arrived.
pub struct Control {
    program: Program,
    options: Options,
    workers: Vec<Worker>,
    interfaces: Vec<Interface>,
    /// Ports numbered so far.
    ports: u32,
    /// Counters of those who have a hold on the shunt table.
    shunts: Vec<Arc<ShuntCounters>>,
}

struct Worker {
    mailbox: Arc<Mailbox<Message<Xsk>>>,
    counters: Arc<ReceiverCounters>,
}

/// An interface that was asked for, whether or not it is there now.
struct Interface {
    name: String,
    /// In the order of queues. They stay when the interface goes, so that counters only grow.
    ports: Vec<PortRecord>,
    live: Option<Live>,
    /// The last failure to open it again, said once.
    complaint: Option<String>,
    /// So many queues there was no room for, when it was last said.
    too_many: Option<u32>,
}

/// How one (interface, queue) is bound: what was got, not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// The interface.
    pub interface: String,
    /// Its queue.
    pub queue: u32,
    /// Native or generic.
    pub mode: Mode,
    /// Whether the NIC writes into our memory, or the kernel copies.
    pub zero_copy: bool,
    /// Whether packet memory is in huge pages.
    pub huge_pages: bool,
    /// Whether frames larger than one UMEM frame are received.
    pub multi_buffer: bool,
}

/// What [`Control::tick`] found changed. `Display` is a line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The interface is gone, or the program was taken off it; its sockets were closed.
    Lost {
        /// The interface.
        interface: String,
    },
    /// It has another number of receive queues now; its sockets were closed, and are opened for these.
    Queues {
        /// The interface.
        interface: String,
        /// How many it has.
        queues: u32,
    },
    /// There is no room for all of its queues: twice as many as at the start, or 16. Said once for each number.
    NoRoom {
        /// The interface.
        interface: String,
        /// How many it has.
        queues: u32,
        /// How many of them, the first ones, are watched.
        bound: usize,
    },
    /// The interface is back and open.
    Returned {
        /// The interface.
        interface: String,
    },
    /// The interface is there but cannot be opened. Said once for each reason; it is tried again at each tick.
    Failed {
        /// The interface.
        interface: String,
        /// The text of a [`CaptureError`].
        reason: String,
    },
    /// The link lost its carrier, or was set down.
    LinkDown {
        /// The interface.
        interface: String,
    },
    /// The link is up again.
    LinkUp {
        /// The interface.
        interface: String,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost { interface } => write!(f, "{interface}: gone; it is taken up again when it returns"),
            Self::Queues { interface, queues } => {
                write!(f, "{interface}: {queues} receive queues now; it is opened anew")
            }
            Self::NoRoom { interface, queues, bound } => write!(
                f,
                "{interface}: of {queues} receive queues the first {bound} are watched, there is no room for more: restart offportd"
            ),
            Self::Returned { interface } => write!(f, "{interface}: back"),
            Self::Failed { interface, reason } => write!(f, "{interface}: back, but not open: {reason}"),
            Self::LinkDown { interface } => write!(f, "{interface}: link down"),
            Self::LinkUp { interface } => write!(f, "{interface}: link up"),
        }
    }
}

impl Control {
    /// How each open (interface, queue) is bound.
    pub fn bound(&self) -> Vec<PortInfo> {
        let mut bound = Vec::new();
        for interface in &self.interfaces {
            let Some(live) = &interface.live else { continue };
            for port in &interface.ports[..live.sockets.len()] {
                bound.push(PortInfo {
                    interface: interface.name.clone(),
                    queue: port.queue,
                    mode: live.attached.as_ref().map_or(Mode::Auto, |attached| attached.mode),
                    zero_copy: live.zero_copy,
                    huge_pages: live.huge_pages,
                    multi_buffer: live.multi_buffer,
                });
            }
        }
        bound
    }

    /// Looks after the interfaces: closes those that are gone, opens those that are back. To be called a few times a
    /// second; it blocks while an interface is opened (up to about a second).
    pub fn tick(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for index in 0..self.interfaces.len() {
            let current = sys::interface_index(&self.interfaces[index].name);
            let name = self.interfaces[index].name.clone();
            let queues = self.queues(&name);
            let can_be_bound = self.can_be_bound(index, queues);
            match (&mut self.interfaces[index].live, current) {
                (Some(live), current) => {
                    let same = current == Some(live.index);
                    let attached = live
                        .attached
                        .as_ref()
                        .is_none_or(|attached| attached.is_there(&self.program, live.index));
                    if !same || !attached {
                        self.close_interface(index);
                        notices.push(Notice::Lost { interface: name });
                        continue;
                    }
                    // The next call opens it: until then workers let go of the sockets.
                    if live.sockets.len() != can_be_bound {
                        self.close_interface(index);
                        notices.push(Notice::Queues { interface: name, queues });
                        continue;
                    }
                    let running = interface::is_running(&name);
                    if running != live.running {
                        live.running = running;
                        let interface = name.clone();
                        notices.push(if running {
                            Notice::LinkUp { interface }
                        } else {
                            Notice::LinkDown { interface }
                        });
                    }
                    let too_many = (queues as usize > can_be_bound).then_some(queues);
                    if too_many.is_some() && too_many != self.interfaces[index].too_many {
                        notices.push(Notice::NoRoom { interface: name, queues, bound: can_be_bound });
                    }
                    self.interfaces[index].too_many = too_many;
                }
                (None, Some(_)) => match self.open_interface(index) {
                    Ok(()) => {
                        self.interfaces[index].complaint = None;
                        notices.push(Notice::Returned { interface: name });
                    }
                    Err(error) => {
                        let reason = error.to_string();
                        if self.interfaces[index].complaint.as_ref() != Some(&reason) {
                            self.interfaces[index].complaint = Some(reason.clone());
                            notices.push(Notice::Failed { interface: name, reason });
                        }
                    }
                },
                (None, None) => {}
            }
        }
        notices
    }

    /// A hold on the table that packets are steered by.
    pub fn slots(&self) -> Slots {
        self.program.slots()
    }

    /// A hold on the shunt table for a worker of its own; `None` without
    /// [`Options::shunt_entries`](crate::xdp::Options::shunt_entries).
    pub fn shunt(&mut self) -> Option<Shunt> {
        let counters = Arc::default();
        let shunt = self.program.shunt(Arc::clone(&counters))?;
        self.shunts.push(counters);
        Some(shunt)
    }

    /// Reads all counters. A few system calls per socket: for a tick, not for the packet path.
    pub fn statistics(&self) -> Snapshot {
        Snapshot {
            interfaces: self
                .interfaces
                .iter()
                .map(|interface| self.interface_statistics(interface))
                .collect(),
            receivers: self.workers.iter().map(|worker| worker.counters.read()).collect(),
            shunts: self.shunt_statistics(),
            unassigned: self.program.counters(self.program.capacity()).unwrap_or_default(),
        }
    }

    /// Takes the program off all interfaces: no more packets come, and those in the rings can be read to the end.
    /// The first half of an orderly end; [`stop`](Self::stop) is the other.
    pub fn detach(&mut self) {
        for interface in &mut self.interfaces {
            if let Some(live) = &mut interface.live {
                live.attached = None;
            }
        }
    }

    /// Asks all workers to end: their next [`Receiver::wait`] says [`Stopped`](crate::xdp::Wake::Stopped).
    pub fn stop(&self) {
        for worker in &self.workers {
            worker.mailbox.stop();
        }
    }

    /// Queues that an interface is to be watched by.
    fn queues(&self, interface: &str) -> u32 {
        self.options.queues.unwrap_or_else(|| interface::receive_queues(interface))
    }

    /// So many of these queues there is room for.
    fn can_be_bound(&self, index: usize, queues: u32) -> usize {
        let room =
            self.interfaces[index].ports.len() + self.program.capacity().saturating_sub(self.ports) as usize;
        room.min(queues as usize)
    }

    fn open_interface(&mut self, index: usize) -> Result<(), CaptureError> {
        let queues = self.queues(&self.interfaces[index].name);
        let bound = self.can_be_bound(index, queues);
        let interface = &mut self.interfaces[index];
        while interface.ports.len() < bound {
            let queue = interface.ports.len() as u32;
            interface.ports.push(PortRecord::new(self.ports, queue, self.workers.len()));
            self.ports += 1;
        }
        let ports = &interface.ports[..bound];
        let (live, attachments) =
            Live::open(&mut self.program, &self.options, &interface.name, index as u16, ports)?;
        interface.live = Some(live);
        for (worker, attachment) in self.workers.iter().zip(attachments) {
            worker.mailbox.send(Message::Attach(attachment));
        }
        Ok(())
    }

    fn close_interface(&mut self, index: usize) {
        let interface = &mut self.interfaces[index];
        if let Some(live) = interface.live.take() {
            live.close(&mut self.program, &mut interface.ports);
        }
        for worker in &self.workers {
            worker.mailbox.send(Message::Detach(index as u16));
        }
    }

    fn shunt_statistics(&self) -> ShuntStatistics {
        let sum = |counter: fn(&ShuntCounters) -> &AtomicU64| {
            self.shunts.iter().map(|counters| counter(counters).load(Ordering::Relaxed)).sum::<u64>()
        };
        // Removals first: a flow that goes meanwhile must not make the difference negative.
        let removed = sum(|counters| &counters.removed);
        let inserts = sum(|counters| &counters.inserts);
        ShuntStatistics {
            entries: inserts - removed,
            capacity: self.program.shunt_capacity(),
            inserts,
            failed: sum(|counters| &counters.failed),
            removed,
        }
    }

    fn interface_statistics(&self, interface: &Interface) -> InterfaceStatistics {
        let live = interface.live.as_ref();
        let ports = interface
            .ports
            .iter()
            .enumerate()
            .map(|(index, port)| {
                let pool = live.and_then(|live| live.pools.get(index));
                let (frames_free, frames) = pool.map_or((0, 0), |pool| pool.level());
                PortStatistics {
                    queue: port.queue,
                    frames_free: frames_free as u64,
                    frames: frames as u64,
                    xdp: self.program.counters(port.id).unwrap_or_default(),
                    workers: port.statistics(live.and_then(|live| live.sockets.get(index))),
                }
            })
            .collect();
        InterfaceStatistics {
            interface: interface.name.clone(),
            open: live.is_some(),
            running: live.is_some_and(|live| live.running),
            nic: live.and_then(|_| interface::nic_statistics(&interface.name)),
            driver: live
                .map_or_else(Vec::new, |_| ethtool::loss_counters(&interface.name).unwrap_or_default()),
            ports,
        }
    }
}

impl Interface {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ports: Vec::new(), live: None, complaint: None, too_many: None }
    }
}

impl ReceiverCounters {
    fn read(&self) -> ReceiverStatistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReceiverStatistics {
            batches: read(&self.batches),
            wakeups: read(&self.wakeups),
            spins: read(&self.spins),
            joined: read(&self.joined),
            oversized: read(&self.oversized),
            refill_postponed: read(&self.refill_postponed),
        }
    }
}
