//! Flow records out of the store, while it is being written or not.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;
use offport_wire::Timestamp;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;

use super::columns::{COLUMNS, SCHEMA};
use super::filter::{Filter, Matcher, single};
use super::journal;
use super::partition::{FILE, JOURNAL, RecordFile, list};

/// Rows that are looked at together: their columns stay in the processor's cache.
const BATCH: usize = 16 * 1024;

/// A folder of flow records.
#[derive(Clone, Debug)]
pub struct FlowStore {
    folder: PathBuf,
}

/// What is wanted of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowQuery {
    /// Records whose flow ended, or was last seen, in this time, both ends included.
    pub time: Option<(Timestamp, Timestamp)>,
    /// Which of these.
    pub filter: Filter,
}

impl FlowStore {
    /// The store in a folder. An empty one, if there is none.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The begin of the first hour of which there are records.
    pub fn earliest(&self) -> io::Result<Option<Timestamp>> {
        Ok(list(&self.folder)?.first().map(|(file, _)| file.hour.range().0))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(list(&self.folder)?.is_empty())
    }

    /// Shows all wanted records, so many threads at a time; `columns` by their names with `_`, none: all. Each
    /// thread folds what it is shown into a value of its own, which it makes by `begin`; they are returned.
    ///
    /// # Errors
    /// A file cannot be read. What has made room meanwhile is no error.
    pub fn scan<T: Send>(
        &self,
        query: &FlowQuery,
        columns: &[&str],
        begin: impl Fn() -> T + Sync,
        fold: impl Fn(&mut T, &RecordBatch) + Sync,
    ) -> io::Result<Vec<T>> {
        let files = self.files(query)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len()).max(1);
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(None);
        let results = std::thread::scope(|scope| {
            let work = || {
                let mut value = begin();
                let mut densities = <[Density; 2]>::default();
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) =
                        read(file, query, columns, &mut densities, &mut |batch| fold(&mut value, batch))
                    {
                        let path = file.path(FILE);
                        let error = io::Error::new(error.kind(), format!("{}: {error}", path.display()));
                        failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
                        next.store(files.len(), Ordering::Relaxed);
                    }
                }
                value
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            return Err(error);
        }
        results
            .into_iter()
            .map(|value| value.map_err(|_| io::Error::other("a reading thread has panicked")))
            .collect()
    }

    /// Shows all wanted records, one file after the other in the order of their hours.
    ///
    /// # Errors
    /// A file cannot be read, or what `show` says.
    pub fn each(
        &self,
        query: &FlowQuery,
        columns: &[&str],
        mut show: impl FnMut(&RecordBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut failed = Ok(());
        let mut densities = <[Density; 2]>::default();
        for file in self.files(query)? {
            read(&file, query, columns, &mut densities, &mut |batch| {
                if failed.is_ok() {
                    failed = show(batch);
                }
            })?;
            if failed.is_err() {
                break;
            }
        }
        failed
    }

    /// Files that may hold something that is wanted.
    fn files(&self, query: &FlowQuery) -> io::Result<Vec<RecordFile>> {
        let mut files: Vec<RecordFile> = list(&self.folder)?
            .into_iter()
            .filter(|(_, ending)| [FILE, JOURNAL].contains(ending))
            .map(|(file, _)| file)
            .collect();
        // A journal whose file is there is done with.
        files.dedup();
        let earliest = query.filter.earliest();
        files.retain(|file| {
            let (begin, end) = file.hour.range();
            end > earliest && query.time.is_none_or(|(from, to)| end > from && begin <= to)
        });
        Ok(files)
    }
}

/// How many of the rows of the last row group of its kind were wanted: those of busy hosts, and the others.
///
/// Few: then only what decides is read of all rows, and the rest of those that are wanted. Are there many, and not in a row, that costs
/// more than to read everything.
#[derive(Debug, Default)]
struct Density {
    wanted: usize,
    rows: usize,
}

impl Density {
    /// From here on reading everything is the cheaper way: measured, `bench/store`.
    const MANY: usize = 40;

    const fn is_high(&self) -> bool {
        self.wanted * Self::MANY > self.rows
    }
}

fn read(
    file: &RecordFile,
    query: &FlowQuery,
    columns: &[&str],
    densities: &mut [Density; 2],
    show: &mut dyn FnMut(&RecordBatch),
) -> io::Result<()> {
    // A journal is made into a file and then removed: who finds neither looks once more.
    for _ in 0..2 {
        match File::open(file.path(FILE)) {
            Ok(file) => return read_file(&file, query, columns, densities, show).map_err(io::Error::other),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        if let Some((batches, _)) = journal::read(&file.path(JOURNAL))? {
            let mut matcher = Matcher::new(query.clone());
            for batch in batches {
                let batch = filter_record_batch(&batch, &matcher.wanted(&batch)).map_err(io::Error::other)?;
                if batch.num_rows() > 0 {
                    show(&batch);
                }
            }
            return Ok(());
        }
    }
    Ok(())
}

fn read_file(
    file: &File,
    query: &FlowQuery,
    columns: &[&str],
    densities: &mut [Density; 2],
    show: &mut dyn FnMut(&RecordBatch),
) -> Result<(), ParquetError> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
    let columns = match columns {
        [] => COLUMNS.iter().map(|column| column.name).collect(),
        columns => columns.to_vec(),
    };
    // One after the other: each has its own names.
    for group in 0..metadata.metadata().num_row_groups() {
        let density = &mut densities[usize::from(group > 0)];
        let part = Part { file, metadata: &metadata, group };
        part.read(query, &columns, density, show)?;
    }
    Ok(())
}

/// A row group.
struct Part<'f> {
    file: &'f File,
    metadata: &'f ArrowReaderMetadata,
    group: usize,
}

impl Part<'_> {
    fn read(
        &self,
        query: &FlowQuery,
        columns: &[&str],
        density: &mut Density,
        show: &mut dyn FnMut(&RecordBatch),
    ) -> Result<(), ParquetError> {
        let mut query = query.clone();
        if let Some((from, to)) = query.time
            && let Some((first, last)) = self.ends()
        {
            if last < from || first > to {
                return Ok(());
            }
            if from <= first && last <= to {
                query.time = None;
            }
        }
        let file = self.file.try_clone()?;
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![self.group])
            .with_batch_size(BATCH);
        if self.is_ruled_out(&reader, &query.filter)? {
            return Ok(());
        }
        let schema = reader.parquet_schema();
        let mask = |names: &[&str]| ProjectionMask::columns(schema, names.iter().copied());
        let mut looked_at = query.filter.columns();
        if query.time.is_some() {
            looked_at.push("event_end");
        }
        let is_dense = !looked_at.is_empty() && density.is_high();
        *density = Density { wanted: 0, rows: self.rows() };
        let mut count = |batch: &RecordBatch| {
            density.wanted += batch.num_rows();
            if batch.num_rows() > 0 {
                show(batch);
            }
        };
        if is_dense {
            let projection = mask(&[columns, &looked_at].concat());
            let mut matcher = Matcher::new(query);
            for batch in reader.with_projection(projection).build()? {
                let batch = batch?;
                count(&filter_record_batch(&batch, &matcher.wanted(&batch))?);
            }
            return Ok(());
        }
        let projection = mask(columns);
        if !looked_at.is_empty() {
            let mask = mask(&looked_at);
            let mut matcher = Matcher::new(query);
            let predicate =
                ArrowPredicateFn::new(mask, move |batch| Ok::<_, ArrowError>(matcher.wanted(&batch)));
            reader = reader.with_row_filter(RowFilter::new(vec![Box::new(predicate)]));
        }
        for batch in reader.with_projection(projection).build()? {
            count(&batch?);
        }
        Ok(())
    }

    fn rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().row_group(self.group).num_rows()).unwrap_or_default()
    }

    /// The first and the last `event_end`.
    fn ends(&self) -> Option<(Timestamp, Timestamp)> {
        let column = SCHEMA.index_of("event_end").ok()?;
        let columns = self.metadata.metadata().row_group(self.group).columns();
        let Some(Statistics::Int64(statistics)) = columns.get(column)?.statistics() else { return None };
        let time = |micros: i64| {
            Timestamp::from_nanos(u64::try_from(micros).unwrap_or_default().saturating_mul(1_000))
        };
        Some((time(*statistics.min_opt()?), time(*statistics.max_opt()?)))
    }

    /// Whether the bloom filters say that nothing is wanted.
    fn is_ruled_out(
        &self,
        reader: &ParquetRecordBatchReaderBuilder<File>,
        filter: &Filter,
    ) -> Result<bool, ParquetError> {
        let texts = |addresses: Option<Vec<std::net::IpAddr>>| -> Option<Vec<String>> {
            Some(addresses?.iter().map(ToString::to_string).collect())
        };
        let ids = (!filter.ids.is_empty()).then(|| filter.ids.iter().map(ToString::to_string).collect());
        let asked: [(&[&str], Option<Vec<String>>); 5] = [
            (&["source_ip", "destination_ip"], texts(filter.addresses())),
            (&["source_ip", "destination_ip"], texts(single(&filter.others))),
            (&["source_ip"], texts(single(&filter.sources))),
            (&["destination_ip"], texts(single(&filter.destinations))),
            (&["offport_flow_id"], ids),
        ];
        for (columns, values) in asked {
            let Some(values) = values else { continue };
            let mut may_be = false;
            for column in columns {
                may_be = may_be || self.may_hold(reader, column, &values)?;
            }
            if !may_be {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn may_hold(
        &self,
        reader: &ParquetRecordBatchReaderBuilder<File>,
        column: &str,
        values: &[String],
    ) -> Result<bool, ParquetError> {
        let schema = reader.parquet_schema();
        let Some(column) = (0..schema.num_columns()).find(|&at| schema.column(at).path().string() == column)
        else {
            return Ok(true);
        };
        let bloom = reader.get_row_group_column_bloom_filter(self.group, column)?;
        Ok(bloom.is_none_or(|bloom| values.iter().any(|value| bloom.check(&value.as_str()))))
    }
}
