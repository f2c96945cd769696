//! Since when nothing was watched: the sensor before this one says until when it did, in a small file of the store.
//!
//! `state.json` holds `{"version":1,"watched_until":"2026-11-28T12:00:00.123Z"}` (RFC 3339, UTC), written each second and when
//! interfaces are let go. A file of another version is left alone and said to be so.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use offport_config::Config;
use serde::{Deserialize, Serialize};

/// The newest that this sensor reads and writes.
const VERSION: u32 = 1;
/// A sensor that was killed is known to have watched until so long before, at most.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Header {
    version: u32,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    version: u32,
    watched_until: Timestamp,
}

/// Keeps the file.
pub(crate) struct Absence {
    /// `None`: nothing is kept on this box, or the file is not this version's.
    path: Option<PathBuf>,
    written: Instant,
    /// Whether the last attempt to write failed: said once.
    failed: bool,
    /// How long nothing was watched before this sensor.
    before: Duration,
}

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Until(Timestamp),
    /// A file that is not whole, with why.
    Broken(String),
    Other(u32),
}

impl Absence {
    /// Called when packets are watched from now on: says how long none were.
    pub(crate) fn ends(config: &Config) -> Self {
        let store = &config.store;
        let stored = store.packets.enabled || store.flows.enabled;
        let mut path = stored.then(|| store.path.join("state.json"));
        let mut before = Duration::ZERO;
        match path.as_deref().map_or(Found::Nothing, read) {
            Found::Nothing => {}
            Found::Until(until) => {
                // A clock that was set back makes it less than nothing.
                before = Timestamp::now().duration_since(until).try_into().unwrap_or_default();
                tracing::info!(seconds = before.as_secs_f64(), "nothing was watched since {until:.3}");
            }
            Found::Broken(why) => {
                tracing::warn!("state.json in {}: {why}; written anew", store.path.display())
            }
            Found::Other(version) => {
                tracing::warn!(
                    "state.json in {} is of version {version}, this sensor's is {VERSION}; left as it is",
                    store.path.display()
                );
                path = None;
            }
        }
        let mut absence = Self { path, written: Instant::now(), failed: false, before };
        absence.write();
        absence
    }

    /// Called often; writes each second.
    pub(crate) fn tick(&mut self) {
        if self.written.elapsed() >= EVERY {
            self.write();
        }
    }

    /// Nothing is watched from now on, or will soon not be.
    pub(crate) fn begins(&mut self) {
        self.write();
    }

    pub(crate) fn describe() {
        metrics::describe_gauge!(
            "offport_unwatched_seconds",
            "How long no sensor watched before this one started; 0: none is known to have"
        );
    }

    pub(crate) fn publish(&self) {
        metrics::gauge!("offport_unwatched_seconds").set(self.before.as_secs_f64());
    }

    fn write(&mut self) {
        self.written = Instant::now();
        let Some(path) = &self.path else { return };
        match write(path, Timestamp::now()) {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                tracing::warn!(%error, "{} cannot be written: the next start will not know how long nothing was watched", path.display());
            }
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> Found {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
        Err(error) => return Found::Broken(error.to_string()),
    };
    match serde_json::from_slice::<Header>(&text) {
        Ok(Header { version: VERSION }) => {}
        Ok(Header { version }) => return Found::Other(version),
        Err(error) => return Found::Broken(error.to_string()),
    }
    match serde_json::from_slice::<State>(&text) {
        Ok(state) => Found::Until(state.watched_until),
        Err(error) => Found::Broken(error.to_string()),
    }
}

/// Whole or not at all, but for a power loss: a broken file is written anew.
fn write(path: &Path, now: Timestamp) -> io::Result<()> {
    let next = path.with_extension("json.new");
    std::fs::write(&next, serde_json::to_vec(&State { version: VERSION, watched_until: now })?)?;
    std::fs::rename(next, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_taken_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.json");
        assert_eq!(read(&path), Found::Nothing);
        let now = Timestamp::now();
        write(&path, now).expect("written");
        assert_eq!(read(&path), Found::Until(now));
        let whole = std::fs::read(&path).expect("there");
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("cut");
            assert!(matches!(read(&path), Found::Broken(_)), "{length} bytes");
        }
        std::fs::write(&path, br#"{"version":2,"watched":["later"]}"#).expect("written");
        assert_eq!(read(&path), Found::Other(2));
    }

    #[test]
    fn a_start_says_how_long_nothing_was_watched_and_leaves_a_newer_file_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.store.path = folder.path().to_owned();
        let path = folder.path().join("state.json");
        assert_eq!(Absence::ends(&config).before, Duration::ZERO);
        write(&path, Timestamp::now() - Duration::from_secs(90)).expect("written");
        let before = Absence::ends(&config).before.as_secs();
        assert!((90..120).contains(&before), "{before} s");
        // And the next one begins at this one's end.
        assert!(Absence::ends(&config).before.as_secs() < 60);
        // A clock that was set back.
        write(&path, Timestamp::now() + Duration::from_secs(90)).expect("written");
        assert_eq!(Absence::ends(&config).before, Duration::ZERO);
        let newer = br#"{"version":2}"#;
        std::fs::write(&path, newer).expect("written");
        Absence::ends(&config).begins();
        assert_eq!(std::fs::read(&path).expect("there"), newer);
        config.store.packets.enabled = false;
        config.store.flows.enabled = false;
        config.store.path = folder.path().join("none");
        Absence::ends(&config).begins();
        assert!(!config.store.path.exists());
    }
}
