//! memcached: its text, meta and binary protocols, over TCP and UDP; Couchbase's key-value service speaks the last.
//!
//! Specifications: memcached, `doc/protocol.txt` (text, meta commands, UDP frame header); "Memcache Binary Protocol"
//! (memcached wiki, BinaryProtocolRevamped). A binary header proves it by lengths that agree with the opcode; a storage
//! command and replies with numbers by their grammar; other commands by their reply. A datagram has a frame header of eight
//! bytes on top.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::scan::{self, Scan, Stop, require};
use crate::text::{Step, Text, Verbs, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Memcached,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[
        (2, |byte| byte == 0),
        (3, |byte| byte == 0),
        (6, |byte| byte == 0),
        (7, |byte| byte == 0),
    ]],
    stream: &[],
    check,
};

/// Commands in lower case on the wire.
const COMMANDS: &Verbs = &Verbs::new(&[
    b"SET",
    b"ADD",
    b"REPLACE",
    b"APPEND",
    b"PREPEND",
    b"CAS",
    b"GET",
    b"GETS",
    b"GAT",
    b"GATS",
    b"DELETE",
    b"INCR",
    b"DECR",
    b"TOUCH",
    b"STATS",
    b"VERSION",
    b"FLUSH_ALL",
    b"VERBOSITY",
    b"QUIT",
    b"MG",
    b"MS",
    b"MD",
    b"MA",
    b"ME",
    b"MN",
]);

const REPLIES: &Verbs = &Verbs::new(&[
    b"VALUE",
    b"STAT",
    b"VERSION",
    b"CLIENT_ERROR",
    b"SERVER_ERROR",
    b"VA",
    b"STORED",
    b"NOT_STORED",
    b"END",
    b"EXISTS",
    b"NOT_FOUND",
    b"DELETED",
    b"TOUCHED",
    b"OK",
    b"ERROR",
    b"HD",
    b"EN",
    b"NS",
    b"EX",
    b"NF",
    b"MN",
    b"ME",
]);

/// Commands in a row that are all common.
const PATIENCE: usize = 8;

const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        return weigh(exchange, |side| datagram(side, true), |side| datagram(side, false));
    }
    let sides = weigh(exchange, |side| client(side.bytes), |side| server(side.bytes));
    if sides != Match::Maybe {
        return sides;
    }
    let asked = || command(&mut Text::new(exchange.client.bytes)) == Ok(Words::Common);
    let answered = || reply(&mut Text::new(exchange.server.bytes)).is_ok();
    if asked() && answered() { Match::Yes(Proof::Banner) } else { sides }
}

fn client(bytes: &[u8]) -> Match {
    if bytes.first() == Some(&REQUEST) { binary(bytes) } else { verdict(|| commands(bytes)) }
}

fn server(bytes: &[u8]) -> Match {
    if bytes.first() == Some(&RESPONSE) {
        return binary(bytes);
    }
    verdict(|| match reply(&mut Text::new(bytes))? {
        Words::Own => Ok(Match::Yes(Proof::Banner)),
        _ => Err(Match::Maybe),
    })
}

/// The frame header: request id, sequence number, number of datagrams, reserved; a request is one datagram.
fn datagram(side: &Side<'_>, from_client: bool) -> Match {
    let [_, _, 0, 0, high, low, 0, 0, body @ ..] = side.first_datagram() else { return Match::No };
    if (*high, *low) == (0, 0) || (from_client && (*high, *low) != (0, 1)) {
        return Match::No;
    }
    let binary_magic = if from_client { REQUEST } else { RESPONSE };
    if body.first() == Some(&binary_magic) {
        return match binary(body) {
            Match::Maybe => Match::No,
            answer => answer,
        };
    }
    let mut text = Text::new(body);
    let words = if from_client { command(&mut text) } else { reply(&mut text) };
    if words.is_ok() { Match::Yes(Proof::Banner) } else { Match::No }
}

/// What a line proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// Nothing else says so.
    Own,
    /// The other side must agree.
    Common,
    /// Nothing: others say the same, and are answered the same.
    Shared,
}

fn commands(bytes: &[u8]) -> Step<Match> {
    let mut text = Text::new(bytes);
    for _ in 0..PATIENCE {
        if command(&mut text)? == Words::Own {
            return Ok(Match::Yes(Proof::Banner));
        }
    }
    Ok(Match::No)
}

fn command(text: &mut Text<'_>) -> Step<Words> {
    text.clone().one(|byte| byte.is_ascii_lowercase())?;
    let command = text.verb(COMMANDS)?;
    let mut words = Words::Common;
    match command {
        0..=5 => {
            // Key, flags, expiry, length; of `cas` an identifier too.
            token(text)?;
            (0..3 + usize::from(command == 5)).try_for_each(|_| number(text))?;
            words = Words::Own;
        }
        6 | 7 => token(text).map(drop)?,
        8 | 9 | 17 => number(text)?,
        10 if token(text)?.iter().all(u8::is_ascii_digit) => words = Words::Shared,
        10 => {}
        11..=13 => {
            token(text)?;
            number(text)?;
        }
        14..=16 => {}
        18 | 24 => {
            end(text)?;
            return Ok(if command == 18 { Words::Shared } else { Words::Common });
        }
        20 => {
            token(text)?;
            number(text)?;
            words = Words::Own;
        }
        _ => token(text).map(drop)?,
    }
    if !matches!(text.peek()?, b' ' | b'\r' | b'\n') {
        return Err(Match::No);
    }
    text.line(|byte| byte >= 0x20 && byte != 0x7f)?;
    Ok(words)
}

fn reply(text: &mut Text<'_>) -> Step<Words> {
    if text.peek()?.is_ascii_digit() {
        // Of `incr`: the new value.
        text.run(1, 20, |byte| byte.is_ascii_digit())?;
        return text.literal(b"\r\n").map(|()| Words::Common);
    }
    text.clone().one(|byte| byte.is_ascii_uppercase())?;
    let reply = text.verb(REPLIES)?;
    match reply {
        0 => {
            // Key, flags, length, and of `gets` an identifier.
            token(text)?;
            number(text)?;
            number(text)?;
            if text.peek()? == b' ' {
                number(text)?;
            }
            text.literal(b"\r\n")?;
        }
        1 => {
            token(text)?;
            text.literal(b" ")?;
            text.line(is_text)?;
        }
        2 => {
            text.literal(b" ")?;
            text.one(|byte| byte.is_ascii_digit())?;
            text.run(1, 40, |byte| byte.is_ascii_graphic())?;
            text.literal(b"\r\n")?;
        }
        3 | 4 => {
            text.literal(b" ")?;
            text.line(is_text)?;
        }
        5 => {
            number(text)?;
            text.line(is_text)?;
            return Ok(Words::Common);
        }
        6..=14 => return text.literal(b"\r\n").map(|()| Words::Common),
        _ => {
            // Flags of meta commands.
            if !matches!(text.peek()?, b' ' | b'\r') {
                return Err(Match::No);
            }
            text.line(is_text)?;
            return Ok(Words::Common);
        }
    }
    Ok(Words::Own)
}

/// A key, at most 250 bytes without blanks and control characters.
fn token<'a>(text: &mut Text<'a>) -> Step<&'a [u8]> {
    text.literal(b" ")?;
    text.run(1, 250, |byte| byte > b' ' && byte != 0x7f)
}

fn number(text: &mut Text<'_>) -> Step<()> {
    text.literal(b" ")?;
    if text.peek()? == b'-' {
        text.literal(b"-")?;
    }
    text.run(1, 20, |byte| byte.is_ascii_digit()).map(drop)
}

/// Lines of commands may end in LF alone.
fn end(text: &mut Text<'_>) -> Step<()> {
    text.line(|_| false).map(drop)
}

fn binary(bytes: &[u8]) -> Match {
    match header(&mut Scan::new(bytes)) {
        Ok(()) => Match::Yes(Proof::Structure),
        Err(Stop::Short) => Match::Maybe,
        Err(Stop::Wrong) => Match::No,
    }
}

/// Magic, opcode, length of key and extras, data type, partition or status, length of extras, key and value; then opaque
/// and CAS, which are free.
fn header(scan: &mut Scan<'_>) -> scan::Step<()> {
    const KEY_MAX: u64 = 250;
    const VALUE_MAX: u64 = 0x0200_0000;
    /// JSON, Snappy and extended attributes (Couchbase).
    const DATA_TYPES: u8 = 0x07;
    let is_request = scan.u8()? == REQUEST;
    let opcode = scan.u8_if(|opcode| opcode <= 0xb6 || opcode == 0xfe)?;
    let key = scan.be(2, 0..=KEY_MAX)?;
    let extras = u64::from(scan.u8_if(|extras| extras <= 32)?);
    scan.u8_if(|kind| kind & !DATA_TYPES == 0)?;
    let status = scan.be(2, 0..=if is_request { 0xffff } else { 0xff })?;
    let fixed = key + extras;
    if !is_request {
        // A failure has words for a value.
        require(status == 0 || extras <= 4)?;
        return scan.be(4, fixed..=fixed + VALUE_MAX).map(drop);
    }
    // Extras, whether there is a key, the longest value.
    let (wanted, keyed, value) = match opcode {
        // Get and its variants, delete.
        0x00 | 0x04 | 0x09 | 0x0c | 0x0d | 0x14 => (0, true, 0),
        // Set, add, replace, and quietly.
        0x01..=0x03 | 0x11..=0x13 => (8, true, VALUE_MAX),
        0x05 | 0x06 | 0x15 | 0x16 => (20, true, 0),
        // Quit, no-op, version, list of SASL mechanisms.
        0x07 | 0x0a | 0x0b | 0x17 | 0x20 => (0, false, 0),
        0x08 | 0x18 => (extras & 4, false, 0),
        0x0e | 0x0f | 0x19 | 0x1a => (0, true, VALUE_MAX),
        0x10 => (0, key > 0, 0),
        0x1b => (4, false, 0),
        0x1c..=0x1e => (4, true, 0),
        // Hello (Couchbase); SASL.
        0x1f => (0, key > 0, 0x1000),
        0x21 | 0x22 => (0, true, 0x1_0000),
        // Select a bucket; error map, cluster configuration.
        0x89 => (0, true, 0),
        0xb5 => (extras & 0x10, key > 0, 0),
        0xfe => (0, key > 0, 2),
        _ => return Err(Stop::Wrong),
    };
    require(extras == wanted && (key > 0) == keyed)?;
    scan.be(4, fixed..=fixed + value).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};
    use crate::trial::Trial;

    fn framed(id: u16, count: u8, body: &[u8]) -> Vec<u8> {
        [&id.to_be_bytes()[..], &[0, 0, 0, count, 0, 0], body].concat()
    }

    fn message(head: [u8; 2], key: u8, extras: u8, total: u8) -> Vec<u8> {
        let mut message = vec![head[0], head[1], 0, key, extras, 0, 0, 0, 0, 0, 0, total];
        message.resize(24 + usize::from(total), b'k');
        message
    }

    #[test]
    fn text() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"set key 0 900 5\r\nhello\r\n", Proof::Banner);
        tcp.client_proves(b"get a\r\ncas key 0 -1 5 77 noreply\r\nhello\r\n", Proof::Banner);
        tcp.client_proves(b"ms foo 2 T90\r\nhi\r\n", Proof::Banner);
        tcp.server_proves(b"VALUE key 0 5\r\nhello\r\nEND\r\n", Proof::Banner);
        tcp.server_proves(b"STAT pid 1162\r\n", Proof::Banner);
        tcp.server_proves(b"VERSION 1.6.21\r\n", Proof::Banner);
        tcp.server_proves(b"SERVER_ERROR out of memory\r\n", Proof::Banner);
        assert_eq!(tcp.both(b"set key 0 0 5\r\nhello\r\n", b"STORED\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn common_commands_need_their_reply() {
        let tcp = Trial::tcp(check);
        for (command, reply) in [
            (b"get key\r\n".as_slice(), b"END\r\n".as_slice()),
            (b"gets a b c\n", b"END\r\n"),
            (b"incr n 1\r\n", b"5\r\n"),
            (b"delete key\r\n", b"DELETED\r\n"),
            (b"flush_all\r\n", b"OK\r\n"),
            (b"mg foo t v\r\n", b"EN\r\n"),
            (b"mn\r\n", b"MN\r\n"),
        ] {
            assert_eq!(tcp.client(&command[..command.len() - 1]), Match::Maybe);
            assert_eq!(tcp.server(reply), Match::Maybe);
            assert_eq!(tcp.both(command, reply), Match::Yes(Proof::Banner), "{}", command.escape_ascii());
        }
        assert_eq!(tcp.both(b"stats\r\n", b"OK 900\r\n---\n"), Match::No);
        assert_eq!(tcp.both(b"get a\r\n", b"$1\r\nb\r\n"), Match::No);
        assert_eq!(tcp.both(b"delete 5\r\n", b"DELETED\r\n"), Match::Maybe);
    }

    #[test]
    fn binary_messages() {
        let tcp = Trial::tcp(check);
        let get = message([0x80, 0x00], 5, 0, 5);
        tcp.client_proves(&get, Proof::Structure);
        tcp.client_proves(&message([0x80, 0x01], 5, 8, 18), Proof::Structure);
        tcp.client_proves(&message([0x80, 0x20], 0, 0, 0), Proof::Structure);
        tcp.client_proves(&message([0x80, 0x1f], 9, 0, 13), Proof::Structure);
        tcp.client_proves(&message([0x80, 0xfe], 0, 0, 2), Proof::Structure);
        let found = message([0x81, 0x00], 0, 4, 9);
        tcp.server_proves(&found, Proof::Structure);
        assert_eq!(tcp.both(&get, &found), Match::Yes(Proof::Structure));
        assert_eq!(tcp.client(&message([0x80, 0x00], 5, 0, 6)), Match::No, "a value that get has not");
        assert_eq!(tcp.client(&message([0x80, 0x01], 5, 4, 14)), Match::No);
        assert_eq!(tcp.client(&found), Match::No);
        // A request of Sun RPC over TCP.
        assert_eq!(tcp.client(b"\x80\0\0\x28\x12\x34\x56\x78\0\0\0\0"), Match::No);
    }

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        let stats = framed(0x1234, 1, b"stats\r\n");
        udp.client_proves(&stats, Proof::Banner);
        udp.client_proves(&framed(0, 1, &message([0x80, 0x0b], 0, 0, 0)), Proof::Structure);
        let reply = framed(0x1234, 3, &[&b"STAT pid 1\r\n"[..], &[b'x'; 1380]].concat());
        udp.server_proves(&reply, Proof::Banner);
        assert_eq!(udp.both(&stats, &reply), Match::Yes(Proof::Banner));
        assert_eq!(udp.client(&framed(1, 2, b"stats\r\n")), Match::No);
        assert_eq!(udp.client(b"stats\r\n"), Match::No);
        assert_eq!(udp.client(&framed(1, 1, b"hello\r\n")), Match::No);
        assert_eq!(Talk::udp().client(&stats).server(b"\x12\x34\0\0\0\x01\0\0raw").ask(check), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            b"get\r\n",
            b"set key value\r\n",
            b"sets key 0 0 5\r\n",
            b"get a\r\nhello\r\n",
            b"quit now\r\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        for other in
            [b"VALUE key x\r\n".as_slice(), b"OK\n", b"200\n", b"220 ready\r\n", b"END\n", b"VERSION x\r\n"]
        {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(100_000);
    }
}
