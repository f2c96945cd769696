//! Traffic of flows that begin, and go.

use std::net::Ipv4Addr;

use offport_wire::Timestamp;

use super::area::Area;
use super::established::{REQUEST, ends, opening};
use super::packet::{udp, udp6};
use super::ring::Traffic;

/// Flows that begin between a step of a flow and its next: a round trip.
const APART: u32 = 512;

/// New flows one after the other, their packets interleaved with those of the flows before and after.
#[derive(Debug)]
pub struct Opening {
    steps: u32,
    v6: bool,
    next: u32,
    step: u32,
}

impl Opening {
    /// SYN, SYN-ACK, ACK and a request.
    pub fn http() -> Self {
        Self { steps: 4, v6: false, next: 0, step: 0 }
    }

    /// The same, and both ends' FIN.
    pub fn http_to_the_end() -> Self {
        Self { steps: 6, v6: false, next: 0, step: 0 }
    }

    /// One datagram: a DNS query.
    pub fn dns() -> Self {
        Self { steps: 1, v6: false, next: 0, step: 0 }
    }

    /// The same over IPv6.
    pub fn dns_v6() -> Self {
        Self { v6: true, ..Self::dns() }
    }
}

impl Traffic for Opening {
    fn fill(&mut self, area: &mut Area) -> usize {
        for index in 0..area.frames() {
            // The first flows have their first steps only, once.
            let flow = self.next.wrapping_sub(self.step * APART) & 0x3fff_ffff;
            area.write(index, |frame| {
                if self.steps == 1 {
                    query(frame, flow, self.v6)
                } else {
                    opening(frame, flow, self.step, 80, REQUEST)
                }
            });
            self.step += 1;
            if self.step == self.steps {
                self.step = 0;
                self.next = self.next.wrapping_add(1);
            }
        }
        area.frames()
    }

    fn units(&self, packets: usize) -> u64 {
        packets as u64 / u64::from(self.steps)
    }

    fn start(&self) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000)
    }
}

/// A query for the address of example.com (RFC 1035, section 4.1); the first two bytes are its number.
pub const QUERY: &[u8] = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";

fn query(frame: &mut [u8], flow: u32, v6: bool) -> usize {
    let mut payload = [0; QUERY.len()];
    payload.copy_from_slice(QUERY);
    payload[..2].copy_from_slice(&(flow as u16).to_be_bytes());
    let (client, _) = ends(flow);
    match v6 {
        false => udp(frame, client, (Ipv4Addr::new(198, 51, 100, 53), 53), &payload),
        true => udp6(frame, (NET | u128::from(client.0.to_bits()), client.1), (NET | 0x53, 53), &payload),
    }
}

/// Of documentation (RFC 3849).
const NET: u128 = 0x2001_0db8 << 96;
