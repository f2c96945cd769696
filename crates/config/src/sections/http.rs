//! `[http]`: the listener behind /metrics, /healthz and /readyz.

use std::net::{Ipv4Addr, SocketAddr};

use crate::parse::{boolean, listen};
use crate::section::section;

section! {
    /// The built-in listener.
    Http ("http") {
        /// Whether it listens.
        enabled: bool = true, boolean;
        /// Where. The port is free at IANA and in Prometheus' list of exporters.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 10217)), listen;
    }
}
