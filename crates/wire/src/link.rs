//! Link headers: how a frame starts, until an EtherType says what is inside.

pub(crate) mod cooked;
pub(crate) mod ethernet;
pub(crate) mod ethertype;
pub(crate) mod llc;
pub(crate) mod loopback;
pub(crate) mod ppp;
pub(crate) mod wifi;
