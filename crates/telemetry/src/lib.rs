//! What goes out: Prometheus metrics, ECS records and events, the HTTP listener, forwarding.

pub mod connections;
mod descriptions;
pub mod ecs;
pub mod eve;
#[cfg(feature = "forward")]
pub mod forward;
pub mod http;
pub mod human;
pub mod metrics;
mod nested;

pub use descriptions::Descriptions;
