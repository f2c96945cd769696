//! Who is the client: the side that opened the flow.

use offport_wire::{Direction, Packet, Transport, TransportHeader};

/// Where ephemeral ports start at the lowest by default (Linux: 32768; RFC 6335: 49152).
const EPHEMERAL: u16 = 32_768;

/// Ports that are served, by transport: all below 1024 (RFC 6335, section 6), and those that were added.
#[derive(Clone)]
pub struct ServicePorts {
    tcp: PortSet,
    udp: PortSet,
    sctp: PortSet,
}

type PortSet = Box<[u64; 1024]>;

impl ServicePorts {
    /// Adds a port; transports without ports are ignored.
    pub fn insert(&mut self, transport: Transport, port: u16) {
        let set = match transport {
            Transport::TCP => &mut self.tcp,
            Transport::UDP => &mut self.udp,
            Transport::SCTP => &mut self.sctp,
            _ => return,
        };
        set[usize::from(port >> 6)] |= 1 << (port & 63);
    }

    /// Whether a server is expected on that port.
    pub fn contains(&self, transport: Transport, port: u16) -> bool {
        let set = match transport {
            Transport::TCP => &self.tcp,
            Transport::UDP => &self.udp,
            Transport::SCTP => &self.sctp,
            _ => return false,
        };
        set[usize::from(port >> 6)] & 1 << (port & 63) != 0
    }
}

impl Default for ServicePorts {
    fn default() -> Self {
        let mut system = Box::new([0; 1024]);
        system[..16].fill(u64::MAX);
        system[0] &= !1;
        Self { tcp: system.clone(), udp: system.clone(), sctp: system }
    }
}

impl std::fmt::Debug for ServicePorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ports = |transport| (0..=u16::MAX).filter(move |&port| self.contains(transport, port)).count();
        f.debug_struct("ServicePorts")
            .field("tcp", &ports(Transport::TCP))
            .field("udp", &ports(Transport::UDP))
            .field("sctp", &ports(Transport::SCTP))
            .finish()
    }
}

/// Who opened a flow, as its first packet tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// Direction of the client's packets.
    pub(crate) client: Direction,
    /// The packet proves it.
    pub(crate) certain: bool,
}

/// The client by the first packet of a flow.
pub(crate) fn by_first_packet(packet: &Packet<'_>, services: &ServicePorts) -> Role {
    if let Some(client) = by_handshake(packet) {
        return Role { client, certain: true };
    }
    let (source, destination) = (packet.source().1, packet.destination().1);
    let serves = |port| services.contains(packet.key.transport(), port);
    let replies = match packet.transport {
        // Echo and information replies: RFC 792, RFC 4443 section 4.2.
        TransportHeader::Icmp { kind, .. } => {
            if packet.source().0.is_ipv4() {
                matches!(kind, 0 | 14 | 16 | 18)
            } else {
                kind == 129
            }
        }
        TransportHeader::Udp => serves(source) && !serves(destination),
        TransportHeader::Tcp(_) | TransportHeader::Sctp { .. } => {
            match (serves(source), serves(destination)) {
                (true, false) => true,
                (false, true) => false,
                // Neither or both: a registered port against an ephemeral one.
                _ => source < EPHEMERAL && destination >= EPHEMERAL,
            }
        }
        TransportHeader::Other => false,
    };
    Role { client: if replies { packet.direction.reverse() } else { packet.direction }, certain: false }
}

/// The client, where the packet opens a connection or answers the opening.
pub(crate) fn by_handshake(packet: &Packet<'_>) -> Option<Direction> {
    match packet.transport {
        TransportHeader::Tcp(tcp) if tcp.flags.syn() && !tcp.flags.rst() => {
            Some(if tcp.flags.ack() { packet.direction.reverse() } else { packet.direction })
        }
        TransportHeader::Sctp { init: true, .. } => Some(packet.direction),
        _ => None,
    }
}
