//! erldp: the distribution protocol between Erlang nodes.
//!
//! Specification: Erlang/OTP, ERTS User's Guide, "Distribution Protocol", section "Distribution Handshake". The client sends its
//! name, in the format of version 5 or 6, and the server a status, then its challenge: length, tag, and the length of a
//! name with a host prove it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Erldp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const NAME_MAX: u64 = 512;
/// A name and a host.
const NAME_MIN: u64 = 3;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| name(&mut message.scan(), 0), status)
}

/// `challenge`: the bytes of it that precede the name.
fn name(scan: &mut Scan<'_>, challenge: u64) -> Step<Proof> {
    /// Tag, version, flags.
    const FIXED_5: u64 = 1 + 2 + 4;
    /// Tag, flags, creation, length of the name.
    const FIXED_6: u64 = 1 + 8 + 4 + 2;
    let length = scan.be(2, FIXED_5 + NAME_MIN..=FIXED_6 + 4 + NAME_MAX)?;
    let room = if scan.u8_if(|tag| matches!(tag, b'n' | b'N'))? == b'n' {
        // Version 5, which is also what 6 calls itself to those before it.
        scan.expect(&[0])?;
        scan.u8_if(|version| matches!(version, 5 | 6))?;
        scan.skip(4 + challenge as usize)?;
        length.checked_sub(FIXED_5 + challenge).ok_or(Stop::Wrong)?
    } else {
        scan.skip(8 + challenge as usize + 4)?;
        let most = length.checked_sub(FIXED_6 + challenge).ok_or(Stop::Wrong)?;
        scan.be(2, NAME_MIN.min(most)..=most)?
    };
    require((NAME_MIN..=NAME_MAX).contains(&room))?;
    let mut name = scan.part(room as usize)?;
    let seen = name.rest();
    require(seen.iter().all(|&byte| byte > b' ' && byte != 0x7f))?;
    if seen.contains(&b'@') {
        return Ok(Proof::Structure);
    }
    name.skip(room as usize)?;
    // Who has no name yet, from version 6 on, asks for one and gives its host alone.
    Ok(Proof::Heuristic)
}

/// Status, then the challenge.
fn status(message: Message<'_>) -> Step<Proof> {
    const STATUSES: [&[u8]; 6] = [b"ok", b"ok_simultaneous", b"nok", b"not_allowed", b"alive", b"named:"];
    let mut scan = message.scan();
    let length = scan.be(2, 3..=0x1ff)? as usize;
    scan.expect(b"s")?;
    let mut text = scan.part(length - 1)?;
    let seen = text.rest();
    let fits = |status: &&[u8]| {
        let whole = status.len() == length - 1 || (status.ends_with(b":") && status.len() < length);
        whole && seen.iter().zip(status.iter()).all(|(seen, wanted)| seen == wanted)
    };
    let status = STATUSES.iter().find(|status| fits(status)).ok_or(Stop::Wrong)?;
    text.skip(length - 1)?;
    if !matches!(*status, b"ok" | b"ok_simultaneous") {
        return Ok(Proof::Banner);
    }
    match name(&mut scan, 4) {
        Err(Stop::Short) => Ok(Proof::Banner),
        challenge => challenge,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const OLD: &[u8] = b"\0\x11n\0\x05\x07\xdf\x7f\xbda@host.lan";
    const NEW: &[u8] = b"\0\x19N\0\0\0\x0d\x07\xdf\x7f\xbd\x63\x5f\x1a\x2b\0\x0aa@host.lan";

    #[test]
    fn names_and_challenges() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(OLD, Proof::Structure);
        tcp.client_proves(NEW, Proof::Structure);
        let answer =
            b"\0\x03sok\0\x1dN\0\0\0\x0d\x07\xdf\x7f\xbd\x12\x34\x56\x78\x63\x5f\x1a\x2b\0\x0ab@host.lan";
        tcp.server_proves(answer, Proof::Structure);
        tcp.server_proves(
            b"\0\x03sok\0\x15n\0\x05\x07\xdf\x7f\xbd\x12\x34\x56\x78b@host.lan",
            Proof::Structure,
        );
        tcp.server_proves(b"\0\x03sok", Proof::Banner);
        tcp.server_proves(b"\0\x0csnot_allowed", Proof::Banner);
        assert_eq!(tcp.both(NEW, answer), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\0\x11n\0\x04"), Match::No);
        let mut length = NEW.to_vec();
        length[16] = 11;
        assert_eq!(tcp.client(&length), Match::No);
        let mut name = OLD.to_vec();
        name[10] = 1;
        assert_eq!(tcp.client(&name), Match::No);
        assert_eq!(tcp.server(b"\0\x03sno"), Match::No);
        assert_eq!(tcp.server(b"\0\x03sok\0\x03sok"), Match::No);
        assert_eq!(tcp.both(OLD, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
