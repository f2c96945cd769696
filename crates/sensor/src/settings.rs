//! From `offport.toml` to what capture and engine take.

use std::num::NonZeroU16;

use anyhow::Context as _;
use offport_capture::xdp;
use offport_config::{Capture, Config, MultiBuffer, NoSocket, OtherFrames, Steering, Want, XdpMode};
use offport_engine::{Config as EngineConfig, Shunting};

use crate::cores::Topology;
use crate::store;

/// Capture's options. `seed` is the steering hash's.
pub(crate) fn capture(config: &Config, workers: NonZeroU16, seed: u64) -> xdp::Options {
    let settings = &config.capture;
    xdp::Options {
        workers,
        steering: match settings.steering {
            Steering::Flow => xdp::Steering::Flow,
            Steering::Rss => xdp::Steering::Rss,
        },
        mode: match settings.mode {
            XdpMode::Auto => xdp::Mode::Auto,
            XdpMode::Native => xdp::Mode::Native,
            XdpMode::Generic => xdp::Mode::Generic,
        },
        zero_copy: match settings.zero_copy {
            Want::Auto => xdp::ZeroCopy::Auto,
            Want::Require => xdp::ZeroCopy::Required,
            Want::Off => xdp::ZeroCopy::Off,
        },
        multi_buffer: match settings.multi_buffer {
            MultiBuffer::Auto => xdp::MultiBuffer::Auto,
            MultiBuffer::On => xdp::MultiBuffer::On,
            MultiBuffer::Off => xdp::MultiBuffer::Off,
        },
        huge_pages: settings.huge_pages != Want::Off,
        frame_size: if settings.frame_size == 2048 {
            xdp::FrameSize::Bytes2048
        } else {
            xdp::FrameSize::Bytes4096
        },
        frames: (settings.frames > 0).then_some(settings.frames),
        fill_ring: settings.fill_ring,
        rx_ring: settings.rx_ring,
        batch: (settings.batch as usize).min(xdp::MAX_BATCH),
        busy_poll: settings.busy_poll.then(|| xdp::BusyPoll {
            budget: u32::from(settings.busy_poll_budget),
            microseconds: u32::try_from(settings.busy_poll_time.as_micros()).unwrap_or(u32::MAX),
        }),
        spin: settings.spin,
        promiscuous: settings.promiscuous,
        not_ip: action(settings.not_ip),
        malformed: action(settings.malformed),
        no_socket: match settings.no_socket {
            NoSocket::Drop => xdp::NoSocket::Drop,
            NoSocket::Pass => xdp::NoSocket::Pass,
        },
        shunt_entries: if config.shunt.enabled { config.shunt.entries } else { 0 },
        pins: if settings.rebalance && steers(settings, workers) { settings.rebalance_flows } else { 0 },
        seed: Some(seed),
        ..xdp::Options::default()
    }
}

/// Whether the XDP program chooses among several workers.
pub(crate) fn steers(settings: &Capture, workers: NonZeroU16) -> bool {
    workers.get() > 1 && settings.steering == Steering::Flow
}

const fn action(action: OtherFrames) -> xdp::Action {
    match action {
        OtherFrames::Drop => xdp::Action::Drop,
        OtherFrames::Pass => xdp::Action::Pass,
        OtherFrames::Worker => xdp::Action::Worker,
    }
}

/// One worker's settings.
///
/// `backlog`: frames that its rings hold at most.
pub(crate) fn engine(settings: &Config, workers: NonZeroU16, backlog: u32, seed: u64) -> EngineConfig {
    let steering = steers(&settings.capture, workers).then(|| offport_engine::Steering {
        seed,
        backlog,
        max_pins: if settings.capture.rebalance { settings.capture.rebalance_flows } else { 0 },
        ..offport_engine::Steering::default()
    });
    let keep = store::keep(settings);
    EngineConfig {
        flow: offport_flow::Config { keep, ..settings.flow.table() },
        event_floor: settings.events.min_severity,
        suppress_window: settings.events.suppress,
        suppress_entries: settings.events.suppress_entries,
        events_per_second: settings.events.rate,
        steering,
        shunting: settings.shunt.enabled.then(|| Shunting {
            // What is to be kept of a flow must come up first.
            after: settings.shunt.after.max(keep.session.into()),
            alarms_after: settings.shunt.alarms_after.max(keep.flagged.into()),
            never: settings.shunt.never.clone(),
        }),
        ..EngineConfig::default()
    }
}

/// How many workers, and on which cores: as the file says, else one per queue, at most one per core that this process
/// may use. Cores are numbers as in /proc/cpuinfo.
///
/// Which cores, if the file does not say: see [`crate::cores`].
pub(crate) fn layout(settings: &Capture, asked: Option<u16>, queues: u32) -> anyhow::Result<Layout> {
    let usable = core_affinity::get_core_ids().unwrap_or_default();
    let most = u16::try_from(usable.len()).unwrap_or(u16::MAX).max(1);
    let workers = match asked.unwrap_or(settings.workers) {
        0 if !settings.cores.is_empty() => u16::try_from(settings.cores.len()).unwrap_or(u16::MAX),
        0 => u16::try_from(queues).unwrap_or(u16::MAX).clamp(1, most),
        workers => workers,
    };
    let workers = NonZeroU16::new(workers).context("at least one worker is needed")?;
    let mut cores = Vec::new();
    for &core in &settings.cores {
        let id = usable.iter().find(|id| id.id == usize::from(core)).copied();
        cores.push(Some(id.with_context(|| {
            let usable: Vec<_> = usable.iter().map(|id| id.id).collect();
            format!("capture.cores: core {core} is not one that this process may use; these are: {usable:?}")
        })?));
    }
    if cores.is_empty() && workers.get() <= most {
        let numbers: Vec<_> = usable.iter().map(|id| id.id).collect();
        let nodes = settings.interfaces.iter().filter_map(|name| xdp::numa_node(name)).collect();
        let order = Topology::read(&numbers).order(&nodes);
        cores = order.into_iter().map(|id| Some(core_affinity::CoreId { id })).collect();
    }
    // More workers than cores: left to the scheduler.
    cores.resize(usize::from(workers.get()), None);
    Ok(Layout { workers, cores })
}

/// Workers and their cores.
pub(crate) struct Layout {
    pub workers: NonZeroU16,
    /// By worker; `None` is not pinned.
    pub cores: Vec<Option<core_affinity::CoreId>>,
}
