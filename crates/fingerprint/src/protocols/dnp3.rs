//! dnp3: the Distributed Network Protocol of electric utilities.
//!
//! Specification: IEEE 1815-2012, clause 9.2 (data link frames) and annex E (the checksum). The header of a frame
//! proves it, from either side: start bytes, a length of at least five, and a checksum over them.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Dnp3, transports: Transports::TCP_UDP, check };

const START: [u8; 2] = [0x05, 0x64];
/// Start, length, control, destination and source.
const CHECKED: usize = 8;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, frame, frame)
}

fn frame(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let mut header = scan;
    scan.expect(&START)?;
    // Control and both addresses are counted.
    scan.u8_if(|length| length >= 5)?;
    let checksum = crc(header.take(CHECKED)?);
    header.expect(&checksum.to_le_bytes())?;
    Ok(Proof::Structure)
}

/// CRC-16/DNP: polynomial 0x3d65, reflected, inverted.
fn crc(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0xa6bc;
    !bytes.iter().fold(0, |crc, &byte| {
        (0..8)
            .fold(crc ^ u16::from(byte), |crc, _| if crc & 1 != 0 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn header(length: u8, control: u8) -> Vec<u8> {
        let mut header = vec![0x05, 0x64, length, control, 1, 0, 0, 4];
        header.extend(crc(&header).to_le_bytes());
        header
    }

    #[test]
    fn the_catalogued_checksum() {
        // The check value of CRC-16/DNP in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc(b"123456789"), 0xea82);
    }

    #[test]
    fn frames() {
        for (length, control) in [(5, 0xc9), (20, 0xc4), (255, 0x44)] {
            Trial::tcp(check).client_proves(&header(length, control), Proof::Structure);
            Trial::tcp(check).server_proves(&header(length, control), Proof::Structure);
            Trial::udp(check).client_proves(&header(length, control), Proof::Structure);
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for offset in 0..10 {
            let mut wrong = header(20, 0xc4);
            wrong[offset] ^= 0x40;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.client(&header(4, 0xc4)), Match::No);
        assert_eq!(Trial::udp(check).client(&header(20, 0xc4)[..9]), Match::No);
        assert_eq!(tcp.both(&header(20, 0xc4), b"raw"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
