//! The sections, one file each.

mod alertmanager;
mod capture;
mod events;
mod fingerprint;
mod flow;
mod http;
mod log;
mod metrics;
mod nats;
mod privileges;
mod records;
mod sensor;
mod shunt;
mod store;
mod syslog;

pub use alertmanager::Alertmanager;
pub use capture::{Capture, MultiBuffer, NoSocket, OtherFrames, Steering, Want, XdpMode};
pub use events::{EventFormat, Events};
pub use fingerprint::Fingerprint;
pub use flow::{Flow, Timeouts};
pub use http::Http;
pub use log::{Log, LogFormat};
pub use metrics::Metrics;
pub use nats::Nats;
pub use privileges::Privileges;
pub use records::Records;
pub use sensor::Sensor;
pub use shunt::Shunt;
pub use store::{Store, StoreFlows, StorePackets, StoreUpload};
pub use syslog::{Syslog, SyslogFacility, SyslogText, SyslogTransport};
