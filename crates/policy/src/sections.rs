//! What a [`Policy`](crate::Policy) is built from: plain values, as `[policy]` of the configuration holds them.

use std::fmt;

use ipnet::IpNet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use offport_fingerprint::{Protocol, ProtocolSet};
use offport_wire::{Timestamp, Transport};

use crate::judgement::{Severity, Verdict};
use crate::ports::default_rules;

/// `[policy]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sections {
    /// Networks whose hosts are one's own: they give a flow its direction.
    pub home_networks: Vec<IpNet>,
    /// Start from the built-in port table; `false`: from an empty one.
    pub default_ports: bool,
    /// Bytes that a home host sends out in one flow before its severity is raised.
    pub large_output: u64,
    /// Severity of each verdict before direction and rules change it.
    pub severity: Severities,
    /// `[[policy.port]]`: each replaces what the table had for its ports.
    pub ports: Vec<PortRule>,
    /// `[[policy.host]]`: the inventory.
    pub hosts: Vec<HostRule>,
    /// `[[policy.allow]]`: known exceptions.
    pub allow: Vec<AllowRule>,
}

impl Sections {
    /// The protocols that rules, hosts and exceptions name.
    pub fn protocols(&self) -> ProtocolSet {
        let ports = self.ports.iter().flat_map(|rule| [&rule.expects, &rule.tolerates]);
        let hosts = self.hosts.iter().flat_map(|host| {
            let may = host.may_serve.iter().chain(&host.may_speak);
            may.chain([&host.must_not_serve, &host.must_not_speak])
        });
        let allow = self.allow.iter().map(|rule| &rule.protocols);
        ports.chain(hosts).chain(allow).flatten().copied().collect()
    }
}

impl Default for Sections {
    fn default() -> Self {
        Self {
            home_networks: default_home_networks(),
            default_ports: true,
            large_output: 64 << 20,
            severity: Severities::default(),
            ports: Vec::new(),
            hosts: Vec::new(),
            allow: Vec::new(),
        }
    }
}

/// Private (RFC 1918), unique local (RFC 4193), link local (RFC 3927, RFC 4291) and loopback addresses.
fn default_home_networks() -> Vec<IpNet> {
    [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    ]
    .iter()
    .filter_map(|network| network.parse().ok())
    .collect()
}

/// A severity per verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Severities([Severity; Verdict::ALL.len()]);

impl Severities {
    /// The severity of `verdict`.
    pub const fn get(&self, verdict: Verdict) -> Severity {
        self.0[verdict.index()]
    }

    /// Changes the severity of `verdict`.
    pub const fn set(&mut self, verdict: Verdict, severity: Severity) {
        self.0[verdict.index()] = severity;
    }
}

impl Default for Severities {
    fn default() -> Self {
        let mut table = [Severity::None; Verdict::ALL.len()];
        for &verdict in Verdict::ALL {
            table[verdict.index()] = match verdict {
                Verdict::Mismatch | Verdict::Unrecognised | Verdict::Imposter | Verdict::Forbidden => {
                    Severity::High
                }
                Verdict::Displaced | Verdict::Unknown => Severity::Info,
                Verdict::Expected | Verdict::Undecided => Severity::None,
            };
        }
        Self(table)
    }
}

/// One port or a range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Last port; not below `first`.
    pub last: u16,
}

impl PortRange {
    /// A single port.
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Whether `port` is in the range.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether the two have a port in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// What a port is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRule {
    /// The ports.
    pub ports: PortRange,
    /// TCP, UDP or SCTP.
    pub transport: Transport,
    /// Protocols that it is reserved for; none: it is not reserved, and the built-in entry goes.
    pub expects: Vec<Protocol>,
    /// Protocols that honest practice puts there too: a mismatch, but of low severity.
    pub tolerates: Vec<Protocol>,
    /// The port also carries protocols that offport cannot name: payload that is not recognised proves nothing there.
    pub open: bool,
}

impl PortRule {
    /// The built-in port table.
    pub fn built_in() -> impl Iterator<Item = Self> {
        default_rules()
    }
}

/// What the hosts of a network are for. The longest prefix that holds an address is the one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// The hosts.
    pub network: IpNet,
    /// Name for people.
    pub name: String,
    /// What they are for, in a word or two.
    pub role: String,
    /// The only protocols that they serve; `None`: any.
    pub may_serve: Option<Vec<Protocol>>,
    /// The only protocols that they speak as clients; `None`: any.
    pub may_speak: Option<Vec<Protocol>>,
    /// Protocols that they must not serve.
    pub must_not_serve: Vec<Protocol>,
    /// Protocols that they must not speak as clients.
    pub must_not_speak: Vec<Protocol>,
}

impl HostRule {
    /// Hosts without any restriction.
    pub fn new(network: IpNet, name: &str) -> Self {
        Self {
            network,
            name: name.to_owned(),
            role: String::new(),
            may_serve: None,
            may_speak: None,
            must_not_serve: Vec::new(),
            must_not_speak: Vec::new(),
        }
    }
}

/// A known exception: a flow that fits every field given is not reported. The verdict stays, its severity is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowRule {
    /// Clients; `None`: any.
    pub client: Option<IpNet>,
    /// Servers; `None`: any.
    pub server: Option<IpNet>,
    /// Server ports; `None`: any.
    pub ports: Option<PortRange>,
    /// Transport; `None`: any.
    pub transport: Option<Transport>,
    /// Protocols; empty: any, recognised or not.
    pub protocols: Vec<Protocol>,
    /// Verdicts; empty: any.
    pub verdicts: Vec<Verdict>,
    /// Why it is allowed.
    pub reason: String,
    /// The last day (UTC) on which it applies; `None`: for good.
    pub expires: Option<Date>,
}

impl AllowRule {
    /// Whether its last day is over at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|day| now >= end_of_day(day))
    }
}

/// The moment after the last one of `day`, UTC. The last day that a calendar knows never ends.
pub(crate) fn end_of_day(day: Date) -> Timestamp {
    let next = day.tomorrow().ok().and_then(|next| next.to_zoned(TimeZone::UTC).ok());
    let nanos = next.map_or(i128::MAX, |next| next.timestamp().as_nanosecond());
    Timestamp::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}
