//! drda: the Distributed Relational Database Architecture of Db2, Derby and Informix, in DDM.
//!
//! Specifications: The Open Group, DRDA Version 5, volume 3 (DDM), "DSS" and the codepoints of commands and replies. A data
//! stream structure proves it: its length, magic and format, and an object in it whose length agrees and whose codepoint is
//! one that this side sends.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Drda,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[(2, |magic| magic == MAGIC), (3, is_format)],
    check,
};

const MAGIC: u8 = 0xd0;

/// Chained, continued on error, with the same correlation; then the type: request, reply, object, communication.
const fn is_format(format: u8) -> bool {
    format & 0x80 == 0 && matches!(format & 0x0f, 1..=5)
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| structure(message, true), |message| structure(message, false))
}

fn structure(message: Message<'_>, from_client: bool) -> Step<Proof> {
    const HEADER: u64 = 6;
    let mut scan = message.scan();
    let length = scan.be(2, HEADER + 4..=0x7fff)?;
    scan.expect(&[MAGIC])?;
    scan.u8_if(is_format)?;
    scan.skip(2)?;
    let object = length - HEADER;
    scan.be(2, object..=object)?;
    let codepoint = scan.be(2, 0x1000..=0x24ff)?;
    require(match codepoint >> 8 {
        // Commands: of the connection, of SQL.
        0x10 | 0x20 => from_client,
        // Replies and reply data.
        0x12 | 0x14 | 0x22 => !from_client,
        // Data of commands and replies.
        0x24 => true,
        _ => false,
    })?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    // EXCSAT with a server's class name, and EXCSATRD.
    const EXCSAT: &[u8] = b"\0\x15\xd0\x41\0\x01\0\x0f\x10\x41\0\x0b\x11\x47QDERBY/";
    const EXCSATRD: &[u8] = b"\0\x15\xd0\x43\0\x01\0\x0f\x14\x43\0\x0b\x11\x47QDERBY/";

    #[test]
    fn attributes_are_exchanged() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(EXCSAT, Proof::Structure);
        tcp.server_proves(EXCSATRD, Proof::Structure);
        tcp.server_proves(b"\0\x15\xd0\x02\0\x01\0\x0f\x12\x4c\0\x06\x11\x49\0\x08", Proof::Structure);
        assert_eq!(tcp.both(EXCSAT, EXCSATRD), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, name) in [(1, "length"), (2, "magic"), (7, "object"), (8, "codepoint")] {
            let mut wrong = EXCSAT.to_vec();
            wrong[at] ^= 0x20;
            assert_eq!(tcp.client(&wrong), Match::No, "{name}");
        }
        assert_eq!(tcp.client(EXCSATRD), Match::No);
        assert_eq!(tcp.both(EXCSAT, b"raw"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
