//! Prometheus, HTTP listener, event sinks, ECS records
