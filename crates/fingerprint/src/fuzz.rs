//! What must hold for any bytes, as plain functions: fuzz targets and property tests share them.
//!
//! Input: one byte of flags, one that picks the server's port, then segments: a byte (top bit: from the server; the rest:
//! length, 0 for all that is left) and that many bytes. Each segment arrives in two parts over TCP, cut where the
//! flags' byte says, so that verdicts inside a segment are seen too.

use offport_wire::Transport;

use crate::answer::Answer;
use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::{self, Stage, identify};
use crate::name::Protocol;
use crate::probe::Match;
use crate::protocols::PROBES;

/// What a flow table keeps of a side.
const BOUND: usize = 512;

const PORTS: [u16; 16] = [80, 443, 53, 25, 22, 137, 5060, 6379, 123, 4500, 67, 69, 514, 5353, 5355, 50_000];

/// Asks one protocol's probe as the exchange grows. It must not panic; over TCP and UDP, from the start of a flow, a
/// contradiction is final and a proof never becomes a doubt.
pub fn probe(protocol: Protocol, data: &[u8]) {
    let Some(probe) = PROBES.iter().find(|probe| probe.protocol == protocol) else { return };
    let mut before = Match::Maybe;
    replay(data, |exchange, finished| {
        if !identify::transports(exchange.transport)
            .is_some_and(|transport| probe.transports.contains(transport))
        {
            return;
        }
        let now = (probe.check)(exchange);
        if let Match::Yes(proof) = now {
            assert!(proof <= probe.strongest, "{protocol}: stronger than it says: {exchange:?}");
        }
        if exchange.midstream {
            return;
        }
        if before == Match::No {
            assert_eq!(now, Match::No, "{protocol}: a contradiction was taken back: {exchange:?}");
        }
        if matches!(before, Match::Yes(_)) && !finished {
            assert_ne!(now, Match::Maybe, "{protocol}: a proof became a doubt: {exchange:?}");
        }
        before = now;
    });
}

/// Identifies an exchange as it grows. It must not panic; from the start of a flow, "not recognised" is final, and a
/// last answer is given at the end.
pub fn identify_any(data: &[u8]) {
    let mut before = Answer::NeedMore;
    replay(data, |exchange, finished| {
        assert!(
            identify::is_dispatched_soundly(exchange),
            "a probe that was not asked had an answer: {exchange:?}"
        );
        let now = identify(exchange, if finished { Stage::Last } else { Stage::Open });
        if !exchange.midstream && before == Answer::NotRecognised {
            assert_eq!(now, Answer::NotRecognised, "not recognised, then recognised: {exchange:?}");
        }
        before = now;
    });
}

/// One side under construction.
#[derive(Default)]
struct Growing {
    bytes: Vec<u8>,
    ends: Vec<u16>,
    first_len: u32,
    total: u64,
}

impl Growing {
    /// Appends payload; `new` if it is a segment or datagram of its own.
    fn hear(&mut self, payload: &[u8], new: bool) {
        if self.total == 0 {
            self.first_len = payload.len() as u32;
        }
        self.total += payload.len() as u64;
        let room = BOUND - self.bytes.len();
        if room == 0 || payload.is_empty() {
            return;
        }
        self.bytes.extend_from_slice(&payload[..payload.len().min(room)]);
        if !new {
            self.ends.pop();
        }
        self.ends.push(self.bytes.len() as u16);
    }

    fn side(&self, finished: bool) -> Side<'_> {
        Side {
            bytes: &self.bytes,
            ends: &self.ends,
            first_len: self.first_len,
            total: self.total,
            closed: finished || self.bytes.len() == BOUND,
        }
    }
}

/// Plays the input and shows the exchange after each arrival, and at the end with both sides finished.
fn replay(data: &[u8], mut show: impl FnMut(&Exchange<'_>, bool)) {
    let [flags, port, segments @ ..] = data else { return };
    let transport = match flags & 3 {
        0 | 1 => Transport::TCP,
        2 => Transport::UDP,
        _ => Transport::SCTP,
    };
    let (mut client, mut server) = (Growing::default(), Growing::default());
    let mut first = None;
    let mut rest = segments;
    let mut show = |client: &Growing, server: &Growing, first: Option<Speaker>, finished: bool| {
        show(
            &Exchange {
                transport,
                client: client.side(finished && flags & 16 != 0),
                server: server.side(finished && flags & 32 != 0),
                first: first.unwrap_or(Speaker::Client),
                client_port: 40_000,
                server_port: PORTS[usize::from(port % 16)],
                midstream: flags & 4 != 0,
            },
            finished,
        );
    };
    while let [head, tail @ ..] = rest {
        let length = match usize::from(head & 0x7f) {
            0 => tail.len(),
            length => length.min(tail.len()),
        };
        let (payload, after) = tail.split_at(length);
        rest = after;
        if payload.is_empty() {
            continue;
        }
        let from_server = head & 0x80 != 0;
        let speaker = if from_server { Speaker::Server } else { Speaker::Client };
        let first = *first.get_or_insert(speaker);
        let cut = if transport == Transport::UDP { 0 } else { usize::from(*flags >> 3) % payload.len() };
        let (early, late) = payload.split_at(cut);
        for part in [early, late] {
            if part.is_empty() {
                continue;
            }
            if from_server {
                server.hear(part, true)
            } else {
                client.hear(part, true)
            }
            show(&client, &server, Some(first), false);
        }
    }
    show(&client, &server, first, true);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of many protocols, so that random sequences of them get past the first byte.
    const PIECES: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"POST x\r\n",
        b"Host: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"<html>",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\x0c\x04\0\0\0\0\0",
        b"SSH-2.0-x\r\n",
        b"\0\0\x01\x0c\x05\x14",
        b"220 host\r\n",
        b"220 x ESMTP\r\n",
        b"220 FTP\r\n",
        b"250-PIPELINING\r\n250 OK\r\n",
        b"331 \r\n",
        b"EHLO a\r\n",
        b"USER a\r\n",
        b"QUIT\r\n",
        b"AUTH TLS\r\n",
        b"AUTH PLAIN\r\n",
        b"STARTTLS\r\n",
        b"+OK\r\n",
        b"+OK hi\r\n",
        b"-ERR no\r\n",
        b"CAPA\r\n",
        b"* OK x\r\n",
        b"a1 LOGIN a b\r\n",
        b"a1 NOOP\r\n",
        b"\xff\xfd\x18",
        b"\xff\xfa\x18\x01\xff\xf0",
        b"\r\nlogin: ",
        b"root\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"OPTIONS * RTSP/1.0\r\n",
        b"RTSP/1.0 200 OK\r\n",
        b"M-SEARCH * HTTP/1.1\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"PING\r\n",
        b":1\r\n",
        b"$3\r\nabc\r\n",
        b"<34>1 2003-10-11T22:14:15Z h",
        b"12 <34>x",
        b"\x13BitTorrent protocol",
        b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa",
        b"e1:q4:ping1:t2:aa1:y1:qe",
        b"\x41\0\0\x01\0\0\0\x01\0\0\0\0\0\x10\0\0\0\x01\0\0",
        b"RFB 003.008\n",
        b"\x05\x01\0",
        b"\x05\0",
        b"\x05\x01\0\x01\x7f\0\0\x01\0\x50",
        b"\x04\x01\0\x50\x7f\0\0\x01\0",
        b"\0\x5a\0\0\0\0\0\0",
        b"\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03",
        b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01",
        b"\0\0\0\x85\xffSMB",
        b"\x10\x0c\0\x04MQTT\x04\0\0\x3c\0\0",
        b"\x30\x0c\x02\x01\x01\x60",
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        b"\x05\x64\x05\xc9\x01\0\0\0",
        b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x01",
        b"\x0a\0\0\0\x0a5.7.1\0",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\x01\0\0\x21\x12\xa4\x42",
        b"\x80\0\0\x01\0\0\0\xa0",
        b"\0",
        b"\x01",
        b"\x80",
        b"\xff",
        b" ",
        b"\n",
        b"a",
    ];

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = (any::<bool>(), proptest::sample::select(PIECES), any::<u8>(), any::<u8>());
        (any::<u8>(), any::<u8>(), proptest::collection::vec(piece, 1..8)).prop_map(
            |(flags, port, pieces)| {
                let mut data = vec![flags, port];
                for (server, piece, chance, noise) in pieces {
                    let mut piece = piece.to_vec();
                    // One in eight is cut, one in eight has a byte changed.
                    let at = usize::from(chance) % piece.len();
                    match noise % 8 {
                        0 => piece.truncate(1 + at),
                        1 => piece[at] = noise,
                        _ => {}
                    }
                    data.push(piece.len() as u8 | if server { 0x80 } else { 0 });
                    data.extend(piece);
                }
                data
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn probes_keep_their_word(data in pieces()) {
            for &protocol in Protocol::ALL {
                probe(protocol, &data);
            }
            identify_any(&data);
        }

        #[test]
        fn probes_survive_noise(data in proptest::collection::vec(any::<u8>(), 0..700)) {
            for &protocol in Protocol::ALL {
                probe(protocol, &data);
            }
            identify_any(&data);
        }
    }
}
