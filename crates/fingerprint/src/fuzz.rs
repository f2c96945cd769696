//! What must hold for any bytes, as plain functions: fuzz targets and property tests share them.
//!
//! Input: one byte of flags, one that picks the server's port, then segments: a byte (top bit: from the server; the rest:
//! length, 0 for all that is left) and that many bytes. Each segment arrives in two parts over TCP, cut where the
//! flags' byte says, so that verdicts inside a segment are seen too.

use offport_wire::Transport;

use crate::answer::Answer;
use crate::description::{
    DESCRIPTION_MAX, Description, Kind, VALUE_MAX, Value, describe, is_described, is_printable,
};
use crate::dispatch::Candidates;
use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::{self, Stage, identify};
use crate::name::Protocol;
use crate::probe::{Match, Probe};
use crate::protocols::PROBES;
use crate::signature;

mod watch;
#[cfg(test)]
pub(crate) use watch::begins_as_it_goes_on;
pub use watch::watch;

/// What a flow table keeps of a side.
const BOUND: usize = 512;

const PORTS: [u16; 16] = [80, 443, 53, 25, 22, 137, 5060, 6379, 123, 4500, 67, 69, 514, 5353, 5355, 50_000];

/// Asks one protocol's probes as the exchange grows. It must not panic; over TCP and UDP, from the start of a flow, a
/// contradiction is final and a proof never becomes a doubt.
pub fn probe(protocol: Protocol, data: &[u8]) {
    PROBES.iter().filter(|probe| probe.protocol == protocol).for_each(|probe| ask(probe, data));
}

/// The same of any probe: the first byte picks it.
pub fn any_probe(data: &[u8]) {
    if let Some((&place, rest)) = data.split_first()
        && let Some(probe) = PROBES.get(usize::from(place) % PROBES.len())
    {
        ask(probe, rest);
    }
}

fn ask(probe: &Probe, data: &[u8]) {
    let protocol = probe.protocol;
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

/// Signatures, of which the input has some at its beginning, over an exchange as it grows. They must not panic; a contradiction and a
/// proof are final, and which of them are asked makes no difference; "not recognised" is final.
pub fn signatures(data: &[u8]) {
    let (draft, rest) = signature::fuzz::draft(data);
    let set = draft.provisional();
    let (mut said, mut before) = (signature::fuzz::Said::default(), Answer::NeedMore);
    replay(rest, |exchange, finished| {
        assert!(
            signature::fuzz::is_asked_soundly(set, exchange),
            "one that was not asked had an answer: {exchange:?}"
        );
        said.hear(set, exchange);
        let stage = if finished { Stage::Last } else { Stage::Open };
        let now = identify::identify_by(exchange, stage, set, Candidates::for_exchange);
        if !exchange.midstream && before == Answer::NotRecognised {
            assert_eq!(now, Answer::NotRecognised, "not recognised, then recognised: {exchange:?}");
        }
        before = now;
    });
}

/// Describes an exchange as it grows, as each protocol that has a description. It must not panic, and what it says must
/// be safe to print and within its bounds.
pub fn describe_any(data: &[u8]) {
    replay(data, |exchange, _| {
        for &protocol in Protocol::ALL.iter().filter(|&&protocol| is_described(protocol)) {
            assert_bounded(&describe(protocol, exchange), exchange);
        }
    });
}

fn assert_bounded(description: &Description, exchange: &Exchange<'_>) {
    let mut len = 0;
    let mut check = |text: &str| {
        assert!(!text.is_empty() && text.len() <= VALUE_MAX && is_printable(text), "{text:?}: {exchange:?}");
        len += text.len();
    };
    for (field, value) in description.iter() {
        let kind = match value {
            Value::Text(text) => {
                check(text);
                Kind::Text
            }
            Value::List(items) => {
                items.iter().for_each(|item| check(item));
                Kind::List
            }
            Value::Number(_) => Kind::Number,
            Value::Flag => Kind::Flag,
        };
        assert_eq!(field.kind(), kind, "{}", field.name());
    }
    // A list's mark is not counted.
    assert!(len <= DESCRIPTION_MAX + '…'.len_utf8() * 8, "{len} bytes: {description:?}");
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
        b"Content-Length: 4\r\n\r\nabcd",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
        b"BDAT 5 LAST\r\nabcde",
        b"354 \r\n",
        b"\r\n.\r\n",
        b"a1 FETCH {3}\r\nabc\r\n",
        b"\x16\x03\x03\0\x06\x02\0\0\x02\x03\x03",
        b"\x17\x03\x03\0\x05abcde",
        b"\x14\x03\x03\0\x01\x01",
        b"\0\0\0\x0c\x0a\x15\0\0\0\0\0\0\0\0\0\0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\x0c\x04\0\0\0\0\0",
        b"SSH-2.0-x\r\n",
        b"\0\0\x01\x0c\x05\x14",
        b"220 host\r\n",
        b"220 x ESMTP\r\n",
        b"220 FTP\r\n",
        b"227 (192,0,2,1,4,1)\r\n",
        b"229 (|||1025|)\r\n",
        b"PORT 192,0,2,1,4,1\r\nEPRT |2|2001:db8::1|1025|\r\n",
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
        b"AMQP\0\0\x09\x01",
        b"\x01\0\0\0\0\x01\xf0\0\x0a\0\x0a\0\x09\0\0\x01\xcb",
        b"\x08\0\0\0\0\0\0\xce",
        b"\x04\0\0\0\x05\0\0\0\0",
        b"\x84\0\0\0\x06\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x01\0\x053.4.5",
        b"get a\r\n",
        b"set a 0 0 1\r\nb\r\n",
        b"stats\r\n",
        b"END\r\n",
        b"STORED\r\n",
        b"\x80\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\x01\0\0\0\x01\0\0stats\r\n",
        b"put 1 0 60 1\r\n",
        b"watch a\r\n",
        b"WATCHING 2\r\n",
        b"OK 2\r\n---\n",
        b"\0\0\0\x0d\0\x03\0\0\0\0\0\x07\0\x03abc",
        b"\0\0\0\x0a\0\0\0\x07\0\0\0\0\0\0",
        b"INFO {\"server_id\":\"a\"}\r\n",
        b"CONNECT {\"verbose\":false}\r\n",
        b"PUB a 1\r\n",
        b"CONNECT\nhost:a\n\n\0",
        b"CONNECTED\nversion:1.2\n\n\0",
        b"ruok",
        b"imok",
        b"\0\0\0\x1c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x60\x60\xb0\x17\0\0\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\x04\x05",
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL",
        b"  V2IDENTIFY\n",
        b"\0\0\0\x06\0\0\0\0OK",
        b"\0REQ\0\0\0\x07\0\0\0\x01a",
        b"\0\x0a\xd0\x41\0\x01\0\x04\x10\x41",
        b"\0\0\0\x01\0\0\0\x13\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0\x05",
        b"\0\0\0\x03\0\0\0\x0a\0\0\0\x01\0\0\0\x03",
        b"\0\x09Go Client\x01\x0a\xb3\xa9\x03\x01a\x01a\0",
        b"\xc3\xbd\xc2\x34{}",
        b"\0\0\0\x0b\0\0\0\x07\x08\x02\x12\x02\x0a\0",
        b"\x08\0\0\0\x01\x01\0\x02\0\0\0\x02",
        b"CP2\x28\0\0\0\0\xc0\0\x01\0\0\x01\0\0\0\0\0\0\0\xff\xff\xff\xff",
        b"\x02\x01\0\0\0\0\0\x04node",
        b"Tarantool 2.10.4 (Binary) \n",
        b"\xce\0\0\0\x05\x82\0\x40\x01\x07",
        b"\x03",
        b"\x05\x0c\0ServerName;;",
        b"\0\x01n",
        b"\0\x07zrabbit",
        b"\0\x03sok",
        b"abc:1|c\n",
        b"a.b.c 4 1700000000\n",
        b"\0\0\0\x06a\0\0\x02\0\x06a\0\0\x04\0\x06a\0",
        b"{\"version\":\"1.1\",\"host\":\"a\"}",
        b"\x92\xa4HELO\x83",
        b"\x93\xa3abc\xd7\0\x65\0\0\x01\0\0\0\x07\x81",
        b"2W\0\0\0\x0a2C\0\0\x01\x40\x78\x5e",
        b"2A\0\0\0\x0a",
        b"\0\x09\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x04\0\x08\0\0\0\0",
        b"\0\x0a\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\x08\0\0\0\0",
        b"\0\0\0\x05\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"JRMI\0\x02\x4b",
        b"\x4e\0\x0a192.0.2.17\0\0\xd0\x5c",
        b"\xac\xed\0\x05sr",
        b"t3 12.2.1\nAS:255\n\n",
        b"HELO:12.2.1.4.0.false\nAS:2048\n",
        b"\x12\x34\0\x01\x0a",
        b"AB\0\x01\x09",
        b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0",
        b"\x01\x06\0\x01\0\x10\0\0Status: 200 OK\r\n",
        b"24:CONTENT_LENGTH\x000\0SCGI\x001\0,",
        b"\0\x10\0\0\x03\0ABC\0\0\x03\0DEF\0\0",
        b"\x80\x01\0\x01\0\0\0\x01a\0\0\0\x01\0",
        b"\x43\x87\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"NBDMAGICIHAVEOPT\0\x03",
        b"\0\0\0\x03IHAVEOPT",
        b"ceph v2\n\x10\0",
        b"CNXN\x01\0\0\x01\0\0\x10\0\x07\0\0\0\0\0\0\0\xbc\xb1\xa7\xb1",
        b"\0\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\x04\0\x01\0\0\0\0\0\0\0\x06\0\0\0\0\x01\x04\0\0\x04\0",
        b"220 x <auth> <1@b>\r\n",
        b"DEFINE * x\r\n",
        b"\x04\0\x03",
        b"\x03\0\0\0\x01\0\0\0\0abcdefgh\x80\x81\x82\x83\x84\x85\x86\x87",
        b"\x03\0\0\0\x01\x09\0\x7c\x02abcdefgh\x80\x81\x82\x83\x84\x85\x86\x87",
        b"\x14\0\xfb\x05\x0dmc.example.co\x63\xdd\x01",
        b"\x03\x03\x80\x02",
        b"\x0f\0\x0d{\"version\":1}",
        b"\xe3\x06\0\0\0\x40\x01\x02\x03\x04",
        b"\xe4\x21\x04abcdefghijklmnopabcdefghijklmnop",
        b"\xe3\x96\x12\x34\xaa\x55",
        b"Sun Jan  4 17:01:22 2015\r\n",
        b"\n",
        b"NICK a\r\n",
        b"USER a 0 * :A\r\n",
        b":irc.a NOTICE * :x\r\n",
        b"PING :1\r\n",
        b"\"SASL\" \"PLAIN\"\r\n",
        b"AUTHENTICATE \"PLAIN\"\r\n",
        b"OK MPD 0.23\n",
        b"status\n",
        b"200 hello\r\n",
        b"MODE READER\r\n",
        b"GROUP a.b\r\n",
        b"LIST UPS\n",
        b"USERNAME a\n",
        b"LOGIN a\n",
        b"OK\n",
        b"ERR ACCESS-DENIED\n",
        b"{\"id\":1,\"method\":\"mining.subscribe\"}\n",
        b"{\"id\":1,\"result\":true}\n",
        b"+$qSupported:a#35",
        b"+$OK#9a",
        b"\x02lp\n",
        b"\x0298 cfA001host\n",
        b"\x04lp\n",
        b"lp is ready\n",
        b"/\r\n",
        b"iHi\ta\tb\t0\r\n",
        b".\r\n",
        b"6193, 23\r\n",
        b"6193, 23 : ERROR : x\r\n",
        b"Login: a  Name: a\r\n",
        b"example.org\r\n",
        b"% IANA WHOIS server\n",
        b"\0alice\0root\0xterm/38400\0",
        b"1022\0alice\0root\0ls\0",
        b"BEGIN AUTH REQUEST\n",
        b"error 0 x\nI HATE YOU\n",
        b"0033git-upload-pack /project.git\0host=myserver.com\0",
        b"00887217a7c7e582c46cec22a130adf4b9d7d950fba0 HEAD\0",
        b"\x1bE\x1b&",
        b"@PJL\r\n",
        b"\0\0",
        b"\0\x80\0\0\0\x01\x02\x03\xc6\x33\x64\x07",
        b"\x05\x07\0\x14abcdefghijklmnop",
        b"\x04\x07\0\x1babcdefghijklmnop\x01\x07alice",
        b"\0\x01\0\x1e\xc0\0\x02\x01\0\0\x01\0\0\x14\0\0\0\x01\x04\0\0\x04\0\x0f\0\0",
        b"\x2a\x02\0\x08\x04\x06\0\0\x12\x34\x01\x90",
        b"\x20\x40\x03\x18\0\0\0\x01\0\0\0\0\0\x0f\x42\x40\0\x0f\x42\x40\0\0\0\0",
        b"ES\0\0\0\x2e\0\0\0\0\0\0\0\x01\x08\0\x5e\x8f\x60\0\0\0\x17internal",
        b"GIOP\x01\x02\x01\0\x08\0\0\0\x01\0\0\0\x03\0\0\0",
        b"\x03\0\0\x19\x08\x02\0\x7b\x05\x28\x03abc\x7e\0\x08\x05\x20\xb8\x06\0\x08\x91\x4a",
        b"HS\0\0\x01\0IV\0\0\0\0\0\0\0\x07hislip0",
        b"\x0bMSH|^~\\&|ADT1|MCM|LABADT|MCM|198808181126||ADT^A01|1|P|2.2\r",
        b"*KISMET: 2005.08.R1 1127347453 \x01Kismet\x01 20050815211952 \n",
        b"\0\x14\0\x0f\0\0\0\x07\0\0\0\x9f\xac\xad\xe9",
        b"\0\0\0\x0e\x01ActiveMQ\0\0\0\x01\0",
        b"\0\0\0\x25\0\0\0\x09\0\0\0\0\0\0\0\x01smpp3\0secret\0SUB\0\x34\x01\x01\0",
        b"\0\x01\0\x11\0\x05\0\x04\0\0\xea\x60\0\x04\0\x05\0test",
        b"\x14\0\0\0\0\0\0\0\x01\0\0\0SEP001122334455\0",
        b"\0\x08\x22\0WoW\0\x03\x03\x05\x34\x3068x\0niW\0SUne\x3c\0\0\0\xc0\0\x02\x01\x04USER",
        b"\x60\x0e\xa8\x03\x02\x01\x07\xbe\x07\x28\x05\x81\x03\x80\x01\x20",
        b"\0\0\0\x1d\xd0\xf2\x81\xf8\x8b\xff\x9a\xf7\xd5\xef\x94\xb6\xd1\xb4",
        b"ISO11898\x01\x01\0\0\x01\x23\x02\x55\xaa\0\0\0\0\0\0\0\0",
        b"\0\x14\x01\x63\0\x20\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0",
        b"\x1a\x90\x02\x1d\0\x09\0\x03\0\x01\x5a\xa5\0\0\xff\xfe\x12\x34\0\0\0\0\0\x01",
        b"DLEP\0\x01\0\x0b\0\x04\0\x07\0router",
        b"\x0d\x01\x34\x12\xc0\0\x02\x01\x07\0\0\0\x5e\x0e\x8f\x48\0\0\0\0\x01\0\0\0\x01\x02\0\0\0\0\0\0data",
        b"ESIO\0\x02\0\0\0\x18\0\x07\0\x01\0\x0c\0\0\0\x02\0\0\0\0",
        b"\x0e\xc0\0\x07\x06\0\x08\x91\x4a\0\x04\x80\x01",
        b"\x20\x01\0\x0c\0\0\x01\0\0\x60\0\x04\xe1\x23\x45\x67",
        b"RTPS\x02\x03\x01\x0fabcdefghijkl\x07\0\0\x04\0\0\0\0",
        b"\xd1\x23\x45\x67\x89\xab\xcd\xe0\0\0\0\x07\0\0\0\x01\0\0\0\x03\x01\x05\0\0\0\0\0\x34\0\0\x02\x01",
        b"tivoconnect=1\nmethod=broadcast\n",
        b"\0\x01\0\x02\0\x01\0",
        b"MIOP\x10\x03\x14\0\0\0\0\0\x01\0\0\0\x04\0\0\0abcd",
        b"!0 ENABLE TIME *\n",
        b"0\0WORLD OF WARCRAFT CONNECTION - SERVER TO CLIENT\0",
        b"\x47\x41\x00\x15\0\0\x01\xe0",
        b"\x04\0\0\0\0\0\0\0\0\0\0\0",
        b"\xff\xff\xff\xffgetstatus\n",
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

    /// Signatures that are made of what is said, as often as not.
    fn signed() -> impl Strategy<Value = Vec<u8>> {
        let record = (any::<[u8; 12]>(), proptest::option::of((proptest::sample::select(PIECES), 0u8..4)));
        let record = record.prop_map(|(mut record, piece)| {
            if let Some((piece, offset)) = piece {
                let from = piece.get(usize::from(offset)..).unwrap_or_default();
                record[2] = record[2] & 0xf8 | offset;
                record[4..]
                    .iter_mut()
                    .zip(from.iter().take(4))
                    .for_each(|(byte, &of_piece)| *byte = of_piece);
                record[3] = from.len().min(4) as u8;
                record[8] = 0xff;
                record[9] |= 7;
            }
            record
        });
        (proptest::collection::vec(record, 0..5), pieces())
            .prop_map(|(records, pieces)| [vec![records.len() as u8], records.concat(), pieces].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn signatures_keep_their_word(data in signed()) {
            signatures(&data);
        }

        #[test]
        fn probes_keep_their_word(data in pieces()) {
            for &protocol in Protocol::ALL {
                probe(protocol, &data);
            }
            identify_any(&data);
            describe_any(&data);
        }

        #[test]
        fn watches_keep_their_word(data in pieces()) {
            for protocol in 0..watch::WATCHED.len() as u8 {
                watch(&[&[data[0], protocol], &data[2..]].concat());
            }
        }

        #[test]
        fn watches_survive_noise(data in proptest::collection::vec(any::<u8>(), 0..3000)) {
            watch(&data);
        }

        #[test]
        fn probes_survive_noise(data in proptest::collection::vec(any::<u8>(), 0..700)) {
            for &protocol in Protocol::ALL {
                probe(protocol, &data);
            }
            identify_any(&data);
            describe_any(&data);
        }
    }
}
