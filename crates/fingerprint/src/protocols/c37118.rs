//! c37118: synchrophasor data.
//!
//! Specification: IEEE C37.118.2-2011, clause 6.2 (the frame), 6.4 (configuration) and annex B (the checksum); IEEE
//! C37.118-2005. The synchronisation word, a size and the checksum over the frame prove it, from either side. Of frames
//! longer than what is kept, a configuration proves itself by its fields, and a datagram's size makes it plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::C37118,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == SYNC)]],
    stream: &[],
    check,
};

const SYNC: u8 = 0xaa;
/// Header and checksum.
const LEAST: u64 = 16;
/// Above the longest frames of concentrators.
const MOST: u64 = 0x3fff;
/// What is kept of a side at least.
const KEPT: usize = 512;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, frame, frame)
}

fn frame(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[SYNC])?;
    // The type: data, header, configurations 1 and 2, command, configuration 3; the version.
    let kind = scan.u8_if(|kind| kind >> 4 <= 5 && matches!(kind & 0xf, 1 | 2))? >> 4;
    let size = scan.be(2, LEAST..=MOST)? as usize;
    require(!message.is_datagram() || message.total == size)?;
    scan.be(2, 1..=0xfffe)?;
    // Seconds since 1970: not before 2000; the first bit of the fraction's quality is reserved.
    scan.be(4, 0x3800_0000..=0xffff_ffff)?;
    scan.u8_if(|quality| quality & 0x80 == 0)?;
    scan.skip(3)?;
    if size <= KEPT {
        let mut whole = message.scan();
        let checked = whole.take(size - 2)?;
        require(whole.u16_be()? == crc(checked))?;
        return Ok(Proof::Structure);
    }
    match kind {
        2 | 3 => configuration(&mut scan).map(|()| Proof::Structure),
        _ if message.is_datagram() => Ok(Proof::Heuristic),
        // Only the other side can prove it.
        _ => Err(Stop::Short),
    }
}

/// Time base, number of units, name of the first station (clause 6.4).
fn configuration(scan: &mut Scan<'_>) -> Step<()> {
    scan.expect(&[0])?;
    scan.be(3, 1..=0xff_ffff)?;
    scan.be(2, 1..=0x03ff)?;
    for _ in 0..16 {
        scan.u8_if(|byte| byte == 0 || (byte >= b' ' && byte != 0x7f))?;
    }
    Ok(())
}

/// CRC-CCITT: polynomial 0x1021, all ones at first.
fn crc(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    bytes.iter().fold(0xffff, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
            if crc & 0x8000 != 0 { crc << 1 ^ POLYNOMIAL } else { crc << 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn frame_of(kind: u8, body: &[u8]) -> Vec<u8> {
        let size = (16 + body.len() as u16).to_be_bytes();
        let mut frame = vec![0xaa, kind, size[0], size[1], 0, 7, 0x44, 0x85, 0x36, 0, 0, 0, 0x41, 0xb1];
        frame.extend(body);
        frame.extend(crc(&frame).to_be_bytes());
        frame
    }

    #[test]
    fn the_catalogued_checksum() {
        assert_eq!(crc(b"123456789"), 0x29b1);
    }

    #[test]
    fn frames() {
        for (kind, body) in [(0x41, &[0, 2][..]), (0x42, &[0, 5]), (0x01, &[0x5a; 36]), (0x11, b"header")] {
            let frame = frame_of(kind, body);
            Trial::tcp(check).client_proves(&frame, Proof::Structure);
            Trial::tcp(check).server_proves(&frame, Proof::Structure);
            Trial::udp(check).server_proves(&frame, Proof::Structure);
        }
    }

    #[test]
    fn frames_longer_than_what_is_kept() {
        let mut body = vec![0, 0x0f, 0x42, 0x40, 0, 4];
        body.extend(b"Station A       ");
        body.resize(900, 0);
        let configuration = frame_of(0x31, &body);
        assert_eq!(Trial::tcp(check).server(&configuration), Match::Yes(Proof::Structure));
        let data = frame_of(0x01, &[0x5a; 600]);
        assert_eq!(Trial::udp(check).server(&data), Match::Yes(Proof::Heuristic));
        assert_eq!(Trial::tcp(check).server(&data), Match::Maybe);
        assert_eq!(Trial::tcp(check).both(&frame_of(0x41, &[0, 2]), &data), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let command = frame_of(0x41, &[0, 2]);
        for offset in 0..command.len() {
            let mut wrong = command.clone();
            wrong[offset] ^= 0x80;
            let refused = Trial::udp(check).client(&wrong);
            assert_eq!(refused, Match::No, "byte {offset}");
        }
        assert_eq!(Trial::tcp(check).client(&[0xaa, 0x43]), Match::No, "version");
        assert_eq!(Trial::tcp(check).client(&[0xaa, 0x61]), Match::No, "type");
        assert_eq!(Trial::tcp(check).both(&command, b"raw"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
