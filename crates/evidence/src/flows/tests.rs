//! Written, found again.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use offport_engine::{Action, Endpoint, FlowRecord};
use offport_fingerprint::{Description, Proof, Protocol};
use offport_policy::{Judgement, NetworkDirection, Severity, Verdict};
use offport_wire::{FlowId, Timestamp, Transport};

use super::partition::{FILE, JOURNAL, list};
use super::*;

/// 2025-11-27, 19:00 UTC.
const BEGIN: u64 = 1_764_270_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// Flow `number`: begins at second `number`, lasts for as many seconds as its last digit.
fn record(number: u32) -> FlowRecord {
    let verdict = if number.is_multiple_of(10) { Verdict::Unrecognised } else { Verdict::Expected };
    let end =
        |ip: [u8; 4], port, bytes| Endpoint { ip: ip.into(), port, mac: None, packets: 3, bytes, payload: 1 };
    FlowRecord {
        action: if number % 7 == 3 { Action::Interim } else { Action::End },
        start: Timestamp::from_nanos(BEGIN + u64::from(number) * SECOND),
        end: Timestamp::from_nanos(BEGIN + u64::from(number + number % 10) * SECOND),
        client: end([10, 0, (number / 256) as u8, number as u8], 40_000, 100 + u64::from(number)),
        server: end([192, 0, 2, (number % 5) as u8], 80, 10),
        protocol: (verdict == Verdict::Expected).then_some((Protocol::Http, Proof::Structure)),
        judgement: Some(Judgement {
            verdict,
            severity: if verdict == Verdict::Expected { Severity::None } else { Severity::High },
            direction: NetworkDirection::Outbound,
            ..judgement()
        }),
        decided_after: 1,
        ..fuzz::record(number)
    }
}

fn judgement() -> Judgement {
    use offport_policy::{Facts, Policy, Sections, Seen};
    let policy = Policy::new(&Sections::default()).unwrap();
    policy.judge(&Facts {
        transport: Transport::TCP,
        client: [10, 0, 0, 1].into(),
        client_port: 1,
        server: [192, 0, 2, 1].into(),
        server_port: 80,
        seen: Seen::NotRecognised,
        first: offport_fingerprint::Speaker::Client,
        midstream: false,
        subflow: false,
        client_payload: 1,
        server_payload: 0,
        time: Timestamp::ZERO,
    })
}

fn settings(folder: &Path) -> FlowSettings {
    FlowSettings {
        folder: folder.to_owned(),
        names: Names { sensor: "tap-1".to_owned(), interfaces: vec!["eth1".to_owned()], log_file: None },
        budget: u64::MAX,
        keep: Duration::ZERO,
        sync: Duration::from_millis(100),
        file_rows: 3_000,
    }
}

/// Ids of what is found.
fn ids(store: &FlowStore, query: &FlowQuery) -> BTreeSet<FlowId> {
    let seen = store
        .scan(query, &["offport_flow_id"], Vec::<FlowId>::new, |ids, batch| {
            let id = Cells::of(batch, "offport_flow_id");
            ids.extend((0..batch.num_rows()).map(|row| id.text(row).unwrap().parse::<FlowId>().unwrap()));
        })
        .unwrap();
    let all: Vec<FlowId> = seen.into_iter().flatten().collect();
    let set: BTreeSet<FlowId> = all.iter().copied().collect();
    assert_eq!(all.len(), set.len(), "each once");
    set
}

fn wanted(numbers: impl IntoIterator<Item = u32>, holds: impl Fn(&FlowRecord) -> bool) -> BTreeSet<FlowId> {
    numbers.into_iter().map(record).filter(|record| holds(record)).map(|record| record.id()).collect()
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn filter(filter: Filter) -> FlowQuery {
    FlowQuery { time: None, filter }
}

#[test]
fn what_is_written_is_found_by_each_filter() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FlowWriter::start(&settings(folder.path())).unwrap();
    let all = 0..10_000;
    for number in all.clone() {
        writer.record_patiently(&record(number), &Description::NONE);
    }
    writer.stop();
    assert_eq!(load(&writer.counts().records), 10_000);
    let files = list(folder.path()).unwrap();
    assert!(files.iter().all(|(_, ending)| *ending == FILE), "{files:?}");
    assert!(files.len() >= 5, "three hours, 3,000 records a file: {}", files.len());
    let store = FlowStore::new(folder.path());
    let net = |text: &str| vec![text.parse().unwrap()];
    assert_eq!(ids(&store, &FlowQuery::default()), wanted(all.clone(), |_| true));
    let [from, to] = [1_000, 1_999].map(|second| Timestamp::from_nanos(BEGIN + second * SECOND));
    let time = FlowQuery { time: Some((from, to)), ..FlowQuery::default() };
    assert_eq!(ids(&store, &time), wanted(all.clone(), |record| (from..=to).contains(&record.end)));
    let one = filter(Filter { hosts: net("10.0.3.7/32"), ..Filter::default() });
    assert_eq!(ids(&store, &one), wanted([3 * 256 + 7], |_| true));
    let server = filter(Filter { hosts: net("192.0.2.1/32"), min_bytes: 5_000, ..Filter::default() });
    let big = |record: &FlowRecord| record.client.bytes + record.server.bytes >= 5_000;
    assert_eq!(ids(&store, &server), wanted((1..10_000).step_by(5), big));
    let nobody = filter(Filter { hosts: net("203.0.113.1/32"), ..Filter::default() });
    assert!(ids(&store, &nobody).is_empty());
    let subnet = filter(Filter {
        sources: net("10.0.3.0/24"),
        verdicts: vec!["unrecognised".to_owned()],
        protocols: vec!["none".to_owned()],
        severities: vec!["high".to_owned()],
        transports: vec!["tcp".to_owned()],
        directions: vec!["outbound".to_owned()],
        ports: vec![443, 80],
        ..Filter::default()
    });
    assert_eq!(ids(&store, &subnet), wanted((768..1_024).filter(|number| number % 10 == 0), |_| true));
    let id = record(4_711).id();
    assert_eq!(ids(&store, &filter(Filter { ids: [id].into(), ..Filter::default() })), [id].into());
    let http = filter(Filter {
        destinations: net("192.0.2.0/30"),
        protocols: vec!["http".to_owned()],
        ..Filter::default()
    });
    assert_eq!(
        ids(&store, &http),
        wanted(all, |record| record.protocol.is_some()
            && record.server.ip != std::net::IpAddr::from([192, 0, 2, 4]))
    );
}

#[test]
fn records_are_found_before_their_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let store = FlowStore::new(folder.path());
    assert!(store.is_empty().unwrap());
    let writer = FlowWriter::start(&settings(folder.path())).unwrap();
    for number in 0..100 {
        writer.record(&record(number), &Description::NONE);
    }
    for _ in 0..1_000 {
        if load(&writer.counts().records) == 100 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let one = filter(Filter { hosts: vec!["10.0.0.7/32".parse().unwrap()], ..Filter::default() });
    assert_eq!(ids(&store, &one), wanted([7], |_| true));
    assert_eq!(ids(&store, &FlowQuery::default()).len(), 100);
    drop(writer);
    assert_eq!(ids(&store, &FlowQuery::default()).len(), 100);
    assert_eq!(list(folder.path()).unwrap().len(), 1);
}

#[test]
fn a_torn_journal_of_a_former_run_is_made_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    {
        let writer = FlowWriter::start(&settings(root)).unwrap();
        for number in 0..500 {
            writer.record(&record(number), &Description::NONE);
            if number % 100 == 99 {
                std::thread::sleep(FLUSH + Duration::from_millis(200));
            }
        }
        // As a crash leaves it: the journal is not made into a file.
        let (file, _) = list(root).unwrap().remove(0);
        fs::copy(file.path(JOURNAL), root.join("copy")).unwrap();
    }
    let (file, _) = list(root).unwrap().remove(0);
    let journal = fs::read(root.join("copy")).unwrap();
    assert!(ids(&FlowStore::new(root), &FlowQuery::default()).len() == 500);
    let mut counts = BTreeSet::new();
    for step in 0..=40 {
        let cut = journal.len() * step / 40;
        fs::remove_file(file.path(FILE)).ok();
        fs::create_dir_all(file.folder()).unwrap();
        fs::write(file.path(JOURNAL), &journal[..cut]).unwrap();
        fs::write(file.path("tmp"), "half a file").unwrap();
        let before = ids(&FlowStore::new(root), &FlowQuery::default());
        drop(FlowWriter::start(&settings(root)).unwrap());
        let after = ids(&FlowStore::new(root), &FlowQuery::default());
        assert_eq!(before, after, "what a reader saw is what is kept");
        assert!(!file.path("tmp").exists() && !file.path(JOURNAL).exists());
        counts.insert(after.len());
    }
    assert!(counts.contains(&0) && counts.len() >= 4, "{counts:?}");
}

#[test]
fn a_journal_of_another_version_is_told_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |number: u32| {
        let writer = FlowWriter::start(&settings(root)).unwrap();
        writer.record(&record(number), &Description::NONE);
        std::thread::sleep(FLUSH + Duration::from_millis(200));
        // While it is a journal still.
        let files = list(root).unwrap();
        let (file, _) = files.into_iter().rfind(|(_, ending)| *ending == JOURNAL).unwrap();
        assert_eq!(load(&writer.counts().recovered), 0, "what is left as it is, is not recovered");
        let journal = fs::read(file.path(JOURNAL)).unwrap();
        (file, journal)
    };
    let (file, mut journal) = write(1);
    fs::remove_file(file.path(FILE)).unwrap();
    journal[3] = b'2';
    fs::write(file.path(JOURNAL), &journal).unwrap();
    write(2);
    assert_eq!(fs::read(file.path(JOURNAL)).unwrap(), journal);
    assert!(!file.path(FILE).exists());
    assert_eq!(list(root).unwrap().iter().filter(|(_, ending)| *ending == FILE).count(), 1, "the other's");
    let error = FlowStore::new(root).each(&FlowQuery::default(), &[], |_| Ok(())).unwrap_err().to_string();
    assert!(
        error.contains("version 2") && error.contains(&file.path(JOURNAL).display().to_string()),
        "{error}"
    );
}

#[test]
fn the_oldest_go_by_budget_and_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let budget = FlowSettings { budget: 100_000, file_rows: 500, ..settings(folder.path()) };
    let mut writer = FlowWriter::start(&budget).unwrap();
    for number in 0..5_000 {
        writer.record_patiently(&record(number), &Description::NONE);
    }
    writer.stop();
    let held: u64 = list(folder.path())
        .unwrap()
        .iter()
        .map(|(file, ending)| fs::metadata(file.path(ending)).unwrap().len())
        .sum();
    assert!(held <= 100_000 && held == load(&writer.counts().held), "{held}");
    assert!(load(&writer.counts().removed) > 0);
    let left = ids(&FlowStore::new(folder.path()), &FlowQuery::default());
    assert!(left.contains(&record(4_999).id()) && !left.contains(&record(0).id()));
    drop(writer);
    let aged = FlowSettings { keep: Duration::from_secs(3_600), ..budget };
    drop(FlowWriter::start(&aged).unwrap());
    assert!(list(folder.path()).unwrap().is_empty(), "all of it is of last year");
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["lock"], "no empty folder is left");
}

#[test]
fn files_are_sorted_by_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FlowWriter::start(&settings(folder.path())).unwrap();
    for number in (0..2_000).rev() {
        writer.record_patiently(&record(number), &Description::NONE);
    }
    writer.stop();
    let mut starts = Vec::new();
    FlowStore::new(folder.path())
        .each(&FlowQuery::default(), &["event_start"], |batch| {
            let start = Cells::of(batch, "event_start");
            starts.extend((0..batch.num_rows()).map(|row| start.number(row).unwrap()));
            Ok(())
        })
        .unwrap();
    assert_eq!(starts.len(), 2_000);
    assert!(starts.is_sorted());
}

/// 40,000 flows of half an hour: one in twenty with a busy server, one in ninety with another, the others with one of their own.
fn scattered(number: u32) -> FlowRecord {
    let mut record = record(number % 7_000);
    record.start = Timestamp::from_nanos(BEGIN + u64::from(number) * SECOND / 25);
    record.end = record.start + Duration::from_millis(10);
    let [_, a, b, c] = number.to_be_bytes();
    record.client.ip = [10, a, b, c].into();
    record.server.ip = match (number % 20, number % 90) {
        (7, _) => [192, 0, 2, 1].into(),
        (_, 11) => [192, 0, 2, 2].into(),
        _ => [198, a, b, c].into(),
    };
    record
}

#[test]
fn the_records_of_busy_hosts_are_a_row_group_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let settings = FlowSettings { file_rows: 100_000, ..settings(folder.path()) };
    let mut writer = FlowWriter::start(&settings).unwrap();
    let all = 0..40_000;
    for number in all.clone() {
        writer.record_patiently(&scattered(number), &Description::NONE);
    }
    writer.stop();
    let [(file, FILE)] = &list(folder.path()).unwrap()[..] else { panic!("one file") };
    let reader = parquet::file::reader::SerializedFileReader::try_from(file.path(FILE).as_path()).unwrap();
    let groups = parquet::file::reader::FileReader::metadata(&reader).row_groups();
    let is_busy = |record: &FlowRecord| matches!(record.server.ip, IpAddr::V4(ip) if ip.octets()[0] == 192);
    let busy = all.clone().map(scattered).filter(is_busy).count();
    assert_eq!(
        groups.iter().map(|group| group.num_rows()).collect::<Vec<_>>(),
        [busy as i64, 40_000 - busy as i64]
    );

    let store = FlowStore::new(folder.path());
    let mut starts: Vec<Vec<i64>> = Vec::new();
    store
        .each(&FlowQuery::default(), &["event_start"], |batch| {
            let start = Cells::of(batch, "event_start");
            starts.push((0..batch.num_rows()).map(|row| start.number(row).unwrap()).collect());
            Ok(())
        })
        .unwrap();
    let whole = starts.concat();
    assert!(whole[..busy].is_sorted() && whole[busy..].is_sorted(), "each is sorted by start");

    let time = (scattered(9_000).end, scattered(31_000).end);
    let some = |host: [u8; 4]| Filter { hosts: vec![IpAddr::from(host).into()], ..Filter::default() };
    for host in
        [[192, 0, 2, 1], [192, 0, 2, 2], [10, 0, 0, 7], [10, 0, 80, 1], [198, 0, 80, 0], [203, 0, 113, 1]]
    {
        for time in [None, Some(time)] {
            let query = FlowQuery { time, filter: some(host) };
            let expected = all.clone().map(scattered).filter(|record| {
                let is_within = time.is_none_or(|(from, to)| record.end >= from && record.end <= to);
                is_within && [record.client.ip, record.server.ip].contains(&host.into())
            });
            let expected: BTreeSet<FlowId> = expected.map(|record| record.id()).collect();
            assert_eq!(ids(&store, &query), expected, "{host:?} {time:?}");
        }
    }
}

#[test]
fn files_are_read_alike_whatever_was_found_in_those_before() {
    let folder = tempfile::tempdir().unwrap();
    // A host that is in each record of some files, and in few of others.
    let settings = FlowSettings { file_rows: 500, ..settings(folder.path()) };
    let mut writer = FlowWriter::start(&settings).unwrap();
    let of = |number: u32| {
        let mut record = record(number);
        if (number / 1_000).is_multiple_of(2) || number.is_multiple_of(400) {
            record.server.ip = [203, 0, 113, 9].into();
        }
        record
    };
    for number in 0..8_000 {
        writer.record_patiently(&of(number), &Description::NONE);
    }
    writer.stop();
    let store = FlowStore::new(folder.path());
    let host = IpAddr::from([203, 0, 113, 9]);
    let query = filter(Filter { hosts: vec![host.into()], ..Filter::default() });
    let expected: BTreeSet<FlowId> =
        (0..8_000).map(of).filter(|record| record.server.ip == host).map(|record| record.id()).collect();
    assert_eq!(ids(&store, &query), expected);
    // All columns, of which those that are looked at are some.
    let mut rows = 0;
    store
        .each(&query, &[], |batch| {
            rows += batch.num_rows();
            Ok(())
        })
        .unwrap();
    assert_eq!(rows, expected.len());
}
