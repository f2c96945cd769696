//! rip: the Routing Information Protocol, versions 1 (RFC 1058, section 3.1) and 2 (RFC 2453, section 4).
//!
//! Proven from either side by structure: command, version, zeros, and entries of twenty bytes that fill the datagram,
//! each with a family and a metric.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rip,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, REQUEST | RESPONSE))]],
    stream: &[],
    check,
};

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const HEADER_LEN: usize = 4;
const ENTRY_LEN: usize = 20;
const ENTRIES_MAX: usize = 25;
const INFINITY: u64 = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const AUTHENTICATION: u16 = 0xffff;
    const WHOLE_TABLE: u16 = 0;
    const INTERNET: u16 = 2;
    /// RFC 2453, section 4.1: a password; RFC 2082: a digest, whose data is behind the entries.
    const DIGEST: u16 = 3;
    let mut scan = message.scan();
    let command = scan.u8_if(|command| matches!(command, REQUEST | RESPONSE))?;
    let version = scan.u8_if(|version| matches!(version, 1 | 2))?;
    scan.expect(&[0; 2])?;
    let length = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)?;
    let entries = length / ENTRY_LEN;
    require(length % ENTRY_LEN == 0 && (1..=ENTRIES_MAX + 1).contains(&entries))?;
    let mut routes = 0;
    for entry in 0..entries {
        let family = match scan.u16_be() {
            Err(Stop::Short) => break,
            family => family?,
        };
        match family {
            AUTHENTICATION if version == 2 && entry == 0 => {
                scan.u8_if(|high| high == 0)?;
                scan.u8_if(|kind| matches!(kind, 2 | 3))?;
                scan.skip(ENTRY_LEN - 4)?;
                continue;
            }
            AUTHENTICATION if version == 2 && entry + 1 == entries => {
                scan.be(2, 1..=u64::from(DIGEST))?;
                break;
            }
            WHOLE_TABLE if command == REQUEST => {}
            INTERNET => {}
            _ => return Err(Stop::Wrong),
        }
        // A tag, an address; mask and next hop, which version 1 has not.
        let step = if version == 1 {
            scan.expect(&[0; 2]).and_then(|()| scan.skip(4)).and_then(|()| scan.expect(&[0; 8]))
        } else {
            scan.skip(14)
        };
        match step.and_then(|()| scan.be(4, 0..=INFINITY)) {
            Err(Stop::Short) => break,
            metric => require(metric? > 0 || command == REQUEST)?,
        }
        routes += 1;
    }
    require(routes > 0)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const ROUTE: &[u8] = b"\0\x02\0\0\x0a\0\0\0\xff\0\0\0\0\0\0\0\0\0\0\x01";
    const ROUTE_V1: &[u8] = b"\0\x02\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02";

    #[test]
    fn requests_and_responses_of_both_versions() {
        let udp = Trial::udp(check);
        let whole = [&[1, 1, 0, 0][..], &[0; 19], &[16]].concat();
        udp.client_proves(&whole, Proof::Structure);
        udp.server_proves(&[&[2, 1, 0, 0], ROUTE_V1, ROUTE_V1].concat(), Proof::Structure);
        udp.client_proves(&[&[2, 2, 0, 0], ROUTE].concat(), Proof::Structure);
        let password = [&[0xff, 0xff, 0, 2][..], b"secret\0\0\0\0\0\0\0\0\0\0"].concat();
        udp.client_proves(&[&[2, 2, 0, 0][..], &password, ROUTE].concat(), Proof::Structure);
        udp.client_proves(&[&[2, 2, 0, 0][..], &ROUTE.repeat(25)].concat(), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let response = [&[2, 2, 0, 0], ROUTE].concat();
        for (at, value) in [(0, 3), (1, 3), (2, 1), (5, 3), (20, 1), (23, 17), (23, 0)] {
            let mut wrong = response.clone();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&[&[2, 1, 0, 0], ROUTE].concat()), Match::No);
        assert_eq!(udp.client(&response[..23]), Match::No);
        assert_eq!(udp.client(&[1, 2, 0, 0]), Match::No);
        assert_eq!(udp.both(&response, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
