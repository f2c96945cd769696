//! The names of the protocols that can be told apart.

macro_rules! protocols {
    ($($variant:ident = $name:literal,)*) => {
        /// An application protocol. `name` is the value of `network.protocol`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the name is the documentation")]
        #[repr(u8)]
        pub enum Protocol { $($variant,)* }

        impl Protocol {
            /// Every protocol, in the order of [`Protocol::index`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Lower-case name, as in records, metrics and the configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Position in [`Protocol::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }

            /// The protocol of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

protocols! {
    Bittorrent = "bittorrent",
    Dcerpc = "dcerpc",
    Dhcp = "dhcp",
    Dhcpv6 = "dhcpv6",
    Dnp3 = "dnp3",
    Dns = "dns",
    Dtls = "dtls",
    Ftp = "ftp",
    Http = "http",
    Http2 = "http2",
    Imap = "imap",
    Isakmp = "isakmp",
    Kerberos = "kerberos",
    Ldap = "ldap",
    Llmnr = "llmnr",
    Mdns = "mdns",
    Modbus = "modbus",
    Mongodb = "mongodb",
    Mqtt = "mqtt",
    Mysql = "mysql",
    NetbiosNs = "netbios-ns",
    NetbiosSsn = "netbios-ssn",
    Ntp = "ntp",
    Openvpn = "openvpn",
    OracleTns = "oracle-tns",
    Pop3 = "pop3",
    Postgresql = "postgresql",
    Quic = "quic",
    Rdp = "rdp",
    Redis = "redis",
    Rpc = "rpc",
    Rtp = "rtp",
    Rtsp = "rtsp",
    S7comm = "s7comm",
    Sip = "sip",
    Smb = "smb",
    Smtp = "smtp",
    Snmp = "snmp",
    Socks = "socks",
    Ssdp = "ssdp",
    Ssh = "ssh",
    Stun = "stun",
    Syslog = "syslog",
    Tds = "tds",
    Telnet = "telnet",
    Tftp = "tftp",
    Tls = "tls",
    Vnc = "vnc",
    Websocket = "websocket",
    Wireguard = "wireguard",
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of protocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolSet([u64; 4]);

impl ProtocolSet {
    /// No protocol.
    pub const EMPTY: Self = Self([0; 4]);

    /// Adds one.
    pub const fn insert(&mut self, protocol: Protocol) {
        self.0[protocol.index() / 64] |= 1 << (protocol.index() % 64);
    }

    /// Whether it is in the set.
    pub const fn contains(&self, protocol: Protocol) -> bool {
        self.0[protocol.index() / 64] & 1 << (protocol.index() % 64) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] == 0
    }

    /// The protocols, in the order of [`Protocol::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Protocol> + use<> {
        self.0.into_iter().zip(Protocol::ALL.chunks(64)).flat_map(|(mut bits, protocols)| {
            std::iter::from_fn(move || {
                let index = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                protocols.get(index).copied()
            })
        })
    }
}

impl FromIterator<Protocol> for ProtocolSet {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Self {
        let mut set = Self::EMPTY;
        for protocol in protocols {
            set.insert(protocol);
        }
        set
    }
}
