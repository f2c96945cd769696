//! tplink-smarthome: TP-Link's Smart Home (Kasa) devices. The protocol is unpublished: as the devices and the open clients agree,
//! JSON of which each byte is masked by the masked one before it, the first by 171; over TCP behind its length.
//!
//! Proven from either side by structure: what is unmasked is an object, its first name, and text as far as it is there.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::TplinkSmarthome,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == KEY ^ b'{')]],
    stream: &[],
    check,
};

const KEY: u8 = 171;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(message: Message<'_>) -> Step<Proof> {
    /// An object that holds something.
    const SHORTEST: u64 = 7;
    const LONGEST: u64 = 0xffff;
    let mut scan = message.scan();
    if message.is_datagram() {
        return object(message.bytes, message.total);
    }
    let length = scan.be(4, SHORTEST..=LONGEST)? as usize;
    object(scan.take_up_to(length), length)
}

/// `{"name":` and text; `total` is the length of the whole.
fn object(masked: &[u8], total: usize) -> Step<Proof> {
    #[derive(PartialEq)]
    enum State {
        Brace,
        Quote,
        Name(usize),
        Colon,
        Text,
    }
    const NAME_MAX: usize = 64;
    let (mut key, mut state, mut last) = (KEY, State::Brace, 0);
    for &byte in masked {
        let plain = key ^ byte;
        key = byte;
        state = match (state, plain) {
            (State::Brace, b'{') => State::Quote,
            (State::Name(1..), b'"') => State::Colon,
            (State::Quote, b'"') => State::Name(0),
            (State::Colon, b':') => State::Text,
            // Between what is fixed there may be white space.
            (state @ (State::Quote | State::Colon), b' ' | b'\t' | b'\r' | b'\n') => state,
            (State::Name(length), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-')
                if length < NAME_MAX =>
            {
                State::Name(length + 1)
            }
            (State::Text, b'\t' | b'\r' | b'\n' | b' '..=0x7e | 0x80..) => State::Text,
            _ => return Err(Stop::Wrong),
        };
        if !plain.is_ascii_whitespace() {
            last = plain;
        }
    }
    if masked.len() == total {
        require(state == State::Text && last == b'}')?;
    }
    if state == State::Text { Ok(Proof::Structure) } else { Err(Stop::Short) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn mask(plain: &[u8]) -> Vec<u8> {
        let mut key = KEY;
        plain
            .iter()
            .map(|byte| {
                key ^= byte;
                key
            })
            .collect()
    }

    fn framed(plain: &[u8]) -> Vec<u8> {
        [&(plain.len() as u32).to_be_bytes()[..], &mask(plain)].concat()
    }

    const QUERY: &[u8] = br#"{"system":{"get_sysinfo":{}}}"#;

    #[test]
    fn the_first_bytes_are_the_well_known_ones() {
        assert_eq!(mask(QUERY)[..10], [0xd0, 0xf2, 0x81, 0xf8, 0x8b, 0xff, 0x9a, 0xf7, 0xd5, 0xef]);
    }

    #[test]
    fn queries_and_answers() {
        let answer = r#"{"system":{"get_sysinfo":{"alias":"Küche","err_code":0}}}"#.as_bytes();
        let (tcp, udp) = (Trial::tcp(check), Trial::udp(check));
        tcp.client_proves(&framed(QUERY), Proof::Structure);
        tcp.server_proves(&framed(answer), Proof::Structure);
        udp.client_proves(&mask(QUERY), Proof::Structure);
        udp.server_proves(&mask(answer), Proof::Structure);
        udp.client_proves(&mask(b"{ \"emeter\" : {}}\n"), Proof::Structure);
        let long = [&b"{\"time\":\""[..], &[b'a'; 700], b"\"}"].concat();
        udp.server_proves(&mask(&long), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let (tcp, udp) = (Trial::tcp(check), Trial::udp(check));
        for wrong in [
            &b"[\"system\":{}}"[..],
            b"{}",
            b"{\"\":{}}",
            b"{\"system\"{}}",
            b"{\"system\":\x01}",
            b"{\"system\":{",
        ] {
            assert_eq!(udp.client(&mask(wrong)), Match::No, "{wrong:?}");
        }
        assert_eq!(udp.client(QUERY), Match::No);
        assert_eq!(tcp.client(&framed(b"{\"system\":{}]")), Match::No);
        assert_eq!(tcp.client(b"\0\0\0\x06\xd0"), Match::No);
        assert_eq!(tcp.both(&framed(QUERY), b"raw"), Match::No);
        tcp.refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
