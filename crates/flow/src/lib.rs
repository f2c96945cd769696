//! flow table, timers, first-payload assembly
