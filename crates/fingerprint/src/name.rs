//! The names of the protocols that can be told apart.

use std::sync::OnceLock;

macro_rules! protocols {
    ([$($own:ident)*] $($variant:ident = $name:literal,)*) => {
        /// An application protocol. `name` is the value of `network.protocol`.
        ///
        /// Those that are built in, and places for the names that an operator's signatures bring: see [`Protocol::intern`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the name is the documentation")]
        #[repr(u8)]
        pub enum Protocol {
            $($variant,)*
            $(#[doc(hidden)] $own,)*
        }

        impl Protocol {
            /// Every protocol that is built in, in the order of [`Protocol::index`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Places for an operator's own names; their indices follow those of [`Protocol::ALL`].
            pub(crate) const OWN: &'static [Self] = &[$(Self::$own,)*];

            /// All of both.
            const PLACES: &'static [Self] = &[$(Self::$variant,)* $(Self::$own,)*];

            /// Lower-case name, as in records, metrics and the configuration.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    $(Self::$own)|* => self.own_name().unwrap_or("unknown"),
                }
            }

            pub(crate) fn built_in(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

/// The operator's own names. A place that is taken stays so: records and counters of the past refer to it.
static OWN_NAMES: [OnceLock<&'static str>; Protocol::OWN.len()] =
    [const { OnceLock::new() }; Protocol::OWN.len()];

/// Why a name cannot be given to a protocol of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Not of the form of a name: see [`Protocol::check_name`].
    Malformed,
    /// It means something else in records and metrics.
    Reserved,
    /// All [`Protocol::MAX_OWN`] places are taken.
    TooMany,
}

impl std::fmt::Display for NameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a protocol's name"),
            Self::Reserved => f.write_str("the name is reserved"),
            Self::TooMany => write!(f, "more than {} names of one's own since the start", Protocol::MAX_OWN),
        }
    }
}

impl std::error::Error for NameError {}

impl Protocol {
    /// Names that signatures may add in the life of a process.
    pub const MAX_OWN: usize = Self::OWN.len();

    /// Places in an array by [`Protocol::index`]: built-in protocols and those of one's own.
    pub const COUNT: usize = Self::PLACES.len();

    /// Bytes of a name at most.
    pub const MAX_NAME: usize = 32;

    /// Position in [`Protocol::ALL`], or behind it; below [`Protocol::COUNT`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The protocol with that [`Protocol::index`]; `None` also for a place that no name has taken.
    pub fn from_index(index: usize) -> Option<Self> {
        let taken = |place: &Self| index < Self::ALL.len() || place.own_name().is_some();
        Self::PLACES.get(index).copied().filter(taken)
    }

    /// The protocol of that name, built in or interned.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::built_in(name).or_else(|| Self::own().find(|own| own.own_name() == Some(name)))
    }

    /// The protocols of one's own that have been interned, in the order of [`Protocol::index`].
    pub fn own() -> impl Iterator<Item = Self> {
        Self::OWN.iter().copied().take_while(|own| own.own_name().is_some())
    }

    /// Whether `name` may be a protocol's: 1 to 32 bytes, lower-case letters, digits and "-", a letter first.
    ///
    /// # Errors
    /// [`NameError::Malformed`], [`NameError::Reserved`].
    pub fn check_name(name: &str) -> Result<(), NameError> {
        /// What metrics and records say where there is no protocol.
        const RESERVED: [&str; 3] = ["none", "other", "unknown"];
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts || name.len() > Self::MAX_NAME || !name.bytes().all(fits) {
            return Err(NameError::Malformed);
        }
        if RESERVED.contains(&name) { Err(NameError::Reserved) } else { Ok(()) }
    }

    /// The protocol of that name; a name that is new takes a place of its own, for as long as the process lives.
    ///
    /// # Errors
    /// As [`Protocol::check_name`], and [`NameError::TooMany`].
    pub fn intern(name: &str) -> Result<Self, NameError> {
        if let Some(known) = Self::built_in(name) {
            return Ok(known);
        }
        Self::check_name(name)?;
        // Whoever comes second to a place sees the first one's name and, if it is another, goes on to the next.
        let place = OWN_NAMES.iter().position(|place| *place.get_or_init(|| name.to_owned().leak()) == name);
        place.and_then(|place| Self::OWN.get(place).copied()).ok_or(NameError::TooMany)
    }

    /// Whether it is none of those that are built in.
    pub const fn is_own(self) -> bool {
        self.index() >= Self::ALL.len()
    }

    fn own_name(self) -> Option<&'static str> {
        OWN_NAMES.get(self.index().checked_sub(Self::ALL.len())?)?.get().copied()
    }
}

protocols! {
    [
        Own0 Own1 Own2 Own3 Own4 Own5 Own6 Own7 Own8 Own9 Own10 Own11
        Own12 Own13 Own14 Own15 Own16 Own17 Own18 Own19 Own20 Own21 Own22 Own23
        Own24 Own25 Own26 Own27 Own28 Own29 Own30 Own31
    ]
    Adb = "adb",
    Ads = "ads",
    Aerospike = "aerospike",
    Afp = "afp",
    Ajp = "ajp",
    Amqp = "amqp",
    Atg = "atg",
    Babel = "babel",
    Bacnet = "bacnet",
    Beanstalkd = "beanstalkd",
    Beats = "beats",
    Bfd = "bfd",
    Bgp = "bgp",
    Bitcoin = "bitcoin",
    Bittorrent = "bittorrent",
    Bjnp = "bjnp",
    Bolt = "bolt",
    C1222 = "c1222",
    C37118 = "c37118",
    CanEth = "can-eth",
    Capwap = "capwap",
    Cassandra = "cassandra",
    Ceph = "ceph",
    Chargen = "chargen",
    Clickhouse = "clickhouse",
    Cnip = "cnip",
    Coap = "coap",
    Codesys = "codesys",
    Collectd = "collectd",
    Cpha = "cpha",
    CupsBrowsing = "cups-browsing",
    Cvs = "cvs",
    Daytime = "daytime",
    Dcerpc = "dcerpc",
    Devp2p = "devp2p",
    Dhcp = "dhcp",
    Dhcpv6 = "dhcpv6",
    Diameter = "diameter",
    Dict = "dict",
    Distcc = "distcc",
    Dlep = "dlep",
    Dlms = "dlms",
    Dnp3 = "dnp3",
    Dns = "dns",
    Drda = "drda",
    DropboxLsp = "dropbox-lsp",
    Dtls = "dtls",
    Edonkey = "edonkey",
    Egd = "egd",
    Elasticsearch = "elasticsearch",
    Enip = "enip",
    Epmd = "epmd",
    Erldp = "erldp",
    EtherSio = "ether-sio",
    Ethercat = "ethercat",
    Fastcgi = "fastcgi",
    Finger = "finger",
    Fins = "fins",
    Firebird = "firebird",
    Fix = "fix",
    Fluentd = "fluentd",
    Ftp = "ftp",
    FtpData = "ftp-data",
    GdbRemote = "gdb-remote",
    GeSrtp = "ge-srtp",
    Gearman = "gearman",
    Gelf = "gelf",
    Giop = "giop",
    Git = "git",
    Gnutella = "gnutella",
    Gopher = "gopher",
    Graphite = "graphite",
    Gtp = "gtp",
    H323 = "h323",
    HartIp = "hart-ip",
    Hazelcast = "hazelcast",
    Hislip = "hislip",
    Hl7 = "hl7",
    Hsrp = "hsrp",
    Http = "http",
    Ica = "ica",
    Ident = "ident",
    Iec104 = "iec104",
    Ignite = "ignite",
    Imap = "imap",
    Ipfix = "ipfix",
    Ipmi = "ipmi",
    Irc = "irc",
    Isakmp = "isakmp",
    Iscsi = "iscsi",
    JavaSerialized = "java-serialized",
    Jdwp = "jdwp",
    Jetdirect = "jetdirect",
    Kafka = "kafka",
    Kerberos = "kerberos",
    Kismet = "kismet",
    Knxip = "knxip",
    L2tp = "l2tp",
    Ldap = "ldap",
    Ldp = "ldp",
    Lisp = "lisp",
    Llmnr = "llmnr",
    Lpd = "lpd",
    Managesieve = "managesieve",
    Mdns = "mdns",
    Melsec = "melsec",
    Memcached = "memcached",
    Minecraft = "minecraft",
    Mms = "mms",
    Modbus = "modbus",
    Mongodb = "mongodb",
    Mp2t = "mp2t",
    Mpd = "mpd",
    Mqtt = "mqtt",
    MqttSn = "mqtt-sn",
    Msdp = "msdp",
    MssqlBrowser = "mssql-browser",
    Munin = "munin",
    Mysql = "mysql",
    Natpmp = "natpmp",
    Nats = "nats",
    Nbd = "nbd",
    Ndmp = "ndmp",
    NetbiosDgm = "netbios-dgm",
    NetbiosNs = "netbios-ns",
    NetbiosSsn = "netbios-ssn",
    Netflow = "netflow",
    Nntp = "nntp",
    Nrpe = "nrpe",
    Nsq = "nsq",
    Ntp = "ntp",
    Nut = "nut",
    Olsr = "olsr",
    Opcua = "opcua",
    Openvpn = "openvpn",
    Openwire = "openwire",
    OracleTns = "oracle-tns",
    Pana = "pana",
    Pcep = "pcep",
    Pcp = "pcp",
    Pcworx = "pcworx",
    Pfcp = "pfcp",
    Pop3 = "pop3",
    Postgresql = "postgresql",
    Pptp = "pptp",
    Ptp = "ptp",
    Pulsar = "pulsar",
    Quake = "quake",
    Quic = "quic",
    Radius = "radius",
    Raknet = "raknet",
    Rdp = "rdp",
    Redis = "redis",
    Rethinkdb = "rethinkdb",
    Rip = "rip",
    Rlogin = "rlogin",
    Rmi = "rmi",
    Rpc = "rpc",
    Rsh = "rsh",
    Rsync = "rsync",
    Rtmp = "rtmp",
    Rtp = "rtp",
    Rtps = "rtps",
    Rtsp = "rtsp",
    Rx = "rx",
    SBus = "s-bus",
    S7comm = "s7comm",
    Scgi = "scgi",
    Sflow = "sflow",
    Sip = "sip",
    Skinny = "skinny",
    Slp = "slp",
    Smb = "smb",
    Smpp = "smpp",
    Smtp = "smtp",
    Snmp = "snmp",
    Socks = "socks",
    SourceEngine = "source-engine",
    Spice = "spice",
    Ssdp = "ssdp",
    Ssh = "ssh",
    Statsd = "statsd",
    Steam = "steam",
    Stomp = "stomp",
    Stratum = "stratum",
    Stun = "stun",
    Svn = "svn",
    Syslog = "syslog",
    T3 = "t3",
    Tacacs = "tacacs",
    Tarantool = "tarantool",
    Tds = "tds",
    Teamspeak = "teamspeak",
    Teamviewer = "teamviewer",
    Telnet = "telnet",
    Teredo = "teredo",
    Tftp = "tftp",
    Thrift = "thrift",
    Tivoconnect = "tivoconnect",
    Tls = "tls",
    TplinkSmarthome = "tplink-smarthome",
    TridiumFox = "tridium-fox",
    Uwsgi = "uwsgi",
    Vnc = "vnc",
    Wccp = "wccp",
    Websocket = "websocket",
    Whois = "whois",
    Wireguard = "wireguard",
    Wow = "wow",
    WsDiscovery = "ws-discovery",
    X11 = "x11",
    Xdmcp = "xdmcp",
    Xmpp = "xmpp",
    Zabbix = "zabbix",
    Zmtp = "zmtp",
    Zookeeper = "zookeeper",
}

const _: () = assert!(Protocol::COUNT <= 256, "ProtocolSet holds 256 bits");

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

    /// The protocols, in the order of [`Protocol::index`].
    pub fn iter(&self) -> impl Iterator<Item = Protocol> + use<> {
        self.0.into_iter().zip((0..).step_by(64)).flat_map(|(mut bits, first)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                Protocol::PLACES.get(first + bit as usize).filter(|_| bit < u64::BITS).copied()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_ones_own_keeps_its_place() {
        let acme = Protocol::intern("acme-name-test").unwrap();
        assert_eq!(Protocol::intern("acme-name-test"), Ok(acme));
        assert_eq!((acme.name(), Protocol::from_name("acme-name-test")), ("acme-name-test", Some(acme)));
        assert!((Protocol::ALL.len()..Protocol::COUNT).contains(&acme.index()));
        assert_eq!(Protocol::from_index(acme.index()), Some(acme));
        assert!(Protocol::own().any(|own| own == acme));
        let set: ProtocolSet = [acme, Protocol::Adb].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Protocol::Adb, acme]);
        assert_eq!(Protocol::intern("ssh"), Ok(Protocol::Ssh), "what is built in takes no place");
    }

    #[test]
    fn indices_are_positions() {
        for (index, &protocol) in Protocol::ALL.iter().chain(Protocol::OWN).enumerate() {
            assert_eq!(protocol.index(), index);
        }
        assert_eq!(Protocol::from_index(0), Some(Protocol::Adb));
        assert_eq!(Protocol::from_index(Protocol::COUNT), None);
        let all: ProtocolSet = Protocol::ALL.iter().chain(Protocol::OWN).copied().collect();
        assert_eq!(all.iter().count(), Protocol::COUNT);
    }

    #[test]
    fn names_have_a_form() {
        for name in ["", "Acme", "a_b", "-a", "1a", "a b", "\u{e4}", &"a".repeat(33)] {
            assert_eq!(Protocol::intern(name), Err(NameError::Malformed), "{name}");
        }
        for name in ["none", "other", "unknown"] {
            assert_eq!(Protocol::intern(name), Err(NameError::Reserved), "{name}");
        }
        assert_eq!(Protocol::check_name(&"a".repeat(32)), Ok(()));
    }
}
