//! Port to entry in two array accesses.

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
    transports: [Pages; 3],
    entries: Vec<PortEntry>,
}

/// Of every port the index into [`PortTable::entries`] plus one; 0: the port is not reserved. In pages by the port's upper
/// byte: most of those are empty and one page, which a cache holds, while few of 65,536 numbers would be in it.
#[derive(Clone, Debug)]
struct Pages {
    index: Box<[u16; 256]>,
    pages: Vec<Page>,
}

type Page = [u16; 256];

impl Default for Pages {
    fn default() -> Self {
        Self { index: Box::new([0; 256]), pages: vec![[0; 256]] }
    }
}

impl Pages {
    fn set(&mut self, port: u16, value: u16) {
        let [upper, lower] = port.to_be_bytes();
        let page = &mut self.index[usize::from(upper)];
        if *page == 0 {
            *page = self.pages.len() as u16;
            self.pages.push([0; 256]);
        }
        self.pages[usize::from(*page)][usize::from(lower)] = value;
    }

    fn get(&self, port: u16) -> u16 {
        let [upper, lower] = port.to_be_bytes();
        self.pages.get(usize::from(self.index[usize::from(upper)])).map_or(0, |page| page[usize::from(lower)])
    }
}

impl PortTable {
    /// A later rule replaces an earlier one port by port. There are at most `u16::MAX` of them.
    pub(crate) fn new(rules: &[(PortRule, RuleId)]) -> Self {
        let mut table = Self { transports: Default::default(), entries: Vec::with_capacity(rules.len()) };
        for (&(ref rule, id), place) in rules.iter().zip(1..=u16::MAX) {
            table.entries.push(PortEntry {
                expects: rule.expects.iter().copied().collect(),
                tolerates: rule.tolerates.iter().copied().collect(),
                open: rule.open,
                rule: id,
            });
            let Some(pages) = slot(rule.transport).and_then(|slot| table.transports.get_mut(slot)) else {
                continue;
            };
            let value = if rule.expects.is_empty() { 0 } else { place };
            for port in rule.ports.first..=rule.ports.last {
                pages.set(port, value);
            }
        }
        table
    }

    /// The entry of a port; `None`: it is reserved for nothing.
    pub(crate) fn get(&self, transport: Transport, port: u16) -> Option<&PortEntry> {
        let index = self.transports.get(slot(transport)?)?.get(port);
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
