//! A flow as the stages after this one see it.

use offport_wire::{Direction, FlowKey, Timestamp, Transport};

use crate::path::Path;
use crate::state::TcpState;

/// A name that a later stage gave to a flow when it settled it: an index into a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label(pub u16);

/// What a later stage watches a flow with: an index into a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch(pub u32);

/// Which of the table's flows it is, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowIndex(pub(crate) u32);

/// One flow at one moment, seen from its client.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// Its key.
    pub key: FlowKey,
    /// The direction of the packets that the client sends.
    pub client_direction: Direction,
    /// A handshake tells who the client is; otherwise it is a guess by ports and by who spoke first.
    pub role_certain: bool,
    /// Time of the first packet, microseconds.
    pub start: Timestamp,
    /// Time of the latest packet, microseconds.
    pub last: Timestamp,
    /// What the side that opened the flow has sent.
    pub client: Side<'a>,
    /// What the side that was called has sent.
    pub server: Side<'a>,
    /// The direction of the first payload that was seen; `None` once the payload is no longer kept.
    pub first_payload: Option<Direction>,
    /// The flow's start was not seen, or data is missing before its first payload.
    pub midstream: bool,
    /// A subflow of a Multipath TCP connection (RFC 8684, section 3.2), whose data it begins in the middle of: its SYN has
    /// the option MP_JOIN, and its SYN-ACK, if both were seen.
    pub subflow: bool,
    /// TCP's (and SCTP's) own part.
    pub tcp: Option<Tcp>,
    /// ICMP errors that quoted the flow.
    pub icmp_errors: u32,
    /// The part of both sides' packets that the kernel counted.
    pub shunted_packets: u64,
    /// The part of both sides' bytes that the kernel counted.
    pub shunted_bytes: u64,
    /// Where it was first seen; `None` when the table of paths was full.
    pub path: Option<&'a Path>,
    /// Payload packets so far; 0 once the payload is no longer kept.
    pub payload_packets: u8,
    /// What [`crate::Settlement`] called it; `None` while it is undecided or has no payload.
    pub label: Option<Label>,
    /// [`crate::Settlement::flagged`].
    pub flagged: bool,
}

/// One side of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side<'a> {
    /// Packets that it sent, as on the wire (fragments one by one).
    pub packets: u64,
    /// Bytes that it sent: IP total length.
    pub bytes: u64,
    /// Payload bytes that it sent, as the headers give them, retransmissions included.
    pub payload: u64,
    /// Its first payload, while the flow is undecided or flagged; empty otherwise.
    pub first: FirstPayload<'a>,
}

/// The first payload of one side.
#[derive(Clone, Copy, Debug, Default)]
pub struct FirstPayload<'a> {
    /// TCP: the stream from its first byte, in sequence order, without gaps. UDP, SCTP: the first datagrams or
    /// user messages, end to end.
    pub bytes: &'a [u8],
    /// Where each datagram or segment ends in `bytes`, ascending.
    pub ends: &'a [u16],
    /// Length of the first datagram or segment as its headers give it.
    pub first_len: u32,
    /// `bytes` will not grow any more: the bound is reached, the side has finished, or data is missing.
    pub closed: bool,
    /// `bytes` will not grow any more because the bound is reached.
    pub bounded: bool,
}

/// TCP's part of a flow. SCTP associations have one, too: their state, no counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// How far it got.
    pub state: TcpState,
    /// Payload segments that held nothing new.
    pub retransmitted: u32,
    /// Payload segments that filled a hole that later data had left.
    pub out_of_order: u32,
}

impl Flow<'_> {
    /// The same flow with client and server in each other's place.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            client_direction: self.client_direction.reverse(),
            client: self.server,
            server: self.client,
            ..self
        }
    }

    /// What a side says first may begin inside a message.
    pub const fn begins_anywhere(&self) -> bool {
        self.midstream || self.subflow
    }

    /// IP protocol.
    pub const fn transport(&self) -> Transport {
        self.key.transport()
    }
}
