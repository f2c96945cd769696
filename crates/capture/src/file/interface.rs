//! The interfaces of a capture.

use std::collections::HashMap;

use offport_wire::LinkType;

use super::link_type;

/// A file that describes more interfaces than this is malformed. Sections that describe the same
/// interfaces again (files appended to each other) do not add to them.
pub(super) const MAX_INTERFACES: usize = 4096;

/// An interface that packets of the capture came in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// `if_name` of a pcapng file, cut to 255 bytes.
    pub name: Option<String>,
    /// Link type, as numbered in the LINKTYPE_ registry of tcpdump.org.
    pub link_code: u32,
    /// How its frames are to be read; `None` when that is not supported.
    pub link: Option<LinkType>,
    /// Whole packet records of this interface so far, supported or not.
    pub packets: u64,
}

/// An interface whose packets are passed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interface {interface}: link type {code} ({name}) is not supported: {packets} packets passed over")]
pub struct UnsupportedLinkType {
    /// Index of the interface.
    pub interface: u16,
    /// Number in the LINKTYPE_ registry of tcpdump.org.
    pub code: u32,
    /// Its name there, without the prefix.
    pub name: &'static str,
    /// Packets passed over so far.
    pub packets: u64,
}

/// What to do with the packets of an interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) index: u16,
    pub(super) link: Option<LinkType>,
    /// Bytes to take off the front of each packet.
    pub(super) strip: u8,
}

#[derive(Default)]
pub(super) struct Interfaces {
    table: Vec<Interface>,
    known: HashMap<(usize, u32, Option<String>), u16>,
}

impl Interfaces {
    /// The interface described as the `position`th of its section. The same description at the same
    /// position of an earlier section is the same interface. `None` when there are too many.
    pub(super) fn add(&mut self, position: usize, link_code: u32, name: Option<String>) -> Option<Route> {
        let reading = link_type::reading(link_code);
        let (link, strip) = match reading {
            Some((link, strip)) => (Some(link), strip),
            None => (None, 0),
        };
        let key = (position, link_code, name);
        let index = match self.known.get(&key) {
            Some(&index) => index,
            None if self.table.len() >= MAX_INTERFACES => return None,
            None => {
                let index = self.table.len() as u16;
                self.table.push(Interface { name: key.2.clone(), link_code, link, packets: 0 });
                self.known.insert(key, index);
                index
            }
        };
        Some(Route { index, link, strip })
    }

    pub(super) fn count(&mut self, index: u16) {
        if let Some(interface) = self.table.get_mut(usize::from(index)) {
            interface.packets += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[Interface] {
        &self.table
    }

    pub(super) fn unsupported(&self) -> impl Iterator<Item = UnsupportedLinkType> {
        self.table.iter().enumerate().filter(|(_, interface)| interface.link.is_none()).map(
            |(index, found)| UnsupportedLinkType {
                interface: index as u16,
                code: found.link_code,
                name: link_type::name(found.link_code),
                packets: found.packets,
            },
        )
    }
}
