//! Every capture of the corpora is read, or named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

#[test]
fn every_capture_is_read_or_named() {
    let Some(root) = corpora() else { return };
    let mut files = vec![];
    collect(&root.join("captures"), &mut files);
    files.sort();
    assert!(files.len() >= 2_440, "{} captures", files.len());

    let (mut records, mut delivered, mut read) = (0, 0, 0);
    let mut unsupported = BTreeMap::<(u32, &str), (u64, u64)>::new();
    let mut batch = Batch::default();
    for path in &files {
        let shown = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        let mut capture = match CaptureFile::open(path) {
            Ok(capture) => capture,
            Err(error) => {
                eprintln!("refused: {error}");
                continue;
            }
        };
        let whole = loop {
            match capture.next_batch(&mut batch) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => {
                    eprintln!("stopped after {} records: {error}", capture.counts().records);
                    break false;
                }
            }
        };
        read += u64::from(whole);
        for warning in capture.warnings() {
            eprintln!("{shown}: {warning}");
        }
        for link in capture.unsupported() {
            let entry = unsupported.entry((link.code, link.name)).or_default();
            *entry = (entry.0 + 1, entry.1 + link.packets);
        }
        let counts = capture.counts();
        assert_eq!(
            counts.records,
            counts.delivered + counts.unsupported + counts.without_interface,
            "{shown}"
        );
        if std::env::var_os("OFFPORT_LIST").is_some() {
            println!("{}\t{shown}", counts.records);
        }
        records += counts.records;
        delivered += counts.delivered;
    }
    eprintln!("{} files, {read} read whole, {records} packets, {delivered} delivered", files.len());
    for ((code, name), (interfaces, packets)) in unsupported {
        eprintln!("unsupported: link type {code} ({name}): {packets} packets of {interfaces} interfaces");
    }
    assert!(read as usize * 100 >= files.len() * 99, "{read} of {} read whole", files.len());
}

fn corpora() -> Option<PathBuf> {
    let root = std::env::var_os("OFFPORT_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    if root.join("captures").is_dir() {
        return Some(root);
    }
    let required = std::env::var("OFFPORT_REQUIRE").is_ok_and(|list| list.contains("corpora"));
    assert!(!required, "no corpora at {}", root.display());
    eprintln!("SKIPPED: no corpora at {}", root.display());
    None
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
