//! Holds a flow to the rules of the protocol that it began as.
//!
//! What starts like its port's protocol may be anything from its second message on. A [`Watch`] follows the next messages of
//! both sides: where the protocol says what a message is and how long, only its head is looked at and the rest is
//! passed over, so a flow costs some hundred bytes and its packets next to nothing. It ends by itself, after a number of
//! packets and messages; where data is missing it gives up. What it finds is a [`Breach`]: that the flow is not what it
//! said it was. A control connection of FTP is listened to for longer, to its end, for the data ports that it names.

use offport_wire::Transport;

use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::proxy;
use crate::text::is_text;
pub use breach::Breach;
use cursor::{Cursor, HEAD};
pub use data_port::DataPort;
use http::Http;
use rules::{Rules, Step};

pub(crate) mod alone;
mod breach;
mod cursor;
mod data_port;
mod dialogue;
mod dns;
mod http;
mod http2;
mod http_head;
mod line;
mod rules;
mod ssh;
mod tls;

/// What is to be done with a flow after a packet of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is to be watched further.
    GoOn,
    /// It has shown enough, or goes on as something that is not watched: STARTTLS, CONNECT.
    Enough,
    /// Data is missing: nothing more can be said.
    Lost,
    /// It has broken a rule.
    Broken(Broken),
}

/// A rule that was broken, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub breach: Breach,
    /// Index in the piece's bytes at which the message stands that breaks it; 0 if that came in an earlier piece.
    pub at: usize,
}

/// Bytes of a message that are passed over at most: a flow that brings more at a time has shown enough, and may be shunted.
const PASSED_OVER: u64 = 1 << 15;

/// One flow. What it keeps of the flow's bytes stands in a [`Room`] of its own, which most never use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    rules: Rules,
    sides: [Cursor; 2],
    /// Packets after which it has shown enough, without those that are passed over. None left: it is listened to only.
    packets_left: u16,
    /// Each piece is a message.
    datagrams: bool,
    /// Of the client nothing was read: a PROXY header may come.
    may_be_proxied: bool,
}

/// A piece of one side's stream, or a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Whose.
    pub speaker: Speaker,
    /// Of its first byte in the side's stream, which begins with 0. Of a datagram: 0.
    pub offset: u64,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length as the headers give it.
    pub len: u32,
    /// Up to where it acknowledges the other side's stream; `None`: of that side no packet was seen. Of a datagram: anything.
    pub acked: Option<u64>,
}

/// Where a [`Watch`] keeps beginnings of messages: the same from its first piece to its last, unless
/// [`Watch::keeps_bytes`] says that nothing is in it. What is in it before does not matter.
pub type Room = [[u8; ROOM_LINE]; 4];

/// Bytes of each of the four beginnings that a [`Room`] holds: two of each side.
pub const ROOM_LINE: usize = HEAD;

impl Watch {
    /// For a flow that begins as this protocol, if there are rules for it.
    pub fn new(protocol: Protocol, exchange: &Exchange<'_>) -> Option<Self> {
        let rules = Rules::of(protocol, exchange)?;
        Some(Self::by(rules.packets(), rules, exchange))
    }

    /// For a flow that is not to be held to rules: `None` if none but those are had of its protocol. What breaks them ends it.
    pub fn listening(protocol: Protocol, exchange: &Exchange<'_>) -> Option<Self> {
        let rules = Rules::of(protocol, exchange).filter(Rules::names_data_ports)?;
        Some(Self::by(0, rules, exchange))
    }

    fn by(packets_left: u16, rules: Rules, exchange: &Exchange<'_>) -> Self {
        let datagrams = exchange.transport == Transport::UDP;
        Self { packets_left, rules, sides: Default::default(), datagrams, may_be_proxied: !datagrams }
    }

    /// Hears what was said already.
    pub fn begin(&mut self, exchange: &Exchange<'_>, room: &mut Room) -> Heard {
        let is_udp = self.datagrams;
        let (client, server) = (Speaker::Client, Speaker::Server);
        // Who asks is heard first: only in a stream does it matter who began.
        let order: &[_] = match exchange.first {
            Speaker::Client if self.has_heard_request(exchange.client.bytes) => &[server],
            Speaker::Server if !is_udp => &[server, client],
            _ => &[client, server],
        };
        let mut heard = Heard::GoOn;
        for &speaker in order {
            let side = if speaker == client { &exchange.client } else { &exchange.server };
            heard = match is_udp {
                true => self.hear_datagrams(speaker, side, room),
                false => self.hear_stream(speaker, side, room),
            };
            if heard != Heard::GoOn {
                break;
            }
        }
        heard
    }

    fn hear_stream(&mut self, speaker: Speaker, side: &Side<'_>, room: &mut Room) -> Heard {
        let bytes = side.bytes;
        if bytes.is_empty() {
            return Heard::GoOn;
        }
        self.hear(room, Piece { speaker, offset: 0, bytes, len: bytes.len() as u32, acked: None })
    }

    /// Whether these are a usual request of HTTP; if so, they were heard.
    fn has_heard_request(&mut self, bytes: &[u8]) -> bool {
        let Rules::Http(http) = &mut self.rules else { return false };
        let Some(after) = Http::after_request(bytes) else { return false };
        *http = after;
        self.sides[Speaker::Client as usize].pass_over(bytes.len() as u64);
        self.packets_left = self.packets_left.saturating_sub(1);
        self.may_be_proxied = false;
        true
    }

    fn hear_datagrams(&mut self, speaker: Speaker, side: &Side<'_>, room: &mut Room) -> Heard {
        let last = side.ends.len().saturating_sub(1);
        for (index, bytes) in side.datagrams().enumerate() {
            let len = if index == 0 { side.first_len } else { bytes.len() as u32 };
            // How long the one was that the bound has cut is not known.
            if bytes.is_empty() || index > 0 && index == last && side.closed {
                continue;
            }
            let heard = self.hear(room, Piece { speaker, offset: 0, bytes, len, acked: None });
            if heard != Heard::GoOn {
                return heard;
            }
        }
        Heard::GoOn
    }

    /// The next payload of a flow.
    pub fn hear(&mut self, room: &mut Room, piece: Piece<'_>) -> Heard {
        let [client, early_client, server, early_server] = room;
        let kept = match piece.speaker {
            Speaker::Client => [client, early_client],
            Speaker::Server => [server, early_server],
        };
        let Self { rules, sides, packets_left, datagrams, may_be_proxied } = self;
        // What the other side has not said, it has not said: nothing of it is missing.
        let other = Other::of(piece.acked, sides[1 - piece.speaker as usize].heard());
        let mut was_read = *datagrams;
        let heard = match *datagrams {
            true => match rules.read(&piece, other, piece.bytes) {
                Step::More | Step::Took(_) => Heard::GoOn,
                Step::Enough => Heard::Enough,
                Step::Broken(breach) => Heard::Broken(Broken { breach, at: 0 }),
            },
            false => sides[piece.speaker as usize].hear(kept, &piece, |head| {
                was_read = true;
                if *may_be_proxied && piece.speaker == Speaker::Client {
                    let header = proxy::Header::announced(head);
                    *may_be_proxied = header == proxy::Header::Partial;
                    match header {
                        proxy::Header::Partial => return Step::More,
                        proxy::Header::Whole(length) => return Step::Took(length as u64),
                        proxy::Header::None => {}
                    }
                }
                rules.read(&piece, other, head)
            }),
        };
        if matches!(heard, Heard::Broken(_)) && *packets_left == 0 {
            return Heard::Enough;
        }
        if heard != Heard::GoOn || !was_read {
            return heard;
        }
        *packets_left = packets_left.saturating_sub(1);
        match packets_left {
            0 if !rules.names_data_ports() => rules.at_last(other.heard),
            _ => Heard::GoOn,
        }
    }

    /// Whether anything is in its room.
    pub fn keeps_bytes(&self) -> bool {
        self.sides.iter().any(Cursor::keeps)
    }

    /// The data port that an FTP control connection has named since this was last asked; of several the last.
    pub const fn data_port(&mut self) -> Option<DataPort> {
        self.rules.take_data_port()
    }
}

/// What is known of the side that does not speak, by what the one that does acknowledges of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Other {
    /// It was seen, and what it has said was heard.
    heard: bool,
    /// It has said more than was heard, or nothing more: the end of its stream is acknowledged as a byte is (RFC 9293, section 3.4).
    went_on: bool,
}

impl Other {
    fn of(acked: Option<u64>, heard: u64) -> Self {
        Self {
            heard: acked.is_some_and(|acked| acked <= heard + 1),
            went_on: acked.is_none_or(|acked| acked > heard),
        }
    }
}

/// Bytes that it takes to call something junk.
const FAIR: usize = 16;

/// Whether bytes are no text of any charset and language: among the first of them are too many that text has no use for.
fn is_junk(bytes: &[u8]) -> bool {
    let bytes = &bytes[..bytes.len().min(16 * FAIR)];
    let is_odd = |byte: u8| !is_text(byte) && !matches!(byte, b'\r' | b'\n' | 0x1b);
    // Counts of one byte: so the compiler looks at many at once.
    let odd = |part: &[u8]| part.iter().fold(0, |count: u8, &byte| count + u8::from(is_odd(byte)));
    bytes.len() >= FAIR
        && bytes.chunks(8 * FAIR).map(|part| usize::from(odd(part))).sum::<usize>()
            >= (bytes.len() / FAIR).max(3)
}

/// Whether bytes are nothing that a server would say in words instead of its protocol: those are ASCII, or the UTF-8 of a
/// page.
fn is_wordless(bytes: &[u8]) -> bool {
    let bytes = &bytes[..bytes.len().min(4 * FAIR)];
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let is_cut = bytes.len() - valid < 4 && valid > 0;
    is_junk(bytes)
        || (bytes.len() >= FAIR
            && !is_cut
            && bytes.iter().filter(|byte| !byte.is_ascii()).count() >= FAIR / 4)
}

#[cfg(test)]
mod tests {
    use super::alone::Alone;
    use super::rules::PACKETS;
    use super::*;

    pub(super) const NOTHING_YET: Exchange<'_> = Exchange {
        transport: Transport::TCP,
        client: EMPTY,
        server: EMPTY,
        first: Speaker::Client,
        client_port: 40_000,
        server_port: 50_000,
        midstream: false,
    };
    const EMPTY: Side<'_> = Side { bytes: b"", ends: &[], first_len: 0, total: 0, closed: false };

    /// Of a flow that has said nothing so far.
    pub(super) fn silent(protocol: Protocol) -> Alone {
        Alone::of(protocol, &NOTHING_YET).unwrap().0
    }

    /// What comes of what the sides say in turn, cut into pieces.
    pub(super) fn watch(protocol: Protocol, said: &[(Speaker, Vec<u8>)], size: usize) -> Heard {
        let mut watch = silent(protocol);
        let mut offsets = [0u64; 2];
        let mut last = Heard::GoOn;
        for (speaker, bytes) in said {
            for bytes in bytes.chunks(size) {
                let offset = offsets[*speaker as usize];
                offsets[*speaker as usize] += bytes.len() as u64;
                let len = bytes.len() as u32;
                last = watch.hear(Piece { speaker: *speaker, offset, bytes, len, acked: Some(0) });
                if last != Heard::GoOn {
                    return last;
                }
            }
        }
        last
    }

    #[test]
    fn what_is_missing_of_one_side_is_not_held_against_the_other() {
        let upgrade = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        for missing in [0, 20] {
            let mut watch = silent(Protocol::Http);
            let mut hear = |speaker, offset, bytes: &[u8]| {
                watch.hear(Piece { speaker, offset, bytes, len: bytes.len() as u32, acked: Some(0) })
            };
            assert_eq!(hear(Speaker::Client, 0, upgrade), Heard::GoOn);
            assert_eq!(hear(Speaker::Server, missing, b"HTTP/1.1 503 No\r\n\r\n"), Heard::GoOn);
            let heard = hear(Speaker::Client, upgrade.len() as u64, &[0x81; 64]);
            assert_eq!(matches!(heard, Heard::Broken(_)), missing == 0, "{heard:?}");
        }
    }

    #[test]
    fn a_long_message_is_enough() {
        for (length, heard) in [(PASSED_OVER / 2, Heard::GoOn), (PASSED_OVER + 1, Heard::Enough)] {
            let upload = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
            assert_eq!(watch(Protocol::Http, &[(Speaker::Client, upload.into_bytes())], 1_460), heard);
        }
    }

    #[test]
    fn words_are_ascii_or_utf_8() {
        assert!(!is_wordless(b"Client sent an HTTP request to an HTTPS server.\n"));
        assert!(!is_wordless("<title>Ошибка запроса к серверу</title>".as_bytes()));
        assert!(!is_wordless(&"Ошибка запроса к серверу".as_bytes()[..19]));
        assert!(is_wordless(b"\xa6\xdb\x9cAI\xa5sm\xcb\xd8\x93m\xc4\xb3~d"));
        assert!(!is_wordless(b"short \xff\xff"));
    }

    #[track_caller]
    pub(super) fn holds(protocol: Protocol, said: &[(Speaker, Vec<u8>)]) {
        let total: usize = said.iter().map(|(_, bytes)| bytes.len()).sum();
        // A watch ends after so many packets.
        let sizes = [9_000, 1_460, 536, 100, 61, 13].into_iter().filter(|size| total / size < PACKETS.into());
        for size in sizes {
            let heard = watch(protocol, said, size);
            assert!(matches!(heard, Heard::GoOn | Heard::Enough), "{heard:?} in pieces of {size}");
        }
    }

    /// HAProxy's specification of the PROXY protocol, sections 2.1 and 2.2: before the first bytes of the client.
    #[test]
    fn a_load_balancers_header_is_passed_over() {
        let line = b"PROXY TCP6 2001:db8:1111:2222:3333:4444:5555:6666 2001:db8:1111:2222:3333:4444:5555:7777 65535 65535\r\n";
        let binary = |length: u8| {
            [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0".as_slice(), &[length], &vec![0xee; length.into()]].concat()
        };
        let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
        let hello = [
            b"\x16\x03\x01\0\x32\x01\0\0\x2e\x03\x03".as_slice(),
            &[0x5a; 32],
            b"\0\0\x02\x13\x01\x01\0\0\x03\0\x2b\0",
        ]
        .concat();
        for header in [line.to_vec(), binary(12), binary(250)] {
            let behind = |bytes: &[u8]| (Speaker::Client, [&header, bytes].concat());
            let next = (Speaker::Client, request.to_vec());
            holds(Protocol::Http, &[behind(request), (Speaker::Server, answer.clone()), next]);
            holds(Protocol::Tls, &[behind(&hello)]);
            // Once.
            breaks(Protocol::Tls, &[behind(&header)], Breach::TlsRecord);
        }
    }

    #[track_caller]
    pub(super) fn breaks(protocol: Protocol, said: &[(Speaker, Vec<u8>)], breach: Breach) {
        for size in [1_460, 536] {
            match watch(protocol, said, size) {
                Heard::Broken(broken) => assert_eq!(broken.breach, breach, "pieces of {size}"),
                heard => panic!("{heard:?} in pieces of {size}"),
            }
        }
    }

    #[test]
    fn a_watch_is_small() {
        assert!(size_of::<Watch>() <= 224, "{}", size_of::<Watch>());
    }

    #[test]
    fn every_watch_ends() {
        let record = b"\x17\x03\x03\0\x01\0".as_slice();
        let query = b"\0\x13\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01".as_slice();
        let cases: [(Protocol, &[u8], &[u8]); 7] = [
            (Protocol::Tls, b"\x16\x03\x01\0\x04\x01\0\0\0", record),
            (Protocol::Http, b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
            (Protocol::Ssh, b"", b"SSH, they say\r\n"),
            (Protocol::Dns, b"", query),
            (Protocol::Smtp, b"EHLO a\r\n", b"NOOP\r\n"),
            (Protocol::Pop3, b"USER a\r\n", b"NOOP\r\n"),
            (Protocol::Imap, b"", b"a NOOP\r\n"),
        ];
        for (protocol, first, again) in cases {
            let said: Vec<_> = std::iter::once(first)
                .filter(|first| !first.is_empty())
                .chain(std::iter::repeat_n(again, 300))
                .map(|bytes| (Speaker::Client, bytes.to_vec()))
                .collect();
            assert_eq!(watch(protocol, &said[..20], 1_460), Heard::GoOn, "{protocol}");
            assert_ne!(watch(protocol, &said, 1_460), Heard::GoOn, "{protocol}");
        }
    }

    /// What comes of lines of an FTP client, one by one, and the ports of the data ports that they name.
    fn ftp(mut watch: Alone, lines: &[&str]) -> (Heard, Vec<u16>) {
        let mut offset = 0;
        let mut ports = Vec::new();
        for line in lines {
            let bytes = line.as_bytes();
            let len = bytes.len() as u32;
            let heard = watch.hear(Piece { speaker: Speaker::Client, offset, bytes, len, acked: Some(0) });
            offset += u64::from(len);
            ports.extend(watch.data_port().map(|named| named.port));
            if heard != Heard::GoOn {
                return (heard, ports);
            }
        }
        (Heard::GoOn, ports)
    }

    const NAMES_1025: &str = "PORT 192,0,2,1,4,1\r\n";

    #[test]
    fn a_control_connection_of_ftp_is_listened_to_as_long_as_it_lasts() {
        let mut lines = vec!["USER a\r\n"; 3 * usize::from(PACKETS)];
        lines.push(NAMES_1025);
        assert_eq!(ftp(silent(Protocol::Ftp), &lines), (Heard::GoOn, vec![1025]));
        // By then it is not held to the rules any more.
        let junk = "\u{1}\u{2}\u{3}\u{4}".repeat(20);
        lines.push(&junk);
        assert_eq!(ftp(silent(Protocol::Ftp), &lines), (Heard::Enough, vec![1025]));
        assert!(matches!(ftp(silent(Protocol::Ftp), &["USER a\r\n", &junk]), (Heard::Broken(_), _)));
    }

    #[test]
    fn who_is_listened_to_only_is_never_accused() {
        let listening = |protocol| Alone::listening(protocol, &NOTHING_YET);
        let junk = "\u{1}\u{2}\u{3}\u{4}".repeat(20);
        let (watch, heard) = listening(Protocol::Ftp).unwrap();
        assert_eq!(heard, Heard::GoOn);
        let lines = [NAMES_1025, "NOOP\r\n", "PORT 192,0,2,1,4,2\r\n", &junk, NAMES_1025];
        assert_eq!(ftp(watch, &lines), (Heard::Enough, vec![1025, 1026]));
        for protocol in [Protocol::Smtp, Protocol::Http, Protocol::Ntp] {
            assert!(listening(protocol).is_none(), "{protocol}");
        }
    }

    #[test]
    fn data_ports_are_told_by_whole_lines_however_they_are_cut() {
        let said = [
            (Speaker::Server, "220 FTP\r\n227-Passive\r\n229 (|||7|)\r\n227 (192,0,2,1,4,1)\r\n", Some(1025)),
            (Speaker::Server, "211-Status\r\n227 (192,0,2,1,4,1)\r\n211 End\r\n", None),
            (Speaker::Client, "EPRT |1|192.0.2.1|1025|\r\nLIST\r\n", Some(1025)),
            (Speaker::Client, "PORT 192,0,2,1,4,1\r\nPORT 192,0,2,1,4,9\r\n", Some(1033)),
            (Speaker::Client, "\u{ff}PORT 192,0,2,1,4,1\r\n", None),
            (Speaker::Client, &format!("PORT 192,0,2,1,4,1{:<120}99\r\n", ""), None),
        ];
        for (speaker, text, expected) in said {
            for size in 1..=text.len() {
                let mut watch = silent(Protocol::Ftp);
                let mut last = None;
                for (at, bytes) in text.as_bytes().chunks(size).enumerate() {
                    let (offset, len) = ((at * size) as u64, bytes.len() as u32);
                    assert_eq!(
                        watch.hear(Piece { speaker, offset, bytes, len, acked: Some(0) }),
                        Heard::GoOn
                    );
                    last = watch.data_port().or(last);
                }
                assert_eq!(last.map(|named| named.port), expected, "{text} in pieces of {size}");
            }
        }
    }

    #[test]
    fn other_dialogues_name_no_data_ports() {
        let mut watch = silent(Protocol::Smtp);
        let bytes = b"227 (192,0,2,1,4,1)\r\n";
        let len = bytes.len() as u32;
        watch.hear(Piece { speaker: Speaker::Server, offset: 0, bytes, len, acked: Some(0) });
        assert_eq!(watch.data_port(), None);
    }

    #[test]
    fn a_proxy_header_is_passed_over() {
        let v1 = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\n".to_vec();
        let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\0\x50".to_vec();
        for header in [v1, v2] {
            let get = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
            holds(Protocol::Http, &[(Speaker::Client, header.clone()), (Speaker::Client, get)]);
            let raw = vec![0xa5; 600];
            // One is.
            let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
            let twice = [(Speaker::Client, header.clone()), (Speaker::Client, v2)];
            assert!(matches!(watch(Protocol::Http, &twice, 9_000), Heard::Broken(_)));
            breaks(Protocol::Http, &[(Speaker::Client, header), (Speaker::Client, raw)], Breach::HttpRequest);
        }
    }

    #[test]
    fn where_a_rule_was_broken_is_told() {
        let mut watch = silent(Protocol::Http);
        let bytes = [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".as_slice(), &[0xa5; 300]].concat();
        let piece = Piece {
            speaker: Speaker::Client,
            offset: 0,
            bytes: &bytes,
            len: bytes.len() as u32,
            acked: Some(0),
        };
        let broken = Broken { breach: Breach::HttpRequest, at: 27 };
        assert_eq!(watch.hear(piece), Heard::Broken(broken));
    }
}
