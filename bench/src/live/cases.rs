//! The live cases: who gets how many packets a second of the same traffic, in turn.

use std::path::Path;
use std::time::Duration;

use super::baseline::Baseline;
use super::generator::{Generator, Plan, Until};
use super::namespace::{self, TAP, WIRE};
use super::peer::{self, Peer};
use super::sensor::{Sensor, Store};
use crate::corpus;
use crate::in_memory::mix::Capture;
use crate::parts::size::Size;
use crate::report::row::Row;
use crate::report::table::number;
use crate::rounds::Series;

/// A kind of traffic.
struct Case {
    name: &'static str,
    plan: Plan,
    target: Target,
}

/// What is asked of `offportd`.
#[derive(Clone, Copy)]
enum Target {
    /// Packets per second by those of receive-and-drop, at least.
    ByReceive(f64),
    /// Packets per second by those of `XDP_DROP`, at least.
    ByDrop(f64),
    /// Nothing: to look at.
    Nothing,
}

const CASES: [Case; 5] = [
    Case {
        name: "64 B TCP, 65,536 settled flows",
        plan: Plan::Flows { flow_bits: 16, frame: 60, new_permille: 0 },
        target: Target::ByReceive(0.95),
    },
    Case {
        name: "128 B TCP, 65,536 settled flows and 1 % packets of new ones",
        plan: Plan::Flows { flow_bits: 16, frame: 124, new_permille: 10 },
        target: Target::ByReceive(0.95),
    },
    Case {
        name: "1,500 B TCP, 65,536 settled flows",
        plan: Plan::Flows { flow_bits: 16, frame: 1_500, new_permille: 0 },
        target: Target::ByReceive(0.95),
    },
    Case { name: "mix.pcap, other addresses each time", plan: Plan::Replay, target: Target::Nothing },
    Case {
        name: "64 B TCP, one elephant",
        plan: Plan::Flows { flow_bits: 0, frame: 60, new_permille: 0 },
        target: Target::ByDrop(0.9),
    },
];

/// One core sends, with the kernel's half of receiving; one core receives.
const SENDER: usize = 0;
pub(super) const RECEIVER: usize = 1;
/// Packets a second while flows are opened: slow enough to lose none.
pub(super) const OPENING: u64 = 150_000;

/// What one round of one receiver came to.
#[derive(Clone, Copy, Default)]
struct Outcome {
    /// Nanoseconds between two packets that were received (or counted, where that is all).
    each: f64,
    /// Nanoseconds of the receiver's thread for one.
    thread: f64,
    /// Nanoseconds of the whole process for one.
    process: f64,
    /// Part of the packets that was lost before the receiver.
    lost: f64,
    /// Packets that are missing in the accounts: XDP, sockets, workers.
    unaccounted: [f64; 3],
    /// Of the packets that were to be kept, the part that is on disk.
    kept: f64,
}

/// The cases with `wanted` in their name; in a namespace of its own (see [`namespace::enter`]). `keeping`: what the packet store
/// costs `offportd`, instead of what `offportd` costs.
///
/// # Errors
/// The kernel refuses, or `offportd` fails.
pub fn run(size: &Size, keeping: bool, wanted: &str, programs: &Path) -> anyhow::Result<(Vec<Row>, String)> {
    namespace::make_pair()?;
    let mix = corpus::mix().and_then(|path| Capture::read(&path));
    let mut rows = Vec::new();
    let mut mode = String::new();
    let mut generator = Generator::new(WIRE, SENDER, mix.as_ref().ok())?;
    for case in CASES.iter().filter(|case| case.name.contains(wanted)) {
        eprintln!("live: {}", case.name);
        let part = format!("{} on veth, {}", if keeping { "packet store" } else { "live" }, case.name);
        if let (Plan::Replay, Err(why)) = (case.plan, &mix) {
            rows.push(Row::skipped(part, "offportd", why.to_string()));
            continue;
        }
        // A B, then B A: a machine that gets slower, or what the one before has left, is for none of them.
        if keeping {
            let mut stores = [(0, Store::Nothing), (1, Store::Packets)];
            let mut outcomes: [Vec<Outcome>; 2] = Default::default();
            for _ in 0..size.live_rounds {
                for (at, store) in stores {
                    outcomes[at].push(watched(
                        &mut generator,
                        case.plan,
                        size,
                        programs,
                        (store, &mut mode),
                    )?);
                }
                stores.reverse();
            }
            rows.extend(keeping_rows(&part, &outcomes, size));
            continue;
        }
        let mut outcomes: [Vec<Outcome>; 3] = Default::default();
        for _ in 0..size.live_rounds {
            outcomes[0].push(dropped(&mut generator, case.plan, size)?);
            outcomes[1].push(received(&mut generator, case.plan, size)?);
            outcomes[2].push(watched(
                &mut generator,
                case.plan,
                size,
                programs,
                (Store::Nothing, &mut mode),
            )?);
        }
        rows.extend(case.rows(&part, &outcomes, size));
        if let Plan::Replay = case.plan {
            let ours = Series(outcomes[2].iter().map(|outcome| outcome.each).collect());
            rows.extend(peers(&mut generator, &part, size, &ours));
        }
    }
    Ok((rows, mode))
}

impl Case {
    fn rows(&self, part: &str, [dropped, received, watched]: &[Vec<Outcome>; 3], size: &Size) -> Vec<Row> {
        let each = |of: &[Outcome]| Series(of.iter().map(|outcome| outcome.each).collect());
        let median =
            |field: fn(&Outcome) -> f64, of: &[Outcome]| Series(of.iter().map(field).collect()).median();
        let mpps = |of: &[Outcome]| Series(each(of).0.iter().map(|nanos| 1e3 / nanos).collect());
        let (drop, receive, watch) = (each(dropped), each(received), each(watched));
        let (by_drop, by_receive) = (drop.by(&watch).median(), receive.by(&watch).median());
        let lost = median(|outcome| outcome.lost, watched);
        let mut sensor = Row::new(part, "offportd without its store", &mpps(watched), "Mpps").note(format!(
            "worker {} ns/packet, process {}, lost {} %",
            number(median(|outcome| outcome.thread, watched)),
            number(median(|outcome| outcome.process, watched)),
            number(lost * 100.0),
        ));
        sensor = match self.target {
            Target::ByReceive(least) => sensor.ratio(by_receive, "receive-and-drop").target(
                format!("≥ {least} × receive-and-drop"),
                by_receive >= least,
                size.claim,
            ),
            Target::ByDrop(least) => sensor.ratio(by_drop, "XDP_DROP").target(
                format!("≥ {least} × XDP_DROP"),
                by_drop >= least,
                size.claim,
            ),
            Target::Nothing => sensor.ratio(by_receive, "receive-and-drop"),
        };
        // Not a matter of speed: it holds in a smoke run too.
        let missing = watched.iter().map(|outcome| outcome.unaccounted).find(|missing| *missing != [0.0; 3]);
        sensor = sensor.target("every packet accounted for", missing.is_none(), true);
        if let Some([xdp, sockets, workers]) = missing {
            sensor.note += &format!("; unaccounted: XDP {xdp}, sockets {sockets}, workers {workers}");
        }
        vec![
            Row::new(part, "XDP_DROP", &mpps(dropped), "Mpps"),
            Row::new(part, "AF_XDP receive-and-drop", &mpps(received), "Mpps")
                .ratio(drop.by(&receive).median(), "XDP_DROP")
                .note(format!(
                    "thread {} ns/packet, lost {} %",
                    number(median(|outcome| outcome.thread, received)),
                    number(median(|outcome| outcome.lost, received) * 100.0)
                )),
            sensor,
        ]
    }
}

/// A sensor without and with its packet store, in turn: packets a second, pair by pair.
fn keeping_rows(part: &str, [without, with]: &[Vec<Outcome>; 2], size: &Size) -> [Row; 2] {
    let each = |of: &[Outcome]| Series(of.iter().map(|outcome| outcome.each).collect());
    let row = |name: &str, of: &[Outcome]| {
        let mpps = Series(each(of).0.iter().map(|nanos| 1e3 / nanos).collect());
        let median = |field: fn(&Outcome) -> f64| Series(of.iter().map(field).collect()).median();
        Row::new(part, name, &mpps, "Mpps").note(format!(
            "worker {} ns/packet, process {}, lost {} %",
            number(median(|outcome| outcome.thread)),
            number(median(|outcome| outcome.process)),
            number(median(|outcome| outcome.lost) * 100.0),
        ))
    };
    let pairs = each(without).by(&each(with));
    let kept = Series(with.iter().map(|outcome| outcome.kept).collect()).median();
    let [low, high] = pairs.middle_half();
    let mut stored = row("offportd with its packet store", with).ratio(pairs.median(), "without").target(
        "≥ 0.95 × without".to_owned(),
        pairs.median() >= 0.95,
        size.claim,
    );
    stored.note += &format!(
        "; of packets to be kept {} % were; {} pairs, the middle half {low:.2} to {high:.2}",
        number(kept * 100.0),
        with.len()
    );
    [row("offportd without its store", without), stored]
}

/// Other programs on the same traffic, in turn: packets that they had, by their own counts.
fn peers(generator: &mut Generator, part: &str, size: &Size, ours: &Series) -> Vec<Row> {
    let mut rows = Vec::new();
    let peers = [Peer::NdpiReader, Peer::Suricata];
    let mut series = [Series::default(), Series::default()];
    let mut failures = [None, None];
    for _ in 0..size.live_rounds {
        for ((peer, series), failure) in peers.iter().zip(&mut series).zip(&mut failures) {
            if failure.is_none() {
                match overheard(generator, *peer, size) {
                    Ok(each) => series.0.push(each),
                    Err(error) => *failure = Some(error),
                }
            }
        }
    }
    for ((peer, series), failure) in peers.iter().zip(&series).zip(failures) {
        if let Some(failure) = failure {
            rows.push(Row::skipped(part, peer.name(), failure.to_string()));
            continue;
        }
        let mpps = Series(series.0.iter().map(|nanos| 1e3 / nanos).collect());
        let ratio = ours.median() / series.median();
        rows.push(Row::new(part, peer.name(), &mpps, "Mpps").ratio(ratio, "offportd"));
    }
    rows
}

/// Nanoseconds between two packets that a peer had.
fn overheard(generator: &mut Generator, peer: Peer, size: &Size) -> anyhow::Result<f64> {
    anyhow::ensure!(peer::is_installed(peer), "is not installed: scripts/setup bench");
    let _baseline = Baseline::pass_all(TAP)?;
    let running = peer.start(TAP, RECEIVER, time(size))?;
    generator.restart();
    let sent = generator.run(Plan::Replay, until(size), None)?;
    std::thread::sleep(Duration::from_millis(200));
    let packets = running.finish()?;
    anyhow::ensure!(packets > 0, "had no packet");
    Ok(sent.time.as_nanos() as f64 / packets as f64)
}

fn dropped(generator: &mut Generator, plan: Plan, size: &Size) -> anyhow::Result<Outcome> {
    let baseline = Baseline::drop_all(TAP)?;
    let sent = generator.run(plan, until(size), None)?;
    Ok(Outcome { each: sent.time.as_nanos() as f64 / baseline.seen()? as f64, ..Outcome::default() })
}

fn received(generator: &mut Generator, plan: Plan, size: &Size) -> anyhow::Result<Outcome> {
    let baseline = Baseline::receive_and_drop(TAP, RECEIVER)?;
    let sent = generator.run(plan, until(size), None)?;
    let seen = baseline.seen()? as f64;
    // What is in the ring still.
    std::thread::sleep(Duration::from_millis(100));
    let tally = baseline.finish()?;
    let packets = tally.packets as f64;
    Ok(Outcome {
        each: sent.time.as_nanos() as f64 / packets,
        thread: tally.nanos as f64 / packets,
        lost: 1.0 - packets / seen,
        ..Outcome::default()
    })
}

fn watched(
    generator: &mut Generator,
    plan: Plan,
    size: &Size,
    programs: &Path,
    (store, mode): (Store, &mut String),
) -> anyhow::Result<Outcome> {
    let sensor = Sensor::start(programs, TAP, RECEIVER, store)?;
    *mode = sensor.mode();
    generator.restart();
    if let Plan::Flows { flow_bits, .. } = plan {
        let packets = 4 * (1u64 << flow_bits) + 1_024;
        generator.run(Plan::Open { flow_bits }, Until::Packets(packets), Some(OPENING))?;
    }
    let (before, used) = (sensor.settled()?, sensor.processor_seconds()?);
    let sent = generator.run(plan, until(size), None)?;
    let (after, used) = (sensor.settled()?, sensor.processor_seconds()? - used);
    let grown = |name: &str| after.sum(name, &[]) - before.sum(name, &[]);
    let (seen, lost) = (grown("offport_xdp_packets_total"), after.lost() - before.lost());
    // What was counted, by a worker or where it was shunted.
    let counted = seen - lost;
    Ok(Outcome {
        each: sent.time.as_nanos() as f64 / counted,
        thread: grown("offport_worker_busy_seconds_total") * 1e9 / counted,
        process: used * 1e9 / counted,
        lost: lost / seen,
        unaccounted: after.unaccounted(),
        kept: {
            let on_disk = grown("offport_evidence_packets_total");
            on_disk / (on_disk + grown("offport_evidence_packets_lost_total")).max(1.0)
        },
    })
}

fn until(size: &Size) -> Until {
    Until::Elapsed(time(size))
}

fn time(size: &Size) -> Duration {
    Duration::from_secs_f64(size.seconds)
}
