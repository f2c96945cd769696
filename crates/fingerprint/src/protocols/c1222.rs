//! c1222: ANSI C12.22 (IEEE Std 1703), messages between meters and utilities: section 5.3.4 (EPSEM in ACSE's unit data), over
//! IP: RFC 6142.
//!
//! Proven from either side by structure: the application's message, whose elements come in their order, the user's information
//! and the EPSEM in it last.

use crate::answer::Proof;
use crate::ber::{Element, tag};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::C1222,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == tag::application(0))]],
    stream: &[],
    check,
};

/// EXTERNAL, constructed.
const EXTERNAL: u8 = 0x28;
/// Its encoding by octets.
const OCTET_ALIGNED: u8 = 0x81;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, unit, unit)
}

fn unit(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let unit = Element::expect(&mut scan, tag::application(0))?;
    require(!message.is_datagram() || unit.total() == message.total)?;
    let (mut content, mut room) = (unit.content, unit.length);
    let (mut last, mut invoked) = (0, false);
    loop {
        let element = Element::read_in(&mut content, &mut room)?;
        let position = position(element.tag).ok_or(Stop::Wrong)?;
        require(position > last)?;
        last = position;
        match element.tag {
            USER_INFORMATION => {
                require(invoked && room == 0)?;
                return epsem(element);
            }
            // Invocation ids hold an integer.
            CALLED_INVOCATION | CALLING_INVOCATION => {
                let mut id = element.content;
                let number = Element::expect(&mut id, tag::INTEGER)?;
                require((1..=8).contains(&number.length) && number.total() == element.length)?;
                invoked = true;
            }
            _ => {}
        }
    }
}

const CALLED_INVOCATION: u8 = tag::context(4);
const CALLING_INVOCATION: u8 = tag::context(8);
const USER_INFORMATION: u8 = tag::context(30);

/// Context, titles and invocations of who is called and who calls, authentication, information.
const fn position(tag: u8) -> Option<u8> {
    match tag {
        0xa1 | 0xa2 | 0xa4 | 0xa6..=0xa8 | 0xac | USER_INFORMATION => Some(tag & 0x1f),
        // The mechanism's name.
        0x8b => Some(11),
        _ => None,
    }
}

/// Flags, of which the first is always set; the rest may be encrypted.
fn epsem(information: Element<'_>) -> Step<Proof> {
    const ALWAYS: u8 = 0x80;
    let mut room = information.length;
    let mut content = information.content;
    let external = Element::expect_in(&mut content, EXTERNAL, &mut room)?;
    require(room == 0)?;
    let (mut content, mut room) = (external.content, external.length);
    let octets = Element::expect_in(&mut content, OCTET_ALIGNED, &mut room)?;
    require(room == 0 && octets.length > 0)?;
    let mut octets: Scan<'_> = octets.content;
    octets.u8_if(|flags| flags & ALWAYS != 0)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const IDENTIFY: &[u8] =
        b"\x60\x1c\xa2\x06\x80\x04\x01\x02\x03\x04\xa6\x04\x06\x02\x01\x05\xa8\x03\x02\x01\x07\xbe\x07\x28\x05\x81\x03\x80\x01\x20";

    #[test]
    fn messages() {
        for trial in [Trial::tcp(check), Trial::udp(check)] {
            trial.client_proves(IDENTIFY, Proof::Structure);
            trial.server_proves(IDENTIFY, Proof::Structure);
        }
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [
            (0, 0x61),
            (1, 0x1d),
            (2, 0xa9),
            (2, 0xa7),
            (10, 0xa3),
            (18, 0x04),
            (19, 2),
            (21, 0xbd),
            (22, 6),
            (23, 0x30),
            (25, 0x04),
            (26, 2),
            (27, 0),
        ] {
            let mut wrong = IDENTIFY.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        // Associations of COSEM.
        let tcp = Trial::tcp(check);
        let association = b"\x60\x1d\xa1\x09\x06\x07\x60\x85\x74\x05\x08\x01\x01\xbe\x10\x04\x0e\x01\0\0\0\x06\x5f\x1f\x04\0\0\x7e\x1f\x04\xb0";
        assert_eq!(tcp.client(association), Match::No);
        assert_eq!(tcp.both(IDENTIFY, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
        tcp.refuses_noise(100_000);
    }
}
