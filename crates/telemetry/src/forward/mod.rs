//! Forwarding: events leave the sensor over the network, and none is lost while the other side is away.
//!
//! A [`Forwarder`] is a thread of its own, fed by a bounded channel that never blocks who feeds it. What comes is written to a
//! spool first, and stays there until the other side has acknowledged it: at least once, in order. A courier
//! knows one other side: [`Nats`], [`Alertmanager`], [`Syslog`].

mod alert;
mod alertmanager;
mod client;
mod counts;
mod courier;
mod cursor;
mod forwarder;
mod frame;
mod message;
mod nats;
mod pace;
mod segment;
mod spool;
mod syslog;
mod syslog_line;
mod tls;

pub use alert::Alerts;
pub use alertmanager::{AlertTimes, Alertmanager};
pub use counts::{Counts, Reason};
pub use forwarder::{Forwarder, Settings};
pub use message::{Kind, Message};
pub use nats::{Nats, NatsServer};
pub use syslog::{Road, Syslog};
pub use syslog_line::{Facility, Header};
