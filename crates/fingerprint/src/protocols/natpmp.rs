//! natpmp: the NAT Port Mapping Protocol: RFC 6886, sections 3.2 and 3.3.
//!
//! Requests and responses are few bytes, many of them zeros: a response that repeats its request's operation and port
//! proves both; alone they are plausible at best, and a request for the external address, two zeros, says nothing.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Natpmp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == VERSION)]],
    stream: &[],
    check,
};

const VERSION: u8 = 0;
const RESPONSE: u8 = 0x80;
const ADDRESS: u8 = 0;

fn check(exchange: &Exchange<'_>) -> Match {
    let (client, server) = (packet(&exchange.client), packet(&exchange.server));
    match (client, server) {
        (Packet::Other, _) | (_, Packet::Other) => Match::No,
        (Packet::Silent, one) | (one, Packet::Silent) => match one {
            Packet::Silent | Packet::Request { operation: ADDRESS, .. } => Match::Maybe,
            _ => Match::Yes(Proof::Heuristic),
        },
        (Packet::Request { operation, port }, Packet::Response { operation: answered, port: mapped })
        | (Packet::Response { operation: answered, port: mapped }, Packet::Request { operation, port })
            if operation == answered && port == mapped =>
        {
            Match::Yes(Proof::Structure)
        }
        _ => Match::No,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packet {
    Silent,
    /// `port`: the internal one; zero for the address.
    Request {
        operation: u8,
        port: u16,
    },
    Response {
        operation: u8,
        port: u16,
    },
    Other,
}

fn packet(side: &Side<'_>) -> Packet {
    if side.is_empty() {
        return Packet::Silent;
    }
    parse(side.first_datagram(), side.first_len as usize).unwrap_or(Packet::Other)
}

fn parse(datagram: &[u8], total: usize) -> Option<Packet> {
    /// The last result code.
    const RESULT_LAST: u16 = 5;
    /// Longer lifetimes than this are not asked for.
    const YEAR: u32 = 366 * 86_400;
    let mut reader = Reader::new(datagram);
    reader.u8().filter(|&version| version == VERSION)?;
    let code = reader.u8()?;
    let operation = code & !RESPONSE;
    match (code & RESPONSE != 0, operation, total) {
        (false, ADDRESS, 2) => Some(Packet::Request { operation, port: 0 }),
        (false, 1 | 2, 12) => {
            reader.u16_be().filter(|&reserved| reserved == 0)?;
            let port = reader.u16_be()?;
            reader.u16_be()?;
            reader.u32_be().filter(|&lifetime| lifetime <= YEAR)?;
            Some(Packet::Request { operation, port })
        }
        (true, ADDRESS, 12) => {
            reader.u16_be().filter(|&result| result <= RESULT_LAST)?;
            Some(Packet::Response { operation, port: 0 })
        }
        (true, 1 | 2, 16) => {
            reader.u16_be().filter(|&result| result <= RESULT_LAST)?;
            reader.u32_be()?;
            let port = reader.u16_be()?;
            reader.u16_be()?;
            reader.u32_be().filter(|&lifetime| lifetime <= YEAR)?;
            Some(Packet::Response { operation, port })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const MAP: &[u8] = b"\0\x01\0\0\x1f\x90\x1f\x90\0\0\x1c\x20";
    const MAPPED: &[u8] = b"\0\x81\0\0\0\x01\x02\x03\x1f\x90\x1f\x90\0\0\x1c\x20";
    const EXTERNAL: &[u8] = b"\0\x80\0\0\0\x01\x02\x03\xc6\x33\x64\x07";

    #[test]
    fn a_response_proves_its_request() {
        let udp = Trial::udp(check);
        assert_eq!(udp.client(b"\0\0"), Match::Maybe);
        assert_eq!(udp.both(b"\0\0", EXTERNAL), Match::Yes(Proof::Structure));
        assert_eq!(udp.both(MAP, MAPPED), Match::Yes(Proof::Structure));
        assert_eq!(udp.both(MAPPED, MAP), Match::Yes(Proof::Structure));
        udp.client_proves(MAP, Proof::Heuristic);
        udp.server_proves(MAPPED, Proof::Heuristic);
        udp.server_proves(EXTERNAL, Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        assert_eq!(udp.both(b"\0\0", MAPPED), Match::No);
        assert_eq!(udp.both(b"\0\0", b"\0\0"), Match::No);
        assert_eq!(udp.both(MAP, b"raw"), Match::No);
        let mut other_port = MAPPED.to_vec();
        other_port[8] = 0;
        assert_eq!(udp.both(MAP, &other_port), Match::No);
        for (at, value) in [(0, 2), (1, 3), (2, 1), (8, 0x80)] {
            let mut wrong = MAP.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&MAP[..11]), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
