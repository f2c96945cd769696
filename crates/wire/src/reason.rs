//! Why a frame was not processed: the error variant is the drop reason is the metric label.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $label:literal,)*) => {
        /// Why a frame could not be turned into a packet. `label` is the `reason` of
        /// `offport_packets_dropped_total`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Drop { $($(#[$doc])* $variant,)* }

        impl Drop {
            /// Every reason, in the order of [`Drop::index`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The metric label.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// Position in [`Drop::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

reasons! {
    /// The link type is not one that is understood.
    LinkUnsupported = "link_unsupported",
    /// The frame ends inside the link header.
    LinkTruncated = "link_truncated",
    /// An EtherType (or its like) that is not IP: ARP, LLDP, STP. Seen and counted, not a fault.
    NotIp = "not_ip",
    /// More tags, labels or tunnels inside one another than are followed.
    TooDeep = "too_deep",
    /// A tunnel header that ends early or contradicts itself.
    TunnelMalformed = "tunnel_malformed",
    /// IPv4 header: version, header length or total length is impossible.
    Ipv4Malformed = "ipv4_malformed",
    /// IPv6 header or an extension header is impossible.
    Ipv6Malformed = "ipv6_malformed",
    /// The frame ends inside the IP header.
    IpTruncated = "ip_truncated",
    /// TCP header: data offset is impossible.
    TcpMalformed = "tcp_malformed",
    /// UDP header: the length is impossible.
    UdpMalformed = "udp_malformed",
    /// SCTP header or chunk is impossible.
    SctpMalformed = "sctp_malformed",
    /// ICMP header is impossible.
    IcmpMalformed = "icmp_malformed",
    /// The frame ends inside the transport header.
    TransportTruncated = "transport_truncated",
    /// A fragment that contradicts its datagram: overlap, past 65,535 bytes, length no multiple of 8.
    FragmentMalformed = "fragment_malformed",
    /// The rest of the datagram did not arrive in time.
    FragmentTimeout = "fragment_timeout",
    /// The reassembly buffers are full.
    FragmentLimit = "fragment_limit",
}
