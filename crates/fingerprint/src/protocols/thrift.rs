//! thrift: Apache Thrift's binary protocol, strict, framed or not.
//!
//! Specification: Apache Thrift, `thrift-binary-protocol.md` (message, strict encoding) and `thrift-rpc.md` (framed transport). A
//! message proves it: version and type, and a method's name whose length agrees; framed, also the frame's. The compact
//! and the old encoding have too little of their own.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Thrift,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const CALL: u8 = 1;
const REPLY: u8 = 2;
const EXCEPTION: u8 = 3;
const ONEWAY: u8 = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(
        exchange,
        |message| call(message, |kind| matches!(kind, CALL | ONEWAY)),
        |message| call(message, |kind| matches!(kind, REPLY | EXCEPTION)),
    )
}

fn call(message: Message<'_>, allowed: impl FnOnce(u8) -> bool) -> Step<Proof> {
    const FRAME_MAX: u64 = 0x00ff_ffff;
    const NAME_MAX: u64 = 128;
    /// Version 1, type, length of the name, sequence id, and an empty struct.
    const FIXED: u64 = 4 + 4 + 4 + 1;
    let mut scan = message.scan();
    let mut most = NAME_MAX;
    if scan.rest().first() != Some(&0x80) {
        let frame = scan.be(4, FIXED + 1..=FRAME_MAX)?;
        most = most.min(frame - FIXED);
    }
    scan.expect(&[0x80, 1, 0])?;
    scan.u8_if(allowed)?;
    let length = scan.be(4, 1..=most)? as usize;
    let mut name = scan.part(length)?;
    // A method, perhaps behind its service's name (TMultiplexedProtocol).
    require(name.rest().iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.:".contains(byte)))?;
    require(name.rest().first().is_none_or(|first| !first.is_ascii_digit()))?;
    name.skip(length)?;
    scan.skip(4)?;
    // The type of the first field, or the end.
    match scan.u8_if(|kind| matches!(kind, 0 | 2..=4 | 6 | 8 | 10..=16)) {
        Err(Stop::Wrong) => Err(Stop::Wrong),
        _ => Ok(Proof::Structure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const CALL_PING: &[u8] = b"\x80\x01\0\x01\0\0\0\x04ping\0\0\0\x01\0";
    const REPLY_PING: &[u8] = b"\x80\x01\0\x02\0\0\0\x04ping\0\0\0\x01\0";

    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u32).to_be_bytes()[..], message].concat()
    }

    #[test]
    fn messages() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(CALL_PING, Proof::Structure);
        tcp.client_proves(&framed(CALL_PING), Proof::Structure);
        tcp.server_proves(&framed(REPLY_PING), Proof::Structure);
        tcp.client_proves(b"\x80\x01\0\x04\0\0\0\x0bCalc:notify\0\0\0\x01\x0c\0\x01", Proof::Structure);
        assert_eq!(tcp.both(CALL_PING, REPLY_PING), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, name) in [(1, "version"), (3, "type"), (4, "length"), (8, "name"), (16, "field")] {
            let mut wrong = CALL_PING.to_vec();
            wrong[at] ^= 0x41;
            assert_eq!(tcp.client(&wrong), Match::No, "{name}");
        }
        let mut frame = framed(CALL_PING);
        frame[3] = 16;
        assert_eq!(tcp.client(&frame), Match::No);
        assert_eq!(tcp.client(REPLY_PING), Match::No);
        assert_eq!(tcp.both(CALL_PING, b"raw"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
