//! What must hold of a journal of flow records that is damaged: the fuzz target and a test share it.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use offport_engine::{Action, EndReason, Endpoint, FlowRecord};
use offport_fingerprint::Description;
use offport_wire::{Domain, Timestamp, Transport};

use super::columns::{Names, Row};
use super::journal::{self, Journal};
use super::partition::{Hour, JOURNAL, RecordFile};
use super::rows::Rows;
use super::scan::{FlowQuery, FlowStore};

/// 2025-11-27, 19:00 UTC, in nanoseconds.
const BEGIN: u64 = 1_764_270_000_000_000_000;
/// Records of each batch.
const BATCHES: [u32; 3] = [1, 20, 3];

/// A journal as the writer leaves it, and where each of its frames ends.
struct Made {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A journal as the writer leaves it, damaged as the bytes say, then read; in `folder`, in which nothing else is. All that is whole
/// before the first damage is read, and nothing else. Each damage is four bytes: what, where (two bytes), and with what.
///
/// # Panics
/// When it is not.
pub fn damage_and_read(folder: &Path, data: &[u8]) {
    static MADE: OnceLock<Made> = OnceLock::new();
    let file = RecordFile::new(folder, "tap-1", Hour::of(Timestamp::from_nanos(BEGIN)), 1);
    let path = file.path(JOURNAL);
    let made = MADE.get_or_init(|| Made::at(&path));
    let mut bytes = made.bytes.clone();
    for edit in data.chunks_exact(4).take(8) {
        let &[what, high, low, with] = edit else { continue };
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        match what & 3 {
            0 => bytes.truncate(at),
            1 => bytes.extend(std::iter::repeat_n(with, at % 64)),
            2 => bytes.insert(at, with),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= with;
                }
            }
        }
    }
    fs::write(&path, &bytes).expect("the folder is there");
    if journal::MAGIC.check(&bytes).is_err() {
        // Its first frame is another version's now.
        assert!(journal::read(&path).is_err());
        return;
    }
    let same = bytes.iter().zip(&made.bytes).take_while(|(one, other)| one == other).count();
    let whole = made.ends.iter().take_while(|&&end| end <= same).count();
    let rows: u32 = BATCHES.iter().take(whole).sum();
    let end = whole.checked_sub(1).and_then(|last| made.ends.get(last)).copied().unwrap_or_default();

    let (batches, torn) = journal::read(&path).expect("a damaged journal is no error").expect("it is there");
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), rows as usize);
    assert_eq!(torn, end < bytes.len());
    let mut shown = 0;
    let count = |batch: &arrow_array::RecordBatch| {
        shown += batch.num_rows();
        Ok(())
    };
    FlowStore::new(folder).each(&FlowQuery::default(), &[], count).expect("a damaged journal is no error");
    assert_eq!(shown, rows as usize);
}

impl Made {
    fn at(path: &Path) -> Self {
        let _ = fs::remove_file(path);
        let (mut journal, mut rows) =
            (Journal::begin(path.to_owned()).expect("the folder can be written"), Rows::new());
        let (names, description) = (Names::default(), Description::default());
        let mut ends = Vec::new();
        for count in BATCHES {
            for number in 0..count {
                rows.push(&Row { names: &names, record: &record(number), description: &description });
            }
            let batch = rows.take().expect("columns of one length");
            journal.append(&batch).expect("the file can be written");
            ends.push(journal.len() as usize);
        }
        Self { bytes: fs::read(path).expect("it was just written"), ends }
    }
}

/// Flow `number`: one packet each way, at nanosecond `number`, not judged.
pub(super) fn record(number: u32) -> FlowRecord {
    let end =
        |ip: [u8; 4], port| Endpoint { ip: ip.into(), port, mac: None, packets: 1, bytes: 60, payload: 1 };
    let start = Timestamp::from_nanos(BEGIN + u64::from(number));
    FlowRecord {
        action: Action::End,
        reason: EndReason::Fin,
        start,
        end: start,
        transport: Transport::TCP,
        client: end([10, 0, 0, number as u8], 40_000),
        server: end([192, 0, 2, 1], 80),
        domain: Domain::NONE,
        vlan: None,
        inner_vlan: None,
        tunnel: None,
        protocol: None,
        breach: None,
        judgement: None,
        decided_after: 0,
        tcp: None,
        icmp_errors: 0,
        shunted_packets: 0,
        shunted_bytes: 0,
        interface: 0,
        worker: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_before_the_damage_is_read() {
        let folder = tempfile::tempdir().unwrap();
        damage_and_read(folder.path(), &[]);
        for place in (0..=u16::MAX).step_by(211) {
            let [high, low] = place.to_be_bytes();
            for what in 0..4 {
                damage_and_read(folder.path(), &[what, high, low, 0x21]);
            }
        }
    }
}
