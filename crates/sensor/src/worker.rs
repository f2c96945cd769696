//! A worker's thread: receive, run the engine, give back, publish.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use core_affinity::CoreId;
use offport_capture::xdp::{Receiver, Wake};
use offport_engine::{Beginning, Counters, Worker};
use offport_wire::Timestamp;
use triple_buffer::{Input, Output};

use crate::balance::Load;
use crate::outlet::Outlet;
use crate::pressure::{Level, Pressure};
use crate::reload::Rules;
use crate::sandbox::Sandbox;

/// Timers run, and counters are published, at least this often while packets come.
const TICK: Duration = Duration::from_millis(10);
/// What a worker keeps of flows that are not flagged if it is behind: of harmless ones a handshake, and what both sides say first.
const HIGH: Beginning = Beginning { undecided: u64::MAX, decided: GREETING };
/// And when that does not help: what may still be flagged begins with its handshake.
const HIGHEST: Beginning = Beginning { undecided: GREETING, decided: 0 };
const GREETING: u64 = 8;
/// A step of the clock back that is waited out.
const SMALL_STEP: Duration = Duration::from_secs(1);
/// An idle worker wakes this often for its timers.
const IDLE: Duration = Duration::from_millis(100);
/// At the end, a worker waits so long for what others may still hand over.
const LAST_HAND_OVERS: Duration = Duration::from_secs(10);

/// What a worker shows of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    /// The engine's counters.
    pub counters: Counters,
    /// Nanoseconds spent on packets and timers, not waiting.
    pub busy_nanos: u64,
    /// Whether the thread runs on the core that it was given.
    pub pinned: bool,
    /// How often it began anew, after a panic or since the clock was set back.
    pub restarts: u64,
    /// Whether it has its tables and has looked into its rings.
    pub has_begun: bool,
}

/// Makes a worker's engine, with empty tables.
pub(crate) type Make = Box<dyn Fn(&Rules) -> Worker + Send>;

/// A running worker.
pub(crate) struct Handle {
    /// Its index.
    pub index: u16,
    /// What it last published.
    pub published: Output<Published>,
    /// Where it gets new rules from.
    rules: Input<Rules>,
    /// Its thread.
    pub thread: Option<JoinHandle<io::Result<()>>>,
}

/// Starts the thread.
pub(crate) fn start(
    receiver: Receiver,
    make: Make,
    outlet: Outlet,
    core: Option<CoreId>,
    rules: &Rules,
    sandbox: Sandbox,
) -> io::Result<Handle> {
    let index = receiver.worker();
    let (input, published) = triple_buffer::triple_buffer(&Published::default());
    let (rules, rules_in_force) = triple_buffer::triple_buffer(rules);
    let loop_ = Loop {
        receiver,
        outlet,
        input,
        rules: rules_in_force,
        pressure: Pressure::NONE,
        looked: Timestamp::ZERO,
        last: Timestamp::ZERO,
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
    Ok(Handle { index, published, rules, thread: Some(thread) })
}

struct Loop {
    receiver: Receiver,
    outlet: Outlet,
    input: Input<Published>,
    rules: Output<Rules>,
    pressure: Pressure,
    /// When the kernel was asked what it lost.
    looked: Timestamp,
    /// The latest reading of the clock.
    last: Timestamp,
    stopping: bool,
    /// Handed to the engine.
    frames: u64,
    /// What the engines before counted.
    before: Counters,
    restarts: u64,
    busy_nanos: u64,
    pinned: bool,
}

/// How watching ended.
enum End {
    /// It was told to stop.
    Stopped,
    /// The clock was set back, by so much.
    SetBack(Duration),
}

impl Loop {
    fn run(mut self, core: Option<CoreId>, make: &Make) -> io::Result<()> {
        // `set_for_current` answers false where the core is offline or outside the process's mask.
        self.pinned = core.is_some_and(core_affinity::set_for_current);
        #[cfg(debug_assertions)]
        wait_if_asked();
        loop {
            // Its tables lie in the memory of this core.
            let mut engine = make(self.rules.read());
            match catch_unwind(AssertUnwindSafe(|| self.watch(&mut engine))) {
                Ok(Ok(End::Stopped)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(End::SetBack(by))) => {
                    tracing::warn!(
                        "the clock was set back by {by:?}: flows end here, and begin anew by the new time"
                    );
                    self.bury(engine);
                }
                // What it died of, the panic hook has said.
                Err(_) => self.bury(engine),
            }
        }
    }

    /// Ends the flows of an engine that has panicked, or whose time is over, with their records, as far as that can be done. Rings, sinks
    /// and what was counted go on; the tables begin anew.
    #[cold]
    fn bury(&mut self, mut engine: Worker) {
        self.restarts += 1;
        let last = self.last;
        // A second panic leaves it at that.
        let _ = catch_unwind(AssertUnwindSafe(|| engine.finish(last, &mut self.outlet)));
        // Nothing waits for times that may not come for long.
        self.outlet.pass_time(last + Duration::from_secs(1));
        (self.pressure, self.looked, self.last) = (Pressure::NONE, Timestamp::ZERO, Timestamp::ZERO);
        let mut counters = catch_unwind(AssertUnwindSafe(|| *engine.counters())).unwrap_or_default();
        counters.abandon(std::mem::take(&mut self.frames));
        self.before += &counters;
        let _ = catch_unwind(AssertUnwindSafe(|| drop(engine)));
        self.show(&Counters::default());
    }

    fn watch(&mut self, engine: &mut Worker) -> io::Result<End> {
        let mut ticked = Timestamp::ZERO;
        let mut stopped = None;
        loop {
            let start = match steady(now(), self.last) {
                Ok(time) => time,
                Err(by) => return Ok(End::SetBack(by)),
            };
            self.last = start;
            let packets = self.receive(engine, start);
            // Timers and counters wait as they do while packets come.
            if packets == 0 && start.since(ticked) < TICK && self.receiver.spin() {
                continue;
            }
            if packets == 0 || start.since(ticked) >= TICK {
                ticked = start;
                self.outlet.pass_time(start);
                self.look_for_losses(start);
                self.take_rules(engine);
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
                // Its own rings are empty. Those of others may not be yet.
                self.outlet.hand_over_no_more();
                let since = *stopped.get_or_insert_with(Instant::now);
                if !self.outlet.may_get_more() || since.elapsed() >= LAST_HAND_OVERS {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            if self.receiver.wait(Some(IDLE))? == Wake::Stopped {
                // What is in the rings already is still processed.
                self.stopping = true;
            }
        }
        let end = now().max(self.last);
        self.outlet.pass_time(end);
        self.outlet.no_more_packets();
        engine.finish(end, &mut self.outlet);
        self.show(engine.counters());
        Ok(End::Stopped)
    }

    /// One batch from the rings, and what other workers have reassembled for this one.
    fn receive(&mut self, engine: &mut Worker, time: Timestamp) -> usize {
        let Self { receiver, outlet, pressure, frames: handed, .. } = self;
        let mut packets = receiver.receive(time, |frames| {
            *handed += frames.len() as u64;
            #[cfg(debug_assertions)]
            fail_if_asked(frames);
            engine.batch(frames, outlet);
        });
        engine.set_beginning(match pressure.after(receiver.was_full(), time) {
            Level::Low => Beginning::ALL,
            Level::High => HIGH,
            Level::Highest => HIGHEST,
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
    fn take_rules(&mut self, engine: &mut Worker) {
        if self.rules.update() {
            let Rules { policy, signatures } = self.rules.output_buffer();
            engine.set_policy(Arc::clone(policy));
            engine.set_signatures(Arc::clone(signatures));
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
        buffer.has_begun = true;
        self.input.publish();
    }
}

/// Tests have a worker panic, or the clock set back by an hour, in a debug build: by a frame that holds what `OFFPORT_TEST_PANIC` or
/// `OFFPORT_TEST_SET_BACK` says.
#[cfg(debug_assertions)]
#[allow(clippy::panic, reason = "it is asked for")]
fn fail_if_asked(frames: &[offport_wire::Frame<'_>]) {
    static WORDS: std::sync::LazyLock<[Option<String>; 2]> = std::sync::LazyLock::new(|| {
        ["OFFPORT_TEST_PANIC", "OFFPORT_TEST_SET_BACK"].map(|name| std::env::var(name).ok())
    });
    let holds = |words: &Option<String>| {
        let Some(words) = words.as_ref().map(String::as_bytes) else { return false };
        frames.iter().any(|frame| frame.bytes.windows(words.len()).any(|bytes| bytes == words))
    };
    let [panics, sets_back] = &*WORDS;
    if holds(panics) {
        panic!("OFFPORT_TEST_PANIC asked for it");
    }
    if holds(sets_back) {
        SET_BACK.store(3_600, Ordering::Relaxed);
    }
}

/// Tests have workers begin late, in a debug build, by so many milliseconds as `OFFPORT_TEST_LATE` says.
#[cfg(debug_assertions)]
fn wait_if_asked() {
    let late = std::env::var("OFFPORT_TEST_LATE").ok().and_then(|millis| millis.parse().ok());
    std::thread::sleep(late.map(Duration::from_millis).unwrap_or_default());
}

/// Seconds.
#[cfg(debug_assertions)]
static SET_BACK: AtomicU64 = AtomicU64::new(0);

/// A reading of the clock after another: time stands still while the clock makes up for a small step back. A larger one is an error, for
/// flows would end at once, or not for long.
fn steady(now: Timestamp, last: Timestamp) -> Result<Timestamp, Duration> {
    match last.since(now) {
        back if back <= SMALL_STEP => Ok(now.max(last)),
        back => Err(back),
    }
}

/// The clock: one reading per batch.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    #[cfg(debug_assertions)]
    let since = since.saturating_sub(Duration::from_secs(SET_BACK.load(Ordering::Relaxed)));
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn elapsed(since: Timestamp) -> u64 {
    u64::try_from(now().since(since).as_nanos()).unwrap_or(u64::MAX)
}

impl Handle {
    /// Has it judge and identify by these, from its next tick on.
    pub(crate) fn set_rules(&mut self, rules: &Rules) {
        self.rules.write(rules.clone());
    }

    /// What it has to do.
    pub(crate) fn load(&mut self) -> Load {
        self.published.update();
        let Published { counters, busy_nanos, .. } = self.published.output_buffer();
        Load { busy_nanos: *busy_nanos, flows: counters.flow.active }
    }

    /// Whether it has its tables; what comes before waits in its rings.
    pub(crate) fn has_begun(&mut self) -> bool {
        self.published.update();
        self.published.output_buffer().has_begun
    }

    /// How often it began anew.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_step_back_is_waited_out_and_a_large_one_is_told() {
        let time = |millis: u64| Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000);
        let last = time(10_000);
        assert_eq!(steady(time(10_000), last), Ok(last));
        assert_eq!(steady(time(10_001), last), Ok(time(10_001)));
        assert_eq!(steady(time(99_999_000), last), Ok(time(99_999_000)));
        assert_eq!(steady(time(9_999), last), Ok(last));
        assert_eq!(steady(time(9_000), last), Ok(last));
        assert_eq!(steady(time(8_999), last), Err(Duration::from_millis(1_001)));
        assert_eq!(steady(time(0), Timestamp::ZERO), Ok(time(0)));
    }
}
