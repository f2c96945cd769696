//! bitcoin: the peer-to-peer protocol of Bitcoin and of the coins that took it over.
//!
//! Specification: Bitcoin developer reference, "P2P Network" (message headers, version). A peer's first message proves
//! it: a network's magic, the command `version`, and a length and a time that fit. The encrypted transport (BIP 324) is
//! random to an observer, and left alone.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Bitcoin,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Bitcoin's main, test (3 and 4), signet and regression networks; Bitcoin Cash, Litecoin, Dogecoin, Dash.
const NETWORKS: &[&[u8]] = &[
    b"\xf9\xbe\xb4\xd9",
    b"\x0b\x11\x09\x07",
    b"\x1c\x16\x3f\x28",
    b"\x0a\x03\xcf\x40",
    b"\xfa\xbf\xb5\xda",
    b"\xe3\xe1\xf3\xe8",
    b"\xfb\xc0\xb6\xdb",
    b"\xc0\xc0\xc0\xc0",
    b"\xbf\x0c\x6b\xbd",
];

/// Bitcoin's first block, and the end of a time of 32 bits.
const TIMES: std::ops::RangeInclusive<u64> = 1_231_006_505..=0xffff_ffff;

const COMMAND_LEN: usize = 12;

fn check(exchange: &Exchange<'_>) -> Match {
    let parse = if exchange.midstream { any_message } else { version };
    weigh(exchange, parse, parse)
}

fn version(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect_one_of(NETWORKS)?;
    scan.expect(b"version\0\0\0\0\0")?;
    // From the oldest form to one with a long user agent.
    scan.le(4, 46..=1024)?;
    scan.skip(4)?;
    // Version of the protocol, services, time.
    scan.le(4, 1..=0x00ff_ffff)?;
    scan.skip(8)?;
    scan.le(8, TIMES)?;
    Ok(Proof::Structure)
}

/// A command of letters and digits, padded with zeros, and a length that a message may have.
fn any_message(message: Message<'_>) -> Step<Proof> {
    const MESSAGE_MAX: u64 = 32 << 20;
    let mut scan = message.scan();
    scan.expect_one_of(NETWORKS)?;
    let command = scan.take(COMMAND_LEN)?;
    let end = command.iter().position(|&byte| byte == 0).unwrap_or(COMMAND_LEN);
    let (name, padding) = command.split_at(end);
    let is_name = name.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    require(end > 1 && is_name && padding.iter().all(|&byte| byte == 0))?;
    scan.le(4, 0..=MESSAGE_MAX)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn version_of(magic: &[u8]) -> Vec<u8> {
        let mut payload = 70016u32.to_le_bytes().to_vec();
        payload.extend(0x0409u64.to_le_bytes());
        payload.extend(1_700_000_000u64.to_le_bytes());
        payload.extend([0; 60]);
        payload.extend(b"\x10/Satoshi:25.0.0/");
        payload.extend([0, 0, 0, 0, 1]);
        let length = (payload.len() as u32).to_le_bytes();
        [magic, b"version\0\0\0\0\0", &length, &[1, 2, 3, 4], &payload].concat()
    }

    #[test]
    fn versions_of_several_networks() {
        for magic in NETWORKS {
            Trial::tcp(check).client_proves(&version_of(magic), Proof::Structure);
            Trial::tcp(check).server_proves(&version_of(magic), Proof::Structure);
        }
    }

    #[test]
    fn later_messages_are_taken_midstream() {
        let ping = b"\xf9\xbe\xb4\xd9ping\0\0\0\0\0\0\0\0\x08\0\0\0abcdefghijkl";
        assert_eq!(Trial::tcp(check).client(ping), Match::No);
        assert_eq!(Trial::tcp(check).midstream().client(ping), Match::Yes(Proof::Structure));
        let padded = b"\xf9\xbe\xb4\xd9ping\0x\0\0\0\0\0\0\x08\0\0\0";
        assert_eq!(Trial::tcp(check).midstream().client(padded), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let version = version_of(NETWORKS[0]);
        for at in [0, 3, 4, 15, 19, 27, 43] {
            let mut wrong = version.clone();
            wrong[at] ^= 0x80;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(&version, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
