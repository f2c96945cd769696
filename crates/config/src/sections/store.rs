//! `[store]`: what stays on the box for analysts.

use std::path::PathBuf;
use std::time::Duration;

use crate::parse::{
    boolean, bytes, duration, integer, optional_path, optional_text, path, place, section as table, text,
};
use crate::section::section;

section! {
    /// Packets and flow records that `offport` reads.
    Store ("store") {
        /// The folder: packets in `packets`, flow records in `flows`.
        path: PathBuf = PathBuf::from("/var/lib/offport"), path;
        /// `[store.packets]`
        packets: StorePackets = StorePackets::default(), table::<StorePackets>;
        /// `[store.flows]`
        flows: StoreFlows = StoreFlows::default(), table::<StoreFlows>;
        /// `[store.upload]`
        upload: StoreUpload = StoreUpload::default(), table::<StoreUpload>;
    }
}

section! {
    /// The packets of sessions: the beginning of each, flagged ones whole.
    StorePackets ("store.packets") {
        /// Whether packets are kept.
        enabled: bool = true, boolean;
        /// Bytes on disk at most; the oldest go first.
        budget: u64 = 10 << 30, bytes(16 << 20, 1 << 50);
        /// Bytes of each session that are kept.
        session: u64 = 16 << 10, bytes(1 << 10, 1 << 30);
        /// Bytes of a flagged session that are kept at most.
        flagged: u64 = 16 << 20, bytes(1 << 10, 2 << 30);
        /// Size of a capture file.
        segment: u64 = 64 << 20, bytes(1 << 20, 4 << 30);
        /// Bytes of each worker that may wait for the disk.
        ring: u64 = 16 << 20, bytes(1 << 20, 4 << 30);
        /// At the latest after this the disk is told to keep what was written.
        sync: Duration = Duration::from_secs(5), duration(Duration::from_millis(100), Duration::from_secs(3600));
    }
}

section! {
    /// Flow records as columns: Parquet files in partitions.
    StoreFlows ("store.flows") {
        /// Whether flow records are kept.
        enabled: bool = true, boolean;
        /// Bytes on disk at most; the oldest go first.
        budget: u64 = 10 << 30, bytes(16 << 20, 1 << 50);
        /// How long records are kept; 0: as long as the budget lasts.
        keep: Duration = Duration::from_secs(30 * 86_400), duration(Duration::ZERO, Duration::from_secs(3650 * 86_400));
        /// At the latest after this the disk is told to keep what was written.
        sync: Duration = Duration::from_secs(5), duration(Duration::from_millis(100), Duration::from_secs(3600));
    }
}

section! {
    /// Closed files of flow records to storage elsewhere.
    StoreUpload ("store.upload") {
        /// Whether they are uploaded.
        enabled: bool = false, boolean;
        /// Bucket and prefix, or folder.
        url: String = "s3://offport/flows".to_owned(), place;
        /// Where the storage is reached; `None`: Amazon's, of the region.
        endpoint: Option<String> = None, optional_text;
        /// Its region.
        region: String = "us-east-1".to_owned(), text;
        /// File of access keys; `None`: they are in the environment.
        credentials: Option<PathBuf> = None, optional_path;
        /// File with the certificates of authorities; `None`: those of the system.
        ca: Option<PathBuf> = None, optional_path;
        /// Whether the endpoint may be `http`.
        allow_http: bool = false, boolean;
        /// Further attempts of a request before all wait.
        retries: u32 = 3, integer(0, 20);
        /// For a request: a file is sent in one.
        timeout: Duration = Duration::from_secs(60), duration(Duration::from_secs(1), Duration::from_secs(3600));
        /// New files are looked for this often.
        every: Duration = Duration::from_secs(10), duration(Duration::from_millis(100), Duration::from_secs(3600));
    }
}
