//! The policy: built once, then only read.

use std::collections::HashMap;
use std::net::IpAddr;

use offport_fingerprint::ProtocolSet;
use offport_wire::{Timestamp, Transport};

use crate::allow::Allow;
use crate::judgement::{NetworkDirection, RuleId};
use crate::port_table::{PortEntry, PortTable};
use crate::ports::default_rules;
use crate::prefix::PrefixMap;
use crate::sections::{HostRule, PortRule, Sections, Severities};

/// Port and host expectations. Cheap to read from many threads; `Policy::default()` is the built-in port table with
/// private addresses as home.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) ports: PortTable,
    pub(crate) severity: Severities,
    pub(crate) large_output: u64,
    pub(crate) allow: Vec<Allow>,
    home: PrefixMap,
    host_by_address: PrefixMap,
    hosts: Vec<Host>,
    names: Vec<Box<str>>,
}

/// An inventory entry, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) name: Box<str>,
    pub(crate) role: Box<str>,
    pub(crate) serve: Limits,
    pub(crate) speak: Limits,
    pub(crate) rule: RuleId,
}

/// What may and must not be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) only: Option<ProtocolSet>,
    pub(crate) never: ProtocolSet,
}

/// More rules than a [`RuleId`] can number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRules;

impl std::fmt::Display for TooManyRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "more than {} rules", Policy::MAX_RULES)
    }
}

impl std::error::Error for TooManyRules {}

/// Rules' names, by id.
struct Names {
    all: Vec<Box<str>>,
    /// Ids of names that no rule has yet, the lowest last.
    unused: HashMap<Box<str>, Vec<u16>>,
}

impl Names {
    /// With those of a policy before.
    fn new(all: Vec<Box<str>>) -> Self {
        let mut unused = HashMap::<_, Vec<_>>::new();
        for (name, id) in all.iter().zip(0..u16::MAX).rev() {
            unused.entry(name.clone()).or_default().push(id);
        }
        Self { all, unused }
    }

    fn id(&mut self, name: String) -> Result<RuleId, TooManyRules> {
        if let Some(id) = self.unused.get_mut(&*name).and_then(Vec::pop) {
            return Ok(RuleId(id));
        }
        if self.all.len() >= Policy::MAX_RULES {
            return Err(TooManyRules);
        }
        self.all.push(name.into());
        Ok(RuleId((self.all.len() - 1) as u16))
    }
}

impl Policy {
    /// Port rules (the built-in ones included), hosts and allow-list entries together.
    pub const MAX_RULES: usize = u16::MAX as usize;

    /// Compiles `sections`. Where two port rules or two hosts overlap exactly, the later one counts.
    ///
    /// # Errors
    /// [`TooManyRules`].
    pub fn new(sections: &Sections) -> Result<Self, TooManyRules> {
        Self::compile(sections, Vec::new())
    }

    /// Compiles `sections` to take this one's place: what was judged by a rule of this one finds the rule's name in the other by the
    /// same id. Rules of the same name have the same id.
    ///
    /// # Errors
    /// [`TooManyRules`], those that are no more included.
    pub fn successor(&self, sections: &Sections) -> Result<Self, TooManyRules> {
        Self::compile(sections, self.names.clone())
    }

    fn compile(sections: &Sections, before: Vec<Box<str>>) -> Result<Self, TooManyRules> {
        let built_in = sections.default_ports.then(default_rules);
        let ports = built_in.into_iter().flatten().chain(sections.ports.iter().cloned());
        let mut names = Names::new(before);
        let ports = ports
            .map(|rule| names.id(port_name(&rule)).map(|id| (rule, id)))
            .collect::<Result<Vec<_>, _>>()?;
        let hosts = sections.hosts.iter();
        let hosts = hosts
            .map(|host| Ok(Host::new(host, names.id(format!("inventory: {}", host.name))?)))
            .collect::<Result<Vec<_>, _>>()?;
        let allow = sections.allow.iter();
        let allow = allow
            .map(|rule| Ok(Allow::new(rule, names.id(format!("allow: {}", rule.reason))?)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            ports: PortTable::new(&ports),
            severity: sections.severity,
            large_output: sections.large_output,
            allow,
            home: PrefixMap::new(sections.home_networks.iter().map(|&network| (network, 0))),
            host_by_address: PrefixMap::new(sections.hosts.iter().map(|host| host.network).zip(0..)),
            hosts,
            names: names.all,
        })
    }

    /// What a port is reserved for; empty when it is not.
    pub fn expected(&self, transport: Transport, port: u16) -> ProtocolSet {
        self.port(transport, port).map_or(ProtocolSet::EMPTY, |entry| entry.expects)
    }

    /// Whether servers are likelier than clients to use this port: it has an entry, or is a system port
    /// (below 1024: RFC 6335, section 6).
    pub fn is_service_port(&self, transport: Transport, port: u16) -> bool {
        transport.has_ports() && (port < 1024 || self.port(transport, port).is_some())
    }

    /// The name of a rule for people: "port 80/tcp: http, websocket", "inventory: db-servers",
    /// "allow: backup to vendor". Empty for an id of another policy, unless that is one that this one succeeds.
    pub fn rule_name(&self, rule: RuleId) -> &str {
        self.names.get(usize::from(rule.0)).map_or("", |name| name)
    }

    /// The names of all rules, in the order of their ids; those of policies that this one succeeds included.
    pub fn rule_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Where a flow from `client` to `server` runs.
    pub fn direction(&self, client: IpAddr, server: IpAddr) -> NetworkDirection {
        match (self.is_home(client), self.is_home(server)) {
            (true, true) => NetworkDirection::Internal,
            (true, false) => NetworkDirection::Outbound,
            (false, true) => NetworkDirection::Inbound,
            (false, false) => NetworkDirection::External,
        }
    }

    /// Whether `address` is in a home network. Addresses that name no host of their own (unspecified, broadcast,
    /// multicast) count as home: what is sent to them stays on the network that it is sent on.
    pub fn is_home(&self, address: IpAddr) -> bool {
        address.is_unspecified()
            || address.is_multicast()
            || matches!(address, IpAddr::V4(address) if address.is_broadcast())
            || self.home.contains(address)
    }

    pub(crate) fn port(&self, transport: Transport, port: u16) -> Option<&PortEntry> {
        self.ports.get(transport, port)
    }

    pub(crate) fn host(&self, address: IpAddr) -> Option<&Host> {
        self.hosts.get(usize::from(self.host_by_address.get(address)?))
    }

    /// Allow-list entries that no longer apply at `now`, by name.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.allow.iter().filter(move |allow| allow.is_expired(now)).map(|allow| self.rule_name(allow.rule))
    }
}

impl Default for Policy {
    fn default() -> Self {
        // The built-in table is far below the limit: a test builds it.
        Self::new(&Sections::default()).unwrap_or_else(|TooManyRules| Self::empty())
    }
}

impl Policy {
    /// Reserves nothing, knows nobody.
    fn empty() -> Self {
        Self {
            ports: PortTable::new(&[]),
            severity: Severities::default(),
            large_output: u64::MAX,
            allow: Vec::new(),
            home: PrefixMap::default(),
            host_by_address: PrefixMap::default(),
            hosts: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl Host {
    fn new(host: &HostRule, rule: RuleId) -> Self {
        let only = |list: &Option<Vec<_>>| list.as_ref().map(|list| list.iter().copied().collect());
        Self {
            name: host.name.as_str().into(),
            role: host.role.as_str().into(),
            serve: Limits {
                only: only(&host.may_serve),
                never: host.must_not_serve.iter().copied().collect(),
            },
            speak: Limits {
                only: only(&host.may_speak),
                never: host.must_not_speak.iter().copied().collect(),
            },
            rule,
        }
    }
}

fn port_name(rule: &PortRule) -> String {
    let protocols: Vec<&str> = rule.expects.iter().map(|protocol| protocol.name()).collect();
    let transport = rule.transport.name().unwrap_or("?");
    format!("port {}/{transport}: {}", rule.ports, protocols.join(", "))
}
