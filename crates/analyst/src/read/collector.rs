//! What comes out of a capture, on its way to files and into the summary.

use std::path::Path;

use offport_capture::file::Interface;
use offport_config::EventFormat;
use offport_engine::{Event, FlowRecord, HandOver, Opening, Output};
use offport_flow::Flow;
use offport_policy::{Facts, Judgement};
use offport_telemetry::ecs::Formatter;
use offport_telemetry::{Descriptions, eve};

use super::capture::Listener;
use crate::output::{Stdout, Target};
use crate::settings::Settings;
use crate::summary::Tally;

/// JSON lines that were asked for.
pub(super) struct Lines {
    pub(super) flows: Option<Target>,
    pub(super) events: Option<Target>,
}

impl Lines {
    /// Whether standard output is theirs.
    pub(super) fn take_stdout(&self) -> bool {
        [&self.flows, &self.events].into_iter().flatten().any(|target| matches!(target, Target::Stdout))
    }

    pub(super) fn flush(&mut self, stdout: &mut Stdout) -> anyhow::Result<()> {
        [&mut self.flows, &mut self.events].into_iter().flatten().try_for_each(|target| target.flush(stdout))
    }
}

/// Writes lines and feeds the summary, for one capture.
pub(super) struct Collector<'a> {
    lines: &'a mut Lines,
    tally: &'a mut Tally,
    stdout: &'a mut Stdout,
    formatter: Formatter,
    format: EventFormat,
    /// Bounded by the flow table: each ends with its flow.
    descriptions: Descriptions,
    line: Vec<u8>,
    failed: anyhow::Result<()>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        settings: &Settings,
        path: &Path,
        lines: &'a mut Lines,
        tally: &'a mut Tally,
        stdout: &'a mut Stdout,
    ) -> Self {
        let formatter = Formatter {
            log_file: Some(path.to_string_lossy().into_owned()),
            rules: settings.rules.clone(),
            ..Formatter::default()
        };
        let (format, line, failed) = (settings.format, Vec::with_capacity(4096), Ok(()));
        let descriptions = Descriptions::new(usize::MAX);
        Self { lines, tally, stdout, formatter, format, descriptions, line, failed }
    }
}

impl Output for Collector<'_> {
    fn record(&mut self, record: &FlowRecord) {
        self.tally.record(record, self.formatter.log_file.as_deref().unwrap_or_default());
        if let Some(target) = &mut self.lines.flows {
            self.line.clear();
            self.formatter.record(record, self.descriptions.of(record), &mut self.line);
            write_line(target, &mut self.line, self.stdout, &mut self.failed);
        }
        self.descriptions.written(record);
    }

    fn event(&mut self, event: &Event) {
        let Some(target) = &mut self.lines.events else { return };
        self.line.clear();
        let description = self.descriptions.of_event(event);
        match self.format {
            EventFormat::Ecs => self.formatter.event(event, &description, &mut self.line),
            EventFormat::Eve => eve::event(&self.formatter, event, &description, &mut self.line),
        }
        write_line(target, &mut self.line, self.stdout, &mut self.failed);
    }

    fn hand_over(&mut self, _: u16, _: HandOver<'_>) -> bool {
        // There is one worker.
        false
    }

    fn settled(&mut self, flow: &Flow<'_>, facts: &Facts, judgement: &Judgement) {
        self.tally.settled(flow, judgement);
        let wanted = self.lines.flows.is_some() || self.lines.events.is_some();
        if let Some(opening) = Opening::of(flow, facts.seen).filter(|_| wanted) {
            self.descriptions.insert(opening.flow, opening.describe());
        }
    }

    fn found_out(&mut self, flow: &Flow<'_>, _: &Facts, judgement: &Judgement) {
        self.tally.settled(flow, judgement);
    }
}

impl Listener for Collector<'_> {
    fn interfaces(&mut self, interfaces: &[Interface]) {
        // Without a single name there is nothing to say of any.
        if interfaces.iter().any(|interface| interface.name.is_some()) {
            self.formatter.interfaces =
                interfaces.iter().map(|interface| interface.name.clone().unwrap_or_default()).collect();
        }
    }

    fn check(&mut self) -> anyhow::Result<()> {
        std::mem::replace(&mut self.failed, Ok(()))
    }
}

/// The first failure is kept for [`Listener::check`]; after it nothing is written.
fn write_line(target: &mut Target, line: &mut Vec<u8>, stdout: &mut Stdout, failed: &mut anyhow::Result<()>) {
    if failed.is_ok() {
        line.push(b'\n');
        *failed = target.write_all(line, stdout);
    }
}
