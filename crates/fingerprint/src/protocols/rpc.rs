//! rpc: ONC RPC (Sun RPC) version 2: portmapper, NFS, mount and the rest.
//!
//! Specification: RFC 5531, sections 9 (messages), 8.2 (credentials) and 11 (record marking). A call proves it by its
//! type, RPC version and the lengths of credentials; a reply by its type, status and verifier. Over TCP the
//! record mark must agree.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rpc,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[
        (4, |byte| byte == 0),
        (5, |byte| byte == 0),
        (6, |byte| byte == 0),
        (7, |kind| kind <= 1),
    ]],
    stream: &[],
    check,
};

const CALL: u64 = 0;
const REPLY: u64 = 1;
const VERSION: u32 = 2;
/// Fixed words of a call, of an accepted and of a denied reply.
const CALL_LENGTH: u64 = 40;
const SHORTEST: u64 = 20;
const ACCEPTED_LENGTH: u64 = 24;
/// The largest opaque authentication body.
const MAX_AUTHENTICATION: u64 = 400;

fn check(exchange: &Exchange<'_>) -> Match {
    // A datagram's sender may be either end when the flow's first one was not seen.
    let either = exchange.midstream || exchange.transport == offport_wire::Transport::UDP;
    weigh(
        exchange,
        |message| record(message, if either { CALL..=REPLY } else { CALL..=CALL }),
        |message| record(message, if either { CALL..=REPLY } else { REPLY..=REPLY }),
    )
}

fn record(message: Message<'_>, kinds: std::ops::RangeInclusive<u64>) -> Step<Proof> {
    let mut scan = message.scan();
    let length = if message.is_datagram() { message.total as u64 } else { record_mark(&mut scan)? };
    scan.skip(4)?;
    if scan.be(4, kinds)? == CALL { call(&mut scan, length) } else { reply(&mut scan, length) }
}

/// RFC 5531, section 11: the last-fragment bit and 31 bits of length.
fn record_mark(scan: &mut Scan<'_>) -> Step<u64> {
    // More than any server takes: keeps the second byte meaningful.
    const LONGEST: u64 = 0x01ff_ffff;
    let last = scan.rest().first().is_some_and(|byte| byte & 0x80 != 0);
    let flag = if last { 0x8000_0000 } else { 0 };
    scan.be(4, flag + SHORTEST..=flag + LONGEST).map(|mark| mark & LONGEST)
}

fn call(scan: &mut Scan<'_>, length: u64) -> Step<Proof> {
    require(length >= CALL_LENGTH)?;
    scan.expect(&VERSION.to_be_bytes())?;
    // Program (section 13.1: above the transient range all is reserved), version, procedure. A transient program has
    // a version; others are asked for version 0 to learn theirs.
    const TRANSIENT: u64 = 0x4000_0000;
    let program = scan.be(4, 1..=0x5fff_ffff)?;
    scan.be(4, u64::from(program >= TRANSIENT)..=0x7fff_ffff)?;
    scan.be(4, 0..=0xffff)?;
    let credentials = authentication(scan, length - CALL_LENGTH)?;
    scan.skip(credentials.next_multiple_of(4) as usize)?;
    let room = (length - CALL_LENGTH).checked_sub(credentials.next_multiple_of(4)).ok_or(Stop::Wrong)?;
    authentication(scan, room)?;
    Ok(Proof::Structure)
}

fn reply(scan: &mut Scan<'_>, length: u64) -> Step<Proof> {
    const DENIED: u64 = 1;
    const MISMATCH: u64 = 0;
    const LAST_ACCEPT_STATUS: u64 = 5;
    const LAST_AUTHENTICATION_STATUS: u64 = 14;
    if scan.be(4, 0..=DENIED)? == DENIED {
        return if scan.be(4, 0..=1)? == MISMATCH {
            require(length == ACCEPTED_LENGTH)?;
            let low = scan.be(4, 0..=0xff)?;
            scan.be(4, low..=0xff)?;
            Ok(Proof::Structure)
        } else {
            require(length == SHORTEST)?;
            scan.be(4, 0..=LAST_AUTHENTICATION_STATUS)?;
            Ok(Proof::Structure)
        };
    }
    let room = length.checked_sub(ACCEPTED_LENGTH).ok_or(Stop::Wrong)?;
    let verifier = authentication(scan, room)?;
    scan.skip(verifier.next_multiple_of(4) as usize)?;
    scan.be(4, 0..=LAST_ACCEPT_STATUS)?;
    Ok(Proof::Structure)
}

/// Flavour and length of an opaque authentication; its body follows, padded to words.
fn authentication(scan: &mut Scan<'_>, room: u64) -> Step<u64> {
    // Assigned flavours are small; pseudo-flavours and private ones start at 200,000 and 390,000.
    const LAST_FLAVOUR: u64 = 0x0007_ffff;
    scan.be(4, 0..=LAST_FLAVOUR)?;
    scan.be(4, 0..=MAX_AUTHENTICATION.min(room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn marked(message: &[u8]) -> Vec<u8> {
        [&(0x8000_0000 | message.len() as u32).to_be_bytes(), message].concat()
    }

    /// GETPORT of the portmapper with no, and a MOUNT with Unix, credentials.
    fn calls() -> [Vec<u8>; 2] {
        [
            words(&[0x3841_169f, 0, 2, 100_000, 2, 3, 0, 0, 0, 0, 100_005, 1, 17, 0]),
            words(&[0x3841_16a0, 0, 2, 100_005, 1, 1, 1, 8, 7, 7, 0, 0, 3, 0x2f61_6263]),
        ]
    }

    fn replies() -> [Vec<u8>; 3] {
        [
            words(&[0x3841_169f, 1, 0, 0, 0, 0, 671]),
            words(&[0x3841_169f, 1, 1, 0, 2, 2]),
            words(&[0x3841_169f, 1, 1, 1, 5]),
        ]
    }

    #[test]
    fn over_udp() {
        let udp = Trial::udp(check);
        for call in calls() {
            udp.client_proves(&call, Proof::Structure);
            assert_eq!(udp.client(&call[..36]), Match::No);
        }
        for reply in replies() {
            udp.server_proves(&reply, Proof::Structure);
            udp.client_proves(&reply, Proof::Structure);
        }
    }

    #[test]
    fn over_tcp() {
        let tcp = Trial::tcp(check);
        for call in calls() {
            tcp.client_proves(&marked(&call), Proof::Structure);
            assert_eq!(tcp.server(&marked(&call)), Match::No, "a call from the server");
        }
        for reply in replies() {
            tcp.server_proves(&marked(&reply), Proof::Structure);
            assert_eq!(tcp.clone().midstream().client(&marked(&reply)), Match::Yes(Proof::Structure));
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let mut version = calls()[0].clone();
        version[11] = 3;
        assert_eq!(tcp.client(&marked(&version)), Match::No);
        let mut credentials = calls()[1].clone();
        credentials[31] = 200;
        assert_eq!(tcp.client(&marked(&credentials)), Match::No);
        assert_eq!(tcp.client(&[0x82]), Match::No);
        assert_eq!(tcp.both(&marked(&calls()[0]), b"\x80\0\0\x40nonsense"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::udp(check).refuses_noise(100_000);
    }
}
