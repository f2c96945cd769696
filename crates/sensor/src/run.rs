//! `offportd run`: starts everything, keeps it going, ends it in order.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use offport_capture::xdp::{self, Control, Notice, PortInfo};
use offport_config::Config;
use offport_engine::{Config as EngineConfig, DataPorts, Event, EventPhase, FlowRecord, Opening, Worker};
use offport_fingerprint::Signatures;
use offport_policy::Policy;
use offport_telemetry::ecs::Formatter;
use offport_telemetry::http::{Board, Listener};
use offport_telemetry::metrics::{FlaggedPairs, Metrics, WorkerSample, publish_forwarders};

use crate::absence::Absence;
use crate::balance::Balance;
use crate::cli::Run;
use crate::forwarding::Forwarding;
use crate::outlet::{self, Inlet, Takes};
use crate::reload::{Reloads, Rules};
use crate::sandbox::{self, Sandbox};
use crate::sinks::Sinks;
use crate::store::{self, Store};
use crate::supervisor::Supervisor;
use crate::{capture_metrics, drain, load, log, settings, worker};

/// Rings are emptied and files written this often: the longest that an event waits.
const DRAIN: Duration = Duration::from_millis(50);
/// Interfaces are looked after this often.
const LOOK_AFTER: Duration = Duration::from_millis(250);
/// After a worker has begun anew, /readyz says so for so long.
const NOT_READY: Duration = Duration::from_secs(10);
/// At the end, records of all flows are written for so long: with full tables it may not be enough,
const ALL_WRITTEN: Duration = Duration::from_secs(15);
/// those of flagged ones for so long,
const FLAGGED_WRITTEN: Duration = Duration::from_secs(20);
/// and then a worker that has not ended is given up. The unit's `TimeoutStopSec` is more.
const ENDED: Duration = Duration::from_secs(25);

/// Runs until a signal says stop.
pub(crate) fn run(arguments: &Run) -> anyhow::Result<()> {
    let (mut config, signatures, warnings) = load::load(arguments.config.as_deref())?;
    let throttle = log::start(&config.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if !arguments.interfaces.is_empty() {
        config.capture.interfaces.clone_from(&arguments.interfaces);
    }
    if config.capture.interfaces.is_empty() {
        bail!("no interface: name one with -i, or in capture.interfaces");
    }
    let signals = Signals::install()?;
    let mut sensor = Sensor::start(&config, signatures, arguments)?;
    let result = sensor.serve(&signals, &throttle);
    sensor.end();
    result
}

struct Signals {
    stop: Arc<AtomicBool>,
    hangup: Arc<AtomicBool>,
}

impl Signals {
    fn install() -> anyhow::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let signals = Self { stop: Arc::default(), hangup: Arc::default() };
        for (signal, flag) in [(SIGTERM, &signals.stop), (SIGINT, &signals.stop), (SIGHUP, &signals.hangup)] {
            signal_hook::flag::register(signal, Arc::clone(flag))
                .context("signal handlers cannot be installed")?;
        }
        Ok(signals)
    }
}

struct Sensor {
    config: Config,
    control: Control,
    /// How queues are bound, as it was published last.
    bound: Vec<PortInfo>,
    /// `None`: slots stay where they are.
    balance: Option<Balance>,
    workers: Vec<worker::Handle>,
    inlets: Vec<Inlet>,
    /// Whose turn to be drained first was last.
    first: usize,
    sinks: Sinks,
    metrics: Metrics,
    pairs: FlaggedPairs,
    board: Arc<Board>,
    reloads: Reloads,
    sandbox: Sandbox,
    supervisor: Supervisor,
    absence: Absence,
    /// Until every worker has its tables.
    is_starting: bool,
    /// Workers' restarts so far, and when there was one more.
    restarts: (u64, Option<Instant>),
    /// Stops when dropped, after everything else.
    _listener: Option<Listener>,
}

impl Sensor {
    fn start(config: &Config, signatures: Signatures, arguments: &Run) -> anyhow::Result<Self> {
        // While there is one thread, and nothing is open.
        let sandbox = sandbox::enter(config)?;
        sandbox.announce();
        let policy = Arc::new(Policy::new(&config.policy).context("[policy]")?);
        let rules = Rules { policy, signatures: Arc::new(signatures) };
        let metrics = Metrics::install().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
        capture_metrics::describe();
        store::describe();
        Absence::describe();
        let board = Board::new(metrics.handle());
        // Before workers are pinned: threads inherit the affinity of their creator.
        let listener = if config.http.enabled {
            let listen = config.http.listen;
            let listener = sandbox.nursery(|| Listener::start(listen, Arc::clone(&board)))?.with_context(|| {
                format!(
                    "http.listen: {listen} cannot be bound; choose another address, or http.enabled = false"
                )
            })?;
            tracing::info!(address = %listener.address(), "serving /metrics, /events, /healthz, /readyz");
            Some(listener)
        } else {
            None
        };

        let queues = config.capture.interfaces.iter().map(|name| xdp::receive_queues(name)).sum();
        let layout = settings::layout(&config.capture, arguments.workers, queues)?;
        let formatter = formatter(config, &rules.policy);
        let (sinks, keepers) = sandbox.nursery(|| {
            let observer = formatter.observer.clone();
            let (store, keepers) =
                Store::open(config, observer.as_deref(), usize::from(layout.workers.get()))?;
            Sinks::open(config, formatter, store, !arguments.quiet).map(|sinks| (sinks, keepers))
        })??;

        let seed = random();
        let options = settings::capture(config, layout.workers, seed);
        let (mut control, receivers) = xdp::open(&config.capture.interfaces, &options)?;
        if config.capture.huge_pages == offport_config::Want::Require
            && control.bound().iter().any(|port| !port.huge_pages)
        {
            bail!(
                "capture.huge_pages = \"require\", but not enough are free: sysctl vm.nr_hugepages, or \"auto\""
            );
        }
        let steers = settings::steers(&config.capture, layout.workers);
        let ports = u32::try_from(control.bound().len()).unwrap_or(u32::MAX);
        let backlog = ports.saturating_mul(config.capture.rx_ring);
        let data_ports = Arc::new(DataPorts::new(random()));
        let mut workers = Vec::new();
        let mut inlets = Vec::new();
        let recorded =
            config.records.enabled || config.store.flows.enabled || Forwarding::wants_records(config);
        let described = recorded && config.records.descriptions > 0;
        let rings = outlet::rings(usize::from(layout.workers.get()), described);
        let mut keepers = keepers.into_iter();
        for ((receiver, (mut outlet, inlet)), core) in receivers.into_iter().zip(rings).zip(layout.cores) {
            outlet.set_keeper(keepers.next());
            outlet.set_shunt(control.shunt());
            outlet.set_slots(steers.then(|| control.slots()));
            let engine_config = EngineConfig {
                data_ports: Some(Arc::clone(&data_ports)),
                ..settings::engine(config, layout.workers, backlog, seed)
            };
            let number = receiver.worker();
            let make = move |rules: &Rules| {
                let engine_config =
                    EngineConfig { signatures: Arc::clone(&rules.signatures), ..engine_config.clone() };
                Worker::new(engine_config, Arc::clone(&rules.policy), number, random())
            };
            let (make, door) = (Box::new(make), sandbox.clone());
            let started = sandbox.nursery(|| worker::start(receiver, make, outlet, core, &rules, door))?;
            workers.push(started.context("a worker cannot be started")?);
            inlets.push(inlet);
        }
        let metrics_settings = &config.metrics;
        let pairs =
            FlaggedPairs::new(metrics_settings.flagged_pairs as usize, metrics_settings.flagged_pair_time);
        let balance = (steers && config.capture.rebalance).then(|| {
            let above = f64::from(config.capture.rebalance_above) / 100.0;
            let flows = config.capture.rebalance_flows;
            Balance::new(control.slots(), above, flows, workers.len(), Instant::now())
        });
        let sensor = Self {
            config: config.clone(),
            bound: control.bound(),
            control,
            balance,
            workers,
            inlets,
            first: 0,
            sinks,
            metrics,
            pairs,
            board,
            reloads: Reloads::new(arguments, rules),
            sandbox,
            supervisor: Supervisor::new(),
            absence: Absence::ends(config),
            is_starting: true,
            restarts: (0, None),
            _listener: listener,
        };
        sensor.announce(layout.workers);
        Ok(sensor)
    }

    /// A worker makes its tables on its own core, which takes a second for some millions of flows. Until then packets wait in its rings, and
    /// are counted if they find no room: that is not ready yet.
    fn look_after_start(&mut self) {
        self.is_starting = !self.workers.iter_mut().all(worker::Handle::has_begun);
        if !self.is_starting {
            self.board.set_not_ready(self.not_ready());
            self.supervisor.ready(&self.config.capture.interfaces);
        }
    }

    /// Says what was got, not what was asked for.
    fn announce(&self, workers: NonZeroU16) {
        capture_metrics::publish_modes(&[], &self.bound);
        for port in &self.bound {
            tracing::info!(
                "{} queue {}: {} XDP, {}, {} pages{}",
                port.interface,
                port.queue,
                port.mode.name(),
                if port.zero_copy { "zero-copy" } else { "copy" },
                if port.huge_pages { "huge" } else { "4 KiB" },
                if port.multi_buffer { ", multi-buffer" } else { "" },
            );
        }
        tracing::info!("watching {} with {workers} workers", self.config.capture.interfaces.join(", "));
    }

    fn serve(&mut self, signals: &Signals, throttle: &log::Throttle) -> anyhow::Result<()> {
        let mut looked = Instant::now();
        let mut published = Instant::now();
        let mut is_behind = false;
        while !signals.stop.load(Ordering::Relaxed) {
            if !is_behind {
                std::thread::sleep(DRAIN);
            }
            is_behind = self.drain().is_cut_short;
            self.sinks.flush();
            self.supervisor.alive();
            self.absence.tick();
            if self.is_starting {
                self.look_after_start();
            } else if signals.hangup.swap(false, Ordering::Relaxed) {
                self.supervisor.reloading();
                self.sinks.reopen();
                self.reload();
                self.supervisor.ready(&self.config.capture.interfaces);
            }
            if looked.elapsed() >= LOOK_AFTER {
                looked = Instant::now();
                self.look_after_interfaces();
                self.look_after_balance();
                throttle.tick();
            }
            if published.elapsed() >= self.config.metrics.interval {
                published = Instant::now();
                self.publish();
            }
            if let Some(index) = self.workers.iter().position(|worker| worker.has_ended()) {
                let words = self.workers[index].join().unwrap_or_else(|| "without a reason".to_owned());
                self.board.set_not_ready(Some(format!("worker {index} has ended: {words}")));
                bail!("worker {index} has ended: {words}; the sensor stops");
            }
        }
        tracing::info!("stopping");
        self.supervisor.stopping("writing what is left");
        Ok(())
    }

    fn reload(&mut self) {
        let Self { config, reloads, sinks, sandbox, workers, .. } = self;
        let Some((next, files)) = reloads.reload(config, |next| Sinks::open_next(config, next)) else {
            return;
        };
        // Threads that forward have no capability.
        let changed = sandbox.nursery(|| sinks.change(files, config, &next));
        if let Err(error) = changed.and_then(std::convert::identity) {
            tracing::error!("{error:#}");
        }
        let rules = reloads.rules();
        // Before a worker judges by them.
        sinks.set_rule_names(rule_names(&rules.policy));
        workers.iter_mut().for_each(|worker| worker.set_rules(rules));
        self.config = next;
    }

    fn look_after_interfaces(&mut self) {
        let well = self.note_restarts();
        let notices = self.control.tick();
        for notice in &notices {
            match notice {
                Notice::Lost { .. }
                | Notice::Failed { .. }
                | Notice::NoRoom { .. }
                | Notice::LinkDown { .. } => tracing::warn!("{notice}"),
                _ => tracing::info!("{notice}"),
            }
        }
        if notices.is_empty() && well {
            return;
        }
        let was = std::mem::replace(&mut self.bound, self.control.bound());
        capture_metrics::publish_modes(&was, &self.bound);
        if !self.is_starting {
            self.board.set_not_ready(self.not_ready());
        }
    }

    fn not_ready(&self) -> Option<String> {
        let closed: Vec<String> = self
            .control
            .statistics()
            .interfaces
            .into_iter()
            .filter(|interface| !interface.open)
            .map(|interface| interface.interface)
            .collect();
        let closed =
            (!closed.is_empty()).then(|| format!("{} not open: gone, or refused", closed.join(", ")));
        let restarted = self.restarts.1.map(|_| "a worker has begun anew a moment ago".to_owned());
        closed.or(restarted)
    }

    /// Whether no worker has begun anew lately, nor was that so a moment ago.
    fn note_restarts(&mut self) -> bool {
        let restarts = self.workers.iter_mut().map(worker::Handle::restarts).sum();
        let was = self.restarts;
        if restarts > was.0 {
            self.restarts = (restarts, Some(Instant::now()));
        } else if was.1.is_some_and(|at| at.elapsed() >= NOT_READY) {
            self.restarts.1 = None;
        }
        was.1.is_none() && self.restarts.1.is_none()
    }

    fn look_after_balance(&mut self) {
        let Some(balance) = &mut self.balance else { return };
        let loads: Vec<_> = self.workers.iter_mut().map(worker::Handle::load).collect();
        balance.tick(Instant::now(), &loads);
    }

    /// Writes what the workers have put out since the last call, for a bounded time.
    fn drain(&mut self) -> drain::Turn {
        let Self { inlets, first, sinks, pairs, board, .. } = self;
        drain::turn(inlets, first, &mut Writing { sinks, pairs, board })
    }

    fn publish(&mut self) {
        let snapshot = self.control.statistics();
        let board = Arc::clone(&self.board);
        let _whole = board.publishing();
        capture_metrics::publish(&snapshot);
        if let Some(balance) = &self.balance {
            balance.publish();
        }
        for (sink, written, failed) in self.sinks.counts() {
            metrics::counter!("offport_sink_lines_total", "sink" => sink).absolute(written);
            metrics::counter!("offport_sink_lines_lost_total", "sink" => sink).absolute(failed);
        }
        self.sinks.store().publish();
        publish_forwarders(self.sinks.forwarding().all());
        self.reloads.publish();
        self.sandbox.publish();
        self.absence.publish();
        let descriptions = self.sinks.descriptions();
        metrics::counter!("offport_limit_reached_total", "buffer" => "descriptions")
            .absolute(descriptions.dropped());
        metrics::gauge!("offport_buffers_in_use", "buffer" => "descriptions").set(descriptions.len() as f64);
        self.pairs.expire(load::now());
        let mut published = Vec::new();
        for worker in &mut self.workers {
            worker.published.update();
            published.push((worker.index, worker.published.output_buffer().clone()));
        }
        let samples: Vec<WorkerSample<'_>> = published
            .iter()
            .zip(&self.inlets)
            .map(|((worker, published), inlet)| WorkerSample {
                worker: *worker,
                counters: &published.counters,
                busy_seconds: published.busy_nanos as f64 / 1e9,
                pinned: published.pinned,
                restarts: published.restarts,
                records_lost: inlet.lost.records.load(Ordering::Relaxed),
                events_lost: inlet.lost.events.load(Ordering::Relaxed),
                descriptions_lost: inlet.lost.openings.load(Ordering::Relaxed),
            })
            .collect();
        self.metrics.publish(&samples, &self.pairs, &self.board);
    }

    /// No more packets, then the rings to their end, then every flow's record.
    fn end(&mut self) {
        self.board.set_not_ready(Some("stopping".to_owned()));
        self.absence.begins();
        self.control.detach();
        self.control.stop();
        self.sinks.no_more_packets();
        let (start, mut last) = (Instant::now(), Takes::All);
        let lost = |inlets: &[Inlet]| -> u64 {
            inlets.iter().map(|inlet| inlet.lost.records.load(Ordering::Relaxed)).sum()
        };
        let before = lost(&self.inlets);
        loop {
            let ended = self.workers.iter().all(worker::Handle::has_ended);
            if self.drain().count == 0 {
                if ended {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            self.supervisor.alive();
            let takes = match start.elapsed() {
                passed if passed > ENDED => break,
                passed if passed > FLAGGED_WRITTEN => Takes::Nothing,
                passed if passed > ALL_WRITTEN => Takes::Flagged,
                _ => Takes::All,
            };
            if takes != last {
                last = takes;
                tracing::warn!("the end takes long: from now on {}", takes.words());
                self.inlets.iter().for_each(|inlet| inlet.lost.take_only(takes));
            }
        }
        // What is in the rings still, nobody takes.
        let left: usize = self.inlets.iter().map(|inlet| inlet.records.slots()).sum();
        let records_lost = lost(&self.inlets) - before + left as u64;
        if records_lost > 0 {
            tracing::error!(records_lost, "not all flows that were open have their record");
        }
        self.sinks.end();
        for worker in &mut self.workers {
            if !worker.has_ended() {
                tracing::error!("worker {} has not ended in {ENDED:?}: given up", worker.index);
            } else if let Some(words) = worker.join() {
                tracing::error!("worker {}: {words}", worker.index);
            }
        }
        self.sinks.store().stop();
        self.publish();
        self.summary();
    }

    /// The last line: what was done, and that nothing is missing.
    fn summary(&mut self) {
        let mut total = offport_engine::Counters::default();
        for worker in &mut self.workers {
            total += &worker.published.output_buffer().counters;
        }
        tracing::info!(
            received = total.received,
            processed = total.processed,
            dropped = total.dropped_total() + total.table_full + total.abandoned + total.hand_over_failed,
            held = total.held,
            flows = total.flow.created,
            flagged = total.flagged,
            "stopped"
        );
        if !total.is_balanced() || total.handed_over != total.taken_over {
            tracing::error!(?total, "the counters do not add up: this is a defect, please report it");
        }
    }
}

/// Has the flows described that have begun; how many.
/// Where what the workers put out goes.
struct Writing<'a> {
    sinks: &'a mut Sinks,
    pairs: &'a mut FlaggedPairs,
    board: &'a Board,
}

impl drain::Taker for Writing<'_> {
    fn opening(&mut self, opening: &Opening) {
        self.sinks.opening(opening);
    }

    fn event(&mut self, event: &Event) {
        if event.phase == EventPhase::Flagged {
            self.pairs.flagged(&event.record);
        }
        self.sinks.event(event, self.board);
    }

    fn record(&mut self, record: &FlowRecord) {
        self.sinks.record(record);
    }
}

fn formatter(config: &Config, policy: &Policy) -> Formatter {
    Formatter {
        observer: config.sensor.name.clone().or_else(host_name),
        interfaces: config.capture.interfaces.clone(),
        log_file: None,
        evidence: None,
        rules: rule_names(policy),
    }
}

fn rule_names(policy: &Policy) -> Vec<String> {
    policy.rule_names().map(str::to_owned).collect()
}

fn host_name() -> Option<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// A number that a sender cannot know: std seeds its hasher from the operating system.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}
