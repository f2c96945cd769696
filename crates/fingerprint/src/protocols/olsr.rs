//! olsr: the Optimized Link State Routing protocol: RFC 3626, sections 3.3 (packets), 6.1 (HELLO) and 9.1 (TC).
//!
//! Proven from either side by a length that is the datagram's, and messages whose sizes fill it, the first of a known type
//! with a time to live and a body that fits.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Olsr,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(4, is_first_kind)]],
    stream: &[],
    check,
};

const HELLO: u8 = 1;
const TC: u8 = 2;
const HNA: u8 = 4;
/// olsrd's variants of HELLO and TC with link quality.
const LQ_HELLO: u8 = 201;
const LQ_TC: u8 = 202;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

const fn is_first_kind(kind: u8) -> bool {
    matches!(kind, HELLO..=HNA | LQ_HELLO | LQ_TC)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    const PACKET_HEADER_LEN: usize = 4;
    const HEADER_LEN: usize = 12;
    let mut scan = message.scan();
    scan.be(2, message.total as u64..=message.total as u64)?;
    scan.skip(2)?;
    let mut room = message.total.checked_sub(PACKET_HEADER_LEN).ok_or(Stop::Wrong)?;
    let mut first = true;
    while room > 0 {
        let step = (|| {
            let kind = scan.u8_if(|kind| is_first_kind(kind) || !first && kind > 0)?;
            scan.skip(1)?;
            let size = scan.be(2, HEADER_LEN as u64..=room as u64)? as usize;
            require(size.is_multiple_of(4))?;
            // The originator; a HELLO goes one hop and has gone none.
            scan.be(4, 1..=0xffff_ffff)?;
            if matches!(kind, HELLO | LQ_HELLO) {
                scan.expect(&[1, 0])?;
            } else {
                scan.u8_if(|time_to_live| time_to_live > 0)?;
                scan.skip(1)?;
            }
            scan.skip(2)?;
            let mut body = scan.part(size - HEADER_LEN)?;
            match kind {
                HELLO | LQ_HELLO => {
                    // Reserved, interval, willingness.
                    body.expect(&[0; 2])?;
                    body.skip(1)?;
                    body.u8_if(|willingness| willingness <= 7)?;
                }
                TC | LQ_TC => {
                    body.skip(2)?;
                    body.skip(2)?;
                }
                _ => {}
            }
            Ok(size)
        })();
        match step {
            Ok(size) => room -= size,
            // Cut off by the bound; what there was, fits.
            Err(Stop::Short) if !first => return Ok(Proof::Structure),
            Err(stop) => return Err(stop),
        }
        first = false;
    }
    require(!first)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const HELLO_BODY: &[u8] = b"\0\0\x05\x03\x06\0\0\x08\x0a\0\0\x02";

    fn message_of(kind: u8, hops: [u8; 2], body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind, 0x86];
        message.extend((12 + body.len() as u16).to_be_bytes());
        message.extend([10, 0, 0, 1, hops[0], hops[1], 0, 9]);
        message.extend(body);
        message
    }

    fn packet_of(messages: &[Vec<u8>]) -> Vec<u8> {
        let messages = messages.concat();
        let mut packet = (4 + messages.len() as u16).to_be_bytes().to_vec();
        packet.extend([0, 7]);
        packet.extend(messages);
        packet
    }

    #[test]
    fn messages_fill_a_packet() {
        let udp = Trial::udp(check);
        let hello = message_of(1, [1, 0], HELLO_BODY);
        let control = message_of(2, [255, 1], b"\0\x05\0\0\x0a\0\0\x02");
        udp.client_proves(&packet_of(std::slice::from_ref(&hello)), Proof::Structure);
        udp.server_proves(&packet_of(&[hello.clone(), control.clone()]), Proof::Structure);
        udp.client_proves(&packet_of(&[message_of(201, [1, 0], HELLO_BODY)]), Proof::Structure);
        udp.client_proves(&packet_of(&vec![control; 40]), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let packet = packet_of(&[message_of(1, [1, 0], HELLO_BODY)]);
        for (at, value) in [(1, 29), (4, 9), (7, 25), (7, 20), (12, 2), (13, 1), (16, 1), (19, 8)] {
            let mut wrong = packet.clone();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&[0, 4, 0, 1]), Match::No);
        assert_eq!(udp.both(&packet, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
