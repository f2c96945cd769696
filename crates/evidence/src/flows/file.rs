//! A Parquet file of flow records: zstd, bloom filters on both addresses and the id, sorted by start within each row group.
//!
//! A host that has a part in many records is scattered over all of a file, and whoever asks for it would have to read the columns of
//! all records. So those of busy hosts are a row group of their own: the bloom filters say that the others need not be read.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take_record_batch;
use offport_wire::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::cells::Cells;
use super::columns::SCHEMA;
use super::partition::{FILE, Hour, RecordFile, TEMPORARY};

/// Rows of a file at most: what is sorted at once, in memory (some 100 MB).
pub const FILE_ROWS: usize = 256 * 1024;
/// A host is busy if it has a part in one of so many records.
const BUSY: usize = 100;
/// Smaller files are read whole in no time.
const SPLIT: usize = 32 * 1024;
/// Columns in which each row has another value: a dictionary would be of no use.
const DISTINCT: [&str; 2] = ["offport_flow_id", "network_community_id"];
/// Bytes of a dictionary at most: that of a column in which each row has another address.
const DICTIONARY: usize = 16 << 20;
/// What is looked for by equality.
const FILTERED: [&str; 3] = ["source_ip", "destination_ip", "offport_flow_id"];
/// Addresses that are no one's in a file are found in it one time in so many.
const FALSE_POSITIVES: f64 = 0.01;

/// Writes batches to `path`, whole or not at all: to `temporary` first. Bytes of the file.
pub(crate) fn write(batches: &[RecordBatch], temporary: &Path, path: &Path) -> io::Result<u64> {
    write_whole(&sort(batches).map_err(io::Error::other)?, temporary, path)
}

/// The columns of a file, for who makes records up.
#[doc(hidden)]
pub fn schema() -> SchemaRef {
    SCHEMA.clone()
}

/// Writes records that are made up, in the order of their starts and of one hour: that in which `end` lies. The file is such as the
/// writer makes in the microsecond `begun`. Its bytes.
///
/// # Errors
/// The disk does not take it.
#[doc(hidden)]
pub fn write_made_up(
    rows: &RecordBatch,
    root: &Path,
    sensor: &str,
    end: Timestamp,
    begun: u64,
) -> io::Result<u64> {
    let file = RecordFile::new(root, sensor, Hour::of(end), begun);
    fs::create_dir_all(file.folder())?;
    write_whole(rows, &file.path(TEMPORARY), &file.path(FILE))
}

fn write_whole(sorted: &RecordBatch, temporary: &Path, path: &Path) -> io::Result<u64> {
    let file = File::create(temporary)?;
    let written = write_sorted(sorted, file).map_err(other).and_then(|()| {
        // The rename must not be on disk before what is renamed.
        File::open(temporary)?.sync_all()?;
        fs::rename(temporary, path)?;
        sync_folder(path)
    });
    if let Err(error) = written {
        let _ = fs::remove_file(temporary);
        return Err(error);
    }
    Ok(fs::metadata(path)?.len())
}

/// Has the disk keep the names in the folder of `path`.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A Parquet file that is written batch by batch, in the order in which they come.
pub struct ParquetFile<W: io::Write + Send>(ArrowWriter<W>);

impl<W: io::Write + Send> ParquetFile<W> {
    /// Begins one.
    ///
    /// # Errors
    /// `to` does not take it.
    pub fn begin(to: W) -> io::Result<Self> {
        let properties = properties().map_err(other)?.build();
        ArrowWriter::try_new(to, SCHEMA.clone(), Some(properties)).map(Self).map_err(other)
    }

    /// Adds records; columns that the batch does not have are null.
    ///
    /// # Errors
    /// The file does not take them.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let column = |field: &arrow_schema::FieldRef| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            _ => new_null_array(field.data_type(), batch.num_rows()),
        };
        let columns = SCHEMA.fields().iter().map(column).collect();
        let batch = RecordBatch::try_new(SCHEMA.clone(), columns).map_err(io::Error::other)?;
        self.0.write(&batch).map_err(other)
    }

    /// Ends it.
    ///
    /// # Errors
    /// As [`ParquetFile::write`].
    pub fn finish(self) -> io::Result<()> {
        self.0.close().map(|_| ()).map_err(other)
    }
}

fn sort(batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let all = concat_batches(&SCHEMA, batches)?;
    let starts = all.column(0).as_primitive::<TimestampMicrosecondType>().values();
    let mut order: Vec<u32> = (0..starts.len() as u32).collect();
    order.sort_by_key(|&row| starts[row as usize]);
    take_record_batch(&all, &UInt32Array::from(order))
}

fn write_sorted(rows: &RecordBatch, file: File) -> Result<(), ParquetError> {
    let mut properties = properties()?;
    for column in DISTINCT {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    for column in ["event_start", "event_end"] {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(column), false)
            .set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
    }
    // A page of addresses that is not a dictionary costs a reader many times as much.
    for column in ["source_ip", "destination_ip"] {
        properties = properties.set_column_dictionary_page_size_limit(ColumnPath::from(column), DICTIONARY);
    }
    for column in FILTERED {
        let path = ColumnPath::from(column);
        properties = properties
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_fpp(path.clone(), FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(path, distinct(rows, column) as u64);
    }
    let mut writer = ArrowWriter::try_new(file, SCHEMA.clone(), Some(properties.build()))?;
    match split(rows)? {
        None => writer.write(rows)?,
        Some(groups) => {
            for rows in groups {
                writer.write(&rows)?;
                writer.flush()?;
            }
        }
    }
    writer.close().map(|_| ())
}

/// The records of busy hosts, and those of the others; `None`: to tell them apart is of no use.
fn split(rows: &RecordBatch) -> Result<Option<[RecordBatch; 2]>, ArrowError> {
    let ends = ["source_ip", "destination_ip"].map(|name| Cells::of(rows, name));
    let [Cells::Names(..), Cells::Names(..)] = ends else { return Ok(None) };
    if rows.num_rows() < SPLIT {
        return Ok(None);
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for end in ends {
        let mut of_keys = vec![0; end.names().map_or(0, Array::len)];
        (0..rows.num_rows()).filter_map(|row| end.key(row)).for_each(|key| of_keys[key] += 1);
        let names = end.names().into_iter().flatten();
        names
            .zip(of_keys)
            .for_each(|(name, count)| *counts.entry(name.unwrap_or_default()).or_default() += count);
    }
    counts.retain(|_, count| *count * BUSY >= rows.num_rows());
    let mut busy = vec![false; rows.num_rows()];
    for end in ends {
        let names = end.names().into_iter().flatten();
        let is_busy: Vec<bool> =
            names.map(|name| name.is_some_and(|name| counts.contains_key(name))).collect();
        busy.iter_mut()
            .enumerate()
            .for_each(|(row, busy)| *busy |= end.key(row).is_some_and(|key| is_busy[key]));
    }
    let part = |wanted: bool| {
        let mask: BooleanArray = busy.iter().map(|&busy| Some(busy == wanted)).collect();
        filter_record_batch(rows, &mask)
    };
    let groups = [part(true)?, part(false)?];
    Ok(groups.iter().all(|rows| rows.num_rows() > 0).then_some(groups))
}

fn properties() -> Result<WriterPropertiesBuilder, ParquetError> {
    let page = EnabledStatistics::Page;
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_created_by(concat!("offport ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(ColumnPath::from("event_start"), page)
        .set_column_statistics_enabled(ColumnPath::from("event_end"), page)
        .set_max_row_group_row_count(Some(FILE_ROWS)))
}

/// Values of a column at most.
fn distinct(rows: &RecordBatch, column: &str) -> usize {
    let dictionary = rows.column_by_name(column).and_then(|column| column.as_dictionary_opt::<Int32Type>());
    dictionary
        .map_or(rows.num_rows(), |dictionary| dictionary.values().len())
        .clamp(1, rows.num_rows().max(1))
}

fn other(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
