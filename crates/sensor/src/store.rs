//! The store for analysts: opened at start, published, closed at the end.

use anyhow::Context as _;
use offport_config::Config;
use offport_engine::{FlowRecord, Keep};
use offport_evidence::flows::{FILE_ROWS, FlowSettings, FlowWriter, Names};
use offport_evidence::packets::{Keeper, PacketSettings, PacketWriter};
use offport_evidence::upload::{UploadSettings, Uploader};
use offport_evidence::{Refusal, packets};
use offport_fingerprint::Description;
use offport_telemetry::ecs::Evidence;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is kept of a flow that is not judged yet: it may be flagged.
const UNDECIDED: u64 = 4;

/// The writers.
pub(crate) struct Store {
    packets: Option<PacketWriter>,
    flows: Option<FlowWriter>,
    uploader: Option<Uploader>,
}

/// Which packets the workers keep.
pub(crate) fn keep(config: &Config) -> Keep {
    let settings = &config.store.packets;
    if !settings.enabled {
        return Keep::default();
    }
    let bytes = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    let flagged = settings.flagged.max(settings.session);
    Keep {
        session: bytes(settings.session),
        undecided: bytes((settings.session * UNDECIDED).min(flagged)),
        flagged: bytes(flagged),
    }
}

/// Help texts.
pub(crate) fn describe() {
    for (name, help) in [
        ("offport_evidence_packets_total", "Packets of sessions that are in capture files"),
        ("offport_evidence_bytes_total", "Bytes written to capture files and their indexes"),
        ("offport_evidence_packets_lost_total", "Packets that were to be kept and are not, by reason"),
        ("offport_evidence_files_removed_total", "Capture files that made room for newer ones"),
        (
            "offport_evidence_files_repaired_total",
            "Capture files of a former run that were not closed in order",
        ),
        ("offport_evidence_bytes_cut_total", "Bytes that were cut off when they were repaired"),
        ("offport_flow_store_records_total", "Flow records that are in the store"),
        ("offport_flow_store_bytes_total", "Bytes written to journals and files of flow records"),
        ("offport_flow_store_records_lost_total", "Flow records that did not come into the store, by reason"),
        ("offport_flow_store_files_written_total", "Files of flow records that were made"),
        (
            "offport_flow_store_files_removed_total",
            "Files of flow records that were removed for budget or age",
        ),
        (
            "offport_flow_store_files_recovered_total",
            "Files of flow records that were made of a former run's journals",
        ),
        (
            "offport_flow_store_files_removed_before_upload_total",
            "Files of flow records that were removed for the budget before they were uploaded",
        ),
        ("offport_upload_files_total", "Files of flow records that were uploaded"),
        ("offport_upload_bytes_total", "Bytes of the files that were uploaded"),
        ("offport_upload_files_present_total", "Files of flow records that were found uploaded already"),
        ("offport_upload_failures_total", "Attempts to upload that failed"),
    ] {
        metrics::describe_counter!(name, help);
    }
    for (name, help) in [
        ("offport_evidence_held_bytes", "Bytes of capture files and indexes on disk"),
        ("offport_evidence_oldest_timestamp_seconds", "Time of the oldest packet on disk; 0: there is none"),
        ("offport_flow_store_held_bytes", "Bytes of files of flow records on disk"),
        (
            "offport_flow_store_oldest_timestamp_seconds",
            "End of the first hour that flow records are held of, in files; 0: there are none",
        ),
        ("offport_upload_waiting_files", "Closed files of flow records that are not uploaded yet"),
    ] {
        metrics::describe_gauge!(name, help);
    }
}

impl Store {
    /// Opens what is enabled; the second are the workers' ends, none if packets are not kept.
    pub(crate) fn open(
        config: &Config,
        sensor: Option<&str>,
        workers: usize,
    ) -> anyhow::Result<(Self, Vec<Keeper>)> {
        let store = &config.store;
        let remedy = |what: &str| {
            format!(
                "{}: the store cannot be opened; store.path names another place, or store.{what}.enabled = false",
                store.path.join(what).display()
            )
        };
        let interfaces = config.capture.interfaces.clone();
        let (keepers, packets) = match store.packets.enabled {
            true => {
                let settings = PacketSettings {
                    folder: store.path.join("packets"),
                    budget: store.packets.budget,
                    segment: store.packets.segment,
                    ring: store.packets.ring,
                    sync: store.packets.sync,
                    interfaces: interfaces.clone(),
                };
                let (keepers, writer) =
                    packets::start(&settings, workers).with_context(|| remedy("packets"))?;
                (keepers, Some(writer))
            }
            false => (Vec::new(), None),
        };
        let flows = match store.flows.enabled {
            true => {
                let settings = FlowSettings {
                    folder: store.path.join("flows"),
                    names: Names {
                        sensor: sensor.unwrap_or_default().to_owned(),
                        interfaces,
                        log_file: None,
                    },
                    budget: store.flows.budget,
                    keep: store.flows.keep,
                    sync: store.flows.sync,
                    file_rows: FILE_ROWS,
                };
                let url = store.upload.enabled.then(|| store.upload.url.clone());
                Some(FlowWriter::start_uploaded(&settings, url).with_context(|| remedy("flows"))?)
            }
            false => None,
        };
        let uploader = uploader(config)?;
        Ok((Self { packets, flows, uploader }, keepers))
    }

    /// Keeps a flow record. `patient`: waits for room, since no packet is held up any more.
    pub(crate) fn record(&self, record: &FlowRecord, description: &Description, patient: bool) {
        let Some(flows) = &self.flows else { return };
        match patient {
            true => flows.record_patiently(record, description),
            false => flows.record(record, description),
        }
    }

    /// Where packets are kept at the moment, if they are.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        let file = self.packets.as_ref()?.counts().latest();
        Some(Evidence { file: file.map(|file| file.display().to_string()) })
    }

    /// Writes what is left. The workers have ended.
    pub(crate) fn stop(&mut self) {
        if let Some(packets) = &mut self.packets {
            packets.stop();
        }
        if let Some(uploader) = &mut self.uploader {
            uploader.stop();
        }
        if let Some(flows) = &mut self.flows {
            flows.stop();
        }
    }

    /// Shows what was done.
    pub(crate) fn publish(&self) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let total = |name: &'static str, value: u64| metrics::counter!(name).absolute(value);
        let lost = |name: &'static str, reason: &'static str, value: u64| {
            metrics::counter!(name, "reason" => reason).absolute(value)
        };
        let gauge = |name: &'static str, value: u64| metrics::gauge!(name).set(value as f64);
        let seconds = |name: &'static str, nanos: u64| metrics::gauge!(name).set(nanos as f64 / 1e9);
        if let Some(writer) = &self.packets {
            let sum =
                |of: fn(&packets::Kept) -> &AtomicU64| writer.kept().iter().map(|kept| load(of(kept))).sum();
            let counts = writer.counts();
            total("offport_evidence_packets_total", load(&counts.packets));
            total("offport_evidence_bytes_total", load(&counts.bytes));
            const LOST: &str = "offport_evidence_packets_lost_total";
            lost(LOST, "behind", sum(|kept| &kept.behind[0]));
            lost(LOST, "behind_flagged", sum(|kept| &kept.behind[1]));
            lost(LOST, "oversize", sum(|kept| &kept.oversize));
            for reason in Refusal::ALL {
                lost(LOST, reason.name(), load(&counts.refused[reason as usize]));
            }
            total("offport_evidence_files_removed_total", load(&counts.removed));
            total("offport_evidence_files_repaired_total", load(&counts.repaired));
            total("offport_evidence_bytes_cut_total", load(&counts.cut));
            gauge("offport_evidence_held_bytes", load(&counts.held));
            seconds("offport_evidence_oldest_timestamp_seconds", load(&counts.oldest));
        }
        if let Some(writer) = &self.flows {
            let counts = writer.counts();
            total("offport_flow_store_records_total", load(&counts.records));
            total("offport_flow_store_bytes_total", load(&counts.bytes));
            const LOST: &str = "offport_flow_store_records_lost_total";
            lost(LOST, "behind", load(&counts.behind));
            for reason in Refusal::ALL {
                lost(LOST, reason.name(), load(&counts.refused[reason as usize]));
            }
            total("offport_flow_store_files_written_total", load(&counts.written));
            total("offport_flow_store_files_removed_total", load(&counts.removed));
            total("offport_flow_store_files_recovered_total", load(&counts.recovered));
            total(
                "offport_flow_store_files_removed_before_upload_total",
                load(&counts.removed_before_upload),
            );
            gauge("offport_flow_store_held_bytes", load(&counts.held));
            seconds("offport_flow_store_oldest_timestamp_seconds", load(&counts.oldest));
        }
        if let Some(uploader) = &self.uploader {
            let counts = uploader.counts();
            total("offport_upload_files_total", load(&counts.files));
            total("offport_upload_bytes_total", load(&counts.bytes));
            total("offport_upload_files_present_total", load(&counts.present));
            total("offport_upload_failures_total", load(&counts.failures));
            gauge("offport_upload_waiting_files", load(&counts.waiting));
        }
    }
}

fn uploader(config: &Config) -> anyhow::Result<Option<Uploader>> {
    let (store, upload) = (&config.store, &config.store.upload);
    if !upload.enabled {
        return Ok(None);
    }
    let settings = UploadSettings {
        folder: store.path.join("flows"),
        url: upload.url.clone(),
        endpoint: upload.endpoint.clone(),
        region: upload.region.clone(),
        credentials: upload.credentials.clone(),
        ca: upload.ca.clone(),
        allow_http: upload.allow_http,
        retries: upload.retries,
        timeout: upload.timeout,
        every: upload.every,
    };
    Uploader::start(&settings)
        .map(Some)
        .context("store.upload: files cannot be uploaded; correct it, or set store.upload.enabled = false")
}
