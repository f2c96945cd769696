//! What the kernel can do at best on the same path: drop every packet, or hand every packet to a socket that drops it.

use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;
use libbpf_rs::skel::{OpenSkel as _, SkelBuilder as _};
use libbpf_rs::{MapCore as _, MapFlags, OpenObject, Xdp, XdpFlags};

use super::namespace;
use super::skeleton::baseline::{BaselineSkel, BaselineSkelBuilder};
use super::socket::{Socket, Tally};
use crate::clock::pin;

/// An attached program, and what becomes of what it hands on.
pub struct Baseline {
    skeleton: BaselineSkel<'static>,
    interface: i32,
    kind: Kind,
    stop: Arc<AtomicBool>,
    receiver: Option<JoinHandle<anyhow::Result<Tally>>>,
}

/// What becomes of packets.
#[derive(Clone, Copy)]
enum Kind {
    Drop,
    Receive,
    Pass,
}

impl Baseline {
    /// Bare `XDP_DROP` with a counter.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn drop_all(interface: &str) -> anyhow::Result<Self> {
        Self::attach(interface, Kind::Drop)
    }

    /// Leaves all packets to the network stack, and whoever listens there.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn pass_all(interface: &str) -> anyhow::Result<Self> {
        Self::attach(interface, Kind::Pass)
    }

    /// A minimal AF_XDP socket in copy mode whose thread, on a core of its own, gives every frame back unread.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn receive_and_drop(interface: &str, core: usize) -> anyhow::Result<Self> {
        let mut baseline = Self::attach(interface, Kind::Receive)?;
        let mut socket = Socket::open(interface, 0)?;
        let sockets = &baseline.skeleton.maps.sockets;
        sockets.update(&0u32.to_ne_bytes(), &socket.descriptor().to_ne_bytes(), MapFlags::ANY)?;
        let stop = Arc::clone(&baseline.stop);
        baseline.receiver = Some(std::thread::spawn(move || {
            pin(core)?;
            socket.receive_and_drop(&stop)
        }));
        Ok(baseline)
    }

    fn attach(interface: &str, kind: Kind) -> anyhow::Result<Self> {
        let object: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
        let skeleton = BaselineSkelBuilder::default().open(object)?.load().context("loading a baseline")?;
        let baseline = Self {
            skeleton,
            interface: namespace::index(interface)?,
            kind,
            stop: Arc::default(),
            receiver: None,
        };
        // By name: without a mode the kernel may take the generic one, and says nothing.
        baseline.xdp().attach(baseline.interface, XdpFlags::DRV_MODE).context("attaching a baseline")?;
        Ok(baseline)
    }

    /// Packets that reached the program.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn seen(&self) -> anyhow::Result<u64> {
        let values = self.skeleton.maps.seen.lookup_percpu(&0u32.to_ne_bytes(), MapFlags::ANY)?;
        let each = values.iter().flatten().filter_map(|value| value.as_slice().try_into().ok());
        Ok(each.map(u64::from_ne_bytes).sum())
    }

    /// Stops the receiver and says what it did.
    ///
    /// # Errors
    /// It has failed.
    pub fn finish(mut self) -> anyhow::Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        match self.receiver.take() {
            Some(receiver) => receiver.join().map_err(|_| anyhow::anyhow!("the receiver has panicked"))?,
            None => Ok(Tally::default()),
        }
    }

    fn xdp(&self) -> Xdp<'_> {
        let programs = &self.skeleton.progs;
        let program = match self.kind {
            Kind::Drop => &programs.drop,
            Kind::Receive => &programs.receive,
            Kind::Pass => &programs.pass,
        };
        Xdp::new(program.as_fd())
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The namespace goes with the process, and the program with it, if this fails.
        let _ = self.xdp().detach(self.interface, XdpFlags::DRV_MODE);
    }
}
