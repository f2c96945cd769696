//! pulsar: Apache Pulsar's binary protocol.
//!
//! Specification: Pulsar, "Pulsar binary protocol specification" (framing) and `PulsarApi.proto` (BaseCommand). The first
//! command of either side proves it: total and command size differ by four, and the command's type and the tag
//! and length of its field agree with them.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Pulsar,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Types of commands, which are also the numbers of their fields.
const CONNECT: u8 = 2;
const CONNECTED: u8 = 3;
const ERROR: u8 = 14;
const AUTH_CHALLENGE: u8 = 36;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(
        exchange,
        |message| command(message, |kind| kind == CONNECT),
        |message| command(message, |kind| matches!(kind, CONNECTED | ERROR | AUTH_CHALLENGE)),
    )
}

fn command(message: Message<'_>, allowed: impl FnOnce(u8) -> bool) -> Step<Proof> {
    const LARGEST: u64 = 0x1_0000;
    const LENGTH_DELIMITED: u8 = 2;
    let mut scan = message.scan();
    let size = scan.be(4, 4 + 4..=LARGEST)? - 4;
    scan.be(4, size..=size)?;
    // Field 1: the type.
    scan.expect(&[0x08])?;
    let kind = scan.u8_if(allowed)?;
    let mut left = size - 2;
    if kind < 16 {
        scan.expect(&[kind << 3 | LENGTH_DELIMITED])?;
        left -= 1;
    } else {
        scan.expect(&[kind << 3 | LENGTH_DELIMITED | 0x80, kind >> 4])?;
        left = left.checked_sub(2).ok_or(Stop::Wrong)?;
    }
    // The length of the field, of which the rest of the command is made.
    let mut length = 0;
    for shift in [0, 7, 14] {
        let byte = scan.u8()?;
        length |= u64::from(byte & 0x7f) << shift;
        left = left.checked_sub(1).ok_or(Stop::Wrong)?;
        if byte & 0x80 == 0 {
            require(length == left)?;
            return Ok(Proof::Structure);
        }
    }
    Err(Stop::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn command_of(command: &[u8]) -> Vec<u8> {
        let size = command.len() as u32;
        [&(size + 4).to_be_bytes()[..], &size.to_be_bytes(), command].concat()
    }

    #[test]
    fn connections() {
        let tcp = Trial::tcp(check);
        let connect = command_of(b"\x08\x02\x12\x0e\x0a\x0a2.10.1-cli\x20\x13");
        let connected = command_of(b"\x08\x03\x1a\x0f\x0a\x0dPulsar Server");
        tcp.client_proves(&connect, Proof::Structure);
        tcp.server_proves(&connected, Proof::Structure);
        tcp.server_proves(&command_of(b"\x08\x24\xa2\x02\x04\x0a\x02ab"), Proof::Structure);
        let long = [&b"\x08\x02\x12\x84\x02\x0a\x81\x02"[..], &[b'x'; 257]].concat();
        tcp.client_proves(&command_of(&long), Proof::Structure);
        assert_eq!(tcp.both(&connect, &connected), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let connect = command_of(b"\x08\x02\x12\x04\x0a\x02ab");
        for (at, name) in [(3, "total"), (7, "command"), (9, "type"), (10, "tag"), (11, "length")] {
            let mut wrong = connect.clone();
            wrong[at] ^= 1;
            assert_eq!(tcp.client(&wrong), Match::No, "{name}");
        }
        assert_eq!(tcp.server(&connect), Match::No);
        assert_eq!(tcp.both(&connect, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
