//! What is known of a flow's payload so far.

use offport_wire::Transport;

/// Which side spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The side that opened the flow.
    Client,
    /// The side that was called.
    Server,
}

/// The first payload of one side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side<'a> {
    /// TCP and SCTP: the stream from its first byte, in sequence order, without gaps. UDP: the first
    /// datagrams, end to end. Bounded (512 bytes by default): see `closed`.
    pub bytes: &'a [u8],
    /// UDP: where each datagram in `bytes` ends (offsets into `bytes`, ascending; a datagram that the bound
    /// cut ends at `bytes.len()`). TCP and SCTP: where each payload segment ended as it was appended; a hint
    /// only, segmentation proves nothing.
    pub ends: &'a [u16],
    /// Length of the first datagram or segment as its headers give it, also beyond the bound.
    pub first_len: u32,
    /// Payload bytes this side has sent so far, as the headers give them.
    pub total: u64,
    /// `bytes` will not grow any more: the bound is reached, the side has finished, or data is missing.
    pub closed: bool,
}

impl<'a> Side<'a> {
    /// A side with one datagram or one segment: for tests and for callers without a flow table.
    pub fn one(bytes: &'a [u8], ends: &'a [u16]) -> Self {
        Self { bytes, ends, first_len: bytes.len() as u32, total: bytes.len() as u64, closed: false }
    }

    /// Whether this side has sent nothing that was kept.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The first datagram (UDP): `bytes` up to the first end.
    pub fn first_datagram(&self) -> &'a [u8] {
        match self.ends.first() {
            Some(&end) => self.bytes.get(..usize::from(end)).unwrap_or(self.bytes),
            None => self.bytes,
        }
    }

    /// The datagrams that were kept, in order (UDP).
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (bytes, ends) = (self.bytes, self.ends);
        let mut start = 0;
        ends.iter().filter_map(move |&end| {
            let datagram = bytes.get(start..usize::from(end));
            start = usize::from(end);
            datagram
        })
    }

    /// Whether the bound cut the first datagram or segment: it was longer than what is in `bytes`.
    pub fn first_is_cut(&self) -> bool {
        self.first_len as usize > self.first_datagram().len()
    }
}

/// Both sides of a flow, as far as they have spoken.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// TCP, UDP or SCTP.
    pub transport: Transport,
    /// The side that opened the flow.
    pub client: Side<'a>,
    /// The side that was called.
    pub server: Side<'a>,
    /// Who sent the first payload that was seen.
    pub first: Speaker,
    /// The client's port: breaks ties only.
    pub client_port: u16,
    /// The server's port: breaks ties only.
    pub server_port: u16,
    /// The start of the flow was not seen, or is a subflow's (RFC 8684): `bytes` may begin inside a message.
    pub midstream: bool,
}

impl<'a> Exchange<'a> {
    /// The side that spoke first.
    pub(crate) const fn opening(&self) -> &Side<'a> {
        match self.first {
            Speaker::Client => &self.client,
            Speaker::Server => &self.server,
        }
    }
}
