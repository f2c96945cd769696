//! radius: RFC 2865, sections 3 and 5; accounting RFC 2866; dynamic authorization RFC 5176; status RFC 5997.
//!
//! A code, a length, and attributes that chain to it prove a packet if one of them is of a type that has one size only;
//! without such it is plausible, and proven by the packet of the other side that has its identifier.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Radius,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| is_code(byte))]],
    stream: &[],
    check,
};

const HEADER_LEN: usize = 20;
const PACKET_MAX: usize = 4096;
const PADDING_MAX: usize = 16;
/// Access, accounting, challenge, status; disconnect and change of authorization.
const fn is_code(code: u8) -> bool {
    matches!(code, 1..=5 | 11..=13 | 40..=45)
}

fn check(exchange: &Exchange<'_>) -> Match {
    let answer = weigh(exchange, packet, packet);
    match answer {
        Match::Yes(Proof::Heuristic) if answers(&exchange.client, &exchange.server) => {
            Match::Yes(Proof::Structure)
        }
        answer => answer,
    }
}

fn packet(side: &Side<'_>) -> Match {
    match attributes(side.first_datagram(), side.first_len as usize) {
        Some(Attributes { sized: 1.., .. }) => Match::Yes(Proof::Structure),
        Some(Attributes { cut: false, .. }) => Match::Yes(Proof::Heuristic),
        _ => Match::No,
    }
}

/// What the attributes of a packet prove.
struct Attributes {
    /// How many are of a type that has one size only.
    sized: u32,
    /// Not all of them were kept.
    cut: bool,
}

fn attributes(datagram: &[u8], total: usize) -> Option<Attributes> {
    let mut reader = Reader::new(datagram);
    let code = reader.u8().filter(|&code| is_code(code))?;
    reader.u8()?;
    let length = usize::from(reader.u16_be()?);
    // Octets behind the length are padding (RFC 2865, section 3).
    let padding = total.checked_sub(length)?;
    let is_padded = padding <= PADDING_MAX
        && datagram.len() == total
        && datagram.get(length..).is_some_and(|rest| rest.iter().all(|&byte| byte == 0));
    if !(HEADER_LEN..=PACKET_MAX).contains(&length) || !(padding == 0 || is_padded) {
        return None;
    }
    reader.take(16)?;
    let mut room = length - HEADER_LEN;
    // A request says who or what it is about; only answers may be bare.
    if room == 0 && !matches!(code, 2 | 3 | 5 | 41 | 44) {
        return None;
    }
    let (mut sized, mut odd, mut named) = (0, false, false);
    while room > 0 {
        let (Some(kind), Some(size)) = (reader.u8(), reader.u8()) else { break };
        if kind == 0 || size < 2 || usize::from(size) > room {
            // Servers are sent broken ones; behind one that fits, or who it is about, that is plausible.
            return (sized > 0 || named).then_some(Attributes { sized: 0, cut: false });
        }
        match size_of(kind) {
            Some(only) if size == only => sized += 1,
            None if size > 2 => {}
            _ => odd = true,
        }
        room -= usize::from(size);
        let Some(value) = reader.take(usize::from(size) - 2) else { break };
        named |= kind == USER_NAME && value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    }
    if odd {
        return (sized > 0).then_some(Attributes { sized: 0, cut: false });
    }
    Some(Attributes { sized, cut: total > datagram.len() || padding > 0 })
}

/// RFC 2865, section 5.1.
const USER_NAME: u8 = 1;

/// The one size that an attribute of this type has: those that hold an address, a number or a time, and the
/// authenticators.
const fn size_of(kind: u8) -> Option<u8> {
    match kind {
        4..=10 | 12..=16 | 23 | 27..=29 | 37 | 38 | 40..=43 | 45..=49 | 51..=53 | 55 | 61 | 62 => Some(6),
        3 => Some(19),
        80 => Some(18),
        _ => None,
    }
}

/// Whether one side answers the other: a request and an answer to it, with one identifier.
fn answers(client: &Side<'_>, server: &Side<'_>) -> bool {
    match (client.first_datagram(), server.first_datagram()) {
        ([one, id, ..], [other, same, ..]) if id == same => {
            answers_code(*one, *other) || answers_code(*other, *one)
        }
        _ => false,
    }
}

const fn answers_code(request: u8, answer: u8) -> bool {
    matches!((request, answer), (1, 2 | 3 | 11) | (4, 5) | (12, 2 | 3 | 5) | (40, 41 | 42) | (43, 44 | 45))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, random_yeses};
    use crate::trial::Trial;

    fn packet_of(code: u8, id: u8, attributes: &[u8]) -> Vec<u8> {
        let mut packet = vec![code, id];
        packet.extend((20 + attributes.len() as u16).to_be_bytes());
        packet.extend(Noise::new(3).bytes(16));
        packet.extend(attributes);
        packet
    }

    fn request() -> Vec<u8> {
        let password = [&[2, 18][..], &[0xaa; 16]].concat();
        packet_of(
            1,
            7,
            &[&b"\x01\x07alice"[..], &password, b"\x04\x06\xc0\0\x02\x01\x05\x06\0\0\0\x03"].concat(),
        )
    }

    #[test]
    fn requests_and_answers() {
        let udp = Trial::udp(check);
        udp.client_proves(&request(), Proof::Structure);
        udp.server_proves(&packet_of(3, 7, b""), Proof::Heuristic);
        assert_eq!(udp.both(&request(), &packet_of(2, 7, b"")), Match::Yes(Proof::Structure));
        udp.client_proves(&packet_of(4, 9, b"\x01\x07alice"), Proof::Heuristic);
        udp.client_proves(&packet_of(4, 9, b"\x28\x06\0\0\0\x01"), Proof::Structure);
        let accounting = udp.both(&packet_of(4, 9, b"\x01\x07alice"), &packet_of(5, 9, b""));
        assert_eq!(accounting, Match::Yes(Proof::Structure));
        let strangers = udp.both(&packet_of(4, 9, b"\x01\x07alice"), &packet_of(5, 8, b""));
        assert_eq!(strangers, Match::Yes(Proof::Heuristic));
        udp.client_proves(&[&request()[..], &[0; 4]].concat(), Proof::Structure);
        assert_eq!(udp.client(&[&request()[..], &[0, 1]].concat()), Match::No);
        assert_eq!(udp.client(&[&request()[..], &[0; 17]].concat()), Match::No);
        udp.client_proves(
            &packet_of(1, 7, b"\x08\x08\xc0\0\x02\x01\0\0\x04\x06\xc0\0\x02\x01"),
            Proof::Heuristic,
        );
        udp.client_proves(&packet_of(1, 7, b"\x01\x07alice\0\x04"), Proof::Heuristic);
        assert_eq!(udp.client(&packet_of(1, 7, b"\x01\x07ali\xff\xfe\0\x04")), Match::No);
        let long = packet_of(
            1,
            7,
            &[&b"\x05\x06\0\0\0\x01"[..], &[&[79, 253][..], &[1; 251]].concat().repeat(4)].concat(),
        );
        udp.client_proves(&long, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 6), (3, 9), (20, 0), (21, 1), (21, 200)] {
            let mut wrong = request();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&packet_of(1, 7, b"")), Match::No);
        assert_eq!(udp.both(&request(), b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
