//! The built-in port table: what offport can recognise that runs on a port by registration or by settled practice.
//!
//! Source: IANA "Service Name and Transport Protocol Port Number Registry", and the specifications named below.
//! Three grades, so that honest traffic raises no alarm:
//! - `reserved`: nothing else belongs there. Payload that is not recognised is an alarm.
//! - `tolerating`: not what the port is for, but widely run there: a mismatch of low severity.
//! - `open`: honest content of the port includes protocols, or parts of protocols, that cannot be recognised;
//!   such payload is `unknown`, not `unrecognised`.
//!
//! A port whose usual protocol offport cannot recognise has no row at all (7 echo, 9 discard, 37 time, 3785 the echo of
//! BFD, 4341 the data of LISP, 4789 VXLAN, ...), nor has one that is anybody's (3000, 3333, 5000, 5555, 9000, ...).

use offport_fingerprint::Protocol::{self, *};
use offport_wire::Transport;

use crate::sections::{PortRange, PortRule};

/// The table as rules.
pub(crate) fn default_rules() -> impl Iterator<Item = PortRule> {
    ROWS.iter().map(|row| PortRule {
        ports: PortRange { first: row.first, last: row.last },
        transport: row.transport,
        expects: row.expects.to_vec(),
        tolerates: row.tolerates.to_vec(),
        open: row.open,
    })
}

struct Row {
    transport: Transport,
    first: u16,
    last: u16,
    expects: &'static [Protocol],
    tolerates: &'static [Protocol],
    open: bool,
}

const fn tcp(port: u16, expects: &'static [Protocol]) -> Row {
    range(Transport::TCP, port, port, expects)
}

const fn udp(port: u16, expects: &'static [Protocol]) -> Row {
    range(Transport::UDP, port, port, expects)
}

const fn range(transport: Transport, first: u16, last: u16, expects: &'static [Protocol]) -> Row {
    Row { transport, first, last, expects, tolerates: &[], open: false }
}

impl Row {
    const fn tolerating(self, tolerates: &'static [Protocol]) -> Self {
        Self { tolerates, ..self }
    }

    const fn open(self) -> Self {
        Self { open: true, ..self }
    }
}

/// Cleartext HTTP in all its forms; a websocket is first seen as HTTP unless its handshake was missed.
const WEB: &[Protocol] = &[Http, Websocket];
/// Ports where HTTP and HTTPS are both everyday.
const WEB_OR_TLS: &[Protocol] = &[Http, Websocket, Tls];

const ROWS: &[Row] = &[
    // The web. TURN over 80 and 443 is how WebRTC gets through firewalls (RFC 8656, section 2.1 leaves the port
    // free), hence stun. DTLS on 443/udp is AnyConnect and its like. Cleartext HTTP on 443 is no practice.
    tcp(80, WEB).tolerating(&[Stun]),
    udp(80, &[Quic]).tolerating(&[Stun, Dtls]),
    tcp(443, &[Tls]).tolerating(&[Stun]),
    udp(443, &[Quic, Dtls]).tolerating(&[Stun]),
    tcp(591, WEB_OR_TLS).open(),
    tcp(2082, WEB_OR_TLS).open(),
    tcp(2083, &[Tls]).tolerating(WEB),
    tcp(2086, WEB_OR_TLS).open(),
    tcp(2087, &[Tls]).tolerating(WEB).open(),
    tcp(2095, WEB_OR_TLS).open(),
    tcp(2096, &[Tls]).tolerating(WEB).open(),
    tcp(2869, WEB).open(),
    tcp(3128, WEB_OR_TLS).tolerating(&[Socks]),
    tcp(4433, &[Tls]).tolerating(WEB).open(),
    udp(4433, &[Quic, Dtls]).open(),
    tcp(4443, &[Tls]).tolerating(WEB).open(),
    udp(4443, &[Quic, Dtls]).open(),
    tcp(5357, WEB).open(),
    tcp(5358, &[Tls]).open(),
    tcp(5601, WEB_OR_TLS).open(),
    tcp(5985, WEB),
    tcp(5986, &[Tls]),
    tcp(7443, &[Tls]).tolerating(WEB).open(),
    tcp(7547, WEB_OR_TLS).open(),
    tcp(8000, WEB_OR_TLS).open(),
    tcp(8008, WEB_OR_TLS),
    // IANA http-alt. Proxies that take TLS or SOCKS on the same port are common enough not to page anyone.
    tcp(8080, WEB).tolerating(&[Tls, Socks]),
    tcp(8081, WEB_OR_TLS).open(),
    tcp(8088, WEB_OR_TLS).open(),
    tcp(8118, WEB_OR_TLS).tolerating(&[Socks]).open(),
    tcp(8123, WEB_OR_TLS).open(),
    tcp(8443, &[Tls]).tolerating(WEB),
    udp(8443, &[Quic, Dtls]).open(),
    tcp(8530, WEB_OR_TLS).open(),
    tcp(8531, &[Tls]).tolerating(WEB).open(),
    tcp(8834, &[Tls]).tolerating(WEB).open(),
    tcp(8888, WEB_OR_TLS).open(),
    tcp(9090, WEB_OR_TLS).open(),
    tcp(9200, WEB_OR_TLS),
    tcp(9443, &[Tls]).tolerating(WEB).open(),
    tcp(10000, &[Http, Websocket, Tls, Ndmp]).open(),
    tcp(10443, &[Tls]).tolerating(WEB).open(),
    tcp(15672, WEB_OR_TLS).open(),
    tcp(47001, WEB).open(),
    // Containers and clusters.
    tcp(2375, WEB).tolerating(&[Tls]),
    tcp(2376, &[Tls]).tolerating(WEB),
    tcp(2377, &[Tls]),
    range(Transport::TCP, 2379, 2380, WEB_OR_TLS),
    tcp(6443, &[Tls]).tolerating(WEB),
    tcp(10250, &[Tls]).tolerating(WEB).open(),
    // Names. DNS over TLS and DTLS: RFC 7858, RFC 8094; over QUIC: RFC 9250. One-shot mDNS queries (RFC 6762,
    // section 5.1) and LLMNR (RFC 4795) have the form of DNS.
    tcp(53, &[Dns]),
    udp(53, &[Dns]),
    tcp(853, &[Tls]),
    udp(853, &[Dtls, Quic]),
    udp(137, &[NetbiosNs]),
    udp(138, &[NetbiosDgm]),
    udp(5353, &[Mdns, Dns]),
    tcp(5355, &[Llmnr, Dns]),
    udp(5355, &[Llmnr, Dns]),
    // Remote access. A telnet server may send plain text and never negotiate (RFC 854). libvirt gives 5900 and up
    // to VNC and SPICE alike.
    tcp(22, &[Ssh]),
    tcp(23, &[Telnet]).open(),
    tcp(992, &[Tls]).tolerating(&[Telnet]),
    tcp(513, &[Rlogin]),
    tcp(1494, &[Ica]).tolerating(&[Tls]).open(),
    tcp(2598, &[Ica]).tolerating(&[Tls]).open(),
    tcp(3389, &[Rdp, Tls]),
    udp(3389, &[Rdp, Dtls]),
    range(Transport::TCP, 5800, 5803, WEB_OR_TLS).open(),
    range(Transport::TCP, 5900, 5909, &[Vnc, Spice]).tolerating(&[Tls, Websocket, Http]).open(),
    range(Transport::TCP, 6000, 6009, &[X11]).open(),
    // Mail. 465 and implicit TLS: RFC 8314.
    tcp(25, &[Smtp]),
    tcp(110, &[Pop3]).tolerating(&[Tls]),
    tcp(143, &[Imap]).tolerating(&[Tls]),
    tcp(465, &[Tls]).tolerating(&[Smtp]),
    tcp(587, &[Smtp]).tolerating(&[Tls]),
    tcp(993, &[Tls]).tolerating(&[Imap]),
    tcp(995, &[Tls]).tolerating(&[Pop3]),
    tcp(2525, &[Smtp]).tolerating(&[Tls]).open(),
    tcp(4190, &[Managesieve]).tolerating(&[Tls]),
    // News, chat, and short lines of text. WhatsApp and others speak their own on 5222.
    tcp(43, &[Whois]).open(),
    tcp(70, &[Gopher]).open(),
    tcp(79, &[Finger]).open(),
    tcp(113, &[Ident]),
    tcp(119, &[Nntp]).tolerating(&[Tls]),
    tcp(2628, &[Dict]),
    tcp(5222, &[Xmpp, Tls]).open(),
    tcp(5269, &[Xmpp, Tls]),
    tcp(5280, WEB_OR_TLS).open(),
    range(Transport::TCP, 6665, 6669, &[Irc]).tolerating(&[Tls]),
    tcp(6697, &[Tls]).tolerating(&[Irc]),
    tcp(13, &[Daytime]).open(),
    tcp(19, &[Chargen]).open(),
    udp(19, &[Chargen]).open(),
    // Files.
    tcp(21, &[Ftp]).tolerating(&[Tls]),
    udp(69, &[Tftp]),
    tcp(990, &[Tls]).tolerating(&[Ftp]),
    tcp(111, &[Rpc]),
    udp(111, &[Rpc]),
    tcp(2049, &[Rpc]),
    udp(2049, &[Rpc]),
    tcp(548, &[Afp]),
    tcp(873, &[Rsync]).tolerating(&[Tls]),
    tcp(2401, &[Cvs]),
    tcp(3260, &[Iscsi]),
    tcp(3690, &[Svn]),
    tcp(9418, &[Git]),
    tcp(10809, &[Nbd]),
    tcp(3300, &[Ceph]),
    tcp(6789, &[Ceph]),
    // Printers. What is printed on 9100 may begin with anything; node_exporter has made it a port of the web as well.
    tcp(515, &[Lpd]),
    tcp(9100, &[Jetdirect, Http, Tls]).open(),
    udp(631, &[CupsBrowsing]).open(),
    range(Transport::UDP, 8611, 8614, &[Bjnp]).open(),
    tcp(139, &[NetbiosSsn, Smb]),
    tcp(445, &[Smb, NetbiosSsn]),
    // Windows domains. kpasswd (RFC 3244) wraps Kerberos in a header of its own, hence open.
    tcp(88, &[Kerberos]),
    udp(88, &[Kerberos]),
    tcp(135, &[Dcerpc]),
    udp(135, &[Dcerpc]),
    tcp(389, &[Ldap]).tolerating(&[Tls]),
    udp(389, &[Ldap]),
    tcp(464, &[Kerberos]).open(),
    udp(464, &[Kerberos]).open(),
    tcp(636, &[Tls]).tolerating(&[Ldap]),
    tcp(3268, &[Ldap]).tolerating(&[Tls]),
    tcp(3269, &[Tls]).tolerating(&[Ldap]),
    // Network services. Syslog text without a PRI is legal (RFC 3164, section 4.3.3); 514/tcp is also rsh.
    udp(67, &[Dhcp]),
    udp(68, &[Dhcp]),
    udp(4011, &[Dhcp]),
    udp(123, &[Ntp]),
    tcp(4460, &[Tls]),
    tcp(161, &[Snmp]),
    udp(161, &[Snmp]),
    tcp(162, &[Snmp]),
    udp(162, &[Snmp]),
    tcp(10161, &[Tls]),
    udp(10161, &[Dtls]),
    tcp(10162, &[Tls]),
    udp(10162, &[Dtls]),
    tcp(514, &[Syslog, Rsh]).tolerating(&[Tls]).open(),
    udp(514, &[Syslog]).open(),
    tcp(601, &[Syslog]).open(),
    tcp(6514, &[Tls]).tolerating(&[Syslog]),
    udp(6514, &[Dtls]).tolerating(&[Syslog]),
    udp(546, &[Dhcpv6]),
    udp(547, &[Dhcpv6]),
    tcp(563, &[Tls]),
    tcp(631, WEB_OR_TLS),
    tcp(1080, &[Socks]).tolerating(&[Http, Tls]),
    udp(1900, &[Ssdp]),
    tcp(427, &[Slp]),
    udp(427, &[Slp]),
    udp(3702, &[WsDiscovery]),
    udp(5351, &[Natpmp, Pcp]),
    udp(17500, &[DropboxLsp]).open(),
    // Who may do what.
    tcp(49, &[Tacacs]),
    udp(1645, &[Radius]).open(),
    udp(1646, &[Radius]).open(),
    udp(1812, &[Radius]),
    udp(1813, &[Radius]),
    udp(3799, &[Radius]),
    tcp(3868, &[Diameter]).tolerating(&[Tls]),
    range(Transport::SCTP, 3868, 3868, &[Diameter]),
    udp(716, &[Pana]).open(),
    // Routers among themselves.
    tcp(179, &[Bgp]),
    udp(520, &[Rip]),
    udp(521, &[Rip]),
    tcp(639, &[Msdp]),
    tcp(646, &[Ldp]),
    udp(646, &[Ldp]),
    udp(698, &[Olsr]).open(),
    udp(1985, &[Hsrp]),
    udp(2048, &[Wccp]).open(),
    udp(2123, &[Gtp]),
    udp(3784, &[Bfd]),
    tcp(4189, &[Pcep]).tolerating(&[Tls]),
    udp(4342, &[Lisp]).open(),
    udp(4784, &[Bfd]),
    range(Transport::UDP, 5246, 5247, &[Capwap, Dtls]).open(),
    udp(6696, &[Babel]),
    // Measurement and monitoring. Exporters are pointed at each other's ports; Carbon and StatsD take any line of text.
    udp(2055, &[Netflow, Ipfix]).open(),
    tcp(4739, &[Ipfix]).tolerating(&[Tls]),
    udp(4739, &[Ipfix, Netflow]),
    udp(6343, &[Sflow]),
    range(Transport::UDP, 9995, 9996, &[Netflow, Ipfix]).open(),
    tcp(2003, &[Graphite]).open(),
    udp(2003, &[Graphite]).open(),
    tcp(4949, &[Munin]).open(),
    tcp(5044, &[Beats, Tls]).tolerating(&[Http]),
    tcp(5666, &[Nrpe, Tls]),
    tcp(8125, &[Statsd]).open(),
    udp(8125, &[Statsd]).open(),
    range(Transport::TCP, 10050, 10051, &[Zabbix, Tls]),
    tcp(12201, &[Gelf]).tolerating(&[Tls, Http]).open(),
    udp(12201, &[Gelf]).open(),
    tcp(24224, &[Fluentd, Tls]).open(),
    udp(25826, &[Collectd]).open(),
    udp(623, &[Ipmi]).open(),
    tcp(3493, &[Nut]).open(),
    tcp(6600, &[Mpd]).open(),
    // Databases. PostgreSQL 17 (sslnegotiation=direct), TDS 8.0, Redis and MongoDB start with TLS on the same port.
    tcp(1433, &[Tds, Tls]),
    tcp(1521, &[OracleTns]).tolerating(&[Tls]),
    tcp(2484, &[Tls]).tolerating(&[OracleTns]).open(),
    tcp(3306, &[Mysql]).tolerating(&[Tls]),
    tcp(5432, &[Postgresql, Tls]),
    tcp(5433, &[Postgresql, Tls]).open(),
    tcp(6379, &[Redis, Tls]),
    tcp(6380, &[Redis, Tls]).open(),
    tcp(6432, &[Postgresql, Tls]).open(),
    tcp(26379, &[Redis, Tls]),
    range(Transport::TCP, 27017, 27019, &[Mongodb, Tls]),
    tcp(446, &[Drda]).tolerating(&[Tls]).open(),
    tcp(1099, &[Rmi, JavaSerialized]).tolerating(&[Tls]).open(),
    udp(1434, &[MssqlBrowser]),
    tcp(2181, &[Zookeeper]).tolerating(&[Tls]),
    tcp(3050, &[Firebird]),
    tcp(3301, &[Tarantool]).open(),
    tcp(4369, &[Epmd]),
    tcp(5701, &[Hazelcast]).tolerating(&[Http, Tls, Memcached]).open(),
    tcp(7687, &[Bolt, Tls]).tolerating(&[Http, Websocket]),
    tcp(9042, &[Cassandra, Tls]),
    tcp(10800, &[Ignite]).tolerating(&[Tls]).open(),
    tcp(11211, &[Memcached, Tls]),
    udp(11211, &[Memcached]),
    tcp(28015, &[Rethinkdb]).tolerating(&[Tls]),
    tcp(50000, &[Drda, Tls]).open(),
    // What servers of the web speak to those behind them.
    tcp(8009, &[Ajp]).tolerating(WEB_OR_TLS),
    tcp(3632, &[Distcc]),
    // Messaging and things. 5223 and 5228-5230 are the push services of Apple and Google, and of others who speak
    // their own.
    tcp(1883, &[Mqtt]).tolerating(&[Tls, Websocket, Http]),
    tcp(5223, &[Tls]).open(),
    range(Transport::TCP, 5228, 5230, &[Tls]).open(),
    tcp(4150, &[Nsq]).tolerating(&[Tls]).open(),
    tcp(4222, &[Nats, Tls]),
    // Gearman has text commands for administrators.
    tcp(4730, &[Gearman]).tolerating(&[Tls]).open(),
    tcp(5671, &[Tls]),
    tcp(5672, &[Amqp, Tls]),
    // Much of what is sent to small devices is not as RFC 7252 has it; over TCP (RFC 8323) it is not known.
    udp(5683, &[Coap]).open(),
    tcp(5683, &[Coap]).open(),
    tcp(5684, &[Tls]),
    udp(5684, &[Dtls]),
    tcp(6650, &[Pulsar]).tolerating(&[Tls]).open(),
    tcp(8883, &[Tls]).tolerating(&[Mqtt]),
    tcp(9092, &[Kafka, Tls]),
    tcp(11300, &[Beanstalkd]).open(),
    tcp(61613, &[Stomp]).tolerating(&[Tls]).open(),
    // Voice and video. SIP over UDP keeps its NAT binding alive with bare line ends and zero bytes. Around STUN
    // ports, relays and game consoles send media of their own. RTP has no marks that prove it.
    tcp(1935, &[Rtmp]).tolerating(&[Tls]),
    tcp(554, &[Rtsp]).tolerating(&[Http, Tls]),
    tcp(8554, &[Rtsp]).tolerating(&[Http, Tls]),
    range(Transport::TCP, 3478, 3481, &[Stun, Tls]).open(),
    range(Transport::UDP, 3478, 3481, &[Stun, Dtls, Rtp]).open(),
    range(Transport::UDP, 5004, 5005, &[Rtp]).open(),
    tcp(5060, &[Sip]).tolerating(&[Tls, Stun]),
    udp(5060, &[Sip, Stun]).open(),
    tcp(5061, &[Tls]).tolerating(&[Sip]),
    tcp(5349, &[Tls, Stun]),
    udp(5349, &[Dtls, Stun]),
    range(Transport::UDP, 19302, 19309, &[Stun, Dtls, Rtp]).open(),
    // VPNs. On 4500 ESP in UDP follows, with no mark but its SPI (RFC 3948); OpenVPN with a static key shows none.
    udp(500, &[Isakmp]),
    udp(4500, &[Isakmp]).open(),
    tcp(1194, &[Openvpn]).open(),
    udp(1194, &[Openvpn]).open(),
    udp(51820, &[Wireguard]),
    udp(1701, &[L2tp]),
    tcp(1723, &[Pptp]),
    udp(3544, &[Teredo]),
    // Peer to peer: encrypted handshakes look like nothing.
    range(Transport::TCP, 6881, 6889, &[Bittorrent]).tolerating(&[Http, Tls]).open(),
    range(Transport::UDP, 6881, 6889, &[Bittorrent]).open(),
    tcp(6969, &[Bittorrent, Http]).open(),
    udp(6969, &[Bittorrent]).open(),
    tcp(51413, &[Bittorrent]).open(),
    udp(51413, &[Bittorrent]).open(),
    // eMule's handshake may be obfuscated; nodes of Ethereum encrypt what is not discovery.
    tcp(4662, &[Edonkey]).open(),
    range(Transport::TCP, 6346, 6347, &[Gnutella]).tolerating(&[Http, Tls]).open(),
    range(Transport::UDP, 6346, 6347, &[Gnutella]).open(),
    tcp(8333, &[Bitcoin]).open(),
    udp(30303, &[Devp2p]).open(),
    // Games. Players' own protocols run on these ports beside the queries.
    udp(19132, &[Raknet]).open(),
    tcp(25565, &[Minecraft]).open(),
    // Control systems. 102 is ISO transport (RFC 1006): S7 and MMS, but also ICCP and X.400.
    tcp(102, &[S7comm, Mms]).open(),
    range(Transport::UDP, 319, 320, &[Ptp]),
    tcp(502, &[Modbus]),
    udp(502, &[Modbus]),
    tcp(802, &[Tls]),
    tcp(1911, &[TridiumFox]).open(),
    tcp(1962, &[Pcworx]).open(),
    tcp(2404, &[Iec104]).tolerating(&[Tls]),
    tcp(3671, &[Knxip]).open(),
    udp(3671, &[Knxip]),
    tcp(4059, &[Dlms]).open(),
    tcp(4712, &[C37118]).open(),
    udp(4713, &[C37118]).open(),
    tcp(4840, &[Opcua]).tolerating(&[Tls]),
    tcp(4911, &[Tls]).open(),
    tcp(5007, &[Melsec]).open(),
    tcp(5094, &[HartIp]).open(),
    udp(5094, &[HartIp]).open(),
    tcp(9600, &[Fins]).open(),
    udp(9600, &[Fins]).open(),
    tcp(18245, &[GeSrtp]).open(),
    tcp(19999, &[Tls]).open(),
    tcp(20000, &[Dnp3]).tolerating(&[Http, Tls]),
    udp(20000, &[Dnp3]),
    // PROFINET IO's context management is DCE/RPC.
    udp(34964, &[Dcerpc]).open(),
    udp(34980, &[Ethercat]).open(),
    tcp(44818, &[Enip]),
    udp(44818, &[Enip]),
    udp(47808, &[Bacnet]),
    tcp(48898, &[Ads]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_has_two_rows() {
        for (index, a) in ROWS.iter().enumerate() {
            assert!(a.first <= a.last);
            for b in &ROWS[index + 1..] {
                let apart = a.transport != b.transport || a.last < b.first || b.last < a.first;
                assert!(apart, "{} and {} overlap", a.first, b.first);
            }
        }
    }

    #[test]
    fn rows_expect_something_and_tolerate_only_something_else() {
        for row in ROWS {
            assert!(!row.expects.is_empty(), "{}", row.first);
            let twice = row.tolerates.iter().find(|protocol| row.expects.contains(protocol));
            assert_eq!(twice, None, "{} expects and tolerates it", row.first);
        }
    }

    #[test]
    fn the_table_covers_some_hundred_ports() {
        let ports: std::collections::BTreeSet<u16> =
            ROWS.iter().flat_map(|row| row.first..=row.last).collect();
        assert!(ports.len() >= 100, "{}", ports.len());
    }
}
