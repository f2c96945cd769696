//! rtmp: Adobe's Real-Time Messaging Protocol.
//!
//! Specification: Adobe, "Real Time Messaging Protocol" 1.0, section 5.2 (handshake). Version, time, four zeros and random
//! data: too little on one side to be sure, enough on both. Players since Flash 9 have their version in place of the
//! zeros, and servers theirs.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{FROM_START, Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rtmp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[FROM_START],
    check,
};

const VERSION: u8 = 3;

fn check(exchange: &Exchange<'_>) -> Match {
    // Client first; what a side says later has no mark.
    if exchange.midstream {
        return Match::No;
    }
    let asked = exchange.first == Speaker::Client;
    let answer = weigh(exchange, client, |message| server(message, asked));
    let is_proven = |step: Step<Proof>| step.is_ok();
    let both = || {
        is_proven(client(message(exchange.client.bytes)))
            && is_proven(server(message(exchange.server.bytes), asked))
    };
    if answer == Match::Yes(Proof::Heuristic) && both() { Match::Yes(Proof::Structure) } else { answer }
}

const fn message(bytes: &[u8]) -> Message<'_> {
    Message { bytes, total: usize::MAX, spent: false }
}

fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[VERSION])?;
    let time = scan.take(4)?;
    // Zeros, or a version as players and encoders have it: 9.0.124.2, 128.0.7.2.
    let major = scan.u8_if(|major| matches!(major, 0 | 9..=32 | 128))?;
    scan.expect(&[0])?;
    let minor = scan.u8_if(|minor| major > 0 || minor == 0)?;
    scan.u8_if(|last| last == if major > 0 { 2 } else { 0 })?;
    require(major == 0 || minor > 0)?;
    random(scan.take(RANDOM_ENOUGH)?, time)
}

const RANDOM_ENOUGH: usize = 16;

/// Not the zeros of some other header.
fn random(bytes: &[u8], time: &[u8]) -> Step<Proof> {
    let zeros = bytes.iter().filter(|&&byte| byte == 0).count();
    let text = bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e));
    require(zeros <= RANDOM_ENOUGH / 2 && !text && time != &bytes[..4])?;
    Ok(Proof::Heuristic)
}

/// Zeros, or any version: that proves nothing without the client's.
fn server(message: Message<'_>, asked: bool) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[VERSION])?;
    let time = scan.take(4)?;
    let version = scan.take(4)?;
    if version == [0; 4] {
        return random(scan.take(RANDOM_ENOUGH)?, time);
    }
    require(asked && version.iter().all(|&byte| byte <= 0x80))?;
    Err(Stop::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Noise;
    use crate::trial::Trial;

    fn handshake(version: [u8; 4]) -> Vec<u8> {
        [&[3, 0, 0x0b, 0x68, 0x1e][..], &version, &Noise::new(9).bytes(400)].concat()
    }

    #[test]
    fn a_handshake_of_both_sides() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&handshake([0; 4]), Proof::Heuristic);
        tcp.client_proves(&handshake([9, 0, 124, 2]), Proof::Heuristic);
        tcp.server_proves(&handshake([0; 4]), Proof::Heuristic);
        assert_eq!(tcp.both(&handshake([0; 4]), &handshake([0; 4])), Match::Yes(Proof::Structure));
        let answered = tcp.both(&handshake([128, 0, 7, 2]), &handshake([5, 0, 3, 1]));
        assert_eq!(answered, Match::Yes(Proof::Heuristic));
        assert_eq!(tcp.both(&handshake([0; 4]), b"raw"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        // TPKT, and headers of little numbers.
        for other in [
            b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0".as_slice(),
            &[&[3][..], &[0; 60]].concat(),
            &[3; 40],
        ] {
            assert_eq!(tcp.client(other), Match::No);
        }
        assert_eq!(tcp.client(&handshake([9, 1, 124, 2])), Match::No);
        tcp.refuses_noise(100_000);
    }
}
