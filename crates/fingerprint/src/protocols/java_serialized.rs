//! java-serialized: a bare stream of Java's object serialization.
//!
//! Specification: Oracle, "Java Object Serialization Specification", section 6.4 (grammar of the stream). The stream's magic and
//! version and the tag of its first content prove it; who has a stream of its own for answers has sent its header first,
//! alone.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::JavaSerialized,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    // Some servers answer an object with text.
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    let is_answer = |first: u8| first.is_ascii_graphic();
    weigh(exchange, stream, |message| match message.bytes.first() {
        Some(&first) if asked && is_answer(first) => Err(Stop::Short),
        _ => stream(message),
    })
}

fn stream(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"\xac\xed\0\x05")?;
    // TC_NULL to TC_ENUM.
    match scan.u8_if(|tag| (0x70..=0x7e).contains(&tag)) {
        Err(Stop::Wrong) => Err(Stop::Wrong),
        _ => Ok(Proof::Banner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn streams() {
        let tcp = Trial::tcp(check);
        let object = b"\xac\xed\0\x05sr\0\x11java.lang.Integer";
        tcp.client_proves(object, Proof::Banner);
        tcp.server_proves(object, Proof::Banner);
        tcp.client_proves(b"\xac\xed\0\x05", Proof::Banner);
        assert_eq!(tcp.both(b"\xac\xed\0\x05", b"\xac\xed\0\x05"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(object, b"done\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\xac\xed\0\x06"), Match::No);
        assert_eq!(tcp.client(b"\xac\xed\0\x05\x01"), Match::No);
        assert_eq!(tcp.both(b"\xac\xed\0\x05sr", b"\x01"), Match::No);
        assert_eq!(tcp.server(b"done\n"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
