//! dnp3: the Distributed Network Protocol of electric utilities.
//!
//! Specification: IEEE 1815-2012, clause 9.2 (data link frames) and annex E (the checksum). The header of a frame
//! proves it, from either side: start bytes, a length of at least five, and a checksum over them. Of a header whose
//! length or checksum is wrong, the other fields must fit and agree with the datagram's length or with the next frame
//! of the stream: then it is plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dnp3,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == START[0])]],
    stream: &[],
    check,
};

const START: [u8; 2] = [0x05, 0x64];
/// Start, length, control, destination and source.
const CHECKED: usize = 8;
/// Control and both addresses are counted.
const LEAST_COUNTED: u8 = 5;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, frame, frame)
}

fn frame(message: Message<'_>) -> Step<Proof> {
    let mut header = message.scan();
    header.expect(&START)?;
    let mut header = message.scan();
    let checked = header.take(CHECKED)?;
    let checksum = header.take(2)?;
    let &[_, _, length, control, ref addresses @ ..] = checked else { return Err(Stop::Wrong) };
    if checksum == crc(checked).to_le_bytes() {
        return Ok(if length >= LEAST_COUNTED { Proof::Structure } else { Proof::Heuristic });
    }
    require(length >= LEAST_COUNTED && is_control(control))?;
    if message.is_datagram() {
        require(message.total == frame_len(length))?;
        return Ok(Proof::Heuristic);
    }
    next_frame(message, length, addresses)
}

/// The next frame of a stream, between the same stations; where the first should end, or a little before or behind.
fn next_frame(message: Message<'_>, length: u8, addresses: &[u8]) -> Step<Proof> {
    /// How far off the length may be.
    const SLACK: usize = 16;
    let behind = message.bytes.get(CHECKED + 2..).unwrap_or_default();
    let window = frame_len(length) - (CHECKED + 2) + SLACK;
    let is_next = |frame: &[u8]| {
        frame.starts_with(&START)
            && frame[2] >= LEAST_COUNTED
            && is_control(frame[3])
            && frame.ends_with(addresses)
    };
    if behind.windows(CHECKED).take(window).any(is_next) {
        return Ok(Proof::Heuristic);
    }
    if message.spent || behind.len() >= window + CHECKED { Err(Stop::Wrong) } else { Err(Stop::Short) }
}

/// The direction and frame count bits are free; the function must be one of the sender's role (clause 9.2.4.1.3).
const fn is_control(control: u8) -> bool {
    const PRIMARY: u8 = 0x40;
    const COUNT_VALID: u8 = 0x10;
    match (control & PRIMARY != 0, control & COUNT_VALID != 0, control & 0xf) {
        // Reset, unconfirmed data, request for status; test and confirmed data are counted.
        (true, false, 0 | 4 | 9) | (true, true, 2 | 3) => true,
        // Acknowledgements, status, not supported; bit 5 is reserved.
        (false, _, 0 | 1 | 11 | 15) => control & 0x20 == 0,
        _ => false,
    }
}

/// Header, then user data in blocks of up to 16 bytes, each with its checksum.
const fn frame_len(length: u8) -> usize {
    let data = (length - LEAST_COUNTED) as usize;
    CHECKED + 2 + data + 2 * data.div_ceil(16)
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
            wrong.extend([0; 320]);
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        tcp.client_proves(&header(4, 0xc4), Proof::Heuristic);
        assert_eq!(Trial::udp(check).client(&header(20, 0xc4)[..9]), Match::No);
        assert_eq!(tcp.both(&header(20, 0xc4), b"raw"), Match::No);
    }

    #[test]
    fn wrong_checksums() {
        let with_checksum = |length, more: &[u8]| {
            let mut frame = header(length, 0xc0);
            frame[8] ^= 1;
            [&frame[..], more].concat()
        };
        Trial::udp(check).client_proves(&with_checksum(8, &[0xc0, 0xc0, 1, 0xcf, 0xba]), Proof::Heuristic);
        assert_eq!(Trial::udp(check).client(&with_checksum(8, &[0xc0, 0xc0, 1, 0xcf])), Match::No);
        assert_eq!(Trial::udp(check).client(&with_checksum(9, &[0xc0, 0xc0, 1, 0xcf, 0xba])), Match::No);
        let tcp = Trial::tcp(check);
        let data = [0xc0, 0xc0, 0, 1, 0x3c, 1, 6, 0xff, 0x50];
        let another = header(5, 0xc4);
        tcp.client_proves(&with_checksum(5, &[&data[..], &another].concat()), Proof::Heuristic);
        let mut stranger = another.clone();
        stranger[4] = 9;
        assert_eq!(tcp.client(&with_checksum(5, &[&data[..], &stranger, &[0; 20]].concat())), Match::No);
        assert_eq!(tcp.client(&with_checksum(5, &[0; 24])), Match::No);
        assert_eq!(tcp.client(&with_checksum(5, &[0; 23])), Match::Maybe);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
