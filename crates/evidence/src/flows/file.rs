//! A Parquet file of flow records: sorted by start, zstd, bloom filters on both addresses and the id.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{RecordBatch, UInt32Array, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use offport_wire::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::columns::SCHEMA;
use super::partition::{FILE, Hour, RecordFile, TEMPORARY};

/// Rows of a file at most: what is sorted at once, in memory (some 100 MB).
pub const FILE_ROWS: usize = 256 * 1024;
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
    writer.write(rows)?;
    writer.close().map(|_| ())
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
