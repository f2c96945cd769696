//! hislip: High-Speed LAN Instrument Protocol: IVI-6.1, section 4 (message format) and 6 (transactions).
//!
//! Proven from either side by structure: the prologue, a type of message that this side opens a channel with, and a payload
//! as long as this type has one. Midstream by a prologue, a known type and a length.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Hislip,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const INITIALIZE: u8 = 0;
const INITIALIZE_RESPONSE: u8 = 1;
const FATAL_ERROR: u8 = 2;
const ERROR: u8 = 3;
const ASYNC_INITIALIZE: u8 = 17;
const ASYNC_INITIALIZE_RESPONSE: u8 = 18;
/// The last of version 2.0: the result of an authentication. From 128 on they are the vendors'.
const LAST: u8 = 38;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.midstream {
        return weigh(exchange, ongoing, ongoing);
    }
    weigh(exchange, client, server)
}

fn client(message: Message<'_>) -> Step<Proof> {
    /// The sub-address, "hislip0" most of the time.
    const NAME_MAX: u64 = 256;
    let mut scan = message.scan();
    let kind = kind(&mut scan, |kind| matches!(kind, INITIALIZE | ASYNC_INITIALIZE))?;
    scan.expect(&[0])?;
    scan.skip(4)?;
    let length = scan.be(8, 0..=if kind == INITIALIZE { NAME_MAX } else { 0 })?;
    printable(&mut scan, length as usize)
}

fn server(message: Message<'_>) -> Step<Proof> {
    const TEXT_MAX: u64 = 4096;
    let mut scan = message.scan();
    let kind = kind(&mut scan, |kind| {
        matches!(kind, INITIALIZE_RESPONSE | FATAL_ERROR | ERROR | ASYNC_INITIALIZE_RESPONSE)
    })?;
    scan.skip(1 + 4)?;
    let is_error = matches!(kind, FATAL_ERROR | ERROR);
    let length = scan.be(8, 0..=if is_error { TEXT_MAX } else { 0 })?;
    printable(&mut scan, length as usize)
}

fn ongoing(message: Message<'_>) -> Step<Proof> {
    const LARGEST: u64 = u32::MAX as u64;
    let mut scan = message.scan();
    kind(&mut scan, |kind| kind <= LAST)?;
    scan.skip(1 + 4)?;
    scan.be(8, 0..=LARGEST)?;
    Ok(Proof::Structure)
}

/// Prologue and type.
fn kind(scan: &mut Scan<'_>, allowed: impl FnOnce(u8) -> bool) -> Step<u8> {
    scan.expect(b"HS")?;
    scan.u8_if(allowed)
}

/// A name or a message, as far as it is there.
fn printable(scan: &mut Scan<'_>, length: usize) -> Step<Proof> {
    let text = scan.take_up_to(length);
    if text.iter().all(|&byte| byte >= b' ' && byte != 0x7f) {
        Ok(Proof::Structure)
    } else {
        Err(Stop::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const OPENED: &[u8] = b"HS\0\0\x01\0IV\0\0\0\0\0\0\0\x07hislip0";
    const ACCEPTED: &[u8] = b"HS\x01\0\x01\0\0\x05\0\0\0\0\0\0\0\0";

    #[test]
    fn both_channels_are_opened() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(OPENED, Proof::Structure);
        tcp.server_proves(ACCEPTED, Proof::Structure);
        assert_eq!(tcp.both(OPENED, ACCEPTED), Match::Yes(Proof::Structure));
        tcp.client_proves(b"HS\x11\0\0\0\0\x05\0\0\0\0\0\0\0\0", Proof::Structure);
        tcp.server_proves(b"HS\x12\x01\0\0IV\0\0\0\0\0\0\0\0", Proof::Structure);
        tcp.server_proves(b"HS\x02\x01\0\0\0\0\0\0\0\0\0\0\0\x04full", Proof::Structure);
    }

    #[test]
    fn data_is_known_midstream_only() {
        let data = b"HS\x07\0\xff\xff\xff\0\0\0\0\0\0\0\0\x06*IDN?\n";
        Trial::tcp(check).midstream().client_proves(data, Proof::Structure);
        assert_eq!(Trial::tcp(check).client(data), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, b'h'), (1, b's'), (2, 1), (3, 1), (8, 1), (14, 2), (16, 0)] {
            let mut wrong = OPENED.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.server(OPENED), Match::No);
        assert_eq!(tcp.both(OPENED, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
