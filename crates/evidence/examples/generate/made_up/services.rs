//! What is served: protocols on ports, how often, and how offport judges them.

use std::net::IpAddr;
use std::sync::LazyLock;

use Protocol::*;
use offport_fingerprint::{Proof, Protocol, Speaker};
use offport_policy::{Facts, Judgement, Policy, Sections, Seen};
use offport_wire::{Timestamp, Transport};

use super::hosts::Host;

const TCP: Transport = Transport::TCP;
const UDP: Transport = Transport::UDP;

/// A protocol on a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    pub(crate) what: What,
    pub(crate) port: u16,
    pub(crate) transport: Transport,
    /// How many servers have it.
    weight: u32,
    /// Bytes that the client and the server send in most flows.
    pub(crate) bytes: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Spoken(Protocol),
    /// Payload that is no protocol's.
    NotRecognised,
    /// No payload.
    Silence,
}

const fn service(
    protocol: Protocol,
    port: u16,
    transport: Transport,
    weight: u32,
    bytes: (f64, f64),
) -> Service {
    Service { what: What::Spoken(protocol), port, transport, weight, bytes }
}

const fn other(what: What, port: u16, transport: Transport, weight: u32) -> Service {
    Service { what, port, transport, weight, bytes: (600.0, 900.0) }
}

/// What most servers have.
pub(crate) const COMMON: &[Service] = &[
    service(Tls, 443, TCP, 300, (3_000.0, 20_000.0)),
    service(Dns, 53, UDP, 180, (70.0, 160.0)),
    service(Quic, 443, UDP, 110, (4_000.0, 40_000.0)),
    service(Http, 80, TCP, 80, (800.0, 6_000.0)),
    service(Ntp, 123, UDP, 40, (76.0, 76.0)),
    service(Smb, 445, TCP, 30, (20_000.0, 60_000.0)),
    service(Kerberos, 88, TCP, 25, (1_500.0, 1_600.0)),
    service(Ldap, 389, TCP, 25, (900.0, 4_000.0)),
    service(Snmp, 161, UDP, 25, (90.0, 300.0)),
    service(Syslog, 514, UDP, 20, (400.0, 60.0)),
    service(Ssh, 22, TCP, 20, (6_000.0, 9_000.0)),
    service(Postgresql, 5432, TCP, 15, (3_000.0, 30_000.0)),
    service(Mysql, 3306, TCP, 15, (3_000.0, 30_000.0)),
    service(Redis, 6379, TCP, 15, (2_000.0, 5_000.0)),
    service(Smtp, 25, TCP, 12, (9_000.0, 900.0)),
    service(Imap, 143, TCP, 8, (1_200.0, 20_000.0)),
    service(Pop3, 110, TCP, 4, (400.0, 9_000.0)),
    service(Dcerpc, 135, TCP, 10, (900.0, 900.0)),
    service(Rdp, 3389, TCP, 8, (30_000.0, 300_000.0)),
    service(Mqtt, 1883, TCP, 8, (500.0, 500.0)),
    service(Sip, 5060, UDP, 8, (900.0, 900.0)),
    service(Ftp, 21, TCP, 4, (500.0, 900.0)),
    service(Telnet, 23, TCP, 2, (300.0, 900.0)),
    service(Mongodb, 27_017, TCP, 6, (2_000.0, 9_000.0)),
    service(Cassandra, 9042, TCP, 4, (2_000.0, 9_000.0)),
    service(Kafka, 9092, TCP, 6, (20_000.0, 20_000.0)),
    service(Zookeeper, 2181, TCP, 3, (300.0, 300.0)),
    service(Memcached, 11_211, TCP, 3, (300.0, 900.0)),
    service(Tds, 1433, TCP, 5, (2_000.0, 20_000.0)),
    service(OracleTns, 1521, TCP, 4, (2_000.0, 20_000.0)),
    service(Bgp, 179, TCP, 2, (900.0, 900.0)),
    service(Radius, 1812, UDP, 4, (200.0, 200.0)),
    service(Tacacs, 49, TCP, 2, (200.0, 200.0)),
    service(Isakmp, 500, UDP, 3, (900.0, 900.0)),
    service(Openvpn, 1194, UDP, 2, (90_000.0, 200_000.0)),
    service(Wireguard, 51_820, UDP, 2, (90_000.0, 200_000.0)),
    service(Modbus, 502, TCP, 2, (300.0, 300.0)),
    service(S7comm, 102, TCP, 1, (300.0, 300.0)),
    service(Dnp3, 20_000, TCP, 1, (300.0, 300.0)),
    service(Bacnet, 47_808, UDP, 1, (60.0, 90.0)),
    service(Rsync, 873, TCP, 2, (90_000.0, 9_000.0)),
    service(Git, 9418, TCP, 2, (900.0, 90_000.0)),
    service(Rtsp, 554, TCP, 2, (2_000.0, 200_000.0)),
    service(Netflow, 2055, UDP, 4, (20_000.0, 0.0)),
    service(Vnc, 5900, TCP, 1, (9_000.0, 90_000.0)),
    service(Xmpp, 5222, TCP, 1, (2_000.0, 2_000.0)),
    other(What::Silence, 0, Transport::ICMP, 10),
    other(What::Silence, 443, TCP, 6),
];

/// What few have beside.
pub(crate) const ODD: &[Service] = &[
    other(What::NotRecognised, 443, TCP, 5),
    other(What::NotRecognised, 53, UDP, 3),
    other(What::NotRecognised, 22, TCP, 2),
    other(What::NotRecognised, 4444, TCP, 8),
    other(What::NotRecognised, 31_337, UDP, 4),
    other(What::NotRecognised, 51_413, UDP, 8),
    service(Ssh, 443, TCP, 2, (30_000.0, 30_000.0)),
    service(Socks, 80, TCP, 1, (30_000.0, 30_000.0)),
    service(Openvpn, 53, UDP, 1, (90_000.0, 90_000.0)),
    service(Ssh, 2222, TCP, 4, (6_000.0, 9_000.0)),
    service(Http, 8081, TCP, 10, (900.0, 9_000.0)),
    service(Tls, 10_443, TCP, 10, (3_000.0, 9_000.0)),
    service(Bittorrent, 6889, TCP, 4, (90_000.0, 90_000.0)),
    service(Http, 22, TCP, 1, (900.0, 900.0)),
];

/// The number of a service: those of [`COMMON`], then those of [`ODD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) u8);

/// Each as often as it weighs, so that one is picked by any number.
static LOTS: LazyLock<[Vec<Number>; 2]> = LazyLock::new(|| {
    let lots = |services: &[Service], first: usize| {
        let lot = |(number, service): (usize, &Service)| {
            std::iter::repeat_n(Number((first + number) as u8), service.weight as usize)
        };
        services.iter().enumerate().flat_map(lot).collect()
    };
    [lots(COMMON, 0), lots(ODD, COMMON.len())]
});

impl Number {
    /// Whether it is one of [`ODD`].
    pub(crate) const fn is_odd(self) -> bool {
        self.0 as usize >= COMMON.len()
    }

    pub(crate) const fn service(self) -> &'static Service {
        match (self.0 as usize).checked_sub(COMMON.len()) {
            None => &COMMON[self.0 as usize],
            Some(odd) => &ODD[odd],
        }
    }
}

/// What a client wants of a server on a day, by any number.
pub(crate) fn wanted(server: Host, day: u32, number: u64) -> Number {
    let [common, odd] = &*LOTS;
    let pick = |lots: &[Number], number: u64| lots[(number % lots.len() as u64) as usize];
    let is_odd = server.trait_of(1).is_multiple_of(10);
    // What is odd begins on a day in the middle, with half of them.
    let begins = (server.trait_of(2) % 16).saturating_sub(8);
    match number % 32 {
        0..4 if is_odd && u64::from(day) >= begins => pick(odd, server.trait_of(3)),
        4..9 if server.trait_of(4).is_multiple_of(4) => pick(common, server.trait_of(5)),
        _ => pick(common, server.trait_of(0)),
    }
}

/// What offport says of each service, by where its ends are.
pub(crate) struct Judgements(Vec<Option<Judgement>>);

impl Judgements {
    pub(crate) fn new() -> std::io::Result<Self> {
        let policy = Policy::new(&Sections::default())
            .map_err(|_| std::io::Error::other("the built-in rules are too many"))?;
        let ends = [([198, 19, 0, 1], [198, 18, 0, 1]), ([198, 19, 0, 1], [10, 0, 0, 1])];
        let ends = ends.into_iter().chain([([10, 1, 0, 1], [198, 18, 0, 1]), ([10, 1, 0, 1], [10, 0, 0, 1])]);
        let of = |service: &Service| -> Vec<_> {
            ends.clone()
                .map(|(client, server)| judge(&policy, service, client.into(), server.into()))
                .collect()
        };
        Ok(Self(COMMON.iter().chain(ODD).flat_map(of).collect()))
    }

    /// None of a flow without payload.
    pub(crate) fn of(&self, service: Number, client: Host, server: Host) -> Option<&Judgement> {
        let ends = usize::from(client.is_home()) * 2 + usize::from(server.is_home());
        self.0.get(usize::from(service.0) * 4 + ends)?.as_ref()
    }
}

fn judge(policy: &Policy, service: &Service, client: IpAddr, server: IpAddr) -> Option<Judgement> {
    let seen = match service.what {
        What::Spoken(protocol) => Seen::Identified(protocol, Proof::Structure),
        What::NotRecognised => Seen::NotRecognised,
        What::Silence => return None,
    };
    Some(policy.judge(&Facts {
        transport: service.transport,
        client,
        client_port: 49_152,
        server,
        server_port: service.port,
        seen,
        first: Speaker::Client,
        midstream: false,
        subflow: false,
        client_payload: 500,
        server_payload: 500,
        time: Timestamp::ZERO,
    }))
}
