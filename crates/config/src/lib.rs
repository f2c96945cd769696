//! `offport.toml` to typed configuration.
//!
//! [`Config::check`] reads a whole file in one go and names every [`Problem`] with line, column, key and remedy. The
//! sections are plain values; whoever runs them turns them into what its part of the sensor takes. The commented
//! default file, `config/offport.toml`, is [`DEFAULT_FILE`]; a test holds it equal to [`Config::default`]. [`check_signatures`] does the
//! same for signature files, and [`Files`] reads both from disk.

mod choice;
mod config;
mod files;
pub mod fuzz;
mod nearest;
mod parse;
mod policy;
mod position;
mod problem;
mod reader;
mod section;
mod sections;
mod signatures;

pub use config::{Checked, Config, DEFAULT_FILE};
pub use files::{Files, Unreadable, read_signatures};
pub use parse::parse_bytes as parse_size;
pub use problem::{Level, Problem};
pub use sections::{
    Alertmanager, Capture, EventFormat, Events, Fingerprint, Flow, Http, Log, LogFormat, Metrics,
    MultiBuffer, Nats, NoSocket, OtherFrames, Privileges, Records, Sensor, Shunt, Steering, Store,
    StoreFlows, StorePackets, StoreUpload, Syslog, SyslogFacility, SyslogText, SyslogTransport, Timeouts,
    Want, XdpMode,
};
pub use signatures::{CheckedSignatures, FileProblem, SignatureFile, check_signatures};
