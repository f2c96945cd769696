//! `[nats]`: events to NATS JetStream.

use std::path::PathBuf;
use std::time::Duration;

use crate::parse::{boolean, bytes, duration, optional_path, optional_subject, optional_text, subject, urls};
use crate::section::section;

section! {
    /// Events, and flow records if wanted, to a JetStream stream.
    Nats ("nats") {
        /// Whether they are sent.
        enabled: bool = false, boolean;
        /// The servers, with commas between them.
        url: String = "nats://127.0.0.1:4222".to_owned(), urls(&["nats", "tls"]);
        /// Subject of events.
        subject: String = "offport.events".to_owned(), subject;
        /// Subject of flow records; `None`: they are not sent.
        records_subject: Option<String> = None, optional_subject;
        /// The stream that must take them; `None`: any.
        stream: Option<String> = None, optional_text;
        /// File that holds a token.
        token: Option<PathBuf> = None, optional_path;
        /// File with JWT and NKEY seed.
        credentials: Option<PathBuf> = None, optional_path;
        /// File with the certificates of authorities; `None`: those of the system.
        ca: Option<PathBuf> = None, optional_path;
        /// For connecting, and for an acknowledgement.
        timeout: Duration = Duration::from_secs(5),
            duration(Duration::from_millis(100), Duration::from_secs(300));
        /// How long sending goes on when the sensor stops.
        drain: Duration = Duration::from_secs(2), duration(Duration::ZERO, Duration::from_secs(60));
        /// Folder of what waits; `None`: it waits in memory.
        spool: Option<PathBuf> = Some(PathBuf::from("/var/lib/offport/nats")), optional_path;
        /// Bytes that may wait.
        spool_size: u64 = 256 << 20, bytes(1 << 20, 4 << 30);
    }
}
