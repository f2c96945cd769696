//! A disk that is full, read-only, slow or gone: what it does not take is counted, and it recovers by itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail in any way"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use offport_evidence::Refusal;
use offport_evidence::flows::{FlowQuery, FlowStore, FlowWriter};
use offport_evidence::packets::{Keeper, PacketStore, PacketWriter, start};
use offport_fingerprint::Description;
use offport_wire::Timestamp;
use support::{flow_settings, keep, load, packet_settings, record, root, wait_until};

const SEGMENT: u64 = 2 << 20;
const FILE_ROWS: usize = 50_000;

/// A file system of so many MiB, unmounted when dropped.
struct Small(tempfile::TempDir);

impl Small {
    fn new(mib: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount(folder.path(), &["-t", "tmpfs", "-o", &format!("size={mib}m"), "offport-test"]);
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn remount(&self, options: &str) {
        mount(self.0.path(), &["-o", &format!("remount,{options}")]);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(folder: &Path, options: &[&str]) {
    let status = Command::new("mount").args(options).arg(folder).status().unwrap();
    assert!(status.success(), "mount {options:?}");
}

/// Keeps packets, some, with time for the writer.
fn go_on(keeper: &mut Keeper, next: &mut u32) {
    for _ in 0..50 {
        keep(keeper, *next);
        *next += 1;
    }
    keeper.flush();
    std::thread::sleep(Duration::from_millis(1));
}

/// Every packet is on disk, or counted as lost.
fn assert_account(writer: &PacketWriter, given: u32) {
    let kept = &writer.kept()[0];
    let behind = load(&kept.behind[0]) + load(&kept.behind[1]);
    assert_eq!(load(&kept.packets) + behind, u64::from(given), "handed on or counted");
    let refused: u64 = writer.counts().refused.iter().map(load).sum();
    assert_eq!(load(&writer.counts().packets) + refused, load(&kept.packets), "written or counted");
}

/// Packets that are found in a store, each of them whole.
fn packets_in(folder: &Path) -> u64 {
    let found =
        PacketStore::new(&folder.join("packets")).find((Timestamp::ZERO, Timestamp::MAX), |_| true).unwrap();
    let gone = found
        .read(|found| {
            let number = support::Kept::of(found.packet.bytes).number;
            assert_eq!(found.packet.bytes, support::frame_bytes(number));
            std::io::Result::Ok(())
        })
        .unwrap();
    assert_eq!(gone, 0);
    found.len() as u64
}

/// Records that are found in a store.
fn records_in(folder: &Path) -> u64 {
    FlowStore::new(&folder.join("flows"))
        .scan(&FlowQuery::default(), &["source_bytes"], || 0, |rows, batch| *rows += batch.num_rows() as u64)
        .unwrap()
        .into_iter()
        .sum()
}

/// Keeps packets and records in `folder`, whose disk refuses them between `begin` and `end`; what is kept is in `stores`.
fn a_disk_that_refuses(folder: &Path, reason: Refusal, begin: impl Fn(), end: impl Fn(), stores: &[PathBuf]) {
    let (mut keepers, mut writer) = start(&packet_settings(folder, SEGMENT), 1).unwrap();
    let mut flows = FlowWriter::start(&flow_settings(folder, FILE_ROWS)).unwrap();
    let (mut packets, mut records) = (0, 0);
    let mut both = |keeper: &mut Keeper, flows: &FlowWriter| {
        go_on(keeper, &mut packets);
        for _ in 0..50 {
            flows.record_patiently(&record(records), &Description::NONE);
            records += 1;
        }
    };
    wait_until("something is on disk", || {
        both(&mut keepers[0], &flows);
        load(&writer.counts().packets) > 0 && load(&flows.counts().records) > 0
    });
    begin();
    wait_until("the disk has refused both", || {
        both(&mut keepers[0], &flows);
        load(&writer.counts().refused[reason as usize]) > 0
            && load(&flows.counts().refused[reason as usize]) > 0
    });
    let (written, kept) = (load(&writer.counts().packets), load(&flows.counts().records));
    end();
    wait_until("both are kept again", || {
        both(&mut keepers[0], &flows);
        load(&writer.counts().packets) > written && load(&flows.counts().records) > kept
    });
    writer.stop();
    flows.stop();
    assert_account(&writer, packets);
    let found: u64 = stores.iter().map(|store| packets_in(store)).sum();
    assert_eq!(found, load(&writer.counts().packets), "what is said to be kept is found");
    for other in Refusal::ALL.into_iter().filter(|&other| other != reason) {
        assert_eq!(load(&writer.counts().refused[other as usize]), 0, "{}", other.name());
    }
    let counts = flows.counts();
    let refused: u64 = counts.refused.iter().map(load).sum();
    assert_eq!(
        load(&counts.records) + refused + load(&counts.behind),
        u64::from(records),
        "every record is kept or counted"
    );
    let found: u64 = stores.iter().map(|store| records_in(store)).sum();
    assert_eq!(found, load(&counts.records), "what is said to be kept is found");
}

#[test]
fn a_full_disk_costs_what_it_does_not_take() {
    if !root("to mount a small file system") {
        return;
    }
    let disk = Small::new(64);
    let filler = disk.0.path().join("filler");
    a_disk_that_refuses(
        &disk.path(),
        Refusal::Full,
        || {
            // Until there is no more.
            let _ = std::fs::write(&filler, vec![0; 128 << 20]);
        },
        || std::fs::remove_file(&filler).unwrap(),
        &[disk.path()],
    );
}

#[test]
fn a_read_only_disk_is_an_error_at_the_start() {
    if !root("to mount a small file system") {
        return;
    }
    let disk = Small::new(64);
    disk.remount("ro");
    let error = start(&packet_settings(&disk.path(), SEGMENT), 1).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    let error = FlowWriter::start(&flow_settings(&disk.path(), FILE_ROWS)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    disk.remount("rw");
    start(&packet_settings(&disk.path(), SEGMENT), 1).unwrap();
}

/// An ext4 of its own in a file, of which the kernel can be told that it is damaged.
struct Image {
    folder: tempfile::TempDir,
    device: String,
}

impl Image {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).status().unwrap();
        assert!(made.success(), "mkfs.ext4");
        let device = Command::new("losetup").args(["--find", "--show"]).arg(&image).output().unwrap();
        assert!(device.status.success(), "{}", String::from_utf8_lossy(&device.stderr));
        let device = String::from_utf8(device.stdout).unwrap().trim().to_owned();
        std::fs::create_dir(folder.path().join("mount")).unwrap();
        let image = Self { folder, device };
        mount(&image.path(), &["-o", "errors=remount-ro", &image.device]);
        std::fs::create_dir_all(image.path().join("store")).unwrap();
        image
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    /// From now on it is read-only: so ext4 answers to an error (ext4(5), `errors`).
    fn fail(&self) {
        let name = self.device.trim_start_matches("/dev/");
        std::fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "a test").unwrap();
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
        let _ = Command::new("losetup").arg("--detach").arg(&self.device).status();
    }
}

#[test]
fn a_disk_that_becomes_read_only_is_given_up_until_another_is_there() {
    if !root("to mount a file system of its own") {
        return;
    }
    let (damaged, sound) = (Image::new(), Image::new());
    let at = tempfile::tempdir().unwrap();
    let (at, bound) = (at.path(), Bound(at.path().to_owned()));
    let bind = |image: &Image| mount(at, &["--bind", image.path().to_str().unwrap()]);
    bind(&damaged);
    a_disk_that_refuses(
        &at.join("store"),
        Refusal::ReadOnly,
        || damaged.fail(),
        || {
            // As an operator does who puts in another disk: the folders are there.
            for part in ["packets", "flows"] {
                std::fs::create_dir_all(sound.path().join("store").join(part)).unwrap();
            }
            bind(&sound);
        },
        &[&damaged, &sound].map(|image| image.path().join("store")),
    );
    drop(bound);
}

/// What is mounted there, one over the other.
struct Bound(PathBuf);

impl Drop for Bound {
    fn drop(&mut self) {
        while Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
        {}
    }
}
