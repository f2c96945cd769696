//! HTTP: start lines, header lines, and messages as long as they say; and the frames of HTTP/2.
//!
//! RFC 9112, sections 2.2, 3, 4, 5, 6.3 and 7.1; RFC 9110, sections 7.8 (Upgrade), 9.3.6 (CONNECT) and 15.2. A message is a start line,
//! header lines and a body whose length they declare; where it ends the next one begins. What a server sends
//! until it closes has no end that could be held against it. A tunnel begins where the server agrees to one.

use memchr::memchr;

use super::http_head::{Field, Length, Request, is_token, plain_lines, status};
use super::http2::{self, PREFACE};
use super::line::Line;
use super::{Breach, FAIR, Step, is_junk, is_wordless};
use crate::exchange::Speaker;
use crate::start_line::Usual;

/// Messages of each side that are looked at.
const ENOUGH: u8 = 16;
/// Requests without an answer that are remembered.
const PIPELINED: u8 = 16;
/// Empty lines before a start line (RFC 9112, section 2.2).
const BLANKS: u8 = 8;
/// What a server may send beyond the length that it declared, before it is held against it: some count wrongly.
const EXCESS: u64 = 16 << 10;
/// Header lines of a request without a colon, before they are held against it.
const ODD_LINES: u8 = 3;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Http {
    client: Side,
    server: Side,
    /// Requests without an answer, the oldest lowest: whether its answer has no body.
    bodiless: u16,
    pipelined: u8,
    /// The client has asked for a tunnel, and what it sends now is not looked at.
    tunnel: bool,
    /// It has sent through a tunnel that nobody has agreed to.
    tunnelled: bool,
    /// The client has offered to go on with another protocol (RFC 9110, section 7.8).
    upgrade: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Side {
    at: At,
    length: Length,
    messages: u8,
    blanks: u8,
    odd_lines: u8,
    /// The line before says how long the body is, and may go on.
    framing: bool,
    excess: u64,
    /// Server: the answer has no body whatever it declares. Client: nothing.
    bodiless: bool,
    /// What the start line said, for the end of the headers.
    start: Start,
}

/// Where in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Header,
    /// In a start line of which the beginning was read.
    StartLine,
    /// In a header line of which the beginning was read.
    Line,
    Chunk,
    /// The line end behind a chunk.
    ChunkEnd,
    Trailer,
    /// Past the end of a message, and it is no other.
    Beyond,
    /// Till the side closes.
    Rest,
    /// HTTP/2.
    Frames,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Start {
    #[default]
    Usual,
    Connect,
    /// 1xx: another answer follows.
    Interim,
}

impl Http {
    pub(super) fn read(&mut self, speaker: Speaker, head: &[u8]) -> Step {
        let side = match speaker {
            Speaker::Client => &mut self.client,
            Speaker::Server => &mut self.server,
        };
        match side.at {
            At::Start => self.start(speaker, head),
            At::Header => match plain_lines(head) {
                0 => self.header(speaker, head),
                taken => {
                    side.framing = false;
                    Step::Took(taken as u64)
                }
            },
            At::Trailer => self.header(speaker, head),
            At::StartLine if speaker == Speaker::Client => line_end(&mut side.at, head, Breach::HttpRequest),
            At::StartLine => line_end(&mut side.at, head, Breach::HttpStatus),
            At::Line => line_end(&mut side.at, head, Breach::HttpHeader),
            At::Chunk | At::ChunkEnd => {
                let read = if side.at == At::Chunk { chunk(side, head) } else { chunk_end(side, head) };
                match (speaker, read) {
                    // Some servers' chunks are none, and browsers take them.
                    (Speaker::Server, Step::Broken(_)) => rest(side, head),
                    (_, read) => read,
                }
            }
            At::Beyond => beyond(side, head),
            At::Frames => http2::frame(head),
            At::Rest => {
                self.tunnelled |= speaker == Speaker::Client && self.tunnel;
                Step::Took(head.len() as u64)
            }
        }
    }

    /// What reading this comes to, where it is what a client says first and one request without a body, whole, as most flows
    /// begin with. `None`: it has to be read. (Line by line it would cost more; the fuzz target holds both to the same.)
    pub(super) fn after_request(bytes: &[u8]) -> Option<Self> {
        let Usual { method, headers } = Usual::read(bytes).filter(|usual| usual.method != b"POST")?;
        let headers = headers.strip_suffix(b"\r\n")?;
        if plain_lines(headers) != headers.len() {
            return None;
        }
        let client = Side { messages: 1, ..Side::default() };
        Some(Self { client, bodiless: u16::from(method == b"HEAD"), pipelined: 1, ..Self::default() })
    }

    pub(super) fn at_last(&self, answered: bool) -> Option<Breach> {
        (answered && self.tunnel && self.tunnelled).then_some(Breach::HttpTunnel)
    }

    fn start(&mut self, speaker: Speaker, head: &[u8]) -> Step {
        let blank = matches!(head.first(), Some(b'\r' | b'\n'));
        match speaker {
            Speaker::Client if head.iter().all(|&byte| byte == 0) => Step::Took(head.len() as u64),
            Speaker::Client if blank => {
                self.client.blanks += 1;
                if self.client.blanks > BLANKS { Step::Broken(Breach::HttpRequest) } else { Step::Took(1) }
            }
            Speaker::Client => match self.request(head) {
                // The server may have agreed: its answer can come on another queue.
                Step::Broken(_) if self.upgrade => {
                    (self.tunnel, self.tunnelled) = (true, true);
                    rest(&mut self.client, head)
                }
                step => step,
            },
            Speaker::Server => self.response(head),
        }
    }

    fn request(&mut self, head: &[u8]) -> Step {
        if self.client.messages == 0 && head.iter().zip(PREFACE).all(|(byte, of)| byte == of) {
            if head.len() < PREFACE.len() {
                return Step::More;
            }
            (self.client.at, self.server.at) = (At::Frames, At::Frames);
            return Step::Took(PREFACE.len() as u64);
        }
        if !head.first().is_some_and(|&byte| is_token(byte)) {
            return Step::Broken(Breach::HttpRequest);
        }
        let line = match Line::of(head, Breach::HttpRequest) {
            Ok(line) => line,
            Err(step) => return step,
        };
        let Some(request) = Request::read(line) else { return Step::Broken(Breach::HttpRequest) };
        let side = &mut self.client;
        side.messages += 1;
        // HTTP/0.9 has no headers, Icecast's sources no length (they stream till they close).
        if request.old || request.method == b"SOURCE" || side.messages > ENOUGH {
            return Step::Enough;
        }
        (side.blanks, side.odd_lines, side.framing) = (0, 0, false);
        side.length = Length::Unsaid;
        side.start = if request.method == b"CONNECT" { Start::Connect } else { Start::Usual };
        if self.pipelined == PIPELINED {
            return Step::Enough;
        }
        self.bodiless |= u16::from(request.method == b"HEAD") << self.pipelined;
        self.pipelined += 1;
        line.take(&mut side.at, At::Header, At::StartLine)
    }

    fn response(&mut self, head: &[u8]) -> Step {
        let side = &mut self.server;
        let is_status = |head: &[u8]| {
            [&b"HTTP/"[..], b"ICY "].iter().any(|name| head.iter().zip(*name).all(|(byte, of)| byte == of))
        };
        if side.messages == 0 && http2::is_opening(head) {
            side.at = At::Frames;
            return http2::frame(head);
        }
        if !is_status(head) {
            // An empty line behind a message is some servers'.
            if side.messages > 0 {
                side.at = At::Beyond;
                return beyond(side, head);
            }
            // No answer, but what a person could read: some servers' complaints.
            return match head.len() {
                _ if is_wordless(head) => Step::Broken(Breach::HttpStatus),
                ..FAIR => Step::More,
                _ => rest(side, head),
            };
        }
        let line = match Line::of(head, Breach::HttpStatus) {
            Ok(line) => line,
            Err(step) => return step,
        };
        let Some(status) = status(line.bytes) else { return rest(side, head) };
        side.messages += 1;
        side.length = Length::Unsaid;
        side.start = if (100..200).contains(&status) { Start::Interim } else { Start::Usual };
        if status == 101 || side.messages > ENOUGH || self.tunnel && (200..300).contains(&status) {
            return Step::Enough;
        }
        side.bodiless = matches!(status, 100..200 | 204 | 304) || self.bodiless & 1 != 0;
        if side.start != Start::Interim {
            self.bodiless >>= 1;
            self.pipelined = self.pipelined.saturating_sub(1);
            // What follows a refusal is not known.
            (self.tunnel, self.upgrade) = (false, false);
        }
        line.take(&mut side.at, At::Header, At::StartLine)
    }

    fn header(&mut self, speaker: Speaker, head: &[u8]) -> Step {
        let line = match Line::of(head, Breach::HttpHeader) {
            Ok(line) => line,
            Err(step) => return step,
        };
        let side = match speaker {
            Speaker::Client => &mut self.client,
            Speaker::Server => &mut self.server,
        };
        if line.ended && line.bytes.iter().all(|&byte| byte == b'\r') {
            let taken = line.length;
            return self.headers_end(speaker, taken);
        }
        let folded = matches!(line.bytes.first(), Some(b' ' | b'\t'));
        if folded && side.framing {
            return Step::Enough;
        }
        let colon = memchr(b':', line.bytes);
        side.odd_lines += u8::from(!folded && line.ended && colon.is_none());
        if speaker == Speaker::Client && side.odd_lines >= ODD_LINES {
            return Step::Broken(Breach::HttpHeader);
        }
        let (name, value) = line.bytes.split_at(colon.unwrap_or(line.bytes.len()));
        let field = Field::of(name.trim_ascii());
        self.upgrade |= speaker == Speaker::Client && field == Field::Upgrade;
        side.framing = line.ended && matches!(field, Field::Length | Field::Coding);
        // Of both, the coding counts (RFC 9112, section 6.3).
        if side.framing
            && side.at == At::Header
            && side.length != Length::Chunked
            && let Some(length) = field.length(value.get(1..).unwrap_or_default().trim_ascii())
        {
            side.length = length;
        }
        let at = side.at;
        line.take(&mut side.at, at, At::Line)
    }

    fn headers_end(&mut self, speaker: Speaker, taken: u64) -> Step {
        let side = match speaker {
            Speaker::Client => &mut self.client,
            Speaker::Server => &mut self.server,
        };
        if side.at == At::Trailer {
            side.at = At::Start;
            return Step::Took(taken);
        }
        side.at = At::Start;
        match (speaker, side.length) {
            (Speaker::Client, _) if side.start == Start::Connect => {
                self.tunnel = true;
                side.at = At::Rest;
                Step::Took(taken)
            }
            (Speaker::Server, _) if side.bodiless => Step::Took(taken),
            (_, Length::Bytes(length)) => Step::Took(taken.saturating_add(length)),
            (_, Length::Chunked) => {
                side.at = At::Chunk;
                Step::Took(taken)
            }
            (Speaker::Client, Length::Unsaid) => Step::Took(taken),
            (Speaker::Server, Length::Unsaid) => {
                side.at = At::Rest;
                Step::Took(taken)
            }
        }
    }
}

impl Line<'_> {
    /// Goes on behind the line: in `next` if it has ended.
    fn take(&self, at: &mut At, next: At, within: At) -> Step {
        *at = if self.ended { next } else { within };
        Step::Took(self.length)
    }
}

/// The rest of a long line. Header lines follow: a start line and a header line go on alike, and a trailer's is not long.
fn line_end(at: &mut At, head: &[u8], breach: Breach) -> Step {
    match memchr(b'\n', head) {
        Some(end) => {
            *at = At::Header;
            if is_junk(&head[..end]) { Step::Broken(breach) } else { Step::Took(end as u64 + 1) }
        }
        None if is_junk(head) => Step::Broken(breach),
        None => Step::Took(head.len() as u64),
    }
}

/// A chunk's size in hexadecimal digits, and extensions (RFC 9112, section 7.1).
fn chunk(side: &mut Side, head: &[u8]) -> Step {
    let line = match Line::of(head, Breach::HttpLength) {
        Ok(line) => line,
        Err(step) => return step,
    };
    let digits = line.bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let extends = matches!(line.bytes.get(digits), None | Some(b';' | b' ' | b'\t'));
    let size =
        std::str::from_utf8(&line.bytes[..digits]).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
    let Some(size) = size.filter(|_| extends && line.ended) else { return Step::Broken(Breach::HttpLength) };
    side.at = if size == 0 { At::Trailer } else { At::ChunkEnd };
    Step::Took(line.length.saturating_add(size))
}

fn chunk_end(side: &mut Side, head: &[u8]) -> Step {
    match *head {
        [b'\r', b'\n', ..] => {
            side.at = At::Chunk;
            Step::Took(2)
        }
        [b'\n', ..] => {
            side.at = At::Chunk;
            Step::Took(1)
        }
        [b'\r'] => Step::More,
        _ => Step::Broken(Breach::HttpLength),
    }
}

/// Nothing more of this side is looked at.
fn rest(side: &mut Side, head: &[u8]) -> Step {
    side.at = At::Rest;
    Step::Took(head.len() as u64)
}

/// More than was declared.
fn beyond(side: &mut Side, head: &[u8]) -> Step {
    side.excess += head.len() as u64;
    if side.excess > EXCESS && is_junk(head) {
        Step::Broken(Breach::HttpLength)
    } else {
        Step::Took(head.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{breaks, holds};
    use super::*;
    use crate::exchange::Speaker::{Client, Server};
    use crate::name::Protocol::Http;
    use crate::talk::Noise;

    fn said(parts: &[(Speaker, &[u8])]) -> Vec<(Speaker, Vec<u8>)> {
        parts.iter().map(|(speaker, bytes)| (*speaker, bytes.to_vec())).collect()
    }

    const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\n\r\n";
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nServer: y\r\nContent-Length: 5\r\n\r\nhello";

    /// What is told at once is told the same line by line.
    #[test]
    fn usual_requests() {
        let request = |line: &str, headers: &str| format!("{line}\r\n{headers}\r\n").into_bytes();
        let usual = [
            request("GET / HTTP/1.1", "Host: h\r\nUser-Agent: a\r\nAccept: */*\r\nCookie: c\r\n"),
            request("HEAD /a HTTP/1.0", ""),
            request("GET / HTTP/1.1", "Host:h\nX: \u{e9}\r\n"),
        ];
        let others = [
            request("GET / HTTP/1.1", "Host: h\r\nUpgrade: websocket\r\n"),
            request("GET / HTTP/1.1", "Content-Length : 5\r\n"),
            request("GET / HTTP/1.1", "Content-Length: 5\r\n"),
            request("GET / HTTP/1.1", "TRANSFER-ENCODING: chunked\r\n"),
            request("GET / HTTP/1.1", "Host: h\r\n folded\r\n"),
            request("GET / HTTP/1.1", "Host\r\n"),
            request("GET / HTTP/1.1", "Host: \u{1}\r\n"),
            request("GET / HTTP/1.1", "Host: h\r\n\r\nGET / HTTP/1.1\r\n"),
            request("GET /old", ""),
            request("POST / HTTP/1.1", "Host: h\r\n"),
            request("CONNECT h:443 HTTP/1.1", ""),
            b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec(),
            b"GET / HTTP/1.1\r\nHost: h\r\n\r".to_vec(),
        ];
        for (requests, is_usual) in [(usual.as_slice(), true), (others.as_slice(), false)] {
            for bytes in requests {
                let text = String::from_utf8_lossy(bytes);
                assert_eq!(super::Http::after_request(bytes).is_some(), is_usual, "{text}");
                crate::fuzz::begins_as_it_goes_on(Http, bytes);
            }
        }
    }

    #[test]
    fn messages_one_after_the_other() {
        holds(
            Http,
            &said(&[(Client, GET), (Server, OK), (Client, GET), (Client, GET), (Server, OK), (Server, OK)]),
        );
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nT: v\r\n\r\n";
        holds(Http, &said(&[(Client, GET), (Server, chunked), (Client, GET), (Server, OK)]));
        let post = b"POST /u HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n\0\x01binary\xff\xfe\r";
        let goes_on = b"HTTP/1.1 100 Continue\r\n\r\n";
        holds(
            Http,
            &said(&[
                (Client, post),
                (Server, goes_on),
                (Server, OK),
                (Client, b"\r\n"),
                (Client, GET),
                (Server, OK),
            ]),
        );
    }

    #[test]
    fn frames_of_http2() {
        let frame = |kind: u8, stream: u8, content: &[u8]| {
            let length = (content.len() as u32).to_be_bytes();
            [&[length[1], length[2], length[3], kind, 0, 0, 0, 0, stream][..], content].concat()
        };
        let settings = frame(4, 0, &[0, 3, 0, 0, 0, 100]);
        let opening = [PREFACE, &settings, &frame(8, 0, &[0, 0, 64, 0]), &frame(1, 1, &[0x82; 40])].concat();
        let grease = frame(0x2a, 0, b"grease");
        let data = frame(0, 1, &Noise::new(5).bytes(9_000));
        let answer = [settings.clone(), frame(1, 1, &[0x88]), data].concat();
        holds(Http, &said(&[(Client, &opening), (Server, &answer), (Client, &grease)]));
        holds(Http, &said(&[(Server, &settings), (Client, &opening), (Server, &answer[settings.len()..])]));
        let noise = Noise::new(6).bytes(9_000);
        breaks(Http, &said(&[(Client, &[&opening, &noise[..]].concat())]), Breach::HttpFrame);
        breaks(
            Http,
            &said(&[(Client, &opening), (Server, &[&settings, &noise[..]].concat())]),
            Breach::HttpFrame,
        );
        breaks(Http, &said(&[(Client, &[PREFACE, &noise[..]].concat())]), Breach::HttpFrame);
    }

    #[test]
    fn answers_without_a_body() {
        let head = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
        let unchanged = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n";
        holds(
            Http,
            &said(&[
                (Client, head),
                (Client, GET),
                (Server, length),
                (Server, unchanged),
                (Client, GET),
                (Server, OK),
            ]),
        );
    }

    #[test]
    fn an_answer_till_the_end() {
        let data = Noise::new(3).bytes(20_000);
        holds(Http, &said(&[(Client, GET), (Server, b"HTTP/1.0 200 OK\r\n\r\n"), (Server, &data)]));
    }

    #[test]
    fn long_lines() {
        let long = [
            b"GET /".as_slice(),
            &[b'q'; 3000],
            b" HTTP/1.1\r\nCookie: ",
            &[b'c'; 5000],
            b"\r\nHost: h\r\n\r\n",
        ]
        .concat();
        holds(Http, &said(&[(Client, &long), (Server, OK), (Client, GET)]));
    }

    #[test]
    fn tunnels_that_are_agreed_to() {
        let data = Noise::new(4).bytes(9_000);
        let connect = b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n";
        holds(
            Http,
            &said(&[
                (Client, connect),
                (Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
                (Client, &data),
            ]),
        );
        let upgrade = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        holds(
            Http,
            &said(&[
                (Client, upgrade),
                (Server, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
                (Client, &data),
            ]),
        );
        let many = Noise::new(4).bytes(120_000);
        breaks(Http, &said(&[(Client, connect), (Client, &many)]), Breach::HttpTunnel);
    }

    #[test]
    fn raw_data_behind_a_request() {
        let data = Noise::new(5).bytes(600);
        breaks(Http, &said(&[(Client, GET), (Client, &data)]), Breach::HttpRequest);
        breaks(Http, &said(&[(Client, b"GET /a HTTP/1.1\r\n"), (Client, &data)]), Breach::HttpHeader);
        let post = b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n";
        breaks(Http, &said(&[(Client, post), (Client, &data)]), Breach::HttpRequest);
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        breaks(Http, &said(&[(Client, chunked), (Client, &data)]), Breach::HttpLength);
    }

    #[test]
    fn raw_data_for_an_answer() {
        let data = Noise::new(6).bytes(80_000);
        breaks(Http, &said(&[(Client, GET), (Server, &data)]), Breach::HttpStatus);
        breaks(Http, &said(&[(Client, GET), (Server, OK), (Server, &data)]), Breach::HttpLength);
        breaks(
            Http,
            &said(&[(Client, GET), (Server, b"HTTP/1.1 200 OK\r\n"), (Server, &data)]),
            Breach::HttpHeader,
        );
    }
}
