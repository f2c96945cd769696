//! ipfix: IP Flow Information Export.
//!
//! Specification: RFC 7011, section 3 (message and set format) and 10 (transports). A message proves it: version 10, a length that
//! is the datagram's, and sets whose lengths chain to it; in a stream the first set, which holds templates or fills
//! the message. One side speaks.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ipfix,
    transports: Transports::TCP_UDP_SCTP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

const HEADER: usize = 16;
const SET_HEADER: usize = 4;
const TEMPLATES: u16 = 2;
const OPTIONS_TEMPLATES: u16 = 3;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        return weigh(exchange, export, export);
    }
    // The collector is silent.
    weigh(exchange, export, |_| Err(Stop::Wrong))
}

fn export(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[0, 10])?;
    let length = scan.be(2, (HEADER + SET_HEADER + 4) as u64..=0xffff)? as usize;
    if message.is_datagram() {
        require(length == message.total)?;
    }
    scan.skip(HEADER - 4)?;
    let left = length - HEADER;
    let id = scan.u16_be()?;
    require(matches!(id, TEMPLATES | OPTIONS_TEMPLATES | 256..))?;
    let set = scan.be(2, (SET_HEADER + 4) as u64..=left as u64)? as usize;
    if id < 256 {
        template(&mut scan, id, set - SET_HEADER)?;
        return Ok(Proof::Structure);
    }
    if set == left {
        return Ok(Proof::Structure);
    }
    // The next set begins where this one ends.
    let next = |scan: &mut Scan<'_>| {
        scan.skip(set - SET_HEADER)?;
        require(matches!(scan.u16_be()?, TEMPLATES | OPTIONS_TEMPLATES | 256..))?;
        scan.be(2, SET_HEADER as u64..=(left - set) as u64).map(|_| Proof::Structure)
    };
    match next(&mut scan) {
        // Beyond the bound: of a datagram at least the length is confirmed.
        Err(Stop::Short) if message.is_datagram() => Ok(Proof::Heuristic),
        Err(Stop::Short) if message.spent => Err(Stop::Wrong),
        next => next,
    }
}

/// The first template: id, number of fields, of which as many fit; the first field's length.
fn template(scan: &mut Scan<'_>, set: u16, room: usize) -> Step<()> {
    scan.be(2, 256..=0xffff)?;
    let most = room.checked_sub(4).ok_or(Stop::Wrong)? as u64 / 4;
    let fields = scan.be(2, 1.min(most)..=most)?;
    if set == OPTIONS_TEMPLATES {
        // How many of the fields are the scope.
        scan.be(2, 1.min(fields)..=fields)?;
    }
    require(fields > 0)?;
    scan.skip(2)?;
    scan.be(2, 1..=0xffff).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const TEMPLATE: &[u8] = b"\0\x02\0\x10\x01\0\0\x02\0\x08\0\x04\0\x0c\0\x04";
    const OPTIONS: &[u8] = b"\0\x03\0\x14\x01\x01\0\x02\0\x01\0\x8f\0\x04\0\x29\0\x08\0\0";
    const DATA: &[u8] = b"\x01\0\0\x0c\x0a\0\0\x01\x0a\0\0\x02";

    fn message(sets: &[u8]) -> Vec<u8> {
        let length = (sets.len() as u16 + 16).to_be_bytes();
        [&[0, 10][..], &length, &[0x65, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1], sets].concat()
    }

    #[test]
    fn messages() {
        for trial in [Trial::udp(check), Trial::tcp(check)] {
            trial.client_proves(&message(&[TEMPLATE, DATA].concat()), Proof::Structure);
            trial.client_proves(&message(&[OPTIONS, DATA].concat()), Proof::Structure);
            trial.client_proves(&message(DATA), Proof::Structure);
            trial.client_proves(&message(&[DATA, DATA].concat()), Proof::Structure);
        }
        let long = message(&[&b"\x01\0\x02\x80"[..], &[7; 0x27c], DATA].concat());
        Trial::udp(check).client_proves(&long, Proof::Heuristic);
        assert_eq!(Trial::tcp(check).client(&long), Match::No);
    }

    #[test]
    fn near_misses() {
        for trial in [Trial::udp(check), Trial::tcp(check)] {
            let mut set = message(&[TEMPLATE, DATA].concat());
            set[17] = 1;
            assert_eq!(trial.client(&set), Match::No);
            let mut version = message(DATA);
            version[1] = 9;
            assert_eq!(trial.client(&version), Match::No);
            let mut fields = message(TEMPLATE);
            fields[23] = 3;
            assert_eq!(trial.client(&fields), Match::No);
            assert_eq!(trial.both(&message(DATA), b"raw"), Match::No);
        }
        let whole = message(DATA);
        assert_eq!(Trial::udp(check).client(&whole[..whole.len() - 1]), Match::No);
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
