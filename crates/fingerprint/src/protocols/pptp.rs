//! pptp: the control connection of the Point-to-Point Tunneling Protocol: RFC 2637, section 2.
//!
//! Proven from either side by structure: a length, a control message, the magic cookie, and the request or reply that
//! starts the connection, which is 156 bytes long.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pptp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const MAGIC_COOKIE: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];
const START_LEN: u64 = 156;
const START_REQUEST: u16 = 1;
const START_REPLY: u16 = 2;
/// Set-Link-Info.
const LAST: u16 = 15;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(
        exchange,
        |side| control(side, START_REQUEST, midstream),
        |side| control(side, START_REPLY, midstream),
    )
}

fn control(message: Message<'_>, start: u16, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    let length =
        scan.be(2, if midstream { 12 } else { START_LEN }..=if midstream { 220 } else { START_LEN })?;
    scan.expect(&[0, 1])?;
    scan.expect(&MAGIC_COOKIE)?;
    let kind = scan.u16_be()?;
    require(kind == start || midstream && (1..=LAST).contains(&kind))?;
    require(kind > START_REPLY || length == START_LEN)?;
    scan.expect(&[0, 0])?;
    if kind <= START_REPLY {
        scan.expect(&[1, 0])?;
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn start(kind: u8) -> Vec<u8> {
        let mut message = vec![0, 156, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, kind, 0, 0, 1, 0];
        message.resize(156, 0);
        message
    }

    #[test]
    fn a_connection_starts() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&start(1), Proof::Structure);
        tcp.server_proves(&start(2), Proof::Structure);
        assert_eq!(tcp.both(&start(1), &start(2)), Match::Yes(Proof::Structure));
        let echo = b"\0\x10\0\x01\x1a\x2b\x3c\x4d\0\x05\0\0\0\0\0\x01";
        assert_eq!(tcp.client(echo), Match::No);
        assert_eq!(tcp.clone().midstream().client(echo), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for at in [1, 3, 4, 7, 9, 11, 12] {
            let mut wrong = start(1);
            wrong[at] ^= 0x10;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(&start(1), &start(1)), Match::No);
        tcp.refuses_noise(100_000);
    }
}
