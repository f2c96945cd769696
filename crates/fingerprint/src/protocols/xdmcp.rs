//! xdmcp: X Display Manager Control Protocol, version 1.1 (X Consortium standard), section "Packet format" and the packets'
//! own sections.
//!
//! Proven from either side by structure: version, opcode, a length that is the datagram's, and the opcode's fields, whose
//! counts lead to its end.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Xdmcp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

/// What a packet is made of.
#[derive(Clone, Copy)]
enum Field {
    /// So many bytes of numbers.
    Numbers(usize),
    /// ARRAY8: a length of two bytes, bytes.
    Bytes,
    /// ARRAY16: a count of one byte, numbers of two.
    Words,
    /// ARRAYofARRAY8: a count of one byte, ARRAY8.
    Arrays,
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const HEADER_LEN: usize = 6;
    let mut scan = message.scan();
    scan.expect(&[0, 1, 0])?;
    let fields = fields(scan.u8()?).ok_or(Stop::Wrong)?;
    let length = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)? as u64;
    scan.be(2, length..=length)?;
    match fields.iter().try_for_each(|&field| read(&mut scan, field)) {
        Ok(()) => require(scan.is_empty())?,
        Err(Stop::Wrong) => return Err(Stop::Wrong),
        Err(Stop::Short) => {}
    }
    Ok(Proof::Structure)
}

/// By opcode.
const fn fields(opcode: u8) -> Option<&'static [Field]> {
    use Field::{Arrays, Bytes, Numbers, Words};
    Some(match opcode {
        // Queries: the names of authentications; one that is forwarded, behind who asked.
        1..=3 => &[Arrays],
        4 => &[Bytes, Bytes, Arrays],
        // Willing: authentication, host, status; unwilling: host, status.
        5 => &[Bytes, Bytes, Bytes],
        6 => &[Bytes, Bytes],
        // Request: display; connections' types and addresses; authentication; authorizations; manufacturer.
        7 => &[Numbers(2), Words, Arrays, Bytes, Bytes, Arrays, Bytes],
        // Accept: session, authentication, authorization; decline: status, authentication.
        8 => &[Numbers(4), Bytes, Bytes, Bytes, Bytes],
        9 => &[Bytes, Bytes, Bytes],
        // Manage: session, display, class; refuse: session; failed: session, status.
        10 => &[Numbers(4 + 2), Bytes],
        11 => &[Numbers(4)],
        12 => &[Numbers(4), Bytes],
        // Keep-alive: display, session; alive: whether it runs, session.
        13 => &[Numbers(2 + 4)],
        14 => &[Numbers(1 + 4)],
        _ => return None,
    })
}

fn read(scan: &mut Scan<'_>, field: Field) -> Step<()> {
    match field {
        Field::Numbers(count) => scan.skip(count),
        Field::Bytes => {
            let length = scan.u16_be()?;
            scan.skip(usize::from(length))
        }
        Field::Words => {
            let count = scan.u8()?;
            scan.skip(2 * usize::from(count))
        }
        Field::Arrays => {
            let count = scan.u8()?;
            (0..count).try_for_each(|_| read(scan, Field::Bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const WILLING: &[u8] = b"\0\x01\0\x05\0\x12\0\0\0\x04host\0\x08no users";
    const REQUEST: &[u8] =
        b"\0\x01\0\x07\0\x1f\0\x01\x01\0\0\x01\0\x04\xc0\0\x02\x01\0\0\0\0\x01\0\x0aMIT-MAGIC-\0\x00";

    #[test]
    fn queries_and_answers() {
        let udp = Trial::udp(check);
        udp.client_proves(b"\0\x01\0\x02\0\x01\0", Proof::Structure);
        udp.client_proves(b"\0\x01\0\x01\0\x09\x02\0\x01a\0\x03abc", Proof::Structure);
        udp.server_proves(WILLING, Proof::Structure);
        assert_eq!(udp.both(b"\0\x01\0\x02\0\x01\0", WILLING), Match::Yes(Proof::Structure));
    }

    #[test]
    fn sessions_are_requested_and_kept_alive() {
        let udp = Trial::udp(check);
        udp.client_proves(REQUEST, Proof::Structure);
        udp.server_proves(b"\0\x01\0\x08\0\x0c\0\0\0\x07\0\0\0\0\0\0\0\0", Proof::Structure);
        udp.client_proves(b"\0\x01\0\x0a\0\x0b\0\0\0\x07\0\x01\0\x03abc", Proof::Structure);
        udp.client_proves(b"\0\x01\0\x0d\0\x06\0\x01\0\0\0\x07", Proof::Structure);
        udp.server_proves(b"\0\x01\0\x0e\0\x05\x01\0\0\0\x07", Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(1, 2), (2, 1), (3, 0), (3, 15), (5, 0x11), (7, 1), (9, 3), (9, 5), (15, 9)] {
            let mut wrong = WILLING.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(b"\0\x01file\0octet\0"), Match::No);
        assert_eq!(udp.both(WILLING, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
