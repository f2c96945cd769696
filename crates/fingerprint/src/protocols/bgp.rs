//! bgp: the Border Gateway Protocol, version 4: RFC 4271, section 4; longer messages RFC 8654.
//!
//! Proven from either side by a marker of sixteen ones, a type, and a length that fits it: an OPEN, or the NOTIFICATION
//! that refuses one; midstream any type.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Bgp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
/// RFC 2918.
const ROUTE_REFRESH: u8 = 5;

const HEADER_LEN: u64 = 19;
const OPEN_LEN: u64 = 29;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(exchange, |side| message(side, midstream), |side| message(side, midstream))
}

fn message(message: Message<'_>, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[0xff; 16])?;
    let length = scan.be(2, HEADER_LEN..=if midstream { 0xfffe } else { 4096 })?;
    match scan.u8()? {
        OPEN => {
            require(length >= OPEN_LEN)?;
            scan.expect(&[4])?;
            // The autonomous system; a hold time of none, or three seconds at least.
            scan.skip(2)?;
            let hold_time = scan.u16_be()?;
            require(!matches!(hold_time, 1 | 2))?;
            scan.be(4, 1..=0xffff_ffff)?;
            let parameters = u64::from(scan.u8()?);
            // 255 announces extended parameters (RFC 9072).
            require(parameters == length - OPEN_LEN || parameters == 255)?;
        }
        // Codes of RFC 4271, section 4.5, and RFC 7313.
        NOTIFICATION => {
            require(length >= 21).and_then(|()| scan.u8_if(|code| (1..=8).contains(&code)).map(drop))?
        }
        // The marker proves these as well, where what came before was not seen.
        UPDATE | ROUTE_REFRESH => require(length >= 23)?,
        KEEPALIVE => require(length == HEADER_LEN)?,
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn message_of(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = 19 + body.len() as u16;
        [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat()
    }

    const OPEN_BODY: &[u8] = b"\x04\xfd\xe8\0\xb4\xc0\0\x02\x01\x08\x02\x06\x01\x04\0\x01\0\x01";

    #[test]
    fn opens_and_refusals_from_either_side() {
        let tcp = Trial::tcp(check);
        let without = b"\x04\xfd\xe8\0\0\xc0\0\x02\x01\0";
        for message in [message_of(1, OPEN_BODY), message_of(1, without), message_of(3, &[6, 5])] {
            tcp.client_proves(&message, Proof::Structure);
            tcp.server_proves(&message, Proof::Structure);
        }
    }

    #[test]
    fn later_messages_prove_it_too() {
        for message in [message_of(4, b""), message_of(2, &[0; 4]), message_of(5, &[0, 1, 0, 1])] {
            Trial::tcp(check).client_proves(&message, Proof::Structure);
            assert_eq!(Trial::tcp(check).midstream().server(&message), Match::Yes(Proof::Structure));
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let open = message_of(1, OPEN_BODY);
        for (at, value) in [(15, 0xfe), (16, 0xff), (17, 28), (18, 9), (19, 3), (23, 1), (28, 7)] {
            let mut wrong = open.clone();
            wrong[at] = value;
            if at == 23 {
                wrong[22] = 0;
            }
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.client(&[0xff; 64]), Match::No);
        assert_eq!(tcp.both(&open, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
