//! bacnet: BACnet/IP and BACnet/IPv6.
//!
//! Specifications: ANSI/ASHRAE 135, annex J (BVLL for IPv4), annex U (for IPv6), clause 6.2 (NPDU) and clause 20.1 (APDU).
//! Type, function and a length that is the datagram's, and the network layer's version and control behind them where
//! there is one, prove it from either side.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Bacnet,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, IPV4 | IPV6))]],
    stream: &[],
    check,
};

const IPV4: u8 = 0x81;
const IPV6: u8 = 0x82;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let kind = scan.u8_if(|kind| matches!(kind, IPV4 | IPV6))?;
    let function = scan.u8_if(|function| function <= 0x0c)?;
    let length = usize::from(scan.u16_be()?);
    require(length == message.total)?;
    if kind == IPV4 {
        over_ipv4(&mut scan, function, length)?
    } else {
        over_ipv6(&mut scan, function, length)?
    }
    Ok(Proof::Structure)
}

/// Annex J.2.
fn over_ipv4(scan: &mut Scan<'_>, function: u8, length: usize) -> Step<()> {
    /// An entry of a distribution or foreign device table.
    const ENTRY: usize = 10;
    match function {
        // Result: in tens of hex, the function and its failure.
        0x00 => {
            require(length == 6)?;
            scan.expect(&[0])?;
            scan.u8_if(|code| code & 0x0f == 0 && code <= 0x90).map(drop)
        }
        // The tables: written, read, and read of foreign devices.
        0x01 | 0x03 | 0x07 => require(length > 4 && (length - 4).is_multiple_of(ENTRY)),
        0x02 | 0x06 => require(length == 4),
        0x05 => require(length == 6),
        0x08 => require(length == 10),
        // Forwarded, with the origin's address.
        0x04 => {
            scan.skip(6)?;
            npdu(scan)
        }
        0x09..=0x0b => npdu(scan),
        // Secure: no longer in the standard, and opaque.
        _ => Err(Stop::Wrong),
    }
}

/// Annex U.2: everything has the sender's virtual address.
fn over_ipv6(scan: &mut Scan<'_>, function: u8, length: usize) -> Step<()> {
    match function {
        0x00 => {
            require(length == 9)?;
            scan.skip(3)?;
            scan.expect(&[0])?;
            scan.u8_if(|code| code & 0x0f == 0 && code <= 0xc0).map(drop)
        }
        // Unicast, with the destination's; broadcast.
        0x01 => {
            scan.skip(6)?;
            npdu(scan)
        }
        0x02 | 0x0c => {
            scan.skip(3)?;
            npdu(scan)
        }
        // Resolution of addresses.
        0x03 | 0x05 | 0x07 => require(length == 10),
        0x06 => require(length == 7),
        0x04 => require(length == 28),
        0x08 => {
            scan.skip(3 + 18)?;
            npdu(scan)
        }
        // Registration of a foreign device, and its end.
        0x09 => require(length == 9),
        0x0a => require(length == 25),
        _ => Err(Stop::Wrong),
    }
}

/// Clause 6.2: version, control, addresses, hop count; then a network message, or what application PDU it is.
fn npdu(scan: &mut Scan<'_>) -> Step<()> {
    const NETWORK_MESSAGE: u8 = 0x80;
    const RESERVED: u8 = 0x50;
    const DESTINATION: u8 = 0x20;
    const SOURCE: u8 = 0x08;
    scan.expect(&[1])?;
    let control = scan.u8_if(|control| control & RESERVED == 0)?;
    if control & DESTINATION != 0 {
        scan.skip(2)?;
        let length = scan.u8_if(|length| length <= 18)?;
        scan.skip(usize::from(length))?;
    }
    if control & SOURCE != 0 {
        scan.be(2, 1..=0xfffe)?;
        let length = scan.u8_if(|length| (1..=18).contains(&length))?;
        scan.skip(usize::from(length))?;
    }
    if control & DESTINATION != 0 {
        scan.skip(1)?;
    }
    if control & NETWORK_MESSAGE != 0 {
        return scan.u8_if(|kind| matches!(kind, 0..=0x13 | 0x80..)).map(drop);
    }
    scan.u8_if(|kind| kind >> 4 <= 7).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    /// Who-Is, broadcast to every network.
    const WHO_IS: &[u8] = &[0x81, 0x0b, 0, 12, 1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 8];
    /// A confirmed ReadProperty and its answer.
    const READ: &[u8] = &[0x81, 0x0a, 0, 17, 1, 4, 0, 5, 1, 12, 12, 2, 0, 0, 1, 0x19, 0x55];

    #[test]
    fn messages_of_both_sides() {
        let udp = Trial::udp(check);
        for message in [
            WHO_IS,
            READ,
            // Forwarded by a broadcast management device.
            &[0x81, 4, 0, 18, 192, 0, 2, 1, 0xba, 0xc0, 1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 8],
            // A routed source.
            &[0x81, 0x0a, 0, 15, 1, 8, 0, 5, 1, 7, 0x30, 1, 12, 0x0c, 0],
            // Who-Is-Router-To-Network.
            &[0x81, 0x0b, 0, 7, 1, 0x80, 0],
            &[0x81, 5, 0, 6, 0, 60],
            &[0x81, 0, 0, 6, 0, 0x30],
            &[0x81, 2, 0, 4],
            &[0x82, 2, 0, 15, 0, 0, 1, 1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 8],
        ] {
            udp.client_proves(message, Proof::Structure);
            udp.server_proves(message, Proof::Structure);
        }
        assert_eq!(udp.both(WHO_IS, READ), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (offset, value) in [(0, 0x80), (1, 0x0d), (3, 13), (4, 2), (5, 0x60), (8, 30), (10, 0x80)] {
            let mut wrong = WHO_IS.to_vec();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(&WHO_IS[..11]), Match::No);
        assert_eq!(udp.both(WHO_IS, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::udp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
