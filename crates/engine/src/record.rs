//! What leaves a worker.

use std::net::IpAddr;

use offport_fingerprint::{Breach, Proof, Protocol, Side};
use offport_flow::FirstPayload;
use offport_policy::Judgement;
use offport_wire::{Domain, Timestamp, Transport, Tunnel};

/// Payload bytes of each side that an [`Event`] carries at most.
pub const HEAD_BYTES: usize = 512;

/// Why a record was written (`event.action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The flow is over.
    End,
    /// The flow goes on: the active timeout has passed. Counters are totals so far.
    Interim,
}

/// `event.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// TCP: FIN from both sides (SCTP: shutdown).
    Fin,
    /// TCP: RST (SCTP: abort).
    Rst,
    /// No packet for the idle timeout.
    Idle,
    /// Interim record.
    ActiveTimeout,
    /// The table was full.
    Evicted,
    /// The sensor stops, or the capture file has ended.
    Shutdown,
}

impl EndReason {
    /// Every reason, in the order of [`EndReason::index`].
    pub const ALL: &'static [Self] =
        &[Self::Fin, Self::Rst, Self::Idle, Self::ActiveTimeout, Self::Evicted, Self::Shutdown];

    /// The value of `event.reason`, and the metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Idle => "idle",
            Self::ActiveTimeout => "active_timeout",
            Self::Evicted => "evicted",
            Self::Shutdown => "shutdown",
        }
    }

    /// Position in [`EndReason::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Address.
    pub ip: IpAddr,
    /// Port; 0 where the transport has none.
    pub port: u16,
    /// MAC address of the first packet that it sent or was sent.
    pub mac: Option<[u8; 6]>,
    /// Packets that it sent.
    pub packets: u64,
    /// Bytes that it sent: IP total length.
    pub bytes: u64,
    /// Payload bytes that it sent, as the headers give them (retransmissions included).
    pub payload: u64,
}

/// How far a TCP connection got (`offport.tcp.state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpState {
    /// SYN seen, no answer.
    SynSent,
    /// SYN and SYN-ACK seen.
    SynReceived,
    /// Handshake complete, or picked up midstream with data.
    Established,
    /// FIN from one side.
    Closing,
    /// FIN from both sides.
    Closed,
    /// RST seen.
    Reset,
}

impl TcpState {
    /// The value of `offport.tcp.state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynSent => "syn_sent",
            Self::SynReceived => "syn_received",
            Self::Established => "established",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Reset => "reset",
        }
    }
}

/// TCP's part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSummary {
    /// How far it got.
    pub state: TcpState,
    /// The start was not seen.
    pub midstream: bool,
    /// A subflow of a Multipath TCP connection (RFC 8684, section 3.2).
    pub subflow: bool,
    /// Payload segments that held nothing new.
    pub retransmitted: u32,
    /// Payload segments that arrived before an earlier one.
    pub out_of_order: u32,
}

/// A flow, at its end or at an active timeout. Fixed size, copyable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowRecord {
    /// End or interim.
    pub action: Action,
    /// Why it was written.
    pub reason: EndReason,
    /// First packet.
    pub start: Timestamp,
    /// Last packet.
    pub end: Timestamp,
    /// IP protocol.
    pub transport: Transport,
    /// The side that opened the flow.
    pub client: Endpoint,
    /// The side that was called.
    pub server: Endpoint,
    /// VLAN or overlay that is part of the flow's key.
    pub domain: Domain,
    /// Outer VLAN id.
    pub vlan: Option<u16>,
    /// Inner VLAN id.
    pub inner_vlan: Option<u16>,
    /// The innermost tunnel round the flow.
    pub tunnel: Option<Tunnel>,
    /// What it speaks.
    pub protocol: Option<(Protocol, Proof)>,
    /// The rule that it broke, of what it began as or went on with.
    pub breach: Option<Breach>,
    /// What to make of it; `None` for flows without payload, which get no verdict.
    pub judgement: Option<Judgement>,
    /// Payload packets until the verdict; 0 while there is none.
    pub decided_after: u8,
    /// TCP's own part.
    pub tcp: Option<TcpSummary>,
    /// ICMP errors that quoted this flow.
    pub icmp_errors: u32,
    /// Packets of it that the kernel counted and dropped (shunted).
    pub shunted_packets: u64,
    /// Bytes of it that the kernel counted and dropped (shunted).
    pub shunted_bytes: u64,
    /// Interface of the first packet (offline: index of the capture's interface).
    pub interface: u16,
    /// The worker that tracked it.
    pub worker: u16,
}

/// The first payload bytes of one side.
#[derive(Clone, Copy)]
pub struct Head {
    len: u16,
    /// Where the first datagram or segment ends in `bytes`.
    first_end: u16,
    /// Its length as its headers give it.
    first_len: u32,
    bytes: [u8; HEAD_BYTES],
}

impl Head {
    /// Nothing.
    pub const EMPTY: Self = Self { len: 0, first_end: 0, first_len: 0, bytes: [0; HEAD_BYTES] };

    /// The first [`HEAD_BYTES`] of `bytes`, which came in one datagram or segment.
    pub fn new(bytes: &[u8]) -> Self {
        let mut head = Self::EMPTY;
        let len = bytes.len().min(HEAD_BYTES);
        head.bytes[..len].copy_from_slice(&bytes[..len]);
        head.len = len as u16;
        head.first_end = head.len;
        head.first_len = bytes.len() as u32;
        head
    }

    /// A first payload.
    pub(crate) fn of(first: &FirstPayload<'_>) -> Self {
        let head = Self::new(first.bytes);
        let first_end = first.ends.first().map_or(head.len, |&end| end.min(head.len));
        Self { first_end, first_len: first.first_len, ..head }
    }

    /// As it is described; how much was sent behind it is not known.
    pub(crate) fn side(&self) -> Side<'_> {
        let bytes = self.as_slice();
        let ends = if bytes.is_empty() { &[] } else { std::slice::from_ref(&self.first_end) };
        Side { bytes, ends, first_len: self.first_len, total: bytes.len() as u64, closed: true }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_slice().escape_ascii().to_string())
    }
}

/// Whether an event opens or closes an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventPhase {
    /// The flow has just been flagged.
    Flagged,
    /// A flagged flow is over: totals.
    Ended,
}

/// A flagged flow.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Opened or closed.
    pub phase: EventPhase,
    /// The flow so far.
    pub record: FlowRecord,
    /// First payload of the client. Of a flow that was found out after its first payload: the message that breaks the
    /// rule, from its beginning or from where it goes on in the last packet, if the client sent it; else nothing.
    pub client: Head,
    /// The same of the server.
    pub server: Head,
    /// Events of the same (client, server, server port, protocol) that suppression held back before this one.
    pub repeats: u32,
}
