//! The XDP program: load, configuration, maps.
#![allow(unsafe_code)] // one block: shared memory of the program's variables

use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{MapCore, MapFlags};

use super::error::CaptureError;
use super::options::{Action, NoSocket, Options, Steering};
use super::shunt::{self, Memory, Shunt, ShuntCounters};
use super::skeleton::types::{
    offport_action, offport_config, offport_counters, offport_steering, offport_trace,
};
use super::skeleton::{SteerSkel, SteerSkelBuilder};
use super::slots::{self, Slots};
use super::statistics::XdpCounters;
use super::sys;

/// The loaded program and its maps. They go when this is dropped, unless a link still holds the program.
pub(crate) struct Program {
    skeleton: SteerSkel<'static>,
    max_workers: u32,
    capacity: u32,
    /// Of the steering hash.
    seed: u64,
    /// The shunt table, if there is one.
    shunts: Option<Arc<Memory>>,
    /// The table that packets are steered by.
    slots: Slots,
}

/// Which frames a program takes. Drivers refuse one that does not take all that the interface's MTU allows; one that takes
/// them all has to ask the kernel for the length of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffers {
    /// Frames of one buffer.
    One,
    /// Frames of several buffers as well (`BPF_F_XDP_HAS_FRAGS`).
    Several,
}

/// The number of an (interface, queue), dense from 0.
pub(crate) type PortId = u32;

impl Program {
    /// Loads the program with room for `capacity` ports. With `trace` it writes each packet's hash and fate down.
    pub(crate) fn load(options: &Options, capacity: u32, trace: bool) -> Result<Self, CaptureError> {
        route_libbpf_messages();
        let workers = u32::from(options.workers.get());
        let failed = CaptureError::load;

        // The skeleton borrows the place in which the object is built. It is left allocated: a few hundred bytes
        // per load, against a self-referential struct.
        let place = Box::leak(Box::new(MaybeUninit::uninit()));
        let mut open = SteerSkelBuilder::default().open(place).map_err(failed)?;
        let maps = &mut open.maps;
        maps.sockets.set_max_entries(capacity * workers).map_err(failed)?;
        maps.ports.set_max_entries(capacity).map_err(failed)?;
        maps.counters.set_max_entries(capacity + 1).map_err(failed)?;
        let sets = if options.shunt_entries > 0 { shunt::sets_for(options.shunt_entries) } else { 0 };
        if sets > 0 {
            maps.shunt_tags.set_max_entries(sets).map_err(failed)?;
            maps.shunts.set_max_entries(sets * shunt::WAYS).map_err(failed)?;
        }
        let pin_sets = if options.steering == Steering::Flow { slots::sets_for(options.pins) } else { 0 };
        maps.pins.set_max_entries(pin_sets.max(1)).map_err(failed)?;
        let seed = options.seed.unwrap_or_else(random);
        if let Some(rodata) = &mut maps.rodata_data {
            rodata.config =
                offport_config { seed, shunt_sets: sets, pin_sets, ..config(options, workers, trace) };
            rodata.no_port = capacity;
        }
        let skeleton = open.load().map_err(failed)?;
        let shunts = match sets {
            0 => None,
            _ => Some(Arc::new(
                Memory::map(skeleton.maps.shunt_tags.as_fd(), skeleton.maps.shunts.as_fd(), sets)
                    .map_err(|error| CaptureError::system("mapping the shunt table", error))?,
            )),
        };

        let maps = &skeleton.maps;
        let slots = slots::Memory::map(maps.bss.as_fd(), maps.pins.as_fd(), pin_sets as usize)
            .map_err(|error| CaptureError::system("mapping the indirection table", error))?;
        let slots = Slots::new(Arc::new(slots));
        slots.spread_evenly(options.workers.get());
        Ok(Self { skeleton, max_workers: workers, capacity, seed, shunts, slots })
    }

    /// The program's descriptor: the one that takes frames of one buffer only, or the one that takes all.
    pub(crate) fn fd(&self, buffers: Buffers) -> BorrowedFd<'_> {
        match buffers {
            Buffers::One => self.skeleton.progs.steer.as_fd(),
            Buffers::Several => self.skeleton.progs.steer_frags.as_fd(),
        }
    }

    /// How many ports there is room for.
    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// From now on packets of this queue are counted under, and steered to the sockets of, `port`.
    pub(crate) fn add_port(&mut self, interface: u32, queue: u32, port: PortId) -> Result<(), CaptureError> {
        let key = port_key(interface, queue).to_ne_bytes();
        self.skeleton
            .maps
            .ports
            .update(&key, &port.to_ne_bytes(), MapFlags::ANY)
            .map_err(|error| CaptureError::map("ports", &error))?;
        self.set_near_port(interface, queue, port);
        Ok(())
    }

    /// Undoes [`add_port`](Self::add_port). A queue without a port is no error.
    pub(crate) fn remove_port(&mut self, interface: u32, queue: u32) {
        self.clear_near_port(interface, queue);
        let _ = self.skeleton.maps.ports.delete(&port_key(interface, queue).to_ne_bytes());
    }

    /// The port is found at its slot, if that is free.
    fn set_near_port(&mut self, interface: u32, queue: u32, port: PortId) {
        let Some((at, number)) = self.near_port(interface, queue) else { return };
        if at.load(Ordering::Relaxed) == 0 {
            number.store(port, Ordering::Relaxed);
            at.store(near_key(interface, queue), Ordering::Release);
        }
    }

    fn clear_near_port(&mut self, interface: u32, queue: u32) {
        if let Some((at, _)) = self.near_port(interface, queue)
            && at.load(Ordering::Relaxed) == near_key(interface, queue)
        {
            at.store(0, Ordering::Release);
        }
    }

    /// Which (interface, queue) is at the slot of this one, and its port; as in bpf/steer.bpf.c.
    fn near_port(&mut self, interface: u32, queue: u32) -> Option<(&AtomicU64, &AtomicU32)> {
        let slots = &mut self.skeleton.maps.bss_data.as_mut()?.near_ports;
        let index = interface.wrapping_mul(8).wrapping_add(queue) as usize % slots.len();
        let slot = slots.get_mut(index)?;
        // SAFETY: aligned numbers in a mapping that lives as long as the skeleton; the program reads them at any time,
        // hence atomic.
        unsafe { Some((AtomicU64::from_ptr(&raw mut slot.queue), AtomicU32::from_ptr(&raw mut slot.port))) }
    }

    /// Sends the packets of (port, worker) to a socket. The entry goes with the socket.
    pub(crate) fn set_socket(&self, port: PortId, worker: u32, socket: RawFd) -> Result<(), CaptureError> {
        let index = port * self.max_workers + worker;
        self.skeleton
            .maps
            .sockets
            .update(&index.to_ne_bytes(), &socket.to_ne_bytes(), MapFlags::ANY)
            .map_err(|error| CaptureError::map("sockets", &error))
    }

    /// A hold on the shunt table, if there is one.
    pub(crate) fn shunt(&self, counters: Arc<ShuntCounters>) -> Option<Shunt> {
        Some(Shunt::new(Arc::clone(self.shunts.as_ref()?), self.seed, counters))
    }

    /// Entries of the shunt table.
    pub(crate) fn shunt_capacity(&self) -> u64 {
        self.shunts.as_ref().map_or(0, |memory| u64::from(memory.sets()) * u64::from(shunt::WAYS))
    }

    /// A hold on the table that packets are steered by.
    pub(crate) fn slots(&self) -> Slots {
        self.slots.clone()
    }

    /// What was counted on a port, over all CPUs; at `capacity`, on queues without a port.
    pub(crate) fn counters(&self, port: PortId) -> Result<XdpCounters, CaptureError> {
        let values = self
            .skeleton
            .maps
            .counters
            .lookup_percpu(&port.to_ne_bytes(), MapFlags::ANY)
            .map_err(|error| CaptureError::map("counters", &error))?;
        let mut sum = XdpCounters::default();
        for cpu in values.iter().flatten() {
            sum.add_cpu(cpu);
        }
        Ok(sum)
    }

    /// The last packet's fate, if loaded with `trace`.
    pub(crate) fn trace(&self) -> Option<offport_trace> {
        self.skeleton.maps.bss_data.as_ref().map(|bss| bss.trace)
    }

    /// Runs the program on a frame, as if it had arrived on queue 0 of the loopback interface (`BPF_PROG_RUN`).
    /// Returns its XDP action and the nanoseconds it took on average.
    pub(crate) fn run(
        &self,
        buffers: Buffers,
        frame: &[u8],
        repeat: u32,
    ) -> Result<(u32, u32), CaptureError> {
        let input = libbpf_rs::ProgramInput { data_in: Some(frame), repeat, ..Default::default() };
        let program = match buffers {
            Buffers::One => &self.skeleton.progs.steer,
            Buffers::Several => &self.skeleton.progs.steer_frags,
        };
        let output = program.test_run(input).map_err(|error| CaptureError::run(&error))?;
        Ok((output.return_value, output.duration.as_nanos() as u32))
    }

    /// Instructions that the verifier went through on the longest of all paths that it took.
    pub(crate) fn verified_instructions(&self) -> Result<u32, CaptureError> {
        sys::verified_instructions(self.fd(Buffers::Several))
            .map_err(|error| CaptureError::system("reading about the XDP program", error))
    }
}

/// Bytes of one CPU's counters in the `counters` map.
pub(crate) const COUNTERS_SIZE: usize = size_of::<offport_counters>();

fn port_key(interface: u32, queue: u32) -> u64 {
    u64::from(interface) << 32 | u64::from(queue)
}

/// As in `near_ports` of bpf/maps.h.
fn near_key(interface: u32, queue: u32) -> u64 {
    port_key(interface, queue) | 1 << 63
}

fn config(options: &Options, workers: u32, trace: bool) -> offport_config {
    let action = |action| match action {
        Action::Drop => offport_action::OFFPORT_DROP,
        Action::Pass => offport_action::OFFPORT_PASS,
        Action::Worker => offport_action::OFFPORT_WORKER,
    };
    offport_config {
        max_workers: workers,
        workers,
        steering: match options.steering {
            Steering::Flow => offport_steering::OFFPORT_BY_FLOW,
            Steering::Rss => offport_steering::OFFPORT_BY_QUEUE,
        },
        not_ip: action(options.not_ip),
        malformed: action(options.malformed),
        no_socket: match options.no_socket {
            NoSocket::Drop => offport_action::OFFPORT_DROP,
            NoSocket::Pass => offport_action::OFFPORT_PASS,
        },
        trace: u32::from(trace),
        ..Default::default()
    }
}

/// A number that a sender cannot know: std seeds its hasher from the operating system.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// libbpf writes to stderr on its own; the verifier's log on a refused program is among it.
fn route_libbpf_messages() {
    use libbpf_rs::PrintLevel;
    libbpf_rs::set_print(Some((PrintLevel::Info, |level, message| {
        let message = message.trim_end();
        match level {
            PrintLevel::Warn => tracing::warn!(target: "libbpf", "{message}"),
            _ => tracing::debug!(target: "libbpf", "{message}"),
        }
    })));
}
