//! smpp: Short Message Peer-to-Peer: SMPP Protocol Specification v3.4, section 3.2 (header), 4 (PDUs), 5.1.2.1 (commands);
//! v5.0 adds the broadcast commands.
//!
//! Proven from either side by structure: a length, a command, a status that a request leaves zero, a sequence number, and of
//! the commands that are sent first their strings or that they have none.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Smpp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const RESPONSE: u8 = 0x80;

const GENERIC_NACK: u16 = 0x000;
const BIND_RECEIVER: u16 = 0x001;
const BIND_TRANSMITTER: u16 = 0x002;
const UNBIND: u16 = 0x006;
const BIND_TRANSCEIVER: u16 = 0x009;
const OUTBIND: u16 = 0x00b;
const ENQUIRE_LINK: u16 = 0x015;

/// The strings are shorter by the specification (16, 9, 13, 41), but not in practice.
const STRING_MAX: usize = 66;

fn check(exchange: &Exchange<'_>) -> Match {
    let opening = !exchange.midstream;
    weigh(exchange, |message| pdu(message, opening), |message| pdu(message, false))
}

/// The first PDU; `opening` if it may not be a response.
fn pdu(message: Message<'_>, opening: bool) -> Step<Proof> {
    const HEADER: u64 = 16;
    const LARGEST: u64 = 0x1_0000;
    let mut scan = message.scan();
    let length = scan.be(4, HEADER..=LARGEST)?;
    let response = scan.u8_if(|byte| byte == 0 || (byte == RESPONSE && !opening))? == RESPONSE;
    scan.expect(&[0])?;
    let high = scan.u8_if(|byte| byte <= 1)?;
    let low = scan.u8_if(|low| is_command(response, u16::from_be_bytes([high, low])))?;
    scan.be(4, 0..=if response { 0xffff } else { 0 })?;
    scan.be(4, 1..=0x7fff_ffff)?;
    let length = (length - HEADER) as usize;
    let mut body = scan.part(length)?;
    let command = u16::from_be_bytes([high, low]);
    match command {
        GENERIC_NACK | UNBIND | ENQUIRE_LINK => require(length == 0)?,
        BIND_RECEIVER | BIND_TRANSMITTER | BIND_TRANSCEIVER if !response => bind(&mut body)?,
        OUTBIND => (0..2).try_for_each(|_| string(&mut body))?,
        // Of an error there may be nothing but the header.
        BIND_RECEIVER | BIND_TRANSMITTER | BIND_TRANSCEIVER if length > 0 => string(&mut body)?,
        _ => {}
    }
    Ok(Proof::Structure)
}

const fn is_command(response: bool, command: u16) -> bool {
    match command {
        GENERIC_NACK => response,
        OUTBIND | 0x102 => !response,
        0x001..=0x009 | ENQUIRE_LINK | 0x021 | 0x103 | 0x111..=0x113 => true,
        _ => false,
    }
}

/// Who, password, what for; version, type and plan of numbers, and their range.
fn bind(body: &mut Scan<'_>) -> Step<()> {
    const VERSION_LAST: u8 = 0x50;
    (0..3).try_for_each(|_| string(body))?;
    body.u8_if(|version| version <= VERSION_LAST)?;
    body.skip(2)?;
    string(body)
}

/// A C-octet string.
fn string(body: &mut Scan<'_>) -> Step<()> {
    for _ in 0..STRING_MAX {
        if body.u8_if(|byte| byte == 0 || (byte >= b' ' && byte != 0x7f))? == 0 {
            return Ok(());
        }
    }
    Err(Stop::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const BIND: &[u8] = b"\0\0\0\x25\0\0\0\x09\0\0\0\0\0\0\0\x01smpp3\0secret\0SUB\0\x34\x01\x01\0";
    const BOUND: &[u8] = b"\0\0\0\x15\x80\0\0\x09\0\0\0\0\0\0\0\x01SMSC\0";
    const ENQUIRED: &[u8] = b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x02";

    #[test]
    fn sessions_are_bound() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(BIND, Proof::Structure);
        tcp.server_proves(BOUND, Proof::Structure);
        assert_eq!(tcp.both(BIND, BOUND), Match::Yes(Proof::Structure));
        // Refused: nothing but the header.
        tcp.server_proves(b"\0\0\0\x10\x80\0\0\x02\0\0\0\x0e\0\0\0\x01", Proof::Structure);
        tcp.client_proves(b"\0\0\0\x1b\0\0\0\x0b\0\0\0\0\0\0\0\x01SMSC\0open\0\0", Proof::Structure);
    }

    #[test]
    fn any_pdu_midstream() {
        let tcp = Trial::tcp(check).midstream();
        tcp.client_proves(ENQUIRED, Proof::Structure);
        tcp.client_proves(b"\0\0\0\x10\x80\0\0\x15\0\0\0\0\0\0\0\x02", Proof::Structure);
        assert_eq!(Trial::tcp(check).client(b"\0\0\0\x10\x80\0\0\x15\0\0\0\0\0\0\0\x02"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in
            [(0, 1), (3, 15), (4, 1), (7, 0x0a), (11, 1), (12, 0x80), (15, 0), (17, 7), (33, 0x60)]
        {
            let mut wrong = BIND.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        let mut longer = ENQUIRED.to_vec();
        longer[3] = 17;
        assert_eq!(tcp.client(&longer), Match::No);
        assert_eq!(tcp.both(BIND, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
