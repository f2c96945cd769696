//! Records into files, as many at a time as there are cores.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use jiff::tz::TimeZone;
use offport_evidence::flows::write_made_up;
use offport_wire::Timestamp;

use super::columns::batch;
use super::services::Judgements;
use super::timeline::{Record, Timeline};
use super::{Made, Plan};

/// What becomes one file.
struct Part {
    sensor: u32,
    /// Microseconds since the Unix epoch; the file's name.
    begun: u64,
    records: Vec<Record>,
}

impl Plan {
    /// Makes the files below `root`.
    pub(crate) fn write(&self, root: &Path) -> io::Result<Made> {
        let (parts, waiting) = sync_channel::<Part>(1);
        let waiting = Mutex::new(waiting);
        let judgements = Judgements::new()?;
        let first =
            self.first.to_zoned(TimeZone::UTC).map_err(io::Error::other)?.timestamp().as_microsecond();
        let first = u64::try_from(first).map_err(io::Error::other)?;
        if self.sensors == 0 || self.days == 0 {
            return Err(io::Error::other("no sensor, or no day"));
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let work = || self.write_parts(root, &judgements, &waiting);
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            'all: for sensor in 0..self.sensors {
                for (begin, mut records) in Timeline::new(self, sensor, first) {
                    let mut number = 0;
                    while !records.is_empty() {
                        let rest = records.split_off(records.len().min(self.file_rows.max(1)));
                        let part = Part { sensor, begun: begin + number, records };
                        if parts.send(part).is_err() {
                            break 'all;
                        }
                        records = rest;
                        number += 1;
                    }
                }
            }
            drop(parts);
            threads.into_iter().try_fold(Made::default(), |sum, thread| {
                let made = thread.join().map_err(|_| io::Error::other("a writing thread has panicked"))??;
                Ok(Made {
                    records: sum.records + made.records,
                    files: sum.files + made.files,
                    bytes: sum.bytes + made.bytes,
                })
            })
        })
    }

    fn write_parts(
        &self,
        root: &Path,
        judgements: &Judgements,
        waiting: &Mutex<Receiver<Part>>,
    ) -> io::Result<Made> {
        let mut made = Made::default();
        loop {
            let next = waiting.lock().map_err(|_| io::Error::other("a writing thread has panicked"))?.recv();
            let Ok(Part { sensor, begun, mut records }) = next else { return Ok(made) };
            records.sort_by_key(|record| (record.start, record.number));
            let end = records.first().map_or(0, |record| record.end);
            let rows = batch(self, judgements, sensor, &records).map_err(io::Error::other)?;
            let end = Timestamp::from_nanos(end * 1_000);
            made.bytes += write_made_up(&rows, root, &format!("tap-{}", sensor + 1), end, begun)?;
            made.records += records.len() as u64;
            made.files += 1;
        }
    }
}
