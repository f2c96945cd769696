//! s-bus: S-Bus of Saia-Burgess over UDP (Ether-S-Bus): Saia-Burgess Controls, "S-Bus Manual" (26/739), telegrams and their
//! checksum; the header for Ethernet is as the controllers and the open implementations of it agree.
//!
//! Proven from either side by structure: a length that is the datagram's, version, protocol and attribute, and the checksum at
//! the end. Of a telegram that is longer than what is kept the checksum is not seen: it is plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::SBus,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

const CHECKSUM_LEN: usize = 2;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, telegram, telegram)
}

fn telegram(message: Message<'_>) -> Step<Proof> {
    const SHORTEST: usize = 9 + CHECKSUM_LEN;
    const LONGEST: usize = 0x0fff;
    const VERSION_LAST: u8 = 1;
    /// Request, response, acknowledgement.
    const ATTRIBUTE_LAST: u8 = 2;
    let mut scan = message.scan();
    require((SHORTEST..=LONGEST).contains(&message.total))?;
    scan.be(4, message.total as u64..=message.total as u64)?;
    scan.u8_if(|version| version <= VERSION_LAST)?;
    // S-Bus; sequence.
    scan.expect(&[0])?;
    scan.skip(2)?;
    scan.u8_if(|attribute| attribute <= ATTRIBUTE_LAST)?;
    if !scan.is_whole() {
        return Ok(Proof::Heuristic);
    }
    let (telegram, checksum) = message.bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(Stop::Wrong)?;
    require(crc(telegram) == u16::from_be_bytes(*checksum))?;
    Ok(Proof::Structure)
}

/// CRC-16 of CCITT's polynomial, from zero.
fn crc(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    bytes.iter().fold(0, |crc, &byte| {
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

    fn telegram_of(attribute: u8, body: &[u8]) -> Vec<u8> {
        let mut telegram = vec![0, 0, 0, 11 + body.len() as u8, 1, 0, 0x12, 0x34, attribute];
        telegram.extend(body);
        telegram.extend(crc(&telegram).to_be_bytes());
        telegram
    }

    #[test]
    fn the_catalogued_checksum() {
        // The check value of CRC-16/XMODEM in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc(b"123456789"), 0x31c3);
    }

    #[test]
    fn telegrams() {
        let udp = Trial::udp(check);
        let (request, response) = (telegram_of(0, b"\x0a\x06\x03\0\0"), telegram_of(1, &[7; 16]));
        udp.client_proves(&request, Proof::Structure);
        udp.server_proves(&response, Proof::Structure);
        assert_eq!(udp.both(&request, &telegram_of(2, &[0, 0])), Match::Yes(Proof::Structure));
        let mut long = telegram_of(1, &[7; 200]);
        long.resize(600, 7);
        long[2..4].copy_from_slice(&600u16.to_be_bytes());
        udp.client_proves(&long, Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let request = telegram_of(0, b"\x0a\x06\x03\0\0");
        for at in 0..request.len() {
            let mut wrong = request.clone();
            wrong[at] ^= 0x04;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&telegram_of(3, &[])), Match::No);
        assert_eq!(udp.both(&request, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
