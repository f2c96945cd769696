//! The packet view that all later stages read.

use std::net::IpAddr;

use crate::fragment::Fragment;
use crate::key::{Direction, FlowKey};
use crate::time::Timestamp;

/// How the first bytes of a frame are to be read.
///
/// Live frames are Ethernet. The rest are link types of capture files (`LINKTYPE_` registry of tcpdump.org).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// LINKTYPE_ETHERNET (1).
    Ethernet,
    /// LINKTYPE_NULL (0) and LINKTYPE_LOOP (108): 4-byte address family, in either byte order.
    Loopback,
    /// LINKTYPE_RAW (101, also 12 and 14), LINKTYPE_IPV4 (228), LINKTYPE_IPV6 (229).
    RawIp,
    /// LINKTYPE_LINUX_SLL (113).
    LinuxSll,
    /// LINKTYPE_LINUX_SLL2 (276).
    LinuxSll2,
    /// LINKTYPE_PPP (9), LINKTYPE_PPP_HDLC (50), LINKTYPE_PPP_WITH_DIR (204) after its direction byte.
    Ppp,
    /// LINKTYPE_PPP_ETHER (51): starts at the PPPoE header.
    PppoeSession,
    /// LINKTYPE_C_HDLC (104).
    CiscoHdlc,
    /// LINKTYPE_IEEE802_11 (105); data frames that are not encrypted.
    Ieee80211,
    /// LINKTYPE_IEEE802_11_RADIOTAP (127).
    Ieee80211Radiotap,
}

/// One frame as capture delivered it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The captured bytes, from the link header on.
    pub bytes: &'a [u8],
    /// How to read them.
    pub link: LinkType,
    /// Length on the wire; larger than `bytes.len()` when the capture cut the frame.
    pub wire_len: u32,
    /// When it was received.
    pub time: Timestamp,
    /// Index of the interface that it came in by.
    pub interface: u16,
}

/// What a frame turned out to hold.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// A whole packet.
    Packet(Packet<'a>),
    /// A part of one: hand it to [`crate::fragment::Reassembler`].
    Fragment(Fragment<'a>),
}

/// The innermost packet of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The flow it belongs to. For an ICMP error this is the flow that the error is about (see `icmp_error`).
    pub key: FlowKey,
    /// Which end of the key sent it. For an ICMP error: which end sent the packet that the error quotes.
    pub direction: Direction,
    /// This is an ICMP or ICMPv6 error that quotes a packet of `key`'s flow; it has no payload.
    pub icmp_error: bool,
    /// IP total length (header and payload) of the innermost packet as its header says, or what is on the
    /// wire when the header says 0 (segmentation offload). For a reassembled datagram: of all fragments.
    pub ip_bytes: u32,
    /// Packets on the wire that this is made of: 1, or the number of fragments.
    pub packets: u16,
    /// The transport header's own fields.
    pub transport: TransportHeader,
    /// The transport payload that was captured; link padding is not part of it. For SCTP: the user data of
    /// the first DATA chunk.
    pub payload: &'a [u8],
    /// The payload's length as the headers give it; larger than `payload.len()` when the capture cut it.
    pub payload_len: u32,
    /// Link addresses and tags of the outermost header.
    pub link: LinkInfo,
    /// The innermost tunnel that the packet came out of.
    pub tunnel: Option<Tunnel>,
    /// When it was received.
    pub time: Timestamp,
    /// Index of the interface that it came in by.
    pub interface: u16,
}

/// Outermost link addresses and tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkInfo {
    /// Source and destination MAC address; `None` on links without.
    pub macs: Option<([u8; 6], [u8; 6])>,
    /// Outer VLAN id.
    pub vlan: Option<u16>,
    /// Inner VLAN id (QinQ).
    pub inner_vlan: Option<u16>,
}

/// The tunnel that a packet came out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tunnel {
    /// Encapsulation.
    pub kind: TunnelKind,
    /// VNI, GRE key, TEID, ERSPAN session, innermost MPLS label or PPPoE session.
    pub id: Option<u32>,
    /// Outer source address; `None` for MPLS and PPPoE.
    pub source: Option<IpAddr>,
    /// Outer destination address.
    pub destination: Option<IpAddr>,
}

/// Encapsulations that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    /// RFC 2784, RFC 2890; version 1 (PPTP, RFC 2637) included.
    Gre,
    /// ERSPAN types I, II and III inside GRE.
    Erspan,
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// 3GPP TS 29.281.
    GtpU,
    /// RFC 4380.
    Teredo,
    /// IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 4213, RFC 2473).
    IpIp,
    /// RFC 3032.
    Mpls,
    /// RFC 2516.
    Pppoe,
}

impl TunnelKind {
    /// The value of `tunnel.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::Teredo => "teredo",
            Self::IpIp => "ip-in-ip",
            Self::Mpls => "mpls",
            Self::Pppoe => "pppoe",
        }
    }
}

/// Fields of the transport header that later stages use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportHeader {
    /// TCP.
    Tcp(TcpHeader),
    /// UDP: the key's ports are all there is.
    Udp,
    /// SCTP.
    Sctp {
        /// An INIT chunk: the sender opens the association.
        init: bool,
        /// A SHUTDOWN COMPLETE or ABORT chunk: the association is over.
        end: bool,
    },
    /// ICMP or ICMPv6 that is no error.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// Any other IP protocol: no ports, no payload kept.
    Other,
}

/// TCP header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; meaningful with ACK only.
    pub ack: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// With SYN: the option MP_JOIN of Multipath TCP (RFC 8684, section 3.2). Never without.
    pub mp_join: bool,
}

/// The low 8 flag bits of the TCP header (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;

    /// Whether FIN is set.
    pub const fn fin(self) -> bool {
        self.0 & Self::FIN != 0
    }

    /// Whether SYN is set.
    pub const fn syn(self) -> bool {
        self.0 & Self::SYN != 0
    }

    /// Whether RST is set.
    pub const fn rst(self) -> bool {
        self.0 & Self::RST != 0
    }

    /// Whether ACK is set.
    pub const fn ack(self) -> bool {
        self.0 & Self::ACK != 0
    }
}

impl Packet<'_> {
    /// Address and port of the sender (for an ICMP error: of the quoted packet's sender).
    pub fn source(&self) -> (IpAddr, u16) {
        match self.direction {
            Direction::LowToHigh => self.key.low(),
            Direction::HighToLow => self.key.high(),
        }
    }

    /// All of it but the payload's bytes: it borrows nothing, and `payload_len` stays.
    pub const fn without_payload(&self) -> Packet<'static> {
        let Self {
            key,
            direction,
            icmp_error,
            ip_bytes,
            packets,
            transport,
            payload: _,
            payload_len,
            link,
            tunnel,
            time,
            interface,
        } = *self;
        Packet {
            key,
            direction,
            icmp_error,
            ip_bytes,
            packets,
            transport,
            payload: &[],
            payload_len,
            link,
            tunnel,
            time,
            interface,
        }
    }

    /// Address and port of the receiver.
    pub fn destination(&self) -> (IpAddr, u16) {
        match self.direction {
            Direction::LowToHigh => self.key.high(),
            Direction::HighToLow => self.key.low(),
        }
    }
}
