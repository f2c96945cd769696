//! Port to entry in one array access.

use offport_fingerprint::ProtocolSet;
use offport_wire::Transport;

use crate::judgement::RuleId;
use crate::sections::PortRule;

/// What one port is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PortEntry {
    pub(crate) expects: ProtocolSet,
    pub(crate) tolerates: ProtocolSet,
    pub(crate) open: bool,
    pub(crate) rule: RuleId,
}

/// Every port of TCP, UDP and SCTP.
#[derive(Clone, Debug)]
pub(crate) struct PortTable {
    /// Index into `entries` plus one; 0: the port is not reserved. A transport without any entry stays empty.
    slots: [Vec<u16>; 3],
    entries: Vec<PortEntry>,
}

impl PortTable {
    /// The rule at position i of `rules` gets `RuleId(i)`; a later one replaces an earlier one port by port. There are
    /// at most `u16::MAX` of them.
    pub(crate) fn new(rules: &[PortRule]) -> Self {
        let mut table = Self { slots: Default::default(), entries: Vec::with_capacity(rules.len()) };
        for (rule, id) in rules.iter().zip(0..u16::MAX) {
            table.entries.push(PortEntry {
                expects: rule.expects.iter().copied().collect(),
                tolerates: rule.tolerates.iter().copied().collect(),
                open: rule.open,
                rule: RuleId(id),
            });
            let Some(slots) = slot(rule.transport).and_then(|slot| table.slots.get_mut(slot)) else {
                continue;
            };
            slots.resize(1 << 16, 0);
            let value = if rule.expects.is_empty() { 0 } else { id + 1 };
            for port in rule.ports.first..=rule.ports.last {
                slots[usize::from(port)] = value;
            }
        }
        table
    }

    /// The entry of a port; `None`: it is reserved for nothing.
    pub(crate) fn get(&self, transport: Transport, port: u16) -> Option<&PortEntry> {
        let index = *self.slots.get(slot(transport)?)?.get(usize::from(port))?;
        self.entries.get(usize::from(index).checked_sub(1)?)
    }
}

const fn slot(transport: Transport) -> Option<usize> {
    match transport {
        Transport::TCP => Some(0),
        Transport::UDP => Some(1),
        Transport::SCTP => Some(2),
        _ => None,
    }
}
