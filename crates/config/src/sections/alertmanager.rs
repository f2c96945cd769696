//! `[alertmanager]`: flagged flows as alerts.

use std::path::PathBuf;
use std::time::Duration;

use crate::parse::{boolean, bytes, duration, optional_path, optional_text, url};
use crate::section::section;

section! {
    /// Flagged flows to Alertmanager, as alerts.
    Alertmanager ("alertmanager") {
        /// Whether they are sent.
        enabled: bool = false, boolean;
        /// What stands before `/api/v2/alerts`.
        url: String = "http://127.0.0.1:9093".to_owned(), url(&["http", "https"]);
        /// File that holds the value of the header `Authorization`.
        authorization: Option<PathBuf> = None, optional_path;
        /// File with the certificates of authorities; `None`: those of the system.
        ca: Option<PathBuf> = None, optional_path;
        /// `generatorURL`; `{flow_id}` in it stands for the flow's id.
        generator_url: Option<String> = None, optional_text;
        /// How often what fires is sent anew.
        resend: Duration = Duration::from_secs(60),
            duration(Duration::from_secs(1), Duration::from_secs(3600));
        /// An alert of whose flow nothing is heard for so long is over.
        hold: Duration = Duration::from_secs(600),
            duration(Duration::from_secs(1), Duration::from_secs(604_800));
        /// What waited longer is not sent any more.
        expire: Duration = Duration::from_secs(900),
            duration(Duration::from_secs(1), Duration::from_secs(604_800));
        /// For a request.
        timeout: Duration = Duration::from_secs(5),
            duration(Duration::from_millis(100), Duration::from_secs(300));
        /// How long sending goes on when the sensor stops.
        drain: Duration = Duration::from_secs(2), duration(Duration::ZERO, Duration::from_secs(60));
        /// Folder of what waits; `None`: it waits in memory.
        spool: Option<PathBuf> = Some(PathBuf::from("/var/lib/offport/alertmanager")), optional_path;
        /// Bytes that may wait.
        spool_size: u64 = 16 << 20, bytes(1 << 20, 4 << 30);
    }
}
