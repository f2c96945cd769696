//! epmd: the Erlang port mapper daemon.
//!
//! Specification: Erlang/OTP, ERTS User's Guide, "Distribution Protocol", section "EPMD Protocol". A registration proves it,
//! and so does the answer that gives a node's port, by the lengths of their names, and a list of names. A question for a
//! node is plausible; the others are three bytes and need their answer.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Epmd,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const DUMP_REQ: u8 = b'd';
const KILL_REQ: u8 = b'k';
const NAMES_REQ: u8 = b'n';
const PORT2_RESP: u8 = b'w';
const ALIVE2_X_RESP: u8 = b'v';
const ALIVE2_REQ: u8 = b'x';
const ALIVE2_RESP: u8 = b'y';
const PORT_PLEASE2_REQ: u8 = b'z';

/// A node's name, without the host.
const NAME_MAX: u64 = 255;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, request, |message| response(message, asked))
}

fn request(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let length = scan.be(2, 1..=0x3ff)?;
    match scan.u8()? {
        ALIVE2_REQ => {
            scan.be(2, 1..=0xffff)?;
            node(&mut scan, length.checked_sub(3).ok_or(Stop::Wrong)?)
        }
        PORT_PLEASE2_REQ => {
            require((2..=NAME_MAX).contains(&length))?;
            name(&mut scan, length as usize - 1)?;
            require(scan.is_empty())?;
            Ok(Proof::Heuristic)
        }
        NAMES_REQ | DUMP_REQ | KILL_REQ => {
            require(length == 1 && scan.is_empty())?;
            Err(Stop::Short)
        }
        _ => Err(Stop::Wrong),
    }
}

/// Type of node, protocol, highest and lowest version, name and extra: all of the rest.
fn node(scan: &mut Scan<'_>, room: u64) -> Step<Proof> {
    const FIXED: u64 = 1 + 1 + 2 + 2 + 2 + 2;
    // Normal, hidden (a C node), and without distribution.
    scan.u8_if(|kind| matches!(kind, 72 | 77 | 110))?;
    scan.u8_if(|protocol| protocol <= 1)?;
    scan.be(2, 5..=16)?;
    scan.be(2, 5..=16)?;
    let length = scan.be(2, 1..=room.checked_sub(FIXED).ok_or(Stop::Wrong)?.min(NAME_MAX))?;
    name(scan, length as usize)?;
    let extra = room - FIXED - length;
    scan.be(2, extra..=extra)?;
    Ok(Proof::Structure)
}

fn name(scan: &mut Scan<'_>, length: usize) -> Step<()> {
    let mut name = scan.part(length)?;
    require(name.rest().iter().all(|&byte| byte > b' ' && !matches!(byte, b'@' | 0x7f)))?;
    name.skip(length)
}

fn response(message: Message<'_>, asked: bool) -> Step<Proof> {
    let mut scan = message.scan();
    match scan.u8()? {
        PORT2_RESP => {
            if scan.u8()? > 0 {
                // No such node.
                require(asked && scan.is_empty())?;
                return Err(Stop::Short);
            }
            scan.be(2, 1..=0xffff)?;
            // No length tells where the extra ends.
            scan.u8_if(|kind| matches!(kind, 72 | 77 | 110))?;
            scan.u8_if(|protocol| protocol <= 1)?;
            scan.be(2, 5..=16)?;
            scan.be(2, 5..=16)?;
            let length = scan.be(2, 1..=NAME_MAX)?;
            name(&mut scan, length as usize)?;
            scan.be(2, 0..=0x3ff)?;
            Ok(Proof::Structure)
        }
        ALIVE2_RESP | ALIVE2_X_RESP if asked => {
            scan.u8_if(|result| result <= 1)?;
            require(scan.len() <= 4)?;
            Err(Stop::Short)
        }
        // To `kill`.
        b'O' if asked => {
            scan.expect(b"K")?;
            require(scan.is_empty())?;
            Err(Stop::Short)
        }
        // The daemon's port, and a line for each name.
        0 => {
            scan.expect(&[0])?;
            scan.be(2, 1..=0xffff)?;
            if scan.is_empty() {
                return Err(Stop::Short);
            }
            match scan.u8_if(|byte| matches!(byte, b'n' | b'a' | b'o'))? {
                b'n' => scan.expect(b"ame ")?,
                b'a' => scan.expect(b"ctive name")?,
                _ => scan.expect(b"ld/unused name")?,
            }
            Ok(Proof::Banner)
        }
        _ => Err(Stop::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const ALIVE: &[u8] = b"\0\x13x\xc3\x50\x4d\0\0\x06\0\x05\0\x06rabbit\0\0";
    const PORT: &[u8] = b"w\0\x64\x50\x4d\0\0\x06\0\x05\0\x06rabbit\0\0";

    #[test]
    fn registrations_and_questions() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(ALIVE, Proof::Structure);
        tcp.client_proves(b"\0\x07zrabbit", Proof::Heuristic);
        tcp.server_proves(PORT, Proof::Structure);
        assert_eq!(tcp.both(b"\0\x07zrabbit", PORT), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(b"\0\x07zrabbit", b"w\x01"), Match::Yes(Proof::Heuristic));
        assert_eq!(tcp.both(ALIVE, b"y\0\0\x01"), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(ALIVE, b"v\0\0\0\0\x01"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn names() {
        let tcp = Trial::tcp(check);
        let names = b"\0\0\x11\x11name rabbit at port 25672\n";
        assert_eq!(tcp.client(b"\0\x01n"), Match::Maybe);
        tcp.server_proves(names, Proof::Banner);
        assert_eq!(tcp.both(b"\0\x01n", names), Match::Yes(Proof::Banner));
        assert_eq!(tcp.client(b"\0\x01nn"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, name) in [(1, "length"), (5, "type"), (12, "name's length"), (20, "extra's length")] {
            let mut wrong = ALIVE.to_vec();
            wrong[at] ^= 1;
            assert_eq!(tcp.client(&wrong), Match::No, "{name}");
        }
        assert_eq!(tcp.client(b"\0\x07zrab it"), Match::No);
        assert_eq!(tcp.client(b"\0\x07zrabbit!"), Match::No);
        assert_eq!(tcp.server(b"y\0\0\x01"), Match::No);
        assert_eq!(tcp.both(ALIVE, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
