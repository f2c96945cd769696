//! Allow-list entries: known exceptions, each with a reason and an end.

use ipnet::IpNet;
use offport_fingerprint::{Protocol, ProtocolSet};
use offport_wire::{Timestamp, Transport};

use crate::facts::Facts;
use crate::judgement::{RuleId, Verdict};
use crate::sections::{AllowRule, PortRange, end_of_day};

/// An [`AllowRule`], ready to be matched.
#[derive(Clone, Debug)]
pub(crate) struct Allow {
    ports: Option<PortRange>,
    transport: Option<Transport>,
    protocols: Option<ProtocolSet>,
    /// One bit per verdict.
    verdicts: u16,
    client: Option<IpNet>,
    server: Option<IpNet>,
    /// First moment at which it no longer applies.
    end: Option<Timestamp>,
    pub(crate) rule: RuleId,
}

impl Allow {
    pub(crate) fn new(rule: &AllowRule, id: RuleId) -> Self {
        let verdicts = rule.verdicts.iter().fold(0, |bits, verdict| bits | 1 << verdict.index());
        Self {
            ports: rule.ports,
            transport: rule.transport,
            protocols: (!rule.protocols.is_empty()).then(|| rule.protocols.iter().copied().collect()),
            verdicts: if verdicts == 0 { u16::MAX } else { verdicts },
            client: rule.client,
            server: rule.server,
            end: rule.expires.map(end_of_day),
            rule: id,
        }
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| now >= end)
    }

    /// Whether it covers the flow. The cheap fields are compared first: this runs for every flow with a severity.
    pub(crate) fn covers(&self, facts: &Facts, protocol: Option<Protocol>, verdict: Verdict) -> bool {
        self.ports.is_none_or(|ports| ports.contains(facts.server_port))
            && self.verdicts & 1 << verdict.index() != 0
            && self.transport.is_none_or(|transport| transport == facts.transport)
            && self.protocols.is_none_or(|set| protocol.is_some_and(|protocol| set.contains(protocol)))
            && self.server.is_none_or(|network| network.contains(&facts.server.to_canonical()))
            && self.client.is_none_or(|network| network.contains(&facts.client.to_canonical()))
            && !self.is_expired(facts.time)
    }
}
