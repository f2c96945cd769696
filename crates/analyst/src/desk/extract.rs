//! Packets out of the store, as a capture file.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use ipnet::IpNet;
use offport_evidence::packets::{Found, extract};
use offport_wire::{FlowId, Timestamp};
use serde_json::json;

use super::args::{Extract, FilterArgs};
use super::place::Place;
use super::print_json;
use super::row::{Latest, Row};
use super::session::{packets, record};
use super::text::headline;
use crate::exit::Exit;
use crate::output::Stdout;
use crate::run::Misuse;
use crate::terminal;

/// Sessions at once: what a query may name.
const MOST: usize = 1_000_000;

pub(crate) fn run(args: &Extract, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let place = Place::open(&args.store)?;
    let to_stdout = args.write == Path::new("-");
    if to_stdout && args.store.json {
        return Err(Misuse("--json says what was written: name a file with -w".to_owned()).into());
    }
    if to_stdout && io::stdout().is_terminal() {
        bail!("a capture is nothing for a terminal: name a file with -w, or pipe it: | wireshark -k -i -");
    }
    let (found, rows) = find(&place, args)?;
    if found.is_empty() {
        terminal::complain(
            "no packet of that is in the store: it may have made room, or never have been kept",
        );
        return Ok(Exit::Flagged);
    }
    let comment = |session: &offport_engine::Session| {
        let id = session.id();
        Some(comment(id, rows.get(&id)))
    };
    let (written, gone) = if to_stdout {
        extract(&found, &mut *stdout, comment)?
    } else {
        write_file(&args.write, |file| extract(&found, file, comment))?
    };
    if gone > 0 {
        terminal::complain(&format!("{gone} packets had made room while they were read"));
    }
    let sessions = found.sessions().len();
    if args.store.json {
        let file = args.write.display().to_string();
        print_json(stdout, &json!({ "file": file, "packets": written, "sessions": sessions, "gone": gone }))?;
    } else if !to_stdout {
        let text = format!(
            "{}: {written} packets of {sessions} session{}\n",
            args.write.display(),
            if sessions == 1 { "" } else { "s" }
        );
        stdout.write_all(terminal::clean(&text).as_bytes())?;
    }
    Ok(if gone > 0 { Exit::Partial } else { Exit::Clean })
}

/// What a session's first packet says in Wireshark.
pub(crate) fn comment(id: FlowId, row: Option<&Row>) -> String {
    let words = row.map(|row| format!(": {}", headline(row)));
    format!("offport {id}{}", words.unwrap_or_default())
}

/// A file is whole, or not there.
pub(crate) fn write_file<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<std::fs::File>) -> io::Result<T>,
) -> anyhow::Result<T> {
    let context = || format!("cannot write {}", path.display());
    let mut file = BufWriter::with_capacity(256 << 10, std::fs::File::create(path).with_context(context)?);
    let result = write(&mut file).and_then(|value| file.flush().map(|()| value));
    if result.is_err() && path.is_file() {
        let _ = std::fs::remove_file(path);
    }
    result.with_context(context)
}

fn find(place: &Place, args: &Extract) -> anyhow::Result<(Found, HashMap<FlowId, Row>)> {
    if let [id] = args.ids[..] {
        let row = record(place, id, false)?;
        let found = packets(place, id, row.as_ref())?;
        return Ok((found, row.into_iter().map(|row| (id, row)).collect()));
    }
    let by_id = !args.ids.is_empty();
    let time = match by_id {
        true => (args.ids.iter().min().map_or(Timestamp::ZERO, |id| id.start()), Timestamp::MAX),
        false => args.time.range()?,
    };
    let ids: BTreeSet<FlowId> = args.ids.iter().copied().collect();
    let mut query = args.filter.query(&args.time)?;
    if by_id {
        query.time = None;
        query.filter.ids = ids.clone();
    }
    let latest = Latest { limit: MOST, key: |row| row.end.as_nanos(), whole: false };
    let rows: HashMap<FlowId, Row> =
        latest.find(&place.flows(), &query)?.into_iter().map(|row| (row.id, row)).collect();
    // What has no record yet is found by what its packets tell.
    let by_packets = !by_id && tells_by_packets(&args.filter);
    let found = place.packets().find(time, |session| {
        let id = session.id();
        ids.contains(&id) || rows.contains_key(&id) || by_packets && fits(&args.filter, session)
    })?;
    Ok((found, rows))
}

/// Whether a packet's own addresses and ports are enough.
fn tells_by_packets(filter: &FilterArgs) -> bool {
    filter.protocol.is_empty()
        && filter.verdict.is_empty()
        && filter.severity.is_empty()
        && filter.direction.is_empty()
        && filter.source.is_empty()
        && filter.destination.is_empty()
        && filter.min_bytes.is_none()
        && !filter.flagged
}

fn fits(filter: &FilterArgs, session: &offport_engine::Session) -> bool {
    let ends = [session.key.low(), session.key.high()];
    let is_in = |nets: &[IpNet]| {
        nets.is_empty() || ends.iter().any(|(ip, _)| nets.iter().any(|net| net.contains(ip)))
    };
    let port = filter.port.is_empty() || ends.iter().any(|(_, port)| filter.port.contains(port));
    let transport = session.key.transport().name();
    let is_transport =
        filter.transport.is_empty() || filter.transport.iter().any(|name| transport == Some(name));
    is_in(&filter.host) && port && is_transport
}
