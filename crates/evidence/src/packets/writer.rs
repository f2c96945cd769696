//! The thread that writes what the workers keep.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::disk::{Counts, Disk};
use super::keeper::{Keeper, Kept, Source, pair};

/// How long the writer sleeps when there is nothing to write.
const NAP: Duration = Duration::from_millis(10);

/// Where packets are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSettings {
    /// The folder; it is made if it is missing.
    pub folder: PathBuf,
    /// Bytes on disk at most; the oldest go first.
    pub budget: u64,
    /// Bytes of a capture file.
    pub segment: u64,
    /// Bytes of each worker that may wait for the disk.
    pub ring: u64,
    /// At the latest after this the disk is told to keep what was written.
    pub sync: Duration,
    /// Names of the interfaces, by [`offport_wire::Frame::interface`].
    pub interfaces: Vec<String>,
}

/// The running thread.
#[derive(Debug)]
pub struct PacketWriter {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Counts>,
    kept: Vec<Arc<Kept>>,
}

/// Opens the store, repairs what a crash has left, and starts the writer; one [`Keeper`] for each worker.
///
/// # Errors
/// The folder cannot be made, read or written, or another process writes to it.
pub fn start(settings: &PacketSettings, workers: usize) -> io::Result<(Vec<Keeper>, PacketWriter)> {
    let counts = Arc::new(Counts::default());
    let disk = Disk::open(settings, Arc::clone(&counts))?;
    let (keepers, sources): (Vec<_>, Vec<_>) = (0..workers).map(|_| pair(settings.ring)).unzip();
    let kept = sources.iter().map(|source| Arc::clone(&source.kept)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let ending = Arc::clone(&stop);
    let thread = std::thread::Builder::new()
        .name("offport-packets".to_owned())
        .spawn(move || write(disk, sources, &ending))?;
    Ok((keepers, PacketWriter { stop, thread: Some(thread), counts, kept }))
}

fn write(mut disk: Disk, mut sources: Vec<Source>, stop: &AtomicBool) {
    crate::thread::give_way();
    loop {
        let stopping = stop.load(Ordering::Acquire);
        let mut written = 0;
        for source in &mut sources {
            if let Ok(mut chunk) = source.full.pop() {
                disk.write(&chunk, Instant::now());
                chunk.clear();
                // There are as many places as chunks.
                let _ = source.empty.push(chunk);
                written += 1;
            }
        }
        disk.tick(Instant::now());
        if written == 0 {
            if stopping {
                break;
            }
            std::thread::sleep(NAP);
        }
    }
    disk.close();
}

impl PacketWriter {
    /// What was written and lost.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What each worker kept.
    pub fn kept(&self) -> &[Arc<Kept>] {
        &self.kept
    }

    /// Writes what the workers have handed on, and closes the files. The workers have ended.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was said by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for PacketWriter {
    fn drop(&mut self) {
        self.stop();
    }
}
