//! What must stay as it is for hours: memory under churn, and real sessions beside a SYN flood.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offport_engine::{Action, Config, EndReason, Event, FlowRecord, HandOver, Output, Worker};
use offport_policy::{Policy, Verdict};
use offport_wire::{Frame, TcpFlags, Timestamp};

use super::size::Size;
use crate::clock::Pinned;
use crate::in_memory::area::Area;
use crate::in_memory::established::{REQUEST, UPLOAD, data, opening};
use crate::in_memory::packet::{Tcp, tcp};
use crate::memory::resident;
use crate::report::row::Row;

const START: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);
const FRAMES: usize = 1_024;
/// Memory that is taken for noise: a huge page and a few others. The kernel collapses a range of which one page is in use
/// into a huge page when it comes by (`khugepaged`), which makes 2 MiB of 4 KiB.
const NOISE: u64 = 3 << 20;

/// Both.
///
/// # Errors
/// There is no core to pin to.
pub fn run(size: &Size) -> anyhow::Result<Vec<Row>> {
    let _pinned = Pinned::to_last_core()?;
    eprintln!("endurance");
    Ok(vec![churn(size)?, flood(size)?])
}

/// A worker, its packets and its clock.
struct Bench {
    worker: Worker,
    area: Area,
    now: Timestamp,
    sink: Sessions,
}

/// How the real sessions end. All others have no payload.
#[derive(Default)]
struct Sessions {
    whole: u64,
    evicted: u64,
}

impl Output for Sessions {
    fn record(&mut self, record: &FlowRecord) {
        if record.action != Action::End || record.client.payload == 0 {
            return;
        }
        let verdict = record.judgement.map(|judgement| judgement.verdict);
        self.whole += u64::from(matches!(verdict, Some(Verdict::Expected | Verdict::Unrecognised)));
        self.evicted += u64::from(record.reason == EndReason::Evicted);
    }

    fn event(&mut self, _: &Event) {}

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        false
    }
}

impl Bench {
    fn new() -> Self {
        Self {
            worker: Worker::new(Config::default(), Arc::new(Policy::default()), 0, 3),
            area: Area::new(FRAMES),
            now: START,
            sink: Sessions::default(),
        }
    }

    /// Hands over the first `count` packets, 64 at a time, `gap` apart.
    fn give(&mut self, count: usize, gap: Duration) {
        for start in (0..count).step_by(64) {
            let end = (start + 64).min(count);
            let frames: [Frame<'_>; 64] =
                std::array::from_fn(|at| self.area.frame((start + at).min(end - 1), self.now));
            self.worker.batch(&frames[..end - start], &mut self.sink);
            self.now = self.now + gap * (end - start) as u32;
        }
        self.worker.tick(self.now, &mut self.sink);
    }
}

/// Half an hour, in the packets' time, of a million HTTP flows a minute.
fn churn(size: &Size) -> anyhow::Result<Row> {
    const PER_MINUTE: u32 = 1_000_000;
    const STEPS: u32 = 6;
    /// Flows between two steps of one.
    const APART: u32 = 512;
    let minutes = if size.claim { 30 } else { 2 };
    let gap = Duration::from_secs(60) / (PER_MINUTE * STEPS);
    let mut bench = Bench::new();
    let (mut warm, mut peak, mut packets) = (0, 0, 0_u64);
    for minute in 0..minutes {
        let mut filled = 0;
        for number in minute * PER_MINUTE..(minute + 1) * PER_MINUTE {
            for step in 0..STEPS {
                let flow = number.wrapping_sub(step * APART) & 0x3fff_ffff;
                bench.area.write(filled, |frame| opening(frame, flow, step, 80, REQUEST));
                filled += 1;
                if filled == FRAMES {
                    bench.give(filled, gap);
                    packets += filled as u64;
                    filled = 0;
                }
            }
        }
        let now = resident()?;
        // Tables and pools have been in use for some timeouts.
        if minute == 1 {
            (warm, peak) = (now, now);
        }
        peak = peak.max(now);
    }
    let flows = bench.worker.counters().flow.created;
    let grown = peak.saturating_sub(warm);
    Ok(Row {
        part: "in memory, endurance".to_owned(),
        case: format!("{minutes} minutes of a million HTTP flows a minute"),
        median: Some(grown as f64 / 1_024.0),
        unit: "KiB more".to_owned(),
        ..Row::default()
    }
    .note(format!("{flows} flows, {packets} packets; {} MiB resident", peak >> 20))
    .target("no growth after 2 minutes, to 3 MiB", grown <= NOISE, size.claim))
}

/// SYNs of random 5-tuples, as fast as they go, beside sessions that go on. A hundred of these are flagged.
fn flood(size: &Size) -> anyhow::Result<Row> {
    const SESSIONS: u32 = 10_000;
    const FLAGGED: u32 = 100;
    const RAW: &[u8] = b"\xa7\x1c\x93\xe4\x0f\x8b\xd2\x66\x99\xee\x81\xf0\xab\xcd\x90\x87\xb6\xa5\x94\x83";
    let time = Duration::from_secs_f64(if size.claim { 60.0 } else { size.seconds });
    let mut bench = Bench::new();
    let request = |flow| if flow < FLAGGED { RAW } else { UPLOAD };
    let mut filled = 0;
    for flow in 0..SESSIONS {
        for step in 0..4 {
            bench.area.write(filled, |frame| opening(frame, flow, step, 80, request(flow)));
            filled += 1;
        }
        if filled == FRAMES {
            bench.give(filled, Duration::from_micros(1));
            filled = 0;
        }
    }
    bench.give(filled, Duration::from_micros(1));
    let flagged = bench.worker.counters().flagged;

    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut syns, mut said, mut warm, mut peak) = (0_u64, 0_u64, 0, 0);
    let (start, began) = (Instant::now(), bench.now);
    loop {
        let passed = start.elapsed();
        bench.now = bench.now.max(began + passed);
        if passed >= time {
            break;
        }
        // Each session says something every second.
        let due = (passed.as_secs_f64() * f64::from(SESSIONS)) as u64 - said;
        let data_packets = (due as usize).min(FRAMES / 4);
        for index in 0..data_packets {
            let (flow, round) = ((said % u64::from(SESSIONS)) as u32, (said / u64::from(SESSIONS)) as u32);
            bench.area.write(index, |frame| data(frame, flow, request(flow), round));
            said += 1;
        }
        for index in data_packets..FRAMES {
            bench.area.write(index, |frame| syn(frame, &mut random));
        }
        syns += (FRAMES - data_packets) as u64;
        bench.give(FRAMES, Duration::ZERO);
        // The table has been full for a while.
        if passed >= time / 4 {
            let now = resident()?;
            warm = if warm == 0 { now } else { warm };
            peak = peak.max(now);
        }
    }
    let flood = *bench.worker.counters();
    bench.worker.finish(bench.now, &mut bench.sink);
    let flow = bench.worker.counters().flow;
    let Sessions { whole, evicted } = bench.sink;
    let unopened = flow.evicted_half_open + flow.evicted_unanswered;
    let by_class = flow.evicted_closed + flow.evicted_idle + flow.evicted_open + unopened;
    let ended = flow.ended_fin + flow.ended_rst + flow.ended_idle + flow.ended_evicted + flow.ended_shutdown;
    let counted = flow.created == ended && by_class == flow.ended_evicted;
    let grown = peak.saturating_sub(warm);
    let each = time.as_nanos() as f64 / (syns + said) as f64;
    Ok(Row {
        part: "in memory, endurance".to_owned(),
        case: format!("SYN flood for {} s beside 10,000 sessions", time.as_secs_f64()),
        median: Some(each),
        unit: "ns/packet".to_owned(),
        ..Row::default()
    }
    .note(format!(
        "{:.1} M SYNs, {:.1} M evicted; {whole} sessions with their verdict, {evicted} of them evicted; {flagged} flagged; \
         {} KiB more",
        syns as f64 / 1e6,
        flood.flow.ended_evicted as f64 / 1e6,
        grown >> 10,
    ))
    .target(
        "no session lost, none flagged evicted",
        (whole, evicted, flagged) == (SESSIONS.into(), 0, FLAGGED.into()),
        size.claim,
    )
    .target("memory flat, to 3 MiB", grown <= NOISE, size.claim)
    .target("every eviction counted", counted, size.claim))
}

/// Any address and port asks any other.
fn syn(frame: &mut [u8], random: &mut Random) -> usize {
    let (ends, ports) = (random.next(), random.next());
    let from = (Ipv4Addr::from(ends as u32), ports as u16 | 1);
    // Not the sessions' servers.
    let to = (Ipv4Addr::from(0xcb00_0000 | (ends >> 32) as u32 & 0xff_ffff), (ports >> 16) as u16 | 1);
    tcp(frame, &Tcp { from, to, flags: TcpFlags::SYN, seq: (ports >> 32) as u32, ack: 0, payload: b"" })
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
