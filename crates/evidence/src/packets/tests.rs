//! Kept, written, found again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use offport_engine::Session;
use offport_wire::Timestamp;

use super::fuzz::{frame, session};
use super::*;

fn settings(folder: &Path) -> PacketSettings {
    PacketSettings {
        folder: folder.to_owned(),
        budget: 64 << 20,
        segment: 1 << 20,
        ring: 64 << 20,
        sync: Duration::from_millis(50),
        interfaces: vec!["tap0".to_owned()],
    }
}

const ALWAYS: (Timestamp, Timestamp) = (Timestamp::ZERO, Timestamp::MAX);

/// Packet `number` of a made-up tap: at its own time, with its own bytes.
fn keep(keeper: &mut Keeper, number: u32, len: usize) -> Session {
    let session = session(number % 11);
    let mut bytes = vec![0; len.max(60)];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    keeper.keep(&frame(1_000_000_000 + u64::from(number), &bytes), &session);
    session
}

/// The numbers of what is found, by session, and how many had gone.
fn numbers(found: &Found) -> (BTreeMap<String, Vec<u32>>, u64) {
    let mut numbers = BTreeMap::<_, Vec<_>>::new();
    let gone = found
        .read(|found| {
            let number = u32::from_be_bytes(*found.packet.bytes.first_chunk().unwrap());
            assert_eq!(found.packet.time, 1_000_000_000 + u64::from(number));
            assert_eq!(found.interface, "tap0");
            numbers.entry(found.session.id().to_string()).or_default().push(number);
            std::io::Result::Ok(())
        })
        .unwrap();
    (numbers, gone)
}

#[test]
fn what_is_kept_is_found_by_session_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keepers, mut writer) = start(&settings(folder.path()), 2).unwrap();
    let mut expected = BTreeMap::<_, Vec<_>>::new();
    for number in 0..20_000 {
        let worker = number as usize % 11 % 2;
        let session = keep(&mut keepers[worker], number, 60 + number as usize * 7 % 1_500);
        expected.entry(session.id().to_string()).or_default().push(number);
    }
    keepers.iter_mut().for_each(Keeper::flush);
    writer.stop();
    let store = PacketStore::new(folder.path());
    let all = store.find(ALWAYS, |_| true).unwrap();
    assert_eq!(numbers(&all), (expected.clone(), 0));
    let one = session(3);
    let some = store.find(ALWAYS, |session| session.id() == one.id()).unwrap();
    assert_eq!(some.sessions(), [one], "it is flagged, and known as such");
    assert_eq!(numbers(&some).0.into_values().collect::<Vec<_>>(), [expected[&one.id().to_string()].clone()]);
    let range = [5_000, 5_999].map(|number| Timestamp::from_nanos(1_000_000_000 + number));
    let (within, _) = numbers(&store.find((range[0], range[1]), |_| true).unwrap());
    let mut within: Vec<u32> = within.into_values().flatten().collect();
    within.sort_unstable();
    assert_eq!(within, (5_000..6_000).collect::<Vec<_>>());
    let counts = writer.counts();
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(load(&counts.packets), 20_000);
    let on_disk: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(load(&counts.held), on_disk, "the bytes on disk are known");
    assert!(load(&counts.begun) > 10 && load(&counts.removed) == 0, "{counts:?}");
}

#[test]
fn what_waits_is_handed_on_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keepers, writer) = start(&settings(folder.path()), 1).unwrap();
    keep(&mut keepers[0], 1, 60);
    keepers[0].pass_time(Timestamp::from_nanos(1_000_000_000 + 50_000_000));
    assert_eq!(writer.counts().packets.load(std::sync::atomic::Ordering::Relaxed), 0);
    keepers[0].pass_time(Timestamp::from_nanos(1_000_000_000 + 200_000_000));
    let store = PacketStore::new(folder.path());
    // The writer looks for chunks all the time.
    for _ in 0..1_000 {
        if store.find(ALWAYS, |_| true).unwrap().len() == 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("a packet that was handed on is not on disk");
}

#[test]
fn the_budget_holds_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let settings = PacketSettings { budget: 4 << 20, ..settings(folder.path()) };
    let (mut keepers, mut writer) = start(&settings, 1).unwrap();
    for number in 0..20_000 {
        keep(&mut keepers[0], number, 1_000);
        if number % 100 == 0 {
            let held: u64 = std::fs::read_dir(folder.path())
                .unwrap()
                .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
                .sum();
            assert!(held <= settings.budget, "{held}");
        }
    }
    keepers[0].flush();
    writer.stop();
    let (found, gone) = numbers(&PacketStore::new(folder.path()).find(ALWAYS, |_| true).unwrap());
    let mut found: Vec<u32> = found.into_values().flatten().collect();
    found.sort_unstable();
    let first = found[0];
    assert!(first > 10_000 && found.len() > 2_000, "{first} {}", found.len());
    assert_eq!((found, gone), ((first..20_000).collect(), 0), "the latest are all there");
    let oldest = writer.counts().oldest.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(oldest, 1_000_000_000 + u64::from(first));
}

#[test]
fn a_disk_that_is_behind_costs_unflagged_sessions_first() {
    let (mut keeper, source) = keeper::pair(8 * chunk::CHUNK_BYTES as u64);
    // Nobody writes. session(1) is not flagged, session(3) is.
    let bytes = vec![0; 1_400];
    for _ in 0..2_000 {
        keeper.keep(&frame(1, &bytes), &session(1));
    }
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    let kept = load(&source.kept.packets);
    assert_eq!(kept, 6 * (chunk::CHUNK_BYTES / pcapng::packet_len(1_400)) as u64);
    assert_eq!([&source.kept.behind[0], &source.kept.behind[1]].map(load), [2_000 - kept, 0]);
    for _ in 0..100 {
        keeper.keep(&frame(1, &bytes), &session(3));
    }
    assert_eq!((load(&source.kept.packets), load(&source.kept.behind[1])), (kept + 100, 0));
    for _ in 0..2_000 {
        keeper.keep(&frame(1, &bytes), &session(3));
    }
    assert!(load(&source.kept.behind[1]) > 0);
    let lost = load(&source.kept.behind[0]) + load(&source.kept.behind[1]);
    assert_eq!(load(&source.kept.packets) + lost, 4_100, "every packet is kept or counted");
}

#[test]
fn one_process_writes_and_a_missing_store_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let (_keepers, writer) = start(&settings(folder.path()), 1).unwrap();
    let error = start(&settings(folder.path()), 1).unwrap_err();
    assert_eq!(error.to_string(), "another process writes to this store");
    drop(writer);
    start(&settings(folder.path()), 1).unwrap();
    let missing = PacketStore::new(&folder.path().join("missing"));
    assert!(missing.find(ALWAYS, |_| true).unwrap().is_empty());
}

#[test]
fn a_torn_end_is_cut_back_to_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    {
        let (mut keepers, mut writer) = start(&settings(folder.path()), 1).unwrap();
        for number in 0..500 {
            keep(&mut keepers[0], number, 1_000);
            if number % 100 == 99 {
                keepers[0].flush();
            }
        }
        writer.stop();
    }
    let segment = segment::list(folder.path()).unwrap().remove(0);
    let (data, index) = (segment.data(folder.path()), segment.index(folder.path()));
    let whole = [&data, &index].map(|path| std::fs::read(path).unwrap());
    let places =
        [whole[0].len(), whole[1].len()].map(|len| (0..40).map(move |step| len * step / 40).chain([len - 1]));
    let [in_data, in_index] = places;
    let cuts = in_data.map(|at| (Some(at), None)).chain(in_index.map(|at| (None, Some(at))));
    for (cut_data, cut_index) in cuts.chain([(None, None)]) {
        for (path, bytes, cut) in [(&data, &whole[0], cut_data), (&index, &whole[1], cut_index)] {
            std::fs::write(path, &bytes[..cut.unwrap_or(bytes.len())]).unwrap();
        }
        let read = || {
            numbers(&PacketStore::new(folder.path()).find(ALWAYS, |_| true).unwrap())
                .0
                .into_values()
                .flatten()
                .count()
        };
        let before = read();
        let (_keepers, mut writer) = start(&settings(folder.path()), 1).unwrap();
        writer.stop();
        let after = read();
        assert_eq!(after % 100, 0, "whole chunks: {cut_data:?} {cut_index:?}");
        assert!(after <= before && before - after < 100, "{before} {after}");
        let intact = cut_data.is_none() && cut_index.is_none();
        assert_eq!(
            after == 500,
            intact || cut_index == Some(whole[1].len() - 1),
            "{cut_data:?} {cut_index:?}"
        );
    }
}

#[test]
fn files_of_another_version_are_told_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let write = |from: u32| {
        let (mut keepers, mut writer) = start(&settings(folder.path()), 1).unwrap();
        (from..from + 100).for_each(|number| _ = keep(&mut keepers[0], number, 1_000));
        keepers[0].flush();
        writer.stop();
    };
    write(0);
    let segment = segment::list(folder.path()).unwrap().remove(0);
    let (data, index) = (segment.data(folder.path()), segment.index(folder.path()));
    let mut bytes = std::fs::read(&index).unwrap();
    bytes[3] = b'2';
    // The end of a file that is still written, so that it is not taken for one that was closed in order.
    bytes.truncate(bytes.len() - index::Summary::LEN);
    std::fs::write(&index, &bytes).unwrap();
    let packets = std::fs::read(&data).unwrap();

    write(100);
    assert_eq!(segment::list(folder.path()).unwrap().len(), 2, "the other goes on in a file of its own");
    assert_eq!((std::fs::read(&data).unwrap(), std::fs::read(&index).unwrap()), (packets, bytes));
    let error = PacketStore::new(folder.path()).find(ALWAYS, |_| true).unwrap_err().to_string();
    assert!(error.contains("version 2") && error.contains(&index.display().to_string()), "{error}");
}
