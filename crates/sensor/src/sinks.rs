//! Where records and events go: files, `/events`, the terminal, other machines. On the control thread.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use offport_config::{Config, EventFormat};
use offport_engine::{Event, EventPhase, FlowRecord, Opening};
use offport_evidence::{RotatingFile, Seldom};
use offport_telemetry::ecs::Formatter;
use offport_telemetry::http::Board;
use offport_telemetry::{Descriptions, eve, human};

use crate::forwarding::Forwarding;
use crate::store::Store;

/// The outputs.
pub(crate) struct Sinks {
    formatter: Formatter,
    format: EventFormat,
    events: Option<Sink>,
    records: Option<Sink>,
    store: Store,
    /// No packet is held up any more: what has no room waits.
    patient: bool,
    forwarding: Forwarding,
    descriptions: Descriptions,
    print: bool,
    line: Vec<u8>,
}

struct Sink {
    file: RotatingFile,
    path: String,
    written: u64,
    failed: u64,
    complaints: Seldom,
}

/// Files that another configuration names, open; `None`: they stay the same.
pub(crate) struct NextFiles {
    events: Option<Option<Sink>>,
    records: Option<Option<Sink>>,
}

impl Sinks {
    /// Opens the files, and starts what forwards.
    pub(crate) fn open(
        settings: &Config,
        formatter: Formatter,
        store: Store,
        print: bool,
    ) -> anyhow::Result<Self> {
        let events = Sink::of_events(settings)?;
        let records = Sink::of_records(settings)?;
        Ok(Self {
            forwarding: Forwarding::start(settings, formatter.observer.as_deref())?,
            formatter,
            format: settings.events.format,
            events,
            records,
            store,
            patient: false,
            descriptions: Descriptions::new(settings.records.descriptions as usize),
            print,
            line: Vec::with_capacity(4096),
        })
    }

    /// Remembers what a flow says until its last record is written.
    pub(crate) fn opening(&mut self, opening: &Opening) {
        self.descriptions.insert(opening.flow, opening.describe());
    }

    /// Writes a flow record.
    pub(crate) fn record(&mut self, record: &FlowRecord) {
        self.forwarding.heard_of(record);
        let description = self.descriptions.of(record);
        self.store.record(record, description, self.patient);
        if self.records.is_some() || self.forwarding.takes_records() {
            self.line.clear();
            self.formatter.record(record, description, &mut self.line);
            if let Some(sink) = &mut self.records {
                sink.write(&self.line);
            }
            self.forwarding.record(record, &self.line);
        }
        self.descriptions.written(record);
    }

    /// Writes an event, forwards it, shows it on the board, and says it on the terminal.
    pub(crate) fn event(&mut self, event: &Event, board: &Board) {
        self.line.clear();
        let description = self.descriptions.of_event(event);
        self.formatter.evidence = self.store.evidence();
        match self.format {
            EventFormat::Ecs => self.formatter.event(event, &description, &mut self.line),
            EventFormat::Eve => eve::event(&self.formatter, event, &description, &mut self.line),
        }
        if let Some(sink) = &mut self.events {
            sink.write(&self.line);
        }
        board.remember(&String::from_utf8_lossy(&self.line));
        if self.format != EventFormat::Ecs && self.forwarding.takes_json() {
            self.line.clear();
            self.formatter.event(event, &description, &mut self.line);
        }
        self.forwarding.event(event, &self.line);
        // An analyst looks for the session of an alert long before its flow is over.
        if event.phase == EventPhase::Flagged {
            self.store.record(&event.record, &description, self.patient);
        }
        if self.print && event.phase == EventPhase::Flagged {
            // A closed terminal must not stop the sensor.
            let _ = writeln!(std::io::stdout(), "{}", human::sentence(&event.record));
        }
    }

    /// No packet comes any more.
    pub(crate) const fn no_more_packets(&mut self) {
        self.patient = true;
    }

    /// The store for analysts.
    pub(crate) const fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Hands what is buffered to the operating system.
    pub(crate) fn flush(&mut self) {
        for sink in [&mut self.events, &mut self.records].into_iter().flatten() {
            sink.flush();
        }
    }

    /// What rules are called from now on, by id.
    pub(crate) fn set_rule_names(&mut self, names: Vec<String>) {
        self.formatter.rules = names;
    }

    /// SIGHUP: closes and reopens the files.
    pub(crate) fn reopen(&mut self) {
        for sink in [&mut self.events, &mut self.records].into_iter().flatten() {
            match sink.file.reopen() {
                Ok(()) => tracing::info!(path = %sink.path, "reopened"),
                Err(error) => {
                    tracing::error!(path = %sink.path, %error, "cannot be reopened: the old file stays in use")
                }
            }
        }
    }

    /// Opens the files that another configuration names, so that it is known whether they can be.
    pub(crate) fn open_next(from: &Config, to: &Config) -> anyhow::Result<NextFiles> {
        Ok(NextFiles {
            events: (from.events != to.events).then(|| Sink::of_events(to)).transpose()?,
            records: (from.records != to.records).then(|| Sink::of_records(to)).transpose()?,
        })
    }

    /// From one configuration to another: its files, and what forwards. What is buffered goes where it was to go.
    pub(crate) fn change(&mut self, files: NextFiles, from: &Config, to: &Config) -> anyhow::Result<()> {
        self.flush();
        self.format = to.events.format;
        for (sink, next) in [(&mut self.events, files.events), (&mut self.records, files.records)] {
            let Some(mut next) = next else { continue };
            if let (Some(next), Some(sink)) = (&mut next, &sink) {
                (next.written, next.failed) = (sink.written, sink.failed);
            }
            *sink = next;
        }
        self.forwarding.change(from, to, self.formatter.observer.as_deref())
    }

    /// What forwards, to be counted.
    pub(crate) const fn forwarding(&self) -> &Forwarding {
        &self.forwarding
    }

    /// Nothing more comes: what is on its way is sent, for a bounded time.
    pub(crate) fn end(&mut self) {
        self.flush();
        self.forwarding.end();
    }

    /// What flows say.
    pub(crate) const fn descriptions(&self) -> &Descriptions {
        &self.descriptions
    }

    /// (sink, lines written, lines lost) of each file.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        [("events", &self.events), ("records", &self.records)]
            .into_iter()
            .filter_map(|(name, sink)| sink.as_ref().map(|sink| (name, sink.written, sink.failed)))
    }
}

impl Sink {
    fn of_events(config: &Config) -> anyhow::Result<Option<Self>> {
        let events = &config.events;
        Self::open(events.enabled, &events.path, events.rotate_size, events.rotate_keep, "events.path")
    }

    fn of_records(config: &Config) -> anyhow::Result<Option<Self>> {
        let records = &config.records;
        Self::open(records.enabled, &records.path, records.rotate_size, records.rotate_keep, "records.path")
    }

    fn open(enabled: bool, path: &Path, size: u64, keep: u32, key: &str) -> anyhow::Result<Option<Self>> {
        if !enabled {
            return Ok(None);
        }
        let file = RotatingFile::open(path, size, keep).with_context(|| {
            format!(
                "{}: cannot be opened for appending; {key} names another place (one outside of the folders that were written to at \
                 the start takes a restart: docs/security.md)",
                path.display()
            )
        })?;
        let path = path.display().to_string();
        Ok(Some(Self { file, path, written: 0, failed: 0, complaints: Seldom::default() }))
    }

    fn write(&mut self, line: &[u8]) {
        match self.file.write_line(line) {
            Ok(()) => self.written += 1,
            Err(error) => {
                self.failed += 1;
                self.complain(&error);
            }
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.file.flush() {
            self.complain(&error);
        }
    }

    /// A full disk fails every line: it is said once a minute, and counted each time.
    fn complain(&mut self, error: &std::io::Error) {
        if self.complaints.may_say(Instant::now()) {
            tracing::error!(path = %self.path, %error, lost = self.failed, "cannot be written; capture goes on");
        }
    }
}
