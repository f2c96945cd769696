//! What a verdict is given on.

use std::net::IpAddr;

use offport_fingerprint::{Breach, Proof, Protocol, Speaker};
use offport_wire::{Timestamp, Transport};

use crate::judgement::Reason;

/// What identification made of the first payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A known protocol.
    Identified(Protocol, Proof),
    /// Starts like this protocol, then breaks a rule (a TLS header over junk): its own, or of what it went on with.
    Broken(Protocol, Breach),
    /// Payload that no known protocol starts with.
    NotRecognised,
    /// Too little payload to say, or none.
    TooLittle,
}

/// The facts of one flow.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// IP protocol.
    pub transport: Transport,
    /// Address of the side that opened the flow.
    pub client: IpAddr,
    /// Port of the side that opened the flow.
    pub client_port: u16,
    /// Address of the side that was called.
    pub server: IpAddr,
    /// Port of the side that was called.
    pub server_port: u16,
    /// What its payload speaks.
    pub seen: Seen,
    /// Who sent the first payload.
    pub first: Speaker,
    /// The start was not seen, or data is missing before the first payload.
    pub midstream: bool,
    /// A subflow of a Multipath TCP connection (RFC 8684, section 3.2): its data may begin anywhere in the connection's.
    pub subflow: bool,
    /// Payload bytes from the client so far.
    pub client_payload: u64,
    /// Payload bytes from the server so far.
    pub server_payload: u64,
    /// When the verdict is given: allow-list entries expire.
    pub time: Timestamp,
}

impl Facts {
    /// Why the payload may begin inside a message, if it may: nothing can be said against such bytes.
    pub(crate) fn begins_anywhere(&self) -> Option<Reason> {
        match (self.midstream, self.subflow) {
            (true, _) => Some(Reason::Midstream),
            (false, true) => Some(Reason::Subflow),
            (false, false) => None,
        }
    }
}
