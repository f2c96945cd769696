//! The built-in port table: what offport can recognise that runs on a port by registration or by settled practice.
//!
//! Source: IANA "Service Name and Transport Protocol Port Number Registry", and the specifications named below.
//! Three grades, so that honest traffic raises no alarm:
//! - `reserved`: nothing else belongs there. Payload that is not recognised is an alarm.
//! - `tolerating`: not what the port is for, but widely run there: a mismatch of low severity.
//! - `open`: honest content of the port includes protocols, or parts of protocols, that cannot be recognised;
//!   such payload is `unknown`, not `unrecognised`.
//!
//! A port whose usual protocol offport cannot recognise has no row at all (20 ftp-data, 138 netbios-dgm, 179 bgp,
//! 1434 ssrp, 3544 teredo, 5222 xmpp and WhatsApp, 6667 irc, 9100 jetdirect, 44818 enip, ...).

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
const WEB: &[Protocol] = &[Http, Http2, Websocket];
/// Ports where HTTP and HTTPS are both everyday.
const WEB_OR_TLS: &[Protocol] = &[Http, Http2, Websocket, Tls];

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
    tcp(10000, WEB_OR_TLS).open(),
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
    udp(5353, &[Mdns, Dns]),
    tcp(5355, &[Llmnr, Dns]),
    udp(5355, &[Llmnr, Dns]),
    // Remote access. A telnet server may send plain text and never negotiate (RFC 854). libvirt gives 5900 and up
    // to VNC and SPICE alike.
    tcp(22, &[Ssh]),
    tcp(23, &[Telnet]).open(),
    tcp(992, &[Tls]).tolerating(&[Telnet]),
    tcp(3389, &[Rdp, Tls]),
    udp(3389, &[Rdp, Dtls]),
    range(Transport::TCP, 5800, 5803, WEB_OR_TLS).open(),
    range(Transport::TCP, 5900, 5909, &[Vnc]).tolerating(&[Tls, Websocket, Http]).open(),
    // Mail. 465 and implicit TLS: RFC 8314.
    tcp(25, &[Smtp]),
    tcp(110, &[Pop3]).tolerating(&[Tls]),
    tcp(143, &[Imap]).tolerating(&[Tls]),
    tcp(465, &[Tls]).tolerating(&[Smtp]),
    tcp(587, &[Smtp]).tolerating(&[Tls]),
    tcp(993, &[Tls]).tolerating(&[Imap]),
    tcp(995, &[Tls]).tolerating(&[Pop3]),
    tcp(2525, &[Smtp]).tolerating(&[Tls]).open(),
    // Files.
    tcp(21, &[Ftp]).tolerating(&[Tls]),
    udp(69, &[Tftp]),
    tcp(990, &[Tls]).tolerating(&[Ftp]),
    tcp(111, &[Rpc]),
    udp(111, &[Rpc]),
    tcp(2049, &[Rpc]),
    udp(2049, &[Rpc]),
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
    tcp(514, &[Syslog]).tolerating(&[Tls]).open(),
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
    // Messaging and things. 5223 and 5228-5230 are the push services of Apple and Google, and of others who speak
    // their own.
    tcp(1883, &[Mqtt]).tolerating(&[Tls, Websocket, Http]),
    tcp(5223, &[Tls]).open(),
    range(Transport::TCP, 5228, 5230, &[Tls]).open(),
    tcp(5671, &[Tls]),
    tcp(5684, &[Tls]),
    udp(5684, &[Dtls]),
    tcp(8883, &[Tls]).tolerating(&[Mqtt]),
    // Voice and video. SIP over UDP keeps its NAT binding alive with bare line ends and zero bytes. Around STUN
    // ports, relays and game consoles send media of their own. RTP has no marks that prove it.
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
    // Peer to peer: encrypted handshakes look like nothing.
    range(Transport::TCP, 6881, 6889, &[Bittorrent]).tolerating(&[Http, Tls]).open(),
    range(Transport::UDP, 6881, 6889, &[Bittorrent]).open(),
    tcp(6969, &[Bittorrent, Http]).open(),
    udp(6969, &[Bittorrent]).open(),
    tcp(51413, &[Bittorrent]).open(),
    udp(51413, &[Bittorrent]).open(),
    // Control systems. 102 is ISO transport (RFC 1006): S7, but also MMS, ICCP and X.400.
    tcp(102, &[S7comm]).open(),
    tcp(502, &[Modbus]),
    udp(502, &[Modbus]),
    tcp(802, &[Tls]),
    tcp(19999, &[Tls]).open(),
    tcp(20000, &[Dnp3]).tolerating(&[Http, Tls]),
    udp(20000, &[Dnp3]),
    udp(34964, &[Dcerpc]).open(),
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
