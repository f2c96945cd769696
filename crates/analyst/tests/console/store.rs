//! A store as the sensor writes it: made-up conversations of the last hour through the engine, into flow records and packets.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use offport_analyst::read::{Listener, Settings, read_capture};
use offport_analyst::sample::{Scene, Side, random};
use offport_capture::file::Interface;
use offport_engine::{Event, FlowRecord, HandOver, Opening, Output, Session};
use offport_evidence::flows::{FILE_ROWS, FlowSettings, FlowWriter, Names};
use offport_evidence::packets::{Keeper, PacketSettings, start};
use offport_flow::{Flow, Keep};
use offport_policy::{Facts, Judgement};
use offport_telemetry::Descriptions;
use offport_wire::{Frame, Timestamp};

/// The host that the incidents come from, and where they go.
pub(crate) const SUSPECT: &str = "10.217.145.233";
pub(crate) const ELSEWHERE: &str = "203.0.113.66";
/// What would run, or be an element, if it were not escaped.
pub(crate) const HOSTILE_NAME: &str = "<img src=x onerror=alert(1)>";
const HOSTILE_URL: &str = "/<script>document.title='owned'</script>?\"><img/src=x/onerror=alert(1)>";
const HOSTILE_AGENT: &str = "javascript:alert(1)//\"><svg onload=alert(1)>";

/// Writes it.
pub(crate) fn make(folder: &Path) {
    let capture = folder.join("made-up.pcapng");
    scene().write(File::create(&capture).unwrap()).unwrap();
    let store = folder.join("store");
    let interfaces = vec![HOSTILE_NAME.to_owned()];
    let flows = FlowSettings {
        folder: store.join("flows"),
        names: Names { sensor: HOSTILE_NAME.to_owned(), interfaces: interfaces.clone(), log_file: None },
        budget: u64::MAX,
        keep: Duration::ZERO,
        sync: Duration::from_secs(1),
        file_rows: FILE_ROWS,
    };
    let packets = PacketSettings {
        folder: store.join("packets"),
        budget: 1 << 30,
        segment: 16 << 20,
        ring: 64 << 20,
        sync: Duration::from_secs(1),
        interfaces,
    };
    let (mut keepers, mut writer) = start(&packets, 1).unwrap();
    let mut keeping = Keeping {
        flows: FlowWriter::start(&flows).unwrap(),
        keeper: keepers.remove(0),
        descriptions: Descriptions::new(usize::MAX),
    };
    let mut settings = Settings::load(None).unwrap();
    settings.engine.flow.keep = Keep { session: 32 << 10, undecided: 1 << 20, flagged: 1 << 20 };
    let report = read_capture(&capture, &settings, &mut keeping, |_| {}).unwrap();
    assert!(report.error.is_none() && report.counters.received > 500, "{report:?}");
    keeping.keeper.flush();
    keeping.flows.stop();
    writer.stop();
}

struct Keeping {
    flows: FlowWriter,
    keeper: Keeper,
    descriptions: Descriptions,
}

impl Output for Keeping {
    fn record(&mut self, record: &FlowRecord) {
        self.flows.record_patiently(record, self.descriptions.of(record));
        self.descriptions.written(record);
    }

    fn event(&mut self, _: &Event) {}

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        false
    }

    fn settled(&mut self, flow: &Flow<'_>, facts: &Facts, _: &Judgement) {
        if let Some(opening) = Opening::of(flow, facts.seen) {
            self.descriptions.insert(opening.flow, opening.describe());
        }
    }

    fn keep(&mut self, frame: &Frame<'_>, session: &Session) {
        self.keeper.keep(frame, session);
    }
}

impl Listener for Keeping {
    fn interfaces(&mut self, _: &[Interface]) {}

    fn check(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// An ordinary hour, and incidents in its second half.
fn scene() -> Scene {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut scene = Scene::new(Timestamp::from_nanos((now - Duration::from_secs(3_500)).as_nanos() as u64));
    for minute in 0..57_u16 {
        scene.at(Duration::from_secs(u64::from(minute) * 60));
        for number in 0..3 + minute % 5 {
            let client = end([10, 217, 145, 20 + number as u8], 41_000 + minute * 10 + number);
            let path = format!("/page/{minute}/{number}");
            web(&mut scene, client, &path, "curl/8.5.0", 800 * (1 + usize::from(minute % 7)));
        }
    }
    let suspect = |port| end([10, 217, 145, 233], port);
    let elsewhere = |port| end([203, 0, 113, 66], port);
    scene.at(Duration::from_secs(1_900));
    web(&mut scene, suspect(50_000), HOSTILE_URL, HOSTILE_AGENT, 100);
    for round in 0..3 {
        scene.at(Duration::from_secs(2_000 + 500 * u64::from(round)));
        let dump = random(u64::from(round) + 9, 64 << 10);
        scene.tcp(suspect(51_001 + round), elsewhere(80)).open().say(Side::Client, &dump).close();
    }
    scene.at(Duration::from_secs(2_700));
    let banner = b"SSH-2.0-<script>alert(1)</script>\r\n";
    scene
        .tcp(suspect(51_010), elsewhere(443))
        .open()
        .say(Side::Server, b"SSH-2.0-OpenSSH_9.2\r\n")
        .say(Side::Client, banner)
        .say(Side::Client, &random(5, 900))
        .say(Side::Server, &random(6, 1_400))
        .close();
    scene
}

fn web(scene: &mut Scene, client: SocketAddr, path: &str, agent: &str, size: usize) {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n{}",
        "x".repeat(size)
    );
    scene
        .tcp(client, end([192, 0, 2, 80], 80))
        .open()
        .say(Side::Client, request.as_bytes())
        .say(Side::Server, answer.as_bytes())
        .close();
}

fn end(ip: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::from(ip).into(), port)
}
