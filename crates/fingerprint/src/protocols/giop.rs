//! giop: the General Inter-ORB Protocol of CORBA: OMG CORBA 3.3 part 2, section 9.4 (message formats); over multicast in MIOP
//! packets: part 2, section 11.3.
//!
//! Proven from either side by the magic, a version, flags and a type of message; in a datagram the size must be what is left.
//! A MIOP packet is proven by its own magic and counts.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Giop,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == GIOP[0] || byte == MIOP[0])]],
    stream: &[],
    check,
};

const GIOP: &[u8; 4] = b"GIOP";
const MIOP: &[u8; 4] = b"MIOP";

const LITTLE_ENDIAN: u8 = 0x01;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if message.is_datagram() && message.bytes.starts_with(MIOP) {
        return miop(&mut scan, message.total);
    }
    let size = header(&mut scan)?;
    if message.is_datagram() {
        require(size as usize + HEADER_LEN == message.total)?;
        return Ok(Proof::Structure);
    }
    Ok(Proof::Banner)
}

const HEADER_LEN: usize = 12;

/// The size of what follows.
fn header(scan: &mut Scan<'_>) -> Step<u64> {
    /// Byte order, more fragments.
    const FLAGS: u8 = 0x03;
    const FRAGMENT: u8 = 7;
    const LARGEST: u64 = 0x0fff_ffff;
    scan.expect(GIOP)?;
    scan.expect(&[1])?;
    scan.u8_if(|minor| minor <= 4)?;
    let flags = scan.u8_if(|flags| flags & !FLAGS == 0)?;
    scan.u8_if(|kind| kind <= FRAGMENT)?;
    if flags & LITTLE_ENDIAN != 0 { scan.le(4, 0..=LARGEST) } else { scan.be(4, 0..=LARGEST) }
}

/// Version, flags, length, number and count of the packets of a collection, its id; then a part of a GIOP message.
fn miop(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const VERSION: u8 = 0x10;
    /// Byte order, last packet.
    const FLAGS: u8 = 0x03;
    const ID_MAX: u64 = 252;
    scan.expect(MIOP)?;
    scan.expect(&[VERSION])?;
    let flags = scan.u8_if(|flags| flags & !FLAGS == 0)?;
    let mut number = |width, range| match flags & LITTLE_ENDIAN {
        0 => scan.be(width, range),
        _ => scan.le(width, range),
    };
    number(2, 0..=total as u64)?;
    let packet = number(4, 0..=0xffff_fffe)?;
    // Of a collection of unknown length the count is that of the last packet only.
    let count = number(4, 0..=0xffff_ffff)?;
    require(count == 0 || packet < count)?;
    let id = number(4, 0..=ID_MAX)?;
    scan.skip(id as usize)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const REQUEST: &[u8] = b"GIOP\x01\x02\x01\0\x08\0\0\0\x01\0\0\0\x03\0\0\0";
    const REPLY: &[u8] = b"GIOP\x01\0\0\x01\0\0\0\x08\0\0\0\0\0\0\0\x01";
    const COLLECTION: &[u8] = b"MIOP\x10\x03\x14\0\0\0\0\0\x01\0\0\0\x04\0\0\0abcd";

    #[test]
    fn requests_and_replies_of_either_byte_order() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(REQUEST, Proof::Banner);
        tcp.server_proves(REPLY, Proof::Banner);
        let udp = Trial::udp(check);
        udp.client_proves(REQUEST, Proof::Structure);
        udp.server_proves(REPLY, Proof::Structure);
        udp.client_proves(&[COLLECTION, REQUEST].concat(), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        for (at, value) in [(0, b'g'), (3, b'X'), (4, 2), (5, 9), (6, 8), (7, 8), (11, 0x10)] {
            let mut wrong = REQUEST.to_vec();
            wrong[at] = value;
            assert_eq!(Trial::tcp(check).client(&wrong), Match::No, "byte {at}");
        }
        let udp = Trial::udp(check);
        assert_eq!(udp.client(&REQUEST[..19]), Match::No);
        for (at, value) in [(4, 0x11), (5, 4), (7, 1), (8, 1), (16, 40), (18, 1)] {
            let mut wrong = COLLECTION.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(Trial::tcp(check).client(COLLECTION), Match::No);
        assert_eq!(Trial::tcp(check).both(REQUEST, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
        Trial::tcp(check).refuses_noise(100_000);
    }
}
