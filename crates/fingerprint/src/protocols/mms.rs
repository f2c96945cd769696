//! mms: Manufacturing Message Specification, which IEC 61850 and TASE.2 (ICCP) speak.
//!
//! Specifications: ISO 9506-2, over the ISO session (ITU-T X.225), presentation (X.226) and association control (X.227) in
//! class 0 transport on TCP (RFC 1006). The session CONNECT and ACCEPT prove it: a length that fills the packet, and the
//! object identifier of MMS in them. In midstream the nested lengths of a presentation data value make it plausible:
//! other protocols of this stack look alike. A connection request alone settles nothing.

use memchr::memmem;

use crate::answer::Proof;
use crate::ber::{Element, tag};
use crate::cotp::{self, Tpdu};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Mms,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// { iso standard 9506 part 2 }, and whichever of its syntaxes and contexts.
const MMS: &[u8] = &[0x06, 0x05, 0x28, 0xca, 0x22, 0x02];

/// Session PDUs (X.225, section 8.3).
const CONNECT: u8 = 0x0d;
const ACCEPT: u8 = 0x0e;
const REFUSE: u8 = 0x0c;
/// Give tokens, and data: empty both.
const GIVE_TOKENS_DATA: [u8; 4] = [0x01, 0x00, 0x01, 0x00];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| packets(message, true), |message| packets(message, false))
}

fn packets(message: Message<'_>, from_client: bool) -> Step<Proof> {
    /// Of the packets without data in front of the first with some.
    const MOST: usize = 4;
    let mut scan = message.scan();
    for _ in 0..MOST {
        match cotp::read(&mut scan)? {
            Tpdu::ConnectionRequest(variable) if from_client => drop(cotp::selectors(variable)?),
            Tpdu::ConnectionConfirm(variable) if !from_client => drop(cotp::selectors(variable)?),
            Tpdu::Data { length: 0, .. } => {}
            Tpdu::Data { user, length } => return session(user, length, from_client),
            _ => break,
        }
    }
    Err(Stop::Wrong)
}

fn session(mut user: Scan<'_>, length: usize, from_client: bool) -> Step<Proof> {
    if user.rest().first() == Some(&GIVE_TOKENS_DATA[0]) {
        user.expect(&GIVE_TOKENS_DATA)?;
        return presentation(&mut user, length.saturating_sub(GIVE_TOKENS_DATA.len()));
    }
    let kind = user.u8_if(|kind| match kind {
        CONNECT => from_client,
        ACCEPT | REFUSE => !from_client,
        _ => false,
    })?;
    let (indicated, header) = match user.u8()? {
        0xff => (usize::from(user.u16_be()?), 4),
        short => (usize::from(short), 2),
    };
    // More than the packet holds: it goes on in the next.
    require(header + indicated >= length)?;
    if kind != REFUSE && memmem::find(user.rest(), MMS).is_some() {
        return Ok(Proof::Structure);
    }
    // Refused, only the other side can prove it.
    if user.is_whole() && kind != REFUSE { Err(Stop::Wrong) } else { Err(Stop::Short) }
}

/// Fully encoded data (X.226, section 8.4): a list with one value, its context, and an MMS PDU that fills it.
fn presentation(user: &mut Scan<'_>, length: usize) -> Step<Proof> {
    let mut room = length;
    let list = Element::expect_in(user, tag::application(1), &mut room)?;
    require(room == 0)?;
    let (mut content, mut room) = (list.content, list.length);
    let value = Element::expect_in(&mut content, tag::SEQUENCE, &mut room)?;
    let (mut content, mut room) = (value.content, value.length);
    let context = Element::expect_in(&mut content, tag::INTEGER, &mut room)?;
    require(context.unsigned()? < 128)?;
    let data = Element::expect_in(&mut content, tag::context(0), &mut room)?;
    require(room == 0)?;
    let (mut content, mut room) = (data.content, data.length);
    // From confirmed request to conclude (ISO 9506-2, section 7).
    let pdu = Element::read_in(&mut content, &mut room)?;
    require(room == 0 && matches!(pdu.tag, 0xa0..=0xac | 0x85..=0x8c))?;
    Ok(Proof::Heuristic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn packet(tpdu: &[u8]) -> Vec<u8> {
        let length = (tpdu.len() as u16 + 4).to_be_bytes();
        [&[3, 0][..], &length, tpdu].concat()
    }

    fn connection(code: u8) -> Vec<u8> {
        packet(&[17, code, 0, 0, 0, 1, 0, 0xc0, 1, 13, 0xc2, 2, 0, 1, 0xc1, 2, 0, 0])
    }

    /// A session PDU with what an association holds: session parameters, presentation, the syntaxes.
    fn association(kind: u8, oid: &[u8]) -> Vec<u8> {
        let mut body = vec![5, 6, 0x13, 1, 0, 0x16, 1, 2, 0x14, 2, 0, 2, 0x33, 2, 0, 1, 0x34, 2, 0, 1];
        body.extend([0xc1, 60, 0x31, 58, 0xa0, 3, 0x80, 1, 1]);
        body.extend([0xa4, 35, 0x30, 15, 2, 1, 1, 6, 4, 0x52, 1, 0, 1, 0x30, 4, 6, 2, 0x51, 1]);
        body.extend([0x30, 16, 2, 1, 3]);
        body.extend(oid);
        body.extend([0x30, 4, 6, 2, 0x51, 1, 0x61, 9, 0x30, 7, 2, 1, 1, 0xa0, 2, 0x60, 0]);
        let mut tpdu = vec![2, 0xf0, 0x80, kind, body.len() as u8];
        tpdu.extend(body);
        packet(&tpdu)
    }

    fn initiate() -> Vec<u8> {
        [connection(0xe0), association(0x0d, &[6, 5, 0x28, 0xca, 0x22, 2, 1])].concat()
    }

    #[test]
    fn associations() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&connection(0xe0)), Match::Maybe);
        tcp.client_proves(&initiate(), Proof::Structure);
        let accept = [connection(0xd0), association(0x0e, &[6, 5, 0x28, 0xca, 0x22, 2, 3])].concat();
        tcp.server_proves(&accept, Proof::Structure);
        assert_eq!(tcp.both(&initiate(), &accept), Match::Yes(Proof::Structure));
        let refused = [connection(0xd0), packet(&[2, 0xf0, 0x80, 0x0c, 3, 0x32, 1, 0])].concat();
        assert_eq!(tcp.both(&initiate(), &refused), Match::Yes(Proof::Structure));
    }

    #[test]
    fn values_in_midstream() {
        let tcp = Trial::tcp(check).midstream();
        let mut tpdu = vec![2, 0xf0, 0x80, 1, 0, 1, 0, 0x61, 14, 0x30, 12, 2, 1, 3, 0xa0, 7, 0xa0, 5];
        tpdu.extend([2, 1, 9, 0x82, 0]);
        tcp.client_proves(&packet(&tpdu), Proof::Heuristic);
        tpdu[8] = 15;
        assert_eq!(tcp.client(&packet(&tpdu)), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        // S7 communication has the same connection request.
        let s7 = packet(&[2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, 8, 0, 8, 0, 0, 0xf0, 0, 0, 1, 0, 1, 1, 0xe0]);
        assert_eq!(tcp.client(&[connection(0xe0), s7].concat()), Match::No);
        // RDP: a negotiation in place of selectors.
        assert_eq!(tcp.client(b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"), Match::No);
        // Another user of the stack.
        let other = [connection(0xe0), association(0x0d, &[6, 5, 0x28, 0xc2, 0x7b, 2, 1])].concat();
        assert_eq!(tcp.client(&other), Match::No);
        assert_eq!(tcp.both(&initiate(), b"220 ready\r\n"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
