//! What goes out: Prometheus metrics, ECS records and events, the HTTP listener, rotating files.

pub mod community_id;
pub mod ecs;
pub mod http;
pub mod human;
pub mod rotate;
