//! firebird: the remote protocol of Firebird and InterBase.
//!
//! Specification: Firebird, "Wire protocol" (op_connect, op_accept), and the constants of `protocol.h` (XDR: numbers are
//! big-endian and of 32 bits). op_connect proves it from the client: operation, version, architecture, length of a path. From
//! the server op_accept and its successors do, by version and architecture; a rejection needs its question.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Firebird,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const CONNECT: u64 = 1;
const ACCEPT: u64 = 3;
const REJECT: u64 = 4;
const RESPONSE: u64 = 9;
const ATTACH: u64 = 19;
const CREATE: u64 = 20;
const SERVICE_ATTACH: u64 = 82;
const COND_ACCEPT: u64 = 98;
const ACCEPT_DATA: u64 = 94;
/// The generic one is 1; others name machines.
const ARCHITECTURES: std::ops::RangeInclusive<u64> = 1..=64;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, connect, |message| accept(message, asked))
}

fn connect(message: Message<'_>) -> Step<Proof> {
    const PATH_MAX: u64 = 4096;
    let mut scan = message.scan();
    scan.be(4, CONNECT..=CONNECT)?;
    let operation = scan.be(4, 0..=SERVICE_ATTACH)?;
    require(matches!(operation, 0 | ATTACH | CREATE | SERVICE_ATTACH))?;
    scan.be(4, 2..=3)?;
    scan.be(4, ARCHITECTURES)?;
    let length = scan.be(4, 0..=PATH_MAX)? as usize;
    // The path is padded to words; then the number of proposed versions.
    let path = scan.take_up_to(length);
    require(path.iter().all(|&byte| byte >= 0x20))?;
    if path.len() < length {
        return if message.spent { Ok(Proof::Structure) } else { Err(Stop::Short) };
    }
    scan.skip(length.next_multiple_of(4) - length)?;
    scan.be(4, 1..=32)?;
    Ok(Proof::Structure)
}

fn accept(message: Message<'_>, asked: bool) -> Step<Proof> {
    /// Set in the versions of Firebird, and extended.
    const FIREBIRD: u64 = 0x8000;
    const EXTENDED: u64 = 0xffff_0000;
    let mut scan = message.scan();
    let operation = scan.be(4, ACCEPT..=COND_ACCEPT)?;
    match operation {
        ACCEPT | ACCEPT_DATA | COND_ACCEPT => {}
        REJECT | RESPONSE if asked => return Err(Stop::Short),
        _ => return Err(Stop::Wrong),
    }
    let version = scan.be(4, 1..=0xffff_ffff)? & !EXTENDED & !FIREBIRD;
    require((8..=32).contains(&version))?;
    scan.be(4, ARCHITECTURES)?;
    // How messages are sent, and whether compressed.
    scan.be(4, 0..=0x1ff)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn open(path: &str) -> Vec<u8> {
        let mut message = words(&[1, 19, 3, 1, path.len() as u32]);
        message.extend(path.bytes());
        message.resize(message.len().next_multiple_of(4), 0);
        message.extend(words(&[5, 0]));
        message
    }

    #[test]
    fn connections() {
        let tcp = Trial::tcp(check);
        let accept = words(&[3, 10, 1, 3]);
        tcp.client_proves(&open("/data/employee.fdb"), Proof::Structure);
        tcp.client_proves(&open("C:\\a.gdb"), Proof::Structure);
        tcp.server_proves(&accept, Proof::Structure);
        tcp.server_proves(&words(&[94, 0xffff_800d, 1, 5]), Proof::Structure);
        tcp.server_proves(&words(&[98, 0xffff_8010, 1, 0x105]), Proof::Structure);
        assert_eq!(tcp.both(&open("employee"), &accept), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(&open("employee"), &words(&[4])), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (word, value) in [(0, 2), (1, 21), (2, 4), (3, 0), (4, 5000)] {
            let mut wrong = vec![1, 19, 3, 1, 0, 5];
            wrong[word] = value;
            assert_eq!(tcp.client(&words(&wrong)), Match::No, "word {word}");
        }
        assert_eq!(tcp.server(&words(&[4])), Match::No);
        assert_eq!(tcp.server(&words(&[3, 200, 1, 3])), Match::No);
        assert_eq!(tcp.both(&open("employee"), b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
