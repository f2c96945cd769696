//! DHCPv6: RFC 8415, sections 8, 9 and 21.
//!
//! Proven from either side by structure: a message type, its header, and options that chain to the end of the
//! datagram, among them one that messages of this kind carry, in its right form.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dhcpv6,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| (1..=LAST_TYPE).contains(&byte))]],
    stream: &[],
    check,
};

const RELAY_FORW: u8 = 12;
const RELAY_REPL: u8 = 13;
/// The IANA registry's last message type.
const LAST_TYPE: u8 = 36;
/// A little above the registry's last option.
const LAST_OPTION: u64 = 255;

const OPTION_CLIENT_ID: u64 = 1;
const OPTION_SERVER_ID: u64 = 2;
const OPTION_REQUESTED: u64 = 6;
const OPTION_ELAPSED_TIME: u64 = 8;
const OPTION_RELAY_MESSAGE: u64 = 9;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let kind = scan.u8_if(|kind| (1..=LAST_TYPE).contains(&kind))?;
    if matches!(kind, RELAY_FORW | RELAY_REPL) {
        // Section 7.6: HOP_COUNT_LIMIT, which was 32 in RFC 3315. Then link and peer address.
        scan.u8_if(|hops| hops <= 32)?;
        scan.skip(32)?;
    } else {
        scan.skip(3)?;
    }
    let mut telling = false;
    loop {
        match option(&mut scan) {
            Ok(tells) => telling |= tells,
            // The bound cut the options.
            Err(Stop::Short) => break,
            Err(Stop::Wrong) => return Err(Stop::Wrong),
        }
        if scan.is_empty() && scan.is_whole() {
            break;
        }
    }
    require(telling)?;
    Ok(Proof::Structure)
}

/// One option; true if it is one of those that tell.
fn option(scan: &mut Scan<'_>) -> Step<bool> {
    let code = scan.be(2, 1..=LAST_OPTION)?;
    let len = usize::from(scan.u16_be()?);
    let mut value = scan.part(len)?;
    match code {
        // A DUID: type 1 to 4 and at most 128 bytes (section 11.1).
        OPTION_CLIENT_ID | OPTION_SERVER_ID => {
            require((3..=130).contains(&len))?;
            value.be(2, 1..=4)?;
        }
        OPTION_REQUESTED => require(len % 2 == 0)?,
        OPTION_ELAPSED_TIME => require(len == 2)?,
        OPTION_RELAY_MESSAGE => drop(value.u8_if(|kind| (1..=LAST_TYPE).contains(&kind))?),
        _ => return Ok(false),
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        [&code.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    fn duid() -> Vec<u8> {
        [&[0, 1, 0, 1, 0x2a, 0xab, 0xcc, 0xdd][..], &[0, 0x53, 0, 1, 2, 3]].concat()
    }

    fn solicit() -> Vec<u8> {
        let options =
            [option(1, &duid()), option(8, &[0, 0]), option(6, &[0, 23, 0, 24]), option(3, &[0; 12])]
                .concat();
        [vec![1, 0xaa, 0xbb, 0xcc], options].concat()
    }

    #[test]
    fn client_server_and_relay() {
        let advertise =
            [vec![2, 0xaa, 0xbb, 0xcc], option(1, &duid()), option(2, &duid()), option(23, &[1; 16])]
                .concat();
        let relay = [vec![12, 0], vec![0x20; 32], option(9, &solicit())].concat();
        for message in [solicit(), advertise, relay] {
            assert_eq!(Talk::udp().client(&message).ask(check), YES);
            assert_eq!(Talk::udp().server(&message).ask(check), YES);
        }
        let long = [solicit(), option(17, &[5; 600])].concat();
        assert_eq!(Talk::udp().client(&long).ask(check), YES);
    }

    #[test]
    fn near_misses() {
        let solicit = solicit();
        assert_eq!(Talk::udp().client(&solicit[..solicit.len() - 1]).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&[&solicit[..], &[0]].concat()).ask(check), Match::No);
        // Type, length and value, but none of DHCPv6's.
        let custom = [vec![1, 2, 3, 4], option(40, b"data"), option(41, b"more")].concat();
        assert_eq!(Talk::udp().client(&custom).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
