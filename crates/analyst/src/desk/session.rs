//! One session: its record, its packets, what was said first.

use std::net::IpAddr;
use std::time::Duration;

use offport_evidence::flows::{Filter, FlowQuery};
use offport_evidence::packets::Found;
use offport_wire::{Direction, FlowId, Frame, LinkType, Parsed, Timestamp, TransportHeader, parse};
use serde::Serialize;

use super::place::Place;
use super::row::{Latest, Row};

/// After the last record of a flow that is not over, packets may have come.
const LATER: Duration = Duration::from_secs(3_600);
/// Bytes of first payload that are looked at for each side.
pub(crate) const PAYLOAD: usize = 64 * 1024;

/// What is known of a session.
#[derive(Debug)]
pub(crate) struct SessionReport {
    pub(crate) id: FlowId,
    /// `None`: no record of it is in the store (yet).
    pub(crate) row: Option<Row>,
    pub(crate) packets: Vec<PacketRow>,
    /// Packets in the store.
    pub(crate) kept: u64,
    /// Packets that made room while they were read.
    pub(crate) gone: u64,
    /// First payload bytes of client and server, in the order of their packets.
    pub(crate) payload: [Vec<u8>; 2],
    /// Both ends, the client first as far as it is known.
    pub(crate) ends: [(IpAddr, u16); 2],
}

/// A packet's headers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PacketRow {
    #[serde(serialize_with = "super::text::serialize_time")]
    pub(crate) time: Timestamp,
    /// The client sent it.
    pub(crate) from_client: bool,
    /// On the wire.
    pub(crate) length: u32,
    /// Of payload.
    pub(crate) payload: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) interface: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vlan: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tunnel: Option<&'static str>,
    /// Time to live, or hop limit, of the outer header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tcp: Option<TcpRow>,
    /// Of other transports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// The fields of TCP that tell what happens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TcpRow {
    /// `SYN`, `SYN ACK`, `PSH ACK` …
    pub(crate) flags: String,
    /// Relative to the side's first.
    pub(crate) seq: u32,
    /// Relative to the other side's first; absent without ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ack: Option<u32>,
}

/// The last record of a session.
pub(crate) fn record(place: &Place, id: FlowId, whole: bool) -> anyhow::Result<Option<Row>> {
    let filter = Filter { ids: [id].into(), ..Filter::default() };
    let latest = Latest { limit: 1, key: |row| row.end.as_nanos(), whole };
    Ok(latest.find(&place.flows(), &FlowQuery { time: None, filter })?.pop())
}

/// The packets of a session.
pub(crate) fn packets(place: &Place, id: FlowId, row: Option<&Row>) -> anyhow::Result<Found> {
    let end = match row {
        Some(row) if row.over => row.end,
        Some(row) => row.end + LATER,
        None => Timestamp::MAX,
    };
    // Times of records are microseconds.
    let time = (id.start(), end + Duration::from_micros(1));
    Ok(place.packets().find(time, |session| session.id() == id)?)
}

impl SessionReport {
    /// `None`: the store has neither a record nor a packet of it.
    pub(crate) fn new(place: &Place, id: FlowId, most: usize) -> anyhow::Result<Option<Self>> {
        let row = record(place, id, true)?;
        let found = packets(place, id, row.as_ref())?;
        let Some(ends) = ends(row.as_ref(), &found) else { return Ok(None) };
        let mut report =
            Self { id, row, packets: Vec::new(), kept: 0, gone: 0, payload: [Vec::new(), Vec::new()], ends };
        let mut first_seq = [None; 2];
        let gone = found.read(|found| {
            let frame = Frame {
                bytes: found.packet.bytes,
                link: LinkType::Ethernet,
                wire_len: found.packet.wire_len,
                time: Timestamp::from_nanos(found.packet.time),
                interface: 0,
            };
            let Ok(Parsed::Packet(packet)) = parse(&frame) else { return Ok(()) };
            let sender = match packet.direction {
                Direction::LowToHigh => packet.key.low(),
                Direction::HighToLow => packet.key.high(),
            };
            let from_client = sender == report.ends[0];
            let side = usize::from(!from_client);
            report.kept += 1;
            let payload = &mut report.payload[side];
            let room = PAYLOAD.saturating_sub(payload.len());
            payload.extend(packet.payload.iter().take(room));
            if report.packets.len() < most {
                let tcp = match packet.transport {
                    TransportHeader::Tcp(tcp) => {
                        let first = *first_seq[side].get_or_insert(tcp.seq);
                        let ack = tcp.flags.ack().then(|| {
                            tcp.ack.wrapping_sub(*first_seq[1 - side].get_or_insert(tcp.ack.wrapping_sub(1)))
                        });
                        Some(TcpRow { flags: flags(tcp.flags.0), seq: tcp.seq.wrapping_sub(first), ack })
                    }
                    _ => None,
                };
                report.packets.push(PacketRow {
                    time: frame.time,
                    from_client,
                    length: packet_len(&frame),
                    payload: packet.payload_len,
                    interface: found.interface.to_owned(),
                    vlan: packet.link.vlan,
                    tunnel: packet.tunnel.map(|tunnel| tunnel.kind.name()),
                    ttl: ttl(frame.bytes),
                    tcp,
                    note: note(&packet.transport),
                });
            }
            std::io::Result::Ok(())
        })?;
        report.gone = gone;
        Ok(Some(report))
    }
}

fn packet_len(frame: &Frame<'_>) -> u32 {
    frame.wire_len.max(frame.bytes.len() as u32)
}

fn ends(row: Option<&Row>, found: &Found) -> Option<[(IpAddr, u16); 2]> {
    if let Some(row) = row {
        return Some([row.source, row.destination].map(|(ip, port)| (ip, port.unwrap_or_default())));
    }
    // Without a record the client is who sent first.
    let session = found.sessions().first()?;
    let mut client = None;
    let _ = found.read(|found| {
        if client.is_none() {
            let frame = Frame {
                bytes: found.packet.bytes,
                link: LinkType::Ethernet,
                wire_len: found.packet.wire_len,
                time: Timestamp::from_nanos(found.packet.time),
                interface: 0,
            };
            if let Ok(Parsed::Packet(packet)) = parse(&frame) {
                client = Some(packet.direction);
            }
        }
        std::io::Result::Ok(())
    });
    let (low, high) = (session.key.low(), session.key.high());
    Some(if client == Some(Direction::HighToLow) { [high, low] } else { [low, high] })
}

/// Time to live (RFC 791) or hop limit (RFC 8200) of the outermost IP header.
fn ttl(bytes: &[u8]) -> Option<u8> {
    let packet = etherparse::LaxSlicedPacket::from_ethernet(bytes).ok()?;
    match packet.net? {
        etherparse::LaxNetSlice::Ipv4(ip) => Some(ip.header().ttl()),
        etherparse::LaxNetSlice::Ipv6(ip) => Some(ip.header().hop_limit()),
        etherparse::LaxNetSlice::Arp(_) => None,
    }
}

fn flags(flags: u8) -> String {
    const NAMES: [(u8, &str); 8] = [
        (0x02, "SYN"),
        (0x01, "FIN"),
        (0x04, "RST"),
        (0x08, "PSH"),
        (0x20, "URG"),
        (0x40, "ECE"),
        (0x80, "CWR"),
        (0x10, "ACK"),
    ];
    let set: Vec<_> = NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|&(_, name)| name).collect();
    set.join(" ")
}

fn note(transport: &TransportHeader) -> Option<String> {
    match *transport {
        TransportHeader::Icmp { kind, code } => Some(format!("type {kind} code {code}")),
        TransportHeader::Sctp { init: true, .. } => Some("INIT".to_owned()),
        TransportHeader::Sctp { end: true, .. } => Some("the last".to_owned()),
        _ => None,
    }
}
