//! A worker's thread: receive, run the engine, give back, publish.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use core_affinity::CoreId;
use offport_capture::xdp::{Receiver, Wake};
use offport_engine::{Beginning, Counters, Worker};
use offport_fingerprint::Signatures;
use offport_wire::Timestamp;
use triple_buffer::{Input, Output};

use crate::balance::Load;
use crate::outlet::Outlet;
use crate::pressure::{Level, Pressure};
use crate::sandbox::Sandbox;

/// Timers run, and counters are published, at least this often while packets come.
const TICK: Duration = Duration::from_millis(10);
/// What a worker keeps of flows that are not flagged if it is behind: of harmless ones a handshake, and what both sides say first.
const HIGH: Beginning = Beginning { undecided: u64::MAX, decided: GREETING };
/// And when that does not help: what may still be flagged begins with its handshake.
const HIGHEST: Beginning = Beginning { undecided: GREETING, decided: 0 };
const GREETING: u64 = 8;
/// An idle worker wakes this often for its timers.
const IDLE: Duration = Duration::from_millis(100);

/// What a worker shows of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    /// The engine's counters.
    pub counters: Counters,
    /// Nanoseconds spent on packets and timers, not waiting.
    pub busy_nanos: u64,
    /// Whether the thread runs on the core that it was given.
    pub pinned: bool,
    /// How often it began anew after a panic.
    pub restarts: u64,
}

/// Makes a worker's engine, with empty tables.
pub(crate) type Make = Box<dyn Fn() -> Worker + Send>;

/// A running worker.
pub(crate) struct Handle {
    /// Its index.
    pub index: u16,
    /// What it last published.
    pub published: Output<Published>,
    /// Where it gets new signatures from.
    signatures: Input<Arc<Signatures>>,
    /// Its thread.
    pub thread: Option<JoinHandle<io::Result<()>>>,
}

/// Starts the thread.
pub(crate) fn start(
    receiver: Receiver,
    make: Make,
    outlet: Outlet,
    core: Option<CoreId>,
    sandbox: Sandbox,
) -> io::Result<Handle> {
    let index = receiver.worker();
    let (input, published) = triple_buffer::triple_buffer(&Published::default());
    let (signatures, new_signatures) = triple_buffer::triple_buffer(&Arc::default());
    let loop_ = Loop {
        receiver,
        outlet,
        input,
        new_signatures,
        signatures: None,
        pressure: Pressure::NONE,
        looked: Timestamp::ZERO,
        stopping: false,
        frames: 0,
        before: Counters::default(),
        restarts: 0,
        busy_nanos: 0,
        pinned: false,
    };
    let thread = std::thread::Builder::new().name(format!("offport-w{index}")).spawn(move || {
        sandbox.close_worker().map_err(io::Error::other)?;
        loop_.run(core, &make)
    })?;
    Ok(Handle { index, published, signatures, thread: Some(thread) })
}

struct Loop {
    receiver: Receiver,
    outlet: Outlet,
    input: Input<Published>,
    new_signatures: Output<Arc<Signatures>>,
    /// The latest of these.
    signatures: Option<Arc<Signatures>>,
    pressure: Pressure,
    /// When the kernel was asked what it lost.
    looked: Timestamp,
    stopping: bool,
    /// Handed to the engine.
    frames: u64,
    /// What engines counted that a panic ended.
    before: Counters,
    restarts: u64,
    busy_nanos: u64,
    pinned: bool,
}

impl Loop {
    fn run(mut self, core: Option<CoreId>, make: &Make) -> io::Result<()> {
        // `set_for_current` answers false where the core is offline or outside the process's mask.
        self.pinned = core.is_some_and(core_affinity::set_for_current);
        loop {
            // Its tables lie in the memory of this core.
            let mut engine = make();
            if let Some(signatures) = &self.signatures {
                engine.set_signatures(Arc::clone(signatures));
            }
            match catch_unwind(AssertUnwindSafe(|| self.watch(&mut engine))) {
                Ok(ended) => return ended,
                // What it died of, the panic hook has said. Rings, sinks and what was counted go on; the tables begin anew.
                Err(_) => self.bury(engine),
            }
        }
    }

    /// Ends the flows of an engine that has panicked with their records, as far as that can be done.
    #[cold]
    fn bury(&mut self, mut engine: Worker) {
        self.restarts += 1;
        // A second panic leaves it at that.
        let _ = catch_unwind(AssertUnwindSafe(|| engine.finish(now(), &mut self.outlet)));
        let mut counters = catch_unwind(AssertUnwindSafe(|| *engine.counters())).unwrap_or_default();
        counters.abandon(std::mem::take(&mut self.frames));
        self.before += &counters;
        let _ = catch_unwind(AssertUnwindSafe(|| drop(engine)));
        self.show(&Counters::default());
    }

    fn watch(&mut self, engine: &mut Worker) -> io::Result<()> {
        let mut ticked = Timestamp::ZERO;
        loop {
            let start = now();
            let packets = self.receive(engine, start);
            // Timers and counters wait as they do while packets come.
            if packets == 0 && start.since(ticked) < TICK && self.receiver.spin() {
                continue;
            }
            if packets == 0 || start.since(ticked) >= TICK {
                ticked = start;
                self.outlet.pass_time(start);
                self.look_for_losses(start);
                self.take_signatures(engine);
                engine.tick(start, &mut self.outlet);
                self.show(engine.counters());
            }
            // Who polls all the time is busy when there is something.
            if packets > 0 || !self.receiver.polls_busily() {
                self.busy_nanos += elapsed(start);
            }
            if packets > 0 {
                continue;
            }
            if self.stopping {
                break;
            }
            if self.receiver.wait(Some(IDLE))? == Wake::Stopped {
                // What is in the rings already is still processed.
                self.stopping = true;
            }
        }
        let end = now();
        self.outlet.pass_time(end);
        self.outlet.no_more_packets();
        engine.finish(end, &mut self.outlet);
        self.show(engine.counters());
        Ok(())
    }

    /// One batch from the rings, and what other workers have reassembled for this one.
    fn receive(&mut self, engine: &mut Worker, time: Timestamp) -> usize {
        let Self { receiver, outlet, pressure, frames: handed, .. } = self;
        let mut packets = receiver.receive(time, |frames| {
            *handed += frames.len() as u64;
            #[cfg(debug_assertions)]
            panic_if_asked(frames);
            engine.batch(frames, outlet);
        });
        engine.set_beginning(match pressure.after(receiver.was_full(), time) {
            Level::Low => None,
            Level::High => Some(HIGH),
            Level::Highest => Some(HIGHEST),
        });
        while let Some(datagram) = outlet.next_incoming() {
            engine.receive(&datagram.as_hand_over(), outlet);
            packets += 1;
        }
        packets
    }

    /// Of use where packets are kept, which can be done without.
    fn look_for_losses(&mut self, time: Timestamp) {
        if self.outlet.keeps_packets() && time.since(self.looked) >= TICK {
            self.looked = time;
            self.pressure.lost(self.receiver.lost(), time);
        }
    }

    /// Between two batches, so that one sees all of them or none.
    fn take_signatures(&mut self, engine: &mut Worker) {
        if self.new_signatures.update() {
            let signatures = Arc::clone(self.new_signatures.output_buffer());
            engine.set_signatures(Arc::clone(&signatures));
            self.signatures = Some(signatures);
        }
    }

    /// Shows what was counted by this engine, and by those before it.
    fn show(&mut self, counters: &Counters) {
        let buffer = self.input.input_buffer_mut();
        buffer.counters.clone_from(counters);
        if self.restarts > 0 {
            buffer.counters += &self.before;
        }
        buffer.restarts = self.restarts;
        buffer.busy_nanos = self.busy_nanos;
        buffer.pinned = self.pinned;
        self.input.publish();
    }
}

/// Tests have a worker panic, in a debug build: by a frame that holds what `OFFPORT_TEST_PANIC` says.
#[cfg(debug_assertions)]
#[allow(clippy::panic, reason = "it is asked for")]
fn panic_if_asked(frames: &[offport_wire::Frame<'_>]) {
    static WORDS: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("OFFPORT_TEST_PANIC").ok());
    let Some(words) = WORDS.as_ref() else { return };
    if frames.iter().any(|frame| frame.bytes.windows(words.len()).any(|bytes| bytes == words.as_bytes())) {
        panic!("OFFPORT_TEST_PANIC asked for it");
    }
}

/// The clock: one reading per batch.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn elapsed(since: Timestamp) -> u64 {
    u64::try_from(now().since(since).as_nanos()).unwrap_or(u64::MAX)
}

impl Handle {
    /// Has it identify by these signatures, at its next tick.
    pub(crate) fn set_signatures(&mut self, signatures: &Arc<Signatures>) {
        self.signatures.write(Arc::clone(signatures));
    }

    /// What it has to do.
    pub(crate) fn load(&mut self) -> Load {
        self.published.update();
        let Published { counters, busy_nanos, .. } = self.published.output_buffer();
        Load { busy_nanos: *busy_nanos, flows: counters.flow.active }
    }

    /// How often it began anew after a panic.
    pub(crate) fn restarts(&mut self) -> u64 {
        self.published.update();
        self.published.output_buffer().restarts
    }

    /// Whether the thread is over, in order or not.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the thread. What it died of, if it did.
    pub(crate) fn join(&mut self) -> Option<String> {
        match self.thread.take()?.join() {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panic) => Some(format!(
                "panicked: {}",
                panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("no message")
            )),
        }
    }
}
