//! adb: the Android Debug Bridge, between its server and a device.
//!
//! Specification: Android Open Source Project, packages/modules/adb, "protocol.txt" (messages). A header of 24 bytes
//! proves it, from either side: one of the commands, a length, and the command again, inverted.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Adb,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// What opens a connection: the host connects, the device answers so, or asks for a signature or for TLS.
const OPENING: &[&[u8]] = &[b"CNXN", b"AUTH", b"STLS"];
const LATER: &[&[u8]] = &[b"CNXN", b"AUTH", b"STLS", b"SYNC", b"OPEN", b"OKAY", b"CLSE", b"WRTE"];

/// The largest payload of any version.
const PAYLOAD_MAX: u64 = 1 << 20;

fn check(exchange: &Exchange<'_>) -> Match {
    let commands = if exchange.midstream { LATER } else { OPENING };
    weigh(exchange, |message| header(message, commands), |message| header(message, commands))
}

fn header(message: Message<'_>, commands: &[&[u8]]) -> Step<Proof> {
    let mut scan = message.scan();
    let command = commands[scan.expect_one_of(commands)?];
    // Two arguments; behind the length the payload's sum, which newer versions leave out.
    scan.skip(4 + 4)?;
    scan.le(4, 0..=PAYLOAD_MAX)?;
    scan.skip(4)?;
    for byte in command {
        scan.expect(&[!byte])?;
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn message(command: &[u8; 4], arguments: [u32; 2], payload: &[u8]) -> Vec<u8> {
        let sum: u32 = payload.iter().map(|&byte| u32::from(byte)).sum();
        let words = [arguments[0], arguments[1], payload.len() as u32, sum, !u32::from_le_bytes(*command)];
        let mut message = command.to_vec();
        message.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        message.extend(payload);
        message
    }

    #[test]
    fn a_connection_and_what_answers_it() {
        let tcp = Trial::tcp(check);
        let connect = message(b"CNXN", [0x0100_0001, 1 << 20], b"host::features=shell_v2,cmd");
        tcp.client_proves(&connect, Proof::Structure);
        for answer in [
            message(b"AUTH", [1, 0], &[7; 20]),
            message(b"CNXN", [0x0100_0000, 4096], b"device::ro.product.name=x;\0"),
            message(b"STLS", [0x0100_0000, 0], b""),
        ] {
            tcp.server_proves(&answer, Proof::Structure);
            assert_eq!(tcp.both(&connect, &answer), Match::Yes(Proof::Structure));
        }
    }

    #[test]
    fn later_commands_are_taken_midstream() {
        let open = message(b"OPEN", [1, 0], b"shell:\0");
        assert_eq!(Trial::tcp(check).client(&open), Match::No);
        assert_eq!(Trial::tcp(check).midstream().client(&open), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let connect = message(b"CNXN", [0x0100_0000, 4096], b"host::\0");
        for at in [0, 3, 14, 15, 20, 23] {
            let mut wrong = connect.clone();
            wrong[at] ^= 0x40;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        // The server of the host's own tools takes text.
        assert_eq!(tcp.client(b"000chost:version"), Match::No);
        assert_eq!(tcp.both(&connect, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
