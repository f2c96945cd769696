//! dlms: DLMS/COSEM in the TCP-UDP wrapper.
//!
//! Specifications: IEC 62056-47 (DLMS Green Book, chapter "The transport layer for the TCP-UDP/IP profile"), IEC 62056-53 and
//! IEC 62056-5-3 (APDUs). Version, ports, a length, and an APDU that agrees with it prove it: an association that names
//! COSEM, a plain request of one attribute, or a length of its own. Others are plausible.

use crate::answer::Proof;
use crate::ber;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dlms,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

const HEADER: usize = 8;
/// The application context name: joint-iso-ccitt(2) country(16) country-name(756) identified-organisation(5) dlms-ua(8)
/// application-context(1).
const CONTEXT: &[u8] = &[0xa1, 9, 0x06, 7, 0x60, 0x85, 0x74, 5, 8, 1];

fn check(exchange: &Exchange<'_>) -> Match {
    // Meters push unasked, and may open the connection for it.
    weigh(exchange, wrapped, wrapped)
}

fn wrapped(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[0, 1])?;
    // Source and destination; zero is no station.
    scan.be(2, 1..=0xffff)?;
    scan.be(2, 1..=0xffff)?;
    let length = scan.be(2, 2..=0xffff)? as usize;
    require(!message.is_datagram() || HEADER + length == message.total)?;
    apdu(&mut scan, length)
}

fn apdu(scan: &mut Scan<'_>, length: usize) -> Step<Proof> {
    match scan.u8()? {
        // Association request and response: a version may come first.
        0x60 | 0x61 => {
            filled(scan, length - 1)?;
            if scan.rest().first() == Some(&0x80) {
                scan.expect(&[0x80, 2])?;
                scan.skip(2)?;
            }
            scan.expect(CONTEXT)?;
            Ok(Proof::Structure)
        }
        // Release; ciphered services, whose content has a length.
        0x62 | 0x63 | 0x21 | 0x28 | 0xc8..=0xcf | 0xd0..=0xd7 => {
            filled(scan, length - 1).map(|()| Proof::Structure)
        }
        // General ciphering: the title of the sender first.
        0xdb | 0xdc => {
            require(length > 10)?;
            scan.expect(&[8])?;
            scan.skip(8)?;
            filled(scan, length - 10).map(|()| Proof::Structure)
        }
        // Get one attribute: priority, class, instance, attribute, without selection.
        0xc0 if length == 13 => {
            scan.expect(&[1])?;
            scan.skip(1 + 2 + 6 + 1)?;
            scan.expect(&[0])?;
            Ok(Proof::Structure)
        }
        // Get, set, action; their responses; the choice of normal, with blocks, with list.
        0xc0 | 0xc1 | 0xc3 | 0xc4 | 0xc5 | 0xc7 if length >= 4 => {
            scan.u8_if(|choice| (1..=7).contains(&choice))?;
            // Invocation and its class and priority: three bits are reserved, of which newer versions use one.
            scan.u8_if(|invocation| invocation & 0x30 == 0)?;
            Ok(Proof::Heuristic)
        }
        // Data notification: invocation, time, which may be missing.
        0x0f if length >= 7 => {
            scan.skip(4)?;
            scan.u8_if(|length| matches!(length, 0 | 9 | 12))?;
            Ok(Proof::Heuristic)
        }
        // Exceptions.
        0xd8 if matches!(length, 3..=5) => {
            scan.u8_if(|state| matches!(state, 1 | 2))?;
            scan.u8_if(|service| (1..=6).contains(&service))?;
            Ok(Proof::Heuristic)
        }
        _ => Err(Stop::Wrong),
    }
}

/// A length that fills `room` with what it counts.
fn filled(scan: &mut Scan<'_>, room: usize) -> Step<()> {
    let before = *scan;
    ber::skip_length(scan)?;
    let octets = before.len() - scan.len();
    let mut length = before;
    let counted = room.checked_sub(octets).ok_or(Stop::Wrong)? as u64;
    if octets > 1 {
        length.skip(1)?;
        length.be(octets - 1, counted..=counted).map(drop)
    } else {
        length.be(1, counted..=counted).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn wrap(apdu: &[u8]) -> Vec<u8> {
        let length = (apdu.len() as u16).to_be_bytes();
        [&[0, 1, 0, 0x10, 0, 1], &length[..], apdu].concat()
    }

    fn association(tag: u8) -> Vec<u8> {
        let mut body = CONTEXT.to_vec();
        body.extend([1, 0xbe, 4, 4, 2, 1, 0]);
        wrap(&[&[tag, body.len() as u8][..], &body].concat())
    }

    const GET: &[u8] = &[0xc0, 1, 0xc1, 0, 8, 0, 0, 1, 0, 0, 0xff, 2, 0];

    #[test]
    fn services_that_agree_with_their_length() {
        let ciphered = [&[0xdb, 8][..], b"MMM\x01\x02\x03\x04\x05", &[0x81, 0x85], &[0x5a; 0x85]].concat();
        for message in [
            association(0x60),
            association(0x61),
            wrap(GET),
            wrap(&[0x62, 0]),
            wrap(&[0xc8, 5, 0x20, 0, 0, 0, 1]),
            wrap(&ciphered),
        ] {
            Trial::tcp(check).client_proves(&message, Proof::Structure);
            Trial::udp(check).client_proves(&message, Proof::Structure);
            Trial::tcp(check).server_proves(&message, Proof::Structure);
        }
    }

    #[test]
    fn services_without_a_length() {
        for message in [
            wrap(&[0xc4, 1, 0xc1, 0, 9, 1, 7]),
            wrap(&[0x0f, 0, 0, 0, 1, 0, 2, 1, 0x12]),
            wrap(&[0xd8, 1, 2]),
        ] {
            Trial::tcp(check).server_proves(&message, Proof::Heuristic);
            Trial::udp(check).client_proves(&message, Proof::Heuristic);
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let request = association(0x60);
        for (offset, value) in [(1, 2), (3, 0), (5, 0), (7, 9), (8, 0x64), (9, 3), (12, 5), (16, 9)] {
            let mut wrong = request.clone();
            wrong[offset] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        // Modbus.
        assert_eq!(tcp.client(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]), Match::No);
        assert_eq!(tcp.both(&request, b"raw data"), Match::No);
        assert_eq!(Trial::udp(check).client(&request[..20]), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
