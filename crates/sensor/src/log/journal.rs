//! Lines for systemd's journal: it has the time itself, and takes a line's priority from `<N>` before it (sd-daemon(3)).

use std::fmt;
use std::os::linux::fs::MetadataExt as _;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{DefaultFields, Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

/// Whether standard error is the journal: `JOURNAL_STREAM` names its device and inode (systemd.exec(5)).
pub(super) fn listens() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(file) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", file.st_dev(), file.st_ino())
}

/// As elsewhere, without time and colours.
pub(super) struct Lines(Format<Full, ()>);

impl Default for Lines {
    fn default() -> Self {
        Self(Format::default().without_time().with_target(false).with_ansi(false).with_level(false))
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> FormatEvent<S, DefaultFields> for Lines {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, DefaultFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// syslog(3): error, warning, informational, debug.
fn priority(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_carry_their_priority_and_neither_time_nor_colour() {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Lines::default())
            .with_writer(move || writer.clone())
            .with_max_level(Level::TRACE)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(path = "/x", "cannot be written");
            tracing::warn!("two\nlines");
            tracing::info!(seconds = 1.5, "watching");
            tracing::debug!("detail");
            tracing::trace!("detail");
        });
        let text = String::from_utf8(page.0.lock().expect("one thread").clone()).expect("text");
        assert_eq!(
            text,
            "<3>cannot be written path=\"/x\"\n<4>two\nlines\n<6>watching seconds=1.5\n<7>detail\n<7>detail\n"
        );
    }
}
