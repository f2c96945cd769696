//! iec104: telecontrol over TCP.
//!
//! Specifications: IEC 60870-5-104, clause 5 (APDUs), and IEC 60870-5-101, clause 7 (ASDUs and the sizes of information
//! elements). Six octets of which all but a sequence number are fixed prove it: an unnumbered control function or an
//! acknowledgement. Of information, two APDUs in a row must have the length that type and number of objects prescribe.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Iec104,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const START: u8 = 0x68;
/// The control field is counted.
const CONTROL: u8 = 4;
/// Type, qualifier, cause and originator, common address.
const ASDU_HEADER: usize = 6;
const OBJECT_ADDRESS: usize = 3;

fn check(exchange: &Exchange<'_>) -> Match {
    // Either station may open the connection, and either may test it first.
    weigh(exchange, apdus, apdus)
}

fn apdus(message: Message<'_>) -> Step<Proof> {
    const ENOUGH: usize = 2;
    let mut scan = message.scan();
    for _ in 0..ENOUGH {
        if apdu(&mut scan)? == Format::Control {
            break;
        }
    }
    Ok(Proof::Structure)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Information,
    /// Unnumbered control functions and supervisory functions.
    Control,
}

fn apdu(scan: &mut Scan<'_>) -> Step<Format> {
    scan.expect(&[START])?;
    let length = scan.u8_if(|length| (CONTROL..=253).contains(&length))?;
    let mut body = scan.part(usize::from(length))?;
    let control = body.u8()?;
    if control & 1 == 0 {
        information(&mut body, usize::from(length - CONTROL))?;
        return Ok(Format::Information);
    }
    require(length == CONTROL)?;
    match control {
        // STARTDT, STOPDT and TESTFR, each activation and confirmation.
        0x07 | 0x0b | 0x13 | 0x23 | 0x43 | 0x83 => body.expect(&[0, 0, 0])?,
        0x01 => {
            body.expect(&[0])?;
            body.u8_if(|low| low & 1 == 0)?;
            body.u8()?;
        }
        _ => return Err(Stop::Wrong),
    }
    Ok(Format::Control)
}

/// The rest of an I format: sequence numbers and an ASDU of `length`.
fn information(body: &mut Scan<'_>, length: usize) -> Step<()> {
    /// Set in the qualifier: one address, then elements only.
    const SEQUENCE: u8 = 0x80;
    body.u8()?;
    body.u8_if(|low| low & 1 == 0)?;
    body.u8()?;
    let kind = body.u8_if(|kind| element(kind).is_some())?;
    let qualifier = body.u8_if(|qualifier| qualifier & !SEQUENCE != 0)?;
    if let Some(size) = element(kind).flatten() {
        let count = usize::from(qualifier & !SEQUENCE);
        let objects = if qualifier & SEQUENCE == 0 {
            count * (OBJECT_ADDRESS + size)
        } else {
            OBJECT_ADDRESS + count * size
        };
        require(ASDU_HEADER + objects == length)?;
    } else {
        require(length > ASDU_HEADER + OBJECT_ADDRESS)?;
    }
    // Cause of transmission, of which two bits are flags; the originator is free.
    body.u8_if(|cause| matches!(cause & 0x3f, 1..=13 | 20..=41 | 44..=47))?;
    body.u8()?;
    body.be(2, 1..=0xffff)?;
    let rest = length - ASDU_HEADER;
    body.take(rest).map(drop)
}

/// The size of a type's information element; inner `None` when it varies.
const fn element(kind: u8) -> Option<Option<usize>> {
    let size = match kind {
        102 => 0,
        1 | 3 | 45 | 46 | 47 | 70 | 100 | 101 | 105 | 113 => 1,
        5 | 21 | 104 | 106 => 2,
        9 | 11 | 48 | 49 | 110 | 111 => 3,
        2 | 4 | 51 | 122 | 124 => 4,
        6 | 7 | 13 | 15 | 20 | 50 | 112 | 123 => 5,
        10 | 12 | 17 | 120 => 6,
        18 | 19 | 103 | 121 => 7,
        8 | 14 | 16 | 30 | 31 | 58 | 59 | 60 => 8,
        32 | 107 => 9,
        34 | 35 | 38 | 61 | 62 => 10,
        39 | 40 | 64 => 11,
        33 | 36 | 37 | 63 => 12,
        126 => 13,
        127 => 16,
        // The segment of a file.
        125 => return Some(None),
        _ => return None,
    };
    Some(Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    /// Interrogation command, activation, station 10, qualifier 20.
    const INTERROGATION: &[u8] = &[0x68, 14, 0, 0, 0, 0, 100, 1, 6, 0, 10, 0, 0, 0, 0, 20];
    /// Measured values, short floating point, spontaneous, two objects.
    const MEASURED: &[u8] = &[
        0x68, 26, 2, 0, 2, 0, 13, 2, 3, 0, 10, 0, 1, 7, 0, 0, 0, 0x20, 0x41, 0, 2, 7, 0, 0, 0, 0xa0, 0x41, 0,
    ];

    #[test]
    fn control_functions() {
        let tcp = Trial::tcp(check);
        for control in [0x07, 0x0b, 0x13, 0x23, 0x43, 0x83] {
            tcp.client_proves(&[0x68, 4, control, 0, 0, 0], Proof::Structure);
            tcp.server_proves(&[0x68, 4, control, 0, 0, 0], Proof::Structure);
        }
        assert_eq!(tcp.both(&[0x68, 4, 7, 0, 0, 0], &[0x68, 4, 0x0b, 0, 0, 0]), Match::Yes(Proof::Structure));
    }

    #[test]
    fn acknowledgements_and_information_in_midstream() {
        let tcp = Trial::tcp(check).midstream();
        tcp.client_proves(&[0x68, 4, 1, 0, 0x1a, 3], Proof::Structure);
        assert_eq!(tcp.server(MEASURED), Match::Maybe);
        tcp.server_proves(&[MEASURED, MEASURED].concat(), Proof::Structure);
        tcp.client_proves(&[INTERROGATION, &[0x68, 4, 1, 0, 2, 0]].concat(), Proof::Structure);
        // One address for a sequence of single points.
        let sequence = [0x68, 16, 4, 0, 2, 0, 1, 0x83, 20, 0, 10, 0, 1, 0, 0, 0, 1, 0];
        tcp.server_proves(&[&sequence[..], MEASURED].concat(), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&[0x68, 4, 0x03, 0, 0, 0]), Match::No, "no function");
        assert_eq!(tcp.client(&[0x68, 4, 0x07, 0, 1]), Match::No);
        assert_eq!(tcp.client(&[0x68, 3]), Match::No);
        assert_eq!(tcp.client(&[0x68, 5, 0x07]), Match::No);
        let mut wrong = MEASURED.to_vec();
        wrong[1] = 27;
        assert_eq!(tcp.client(&wrong), Match::No, "the length is not that of two objects");
        assert_eq!(tcp.client(b"hello world"), Match::No);
        assert_eq!(tcp.client(b"h\x05ello"), Match::No);
        // M-Bus and 101 frames start alike.
        assert_eq!(tcp.client(&[0x68, 3, 3, 0x68, 0x53, 0xfe]), Match::No);
        assert_eq!(tcp.both(&[0x68, 4, 7, 0, 0, 0], b"HTTP/1.1"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
