//! BitTorrent: the peer protocol (BEP 3), the DHT (BEP 5), local discovery (BEP 14), UDP trackers (BEP 15) and uTP (BEP 29).
//!
//! Proof over TCP: the handshake's name. Over UDP: a bencoded dictionary that has the DHT's keys, a tracker's magic number,
//! a uTP SYN whose other fields are still zero, or uTP headers of both sides whose connection ids belong together.
//! Peers are equal: either side may say any of it.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::reader::Reader;
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Bittorrent,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, 0 | b'B' | b'd' | 0x01 | 0x11 | 0x21 | 0x31 | 0x41))]],
    stream: &[],
    check,
};

const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol";

/// BEP 15: the protocol id of a connect request, and its action.
const TRACKER_CONNECT: &[u8] = &[0, 0, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0];

/// How deep the DHT's messages nest: a dictionary of arguments that may hold lists.
const DEPTH_MAX: usize = 6;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport != Transport::UDP {
        return weigh(exchange, handshake, handshake);
    }
    let answer = weigh(exchange, datagram, datagram);
    match (Utp::read(exchange.client.first_datagram()), Utp::read(exchange.server.first_datagram())) {
        (Some(one), Some(other)) if one.proves_itself() || other.proves_itself() => answer,
        (Some(one), Some(other)) => answer.and(match one.belongs_to(&other) {
            true => Match::Yes(Proof::Structure),
            false => Match::No,
        }),
        _ => answer,
    }
}

fn handshake(side: &Side<'_>) -> Match {
    verdict(|| Text::new(side.bytes).literal(HANDSHAKE).map(|()| Match::Yes(Proof::Banner)))
}

fn datagram(side: &Side<'_>) -> Match {
    let bytes = side.first_datagram();
    if bytes.starts_with(TRACKER_CONNECT) && side.first_len == 16 {
        return Match::Yes(Proof::Structure);
    }
    if bytes.starts_with(b"BT-SEARCH * HTTP/1.1\r\n") {
        return Match::Yes(Proof::Banner);
    }
    if bytes.first() == Some(&b'd') {
        return if is_dht(bytes, side.first_is_cut()) { Match::Yes(Proof::Structure) } else { Match::No };
    }
    match Utp::read(bytes) {
        Some(utp) if utp.proves_itself() => Match::Yes(Proof::Structure),
        Some(utp) => match side.datagrams().nth(1) {
            // One connection, one id.
            Some(next) if Utp::read(next).is_some_and(|next| next.connection == utp.connection) => {
                Match::Yes(Proof::Structure)
            }
            Some(_) => Match::No,
            None if side.first_is_cut() => Match::No,
            None => Match::Maybe,
        },
        None if is_tracker_answer(side) => Match::Maybe,
        None => Match::No,
    }
}

/// BEP 15: the answer to a connect request; it proves nothing by itself.
fn is_tracker_answer(side: &Side<'_>) -> bool {
    let bytes = side.first_datagram();
    side.first_len >= 8
        && (bytes.starts_with(&[0, 0, 0, 3]) || (bytes.starts_with(&[0; 4]) && side.first_len == 16))
}

/// BEP 5: a dictionary with a transaction (`t`) and a type (`y`: query, response or error).
fn is_dht(bytes: &[u8], cut: bool) -> bool {
    let mut dictionary = Bencode { rest: &bytes[1..] };
    let (mut kind, mut body) = (false, false);
    loop {
        if dictionary.rest == b"e" {
            return kind && body;
        }
        let Some(key) = dictionary.string() else { return cut && body };
        let known = match key {
            b"a" | b"r" => dictionary.rest.starts_with(b"d"),
            b"e" => dictionary.rest.starts_with(b"l"),
            b"y" => matches!(dictionary.rest, [b'1', b':', b'q' | b'r' | b'e', ..]),
            b"ip" | b"q" | b"ro" | b"t" | b"v" | b"p" | b"g" => true,
            _ => return false,
        };
        kind |= key == b"y";
        body |= matches!(key, b"a" | b"r" | b"e");
        if !known {
            return false;
        }
        if dictionary.value(0).is_none() {
            return cut && body;
        }
    }
}

/// Reads bencoding (BEP 3) off the front of a slice.
struct Bencode<'a> {
    rest: &'a [u8],
}

impl<'a> Bencode<'a> {
    fn string(&mut self) -> Option<&'a [u8]> {
        let colon = self.rest.iter().take(6).position(|&byte| byte == b':')?;
        let (digits, rest) = (&self.rest[..colon], &self.rest[colon + 1..]);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let length = digits.iter().fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        let (string, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(string)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.rest.first()? {
            b'0'..=b'9' => self.string().map(drop),
            b'i' => {
                let end = self.rest.iter().take(24).position(|&byte| byte == b'e')?;
                self.rest[1..end].iter().all(|&byte| byte.is_ascii_digit() || byte == b'-').then_some(())?;
                self.rest = &self.rest[end + 1..];
                Some(())
            }
            b'l' | b'd' if depth < DEPTH_MAX => {
                self.rest = &self.rest[1..];
                while self.rest.first()? != &b'e' {
                    self.value(depth + 1)?;
                }
                self.rest = &self.rest[1..];
                Some(())
            }
            _ => None,
        }
    }
}

/// A uTP packet (BEP 29).
struct Utp<'a> {
    kind: u8,
    connection: u16,
    delay: u32,
    acknowledged: u16,
    payload: &'a [u8],
}

impl<'a> Utp<'a> {
    const DATA: u8 = 0;
    const SYN: u8 = 4;
    /// More than any implementation buffers for one peer.
    const WINDOW_MAX: u32 = 1 << 24;

    fn read(datagram: &'a [u8]) -> Option<Self> {
        let mut packet = Reader::new(datagram);
        let first = packet.u8()?;
        let (kind, version) = (first >> 4, first & 0x0f);
        let mut extension = packet.u8()?;
        let connection = packet.u16_be()?;
        let _sent_at = packet.u32_be()?;
        let delay = packet.u32_be()?;
        let window = packet.u32_be()?;
        let _sequence = packet.u16_be()?;
        let acknowledged = packet.u16_be()?;
        // Selective acknowledgement, extension bits, close reason.
        while extension != 0 {
            let known = (1..=3).contains(&extension);
            extension = packet.u8()?;
            let length = usize::from(packet.u8()?);
            packet.take(length)?;
            known.then_some(())?;
        }
        let fits = version == 1
            && kind <= Self::SYN
            && window <= Self::WINDOW_MAX
            && (packet.len() == 0 || kind == Self::DATA);
        fits.then_some(Self { kind, connection, delay, acknowledged, payload: packet.rest() })
    }

    /// A SYN is the first packet: nothing was received that it could acknowledge or measure.
    fn is_syn(&self) -> bool {
        self.kind == Self::SYN && self.delay == 0 && self.acknowledged == 0
    }

    fn proves_itself(&self) -> bool {
        self.is_syn() || self.payload.starts_with(HANDSHAKE)
    }

    /// The initiator receives on one connection id and sends on the next.
    fn belongs_to(&self, other: &Self) -> bool {
        self.connection.wrapping_sub(other.connection).wrapping_add(1) <= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const SYN: &[u8] = b"\x41\0\x12\x34\0\x11\x22\x33\0\0\0\0\0\x10\0\0\0\x01\0\0";
    const STATE: &[u8] = b"\x21\0\x12\x34\0\x44\x55\x66\0\0\x01\0\0\x10\0\0\x77\x01\0\x01";

    #[test]
    fn the_handshake() {
        let tcp = Trial::tcp(check);
        let whole = [HANDSHAKE, &[0; 8]].concat();
        tcp.client_proves(&whole, Proof::Banner);
        tcp.server_proves(&whole, Proof::Banner);
        assert_eq!(tcp.both(&whole, b"\x01"), Match::No);
        assert_eq!(tcp.client(b"\x13BitTorrent Protocol"), Match::No);
        tcp.refuses_noise(2000);
    }

    #[test]
    fn the_dht() {
        let udp = Trial::udp(check);
        for message in [
            b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe".as_slice(),
            b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
            b"d2:ip6:\x01\x02\x03\x04\x05\x061:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
            b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
        ] {
            assert_eq!(udp.client(message), Match::Yes(Proof::Structure), "{}", message.escape_ascii());
        }
        for other in
            [b"d1:ad2:id20:abc".as_slice(), b"d1:t2:aa1:y1:qe", b"d3:fooi1ee", b"d1:a1:b1:y1:qe", b"data"]
        {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn trackers_and_local_discovery() {
        let udp = Trial::udp(check);
        let connect = [TRACKER_CONNECT, b"\x01\x02\x03\x04"].concat();
        assert_eq!(udp.client(&connect), Match::Yes(Proof::Structure));
        assert_eq!(udp.both(&connect, &[0; 16]), Match::Yes(Proof::Structure));
        assert_eq!(udp.client(b"BT-SEARCH * HTTP/1.1\r\nInfohash: a\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn utp() {
        let udp = Trial::udp(check);
        assert_eq!(udp.client(SYN), Match::Yes(Proof::Structure));
        assert_eq!(udp.client(STATE), Match::Maybe);
        assert_eq!(udp.both(SYN, STATE), Match::Yes(Proof::Structure));
        let mut stranger = STATE.to_vec();
        stranger[2] = 0x99;
        assert_eq!(udp.both(STATE, &stranger), Match::No);
        let talk = Talk::udp().client(STATE).server(&stranger).client(STATE);
        assert_eq!(talk.ask(check), Match::No, "more of one side takes nothing back");
        assert_eq!(udp.client(&SYN[..19]), Match::No);
        udp.refuses_noise(4000);
    }
}
