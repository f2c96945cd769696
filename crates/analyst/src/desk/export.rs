//! Records out of the store, for other programs.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use anyhow::bail;
use arrow_array::RecordBatch;
use offport_evidence::flows::{Cells, FlowQuery, FlowStore, ParquetFile, document, fields};

use super::args::{Export, ExportFormat};
use super::extract::write_file;
use super::place::Place;
use crate::exit::Exit;
use crate::output::Stdout;
use crate::run::Misuse;

pub(crate) fn run(args: &Export, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    if args.store.json && args.format != ExportFormat::Json {
        return Err(Misuse("--json and --format csv or parquet exclude each other".to_owned()).into());
    }
    let place = Place::open(&args.store)?;
    let query = args.filter.query(&args.time)?;
    let store = place.flows();
    if args.write != Path::new("-") {
        write_file(&args.write, |file| export(&store, &query, args.format, file))?;
    } else if args.format == ExportFormat::Parquet && io::stdout().is_terminal() {
        bail!("Parquet is nothing for a terminal: name a file with -w");
    } else {
        export(&store, &query, args.format, stdout)?;
    }
    Ok(Exit::Clean)
}

fn export(
    store: &FlowStore,
    query: &FlowQuery,
    format: ExportFormat,
    to: &mut (impl Write + Send),
) -> io::Result<()> {
    match format {
        ExportFormat::Json => store.each(query, &[], |batch| {
            (0..batch.num_rows()).try_for_each(|row| {
                serde_json::to_writer(&mut *to, &document(batch, row))?;
                to.write_all(b"\n")
            })
        }),
        ExportFormat::Csv => {
            let mut csv = csv::Writer::from_writer(to);
            let names: Vec<&str> = fields().map(|(_, name)| name).collect();
            csv.write_record(&names)?;
            store.each(query, &[], |batch| write_csv(&mut csv, &names, batch))?;
            csv.flush()
        }
        ExportFormat::Parquet => {
            let mut file = ParquetFile::begin(to)?;
            store.each(query, &[], |batch| file.write(batch))?;
            file.finish()
        }
    }
}

fn write_csv(csv: &mut csv::Writer<impl Write>, names: &[&str], batch: &RecordBatch) -> io::Result<()> {
    let columns: Vec<_> = names.iter().map(|name| Cells::of(batch, name)).collect();
    for row in 0..batch.num_rows() {
        for cells in &columns {
            csv.write_field(cells.plain(row))?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    Ok(())
}
