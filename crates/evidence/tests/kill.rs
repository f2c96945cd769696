//! `kill -9` at random moments: what was on disk is there, whole, and index and data agree.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail in any way"
)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offport_evidence::flows::{Cells, FlowQuery, FlowStore, FlowWriter};
use offport_evidence::packets::{Keeper, PacketStore, PacketWriter, start};
use offport_fingerprint::Description;
use offport_wire::Timestamp;
use support::{Kept, flow_settings, frame_bytes, keep, packet_settings, record};

const ROUNDS: u32 = 100;
/// Numbers of a round.
const ROUND: u32 = 1_000_000;
/// Small, so that files are begun and made often.
const SEGMENT: u64 = 1 << 20;
const FILE_ROWS: usize = 20_000;
const FOLDER: &str = "OFFPORT_KILL_FOLDER";
const FIRST: &str = "OFFPORT_KILL_FIRST";

/// The writer, in a process of its own: writes until it is killed, and says what is on disk.
#[test]
#[ignore = "is started by the other test, and killed by it"]
fn writer() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return eprintln!("SKIPPED: is started by the other test, which kills it");
    };
    let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
    let folder = Path::new(&folder);
    let (mut keepers, packets) = start(&packet_settings(folder, SEGMENT), 1).unwrap();
    let flows = FlowWriter::start(&flow_settings(folder, FILE_ROWS)).unwrap();
    let keeper = &mut keepers[0];
    for number in 0.. {
        keep(keeper, first + number);
        flows.record_patiently(&record(first + number), &Description::NONE);
        if number % 200 == 0 {
            say(keeper, &packets, &flows, number);
        }
    }
}

fn say(keeper: &mut Keeper, packets: &PacketWriter, flows: &FlowWriter, number: u32) {
    // Nothing may be lost for want of room: the numbers are counted.
    let on_disk = || packets.counts().packets.load(Ordering::Relaxed);
    while u64::from(number).saturating_sub(on_disk()) > 4_000 {
        keeper.flush();
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{} {}", on_disk(), flows.counts().records.load(Ordering::Relaxed));
    std::io::stdout().flush().unwrap();
}

#[test]
fn what_was_on_disk_is_there_after_a_hundred_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = support::Random::new();
    for round in 0..ROUNDS {
        let first = round * ROUND;
        // From before the store is open; and, as records come to the disk each second, some until after that.
        let most = if round % 5 == 0 { 2_500_000 } else { 300_000 };
        let span = Duration::from_micros(1_000 + random.below(most));
        let said = run_and_kill(folder.path(), first, span);
        let packets = packets_of(folder.path(), first..first + ROUND);
        assert!(packets.len() >= said[0] as usize, "round {round}: {} of {} packets", packets.len(), said[0]);
        assert!(packets.iter().copied().eq(first..first + packets.len() as u32), "round {round}: no gap");
        let records = records_of(folder.path(), first..first + ROUND);
        assert!(records.len() >= said[1] as usize, "round {round}: {} of {} records", records.len(), said[1]);
        assert!(records.iter().copied().eq(first..first + records.len() as u32), "round {round}: no gap");
    }
    // At the next start everything is repaired, and still there.
    let before = everything(folder.path());
    let (_keepers, mut writer) = start(&packet_settings(folder.path(), SEGMENT), 1).unwrap();
    let mut flows = FlowWriter::start(&flow_settings(folder.path(), FILE_ROWS)).unwrap();
    writer.stop();
    flows.stop();
    assert_eq!(before, everything(folder.path()));
    let [packets, records] = before.map(|numbers| numbers.len());
    eprintln!("{packets} packets and {records} records of {ROUNDS} runs");
    assert!(packets > 50_000 && records > 50_000, "{packets} {records}");
}

/// The numbers of all packets and of all records.
fn everything(folder: &Path) -> [BTreeSet<u32>; 2] {
    [packets_of(folder, 0..ROUNDS * ROUND), records_of(folder, 0..ROUNDS * ROUND)]
}

/// What the writer has said last: packets and records on disk.
fn run_and_kill(folder: &Path, first: u32, span: Duration) -> [u32; 2] {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = Arc::new(Mutex::new([0; 2]));
    let latest = Arc::clone(&said);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let numbers: Vec<u32> = line.split(' ').map_while(|number| number.parse().ok()).collect();
            if let [packets, records] = numbers[..] {
                *latest.lock().unwrap() = [packets, records];
            }
        }
    });
    std::thread::sleep(span);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    *said.lock().unwrap()
}

/// The numbers of a round's packets, each of which is whole.
fn packets_of(folder: &Path, range: Range<u32>) -> BTreeSet<u32> {
    let time = |number: u32| Timestamp::from_nanos(support::BEGIN + u64::from(number));
    let store = PacketStore::new(&folder.join("packets"));
    let found = store.find((time(range.start), time(range.end - 1)), |_| true).unwrap();
    let mut numbers = BTreeSet::new();
    let gone = found
        .read(|found| {
            let Kept { number, session } = Kept::of(found.packet.bytes);
            assert_eq!(found.packet.bytes, frame_bytes(number));
            assert_eq!(
                (found.packet.time, found.session.id()),
                (support::BEGIN + u64::from(number), session.id())
            );
            assert!(numbers.insert(number), "{number} twice");
            std::io::Result::Ok(())
        })
        .unwrap();
    assert_eq!(gone, 0, "index and data agree");
    numbers
}

fn records_of(folder: &Path, range: Range<u32>) -> BTreeSet<u32> {
    let store = FlowStore::new(&folder.join("flows"));
    let parts = store
        .scan(&FlowQuery::default(), &["source_bytes"], Vec::new, |numbers: &mut Vec<u32>, batch| {
            let number = Cells::of(batch, "source_bytes");
            numbers.extend((0..batch.num_rows()).map(|row| number.count(row) as u32));
        })
        .unwrap();
    let mut numbers = BTreeSet::new();
    for number in parts.into_iter().flatten().filter(|number| range.contains(number)) {
        assert!(numbers.insert(number), "{number} twice");
    }
    numbers
}
