//! The progress bar: on a terminal only, drawn by a thread of its own.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use offport_capture::file::Progress;

const REDRAW: Duration = Duration::from_millis(100);

/// Progress over all captures, in bytes of the files.
pub(super) struct Bar(Option<Drawn>);

struct Drawn {
    bar: ProgressBar,
    place: Arc<Mutex<Place>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How far reading has come.
#[derive(Default)]
struct Place {
    /// Bytes of the files before.
    before: u64,
    current: Option<Progress>,
}

impl Place {
    fn bytes(&self) -> u64 {
        self.before + self.current.as_ref().map_or(0, Progress::bytes_read)
    }
}

impl Bar {
    pub(super) fn over(names: &[PathBuf], quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let sizes: Option<u64> = names.iter().map(|name| size(name)).sum();
        let (bar, style) = match sizes {
            Some(total) => {
                (ProgressBar::new(total), "{wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left")
            }
            None => (ProgressBar::no_length(), "{spinner} {bytes}  {bytes_per_sec}"),
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let (place, stop) = (Arc::<Mutex<Place>>::default(), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (bar, place, stop) = (bar.clone(), Arc::clone(&place), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::park_timeout(REDRAW);
                    bar.set_position(place.lock().unwrap_or_else(PoisonError::into_inner).bytes());
                    bar.tick();
                }
            }
        });
        Self(Some(Drawn { bar, place, stop, thread: Some(thread) }))
    }

    /// The next capture.
    pub(super) fn follow(&self, progress: Progress) {
        if let Self(Some(drawn)) = self {
            let mut place = drawn.place.lock().unwrap_or_else(PoisonError::into_inner);
            place.before = place.bytes();
            place.current = Some(progress);
        }
    }

    /// Prints without disturbing the bar.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        match self {
            Self(Some(drawn)) => drawn.bar.suspend(print),
            Self(None) => print(),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {}
}

impl Drop for Drawn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}

fn size(name: &Path) -> Option<u64> {
    if name == Path::new("-") {
        return None;
    }
    // What cannot be opened is named later; it has no bytes to wait for.
    let Ok(metadata) = std::fs::metadata(name) else { return Some(0) };
    metadata.is_file().then_some(metadata.len())
}
