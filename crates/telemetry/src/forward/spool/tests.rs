use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const MUCH: usize = usize::MAX;

fn open(folder: &TempDir, budget: u64) -> Spool {
    Spool::open(Some(folder.path()), budget, Arc::default())
}

fn message(number: usize) -> Vec<u8> {
    format!("message {number}").into_bytes()
}

/// All that waits, read in small batches and taken.
fn drain(spool: &mut Spool) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let batch = spool.peek(3, MUCH);
        if batch.payloads.is_empty() {
            assert!(spool.is_empty());
            return all;
        }
        spool.acknowledge(batch.first + batch.payloads.len() as u64);
        all.extend(batch.payloads);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    Segment::list(folder).unwrap().into_iter().map(|(_, path)| path).collect()
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

#[test]
fn what_is_not_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder, 1 << 20);
    for number in 0..10 {
        spool.push(&message(number));
    }
    let batch = spool.peek(4, MUCH);
    assert_eq!((batch.first, &batch.payloads[3]), (0, &message(3)));
    assert_eq!(spool.peek(4, MUCH), batch, "what was read stays");
    spool.acknowledge(4);
    assert_eq!(spool.counts.waiting(), 6);
    drop(spool);

    let mut spool = open(&folder, 1 << 20);
    assert_eq!(spool.counts.waiting(), 6);
    spool.push(&message(10));
    assert_eq!(drain(&mut spool), (4..=10).map(message).collect::<Vec<_>>());
    assert_eq!((spool.counts.waiting(), spool.counts.spooled_bytes.load(Ordering::Relaxed)), (0, 0));
    drop(spool);
    assert!(drain(&mut open(&folder, 1 << 20)).is_empty());
}

#[test]
fn a_file_cut_anywhere_gives_what_is_whole_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder, 1 << 20);
    let mut ends = vec![0];
    for number in 0..6 {
        spool.push(&message(number));
        ends.push(fs::metadata(&files(folder.path())[0]).unwrap().len());
    }
    spool.acknowledge(2);
    let whole = fs::read(&files(folder.path())[0]).unwrap();
    for cut in 0..=whole.len() {
        let copy = copy(folder.path());
        let file = &files(copy.path())[0];
        fs::write(file, &whole[..cut]).unwrap();
        let left = ends.iter().filter(|&&end| end > 0 && end <= cut as u64).count();
        let mut spool = open(&copy, 1 << 20);
        spool.push(b"later");
        let mut expected: Vec<_> = (2..left).map(message).collect();
        expected.push(b"later".to_vec());
        assert_eq!(drain(&mut spool), expected, "cut at {cut}");
        let torn = u64::from(!ends.contains(&(cut as u64)));
        assert_eq!(spool.counts.dropped_for(Reason::Corrupt), torn, "cut at {cut}");
    }
}

#[test]
fn a_cursor_that_is_damaged_or_missing_means_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder, 1 << 20);
    for number in 0..4 {
        spool.push(&message(number));
    }
    spool.acknowledge(2);
    drop(spool);
    let cursor = folder.path().join("cursor");
    for damage in [&b""[..], b"2", b"2 00000000\n", b"\xff\xff\xff"] {
        fs::write(&cursor, damage).unwrap();
        let copy = copy(folder.path());
        assert_eq!(drain(&mut open(&copy, 1 << 20)), (0..4).map(message).collect::<Vec<_>>());
    }
    // A cursor that is ahead of all files: their end was lost. Numbers are not given twice.
    cursor::write(folder.path(), 100).unwrap();
    let mut spool = open(&folder, 1 << 20);
    spool.push(b"new");
    assert_eq!(spool.peek(9, MUCH).first, 100);
    drop(spool);
    assert_eq!(drain(&mut open(&folder, 1 << 20)), [b"new"]);
}

#[test]
fn a_full_spool_gives_up_its_oldest_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let budget = 4096;
    let mut spool = open(&folder, budget);
    for number in 0..1000 {
        spool.push(&message(number));
        let bytes: u64 = files(folder.path()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        assert!(bytes <= budget, "{bytes}");
    }
    let dropped = spool.counts.dropped_for(Reason::SpoolFull);
    assert_eq!(dropped + spool.counts.waiting(), 1000);
    // No more is given up than a file holds.
    assert!(spool.counts.spooled_bytes.load(Ordering::Relaxed) > budget - 2 * budget / SEGMENTS);
    drop(spool);
    let left = drain(&mut open(&folder, budget));
    assert_eq!(left, (dropped as usize..1000).map(message).collect::<Vec<_>>());
}

#[test]
fn what_was_given_up_while_it_was_on_its_way_is_not_taken_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder, 1024);
    spool.push(&message(0));
    let batch = spool.peek(1, MUCH);
    for number in 1..200 {
        spool.push(&message(number));
    }
    let waiting = spool.counts.waiting();
    spool.acknowledge(batch.first + 1);
    assert_eq!(spool.counts.waiting(), waiting);
}

#[test]
fn a_damaged_message_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder, 1 << 20);
    for number in 0..5 {
        spool.push(&message(number));
    }
    let file = &files(folder.path())[0];
    let mut bytes = fs::read(file).unwrap();
    let length = bytes.len() / 5;
    bytes[2 * length + 12] ^= 1;
    fs::write(file, bytes).unwrap();
    let expected: Vec<_> = [0, 1, 3, 4].into_iter().map(message).collect();
    assert_eq!(drain(&mut spool), expected);
    assert_eq!(spool.counts.dropped_for(Reason::Corrupt), 1);
}

#[test]
fn a_disk_that_takes_nothing_is_made_up_for_by_memory_and_taken_up_again() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("spool");
    // A file where the folder should be: neither root nor anyone else can write there.
    fs::write(&folder, "").unwrap();
    let mut spool = Spool::open(Some(&folder), 4096, Arc::default());
    for number in 0..10 {
        spool.push(&message(number));
    }
    assert_eq!(spool.peek(1, MUCH).payloads, [message(0)]);
    spool.acknowledge(1);
    assert!(spool.counts.spool_errors.load(Ordering::Relaxed) > 0);
    assert_eq!(spool.counts.waiting(), 9);
    // That all was taken from memory says nothing of the disk.
    let mut emptied = Spool::open(Some(&folder), 4096, Arc::default());
    emptied.push(&message(0));
    emptied.acknowledge(1);
    emptied.recover();
    assert!(emptied.is_empty() && emptied.failing.is_some());

    fs::remove_file(&folder).unwrap();
    spool.failing = Some(Instant::now());
    spool.recover();
    assert!(spool.memory.is_empty() && spool.failing.is_none());
    spool.push(&message(10));
    drop(spool);
    let mut spool = Spool::open(Some(&folder), 4096, Arc::default());
    assert_eq!(drain(&mut spool), (1..=10).map(message).collect::<Vec<_>>());
}

#[test]
fn memory_is_bounded_and_its_losses_are_counted() {
    let mut spool = Spool::open(None, 300, Arc::default());
    for number in 0..100 {
        spool.push(&message(number));
    }
    let dropped = spool.counts.dropped_for(Reason::MemoryFull);
    assert_eq!(dropped + spool.counts.waiting(), 100);
    assert!(spool.memory_bytes <= 300);
    assert_eq!(drain(&mut spool), (dropped as usize..100).map(message).collect::<Vec<_>>());
    spool.push(&vec![0; frame::MAX_PAYLOAD + 1]);
    assert_eq!(spool.counts.dropped_for(Reason::Refused), 1);
}

#[test]
fn files_that_cannot_be_written_are_read_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder, 1 << 20);
    spool.push(b"before");
    drop(spool);
    fs::set_permissions(&files(folder.path())[0], fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(open(&folder, 1 << 20).peek(9, MUCH).payloads, [b"before"]);
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Take(usize),
    Kill,
    /// Killed within the last write: so many bytes of it are missing.
    Tear(u64),
    FailDisk,
    MendDisk,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..200).prop_map(Step::Push),
        4 => (1usize..6).prop_map(Step::Take),
        1 => Just(Step::Kill),
        1 => (1u64..30).prop_map(Step::Tear),
        1 => Just(Step::FailDisk),
        2 => Just(Step::MendDisk),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Against a plain list: in order, nothing twice unless killed, and whatever is missing is counted.
    #[test]
    fn nothing_is_lost_uncounted(steps in prop::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let counts = Arc::new(Counts::default());
        let reopen = || Spool::open(Some(folder.path()), 2000, Arc::clone(&counts));
        let mut spool = reopen();
        let (mut pushed, mut taken, mut lost) = (0u32, Vec::new(), 0u64);
        for step in steps {
            match step {
                Step::Push(length) => {
                    let mut payload = pushed.to_be_bytes().to_vec();
                    payload.resize(4 + length, 7);
                    spool.push(&payload);
                    pushed += 1;
                }
                Step::Take(count) => {
                    let batch = spool.peek(count, MUCH);
                    for payload in &batch.payloads {
                        taken.push(u32::from_be_bytes(payload[..4].try_into().unwrap()));
                    }
                    spool.acknowledge(batch.first + batch.payloads.len() as u64);
                }
                Step::Kill => {
                    lost += spool.memory.len() as u64;
                    drop(spool);
                    spool = reopen();
                }
                Step::Tear(bytes) => {
                    lost += spool.memory.len() as u64;
                    let before = spool.segments.iter().map(Segment::count).sum::<u64>();
                    drop(spool);
                    if let Some(file) = files(folder.path()).last() {
                        let length = fs::metadata(file).unwrap().len();
                        fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length.saturating_sub(bytes)).unwrap();
                    }
                    spool = reopen();
                    lost += before - spool.counts.waiting();
                }
                Step::FailDisk => spool.failing = Some(Instant::now() + Duration::from_secs(3600)),
                Step::MendDisk => {
                    if spool.failing.is_some() {
                        spool.failing = Some(Instant::now());
                    }
                    spool.recover();
                }
            }
        }
        taken.extend(drain(&mut spool).iter().map(|payload| u32::from_be_bytes(payload[..4].try_into().unwrap())));
        prop_assert!(taken.is_sorted_by(|a, b| a < b), "{taken:?}");
        let dropped = [Reason::SpoolFull, Reason::MemoryFull].map(|reason| counts.dropped_for(reason)).iter().sum::<u64>();
        prop_assert_eq!(taken.len() as u64 + dropped + lost, u64::from(pushed));
    }
}
