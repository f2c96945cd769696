//! IP fragments and their reassembly, bounded in datagrams, bytes and time.

mod buffers;
mod datagram;
mod reassembler;
mod runs;
mod table;

pub use reassembler::{Counters, Limits, Reassembler, Reassembly};

use std::net::{IpAddr, Ipv4Addr};

use crate::key::{Domain, Transport};
use crate::packet::{LinkInfo, Tunnel};
use crate::time::Timestamp;

/// One fragment of an IPv4 or IPv6 datagram at any depth of encapsulation.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Source address of the fragmented datagram.
    pub source: IpAddr,
    /// Destination address; always of the same family as `source`.
    pub destination: IpAddr,
    /// Identification: 16 bits in IPv4, 32 bits in IPv6.
    pub id: u32,
    /// The IPv4 header's protocol, or the next header of the IPv6 fragment header.
    pub protocol: Transport,
    /// Where the data belongs in the datagram, in bytes; a multiple of 8.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// The fragment's data that was captured.
    pub data: &'a [u8],
    /// Length of the data as the headers give it; larger than `data.len()` when the capture cut it.
    pub data_len: u32,
    /// IP total length of this fragment.
    pub ip_bytes: u32,
    /// Frames that it is made of: more than 1 when the tunnel packet that it came in was fragmented itself.
    pub packets: u16,
    /// Link addresses and tags of the outermost header.
    pub link: LinkInfo,
    /// VLAN or overlay that the datagram lives in.
    pub domain: Domain,
    /// The innermost tunnel that the fragment came out of.
    pub tunnel: Option<Tunnel>,
    /// Tunnels that the fragment came out of.
    pub depth: u8,
    /// When it was received.
    pub time: Timestamp,
    /// Index of the interface that it came in by.
    pub interface: u16,
}

impl Default for Fragment<'_> {
    fn default() -> Self {
        Self {
            source: Ipv4Addr::UNSPECIFIED.into(),
            destination: Ipv4Addr::UNSPECIFIED.into(),
            id: 0,
            protocol: Transport::UDP,
            offset: 0,
            more: false,
            data: &[],
            data_len: 0,
            ip_bytes: 0,
            packets: 1,
            link: LinkInfo::default(),
            domain: Domain::NONE,
            tunnel: None,
            depth: 0,
            time: Timestamp::ZERO,
            interface: 0,
        }
    }
}
