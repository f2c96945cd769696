//! The dependency arrows of ARCHITECTURE.md, held by `cargo metadata`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test may fail in any way"
)]

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each package may depend on within the workspace: the row is the whole truth.
const ARROWS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("flow", &["wire"]),
    ("fingerprint", &["wire"]),
    ("policy", &["fingerprint", "wire"]),
    ("engine", &["policy", "fingerprint", "flow", "wire"]),
    ("config", &["policy", "fingerprint", "flow", "wire"]),
    ("capture", &["wire"]),
    ("evidence", &["engine", "policy", "fingerprint", "flow", "wire"]),
    ("telemetry", &["engine", "policy", "fingerprint", "wire"]),
    (
        "sensor",
        &["capture", "config", "evidence", "telemetry", "engine", "policy", "fingerprint", "flow", "wire"],
    ),
    (
        "analyst",
        &["capture", "config", "evidence", "telemetry", "engine", "policy", "fingerprint", "flow", "wire"],
    ),
    // Measures all of it; nothing depends on it.
    ("bench", &["capture", "engine", "policy", "fingerprint", "flow", "wire"]),
];

/// The packages the user chose, and who must use them.
const CHOSEN: &[(&str, &[&str])] = &[
    ("xsk-rs", &["capture"]),
    ("libbpf-rs", &["capture"]),
    ("etherparse", &["wire"]),
    ("hashbrown", &["flow"]),
    ("core_affinity", &["sensor"]),
    ("metrics", &["telemetry"]),
    ("metrics-exporter-prometheus", &["telemetry"]),
];

/// Crates that do I/O, start threads or read clocks: not for `engine` and below.
const NO_IO_BELOW_ENGINE: &[&str] =
    &["tokio", "axum", "libc", "libbpf-rs", "xsk-rs", "tracing", "signal-hook", "crossbeam"];

fn metadata() -> cargo_metadata::Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .exec()
        .expect("cargo metadata")
}

/// Normal dependencies of a workspace package, by name.
fn dependencies(metadata: &cargo_metadata::Metadata, folder: &str) -> BTreeSet<String> {
    let package = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == format!("offport-{folder}"))
        .unwrap_or_else(|| panic!("no package offport-{folder}"));
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.clone())
        .collect()
}

#[test]
fn every_package_is_in_the_table_and_named_after_its_folder() {
    let metadata = metadata();
    let packages: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let table: BTreeSet<String> = ARROWS.iter().map(|(folder, _)| format!("offport-{folder}")).collect();
    assert_eq!(packages, table);
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().and_then(|path| path.file_name()).unwrap_or_default();
        assert_eq!(package.name.as_str(), format!("offport-{folder}"));
    }
}

#[test]
fn arrows_point_one_way() {
    let metadata = metadata();
    for (folder, allowed) in ARROWS {
        let used: BTreeSet<String> = dependencies(&metadata, folder)
            .into_iter()
            .filter_map(|name| name.strip_prefix("offport-").map(str::to_owned))
            .collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        let extra: Vec<_> = used.difference(&allowed).collect();
        assert!(extra.is_empty(), "offport-{folder} may not depend on {extra:?}");
    }
}

#[test]
fn the_chosen_packages_are_used() {
    let metadata = metadata();
    for (package, folders) in CHOSEN {
        for folder in *folders {
            assert!(
                dependencies(&metadata, folder).contains(*package),
                "offport-{folder} does not use {package}"
            );
        }
    }
}

#[test]
fn engine_and_below_do_no_io() {
    let metadata = metadata();
    for folder in ["wire", "flow", "fingerprint", "policy", "engine"] {
        let used = dependencies(&metadata, folder);
        // The flow table asks for huge pages: one madvise(2), in flow/src/memory.rs.
        let allowed = |package: &str| folder == "flow" && package == "libc";
        for package in NO_IO_BELOW_ENGINE.iter().filter(|package| !allowed(package)) {
            assert!(!used.contains(*package), "offport-{folder} uses {package}");
        }
    }
}
