//! zookeeper: the client protocol of Apache ZooKeeper, and its four letter words.
//!
//! Specifications: ZooKeeper's `zookeeper.jute` (ConnectRequest, ConnectResponse; a length precedes each); ZooKeeper
//! Administrator's Guide, "The Four Letter Words". A connection request or response proves it: length, version zero and the
//! length of the password agree. A word of four letters needs its answer; some answers prove it alone.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Zookeeper,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const WORDS: [&[u8]; 21] = [
    b"conf", b"cons", b"crst", b"dirs", b"dump", b"envi", b"gtmk", b"hash", b"isro", b"lead", b"mntr",
    b"obsr", b"orst", b"ruok", b"srst", b"srvr", b"stat", b"stmk", b"wchc", b"wchp", b"wchs",
];

/// How answers begin.
const ANSWERS: [&[u8]; 7] = [
    b"imok",
    b"Zookeeper version: ",
    b"zk_version\t",
    b"Environment:\n",
    b"clientPort=",
    b"This ZooKeeper instance is not currently serving requests",
    b"Server stats reset.",
];

/// In place of an answer: `ruok is not executed because it is not in the whitelist.`
const REFUSAL: &[u8] = b" is not executed because it is not in the whitelist.";

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    weigh(exchange, request, |message| response(message, asked))
}

fn request(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.rest().first().is_some_and(u8::is_ascii_lowercase) {
        return word(message.bytes);
    }
    // Version, last transaction, timeout, session, length of the password; and whether read-only will do (3.4).
    const FIXED: u64 = 4 + 8 + 4 + 8 + 4;
    let length = scan.be(4, FIXED..=FIXED + 16 + 1)?;
    scan.expect(&[0; 4])?;
    scan.skip(8)?;
    timeout(&mut scan)?;
    scan.skip(8)?;
    password(&mut scan, length - FIXED)
}

fn response(message: Message<'_>, asked: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.rest().first().is_some_and(|&first| first != 0) {
        return answer(message.bytes, asked);
    }
    // Version, timeout, session, length of the password; and whether it is read-only.
    const FIXED: u64 = 4 + 4 + 8 + 4;
    let length = scan.be(4, FIXED..=FIXED + 16 + 1)?;
    scan.expect(&[0; 4])?;
    timeout(&mut scan)?;
    scan.skip(8)?;
    password(&mut scan, length - FIXED)
}

/// Milliseconds; days at most.
fn timeout(scan: &mut Scan<'_>) -> Step<()> {
    scan.be(4, 0..=0x3fff_ffff).map(drop)
}

/// Its length, and that of the flag that may follow it, must be what is left.
fn password(scan: &mut Scan<'_>, room: u64) -> Step<Proof> {
    require(matches!(room, 0 | 1 | 16 | 17))?;
    scan.be(4, room & 16..=room & 16)?;
    Ok(Proof::Structure)
}

/// A word and nothing else, but the end of a line.
fn word(bytes: &[u8]) -> Step<Proof> {
    let (head, tail) = bytes.split_at(bytes.len().min(4));
    require(
        WORDS.iter().any(|word| word.starts_with(head))
            && [&b"\r\n"[..], b"\n"].iter().any(|end| end.starts_with(tail)),
    )?;
    Err(Stop::Short)
}

fn answer(bytes: &[u8], asked: bool) -> Step<Proof> {
    for known in ANSWERS {
        if bytes.starts_with(known) {
            return Ok(Proof::Banner);
        }
        if known.starts_with(bytes) {
            return Err(Stop::Short);
        }
    }
    let (head, tail) = bytes.split_at(bytes.len().min(4));
    if WORDS.iter().any(|word| word.starts_with(head)) {
        let seen = tail.len().min(REFUSAL.len());
        require(tail[..seen] == REFUSAL[..seen])?;
        return if seen == REFUSAL.len() { Ok(Proof::Banner) } else { Err(Stop::Short) };
    }
    // To `isro`; to `cons`, one line per connection.
    match bytes {
        b"r" if asked => Err(Stop::Short),
        b"rw" | b"ro" if asked => Ok(Proof::Heuristic),
        [b' ', rest @ ..] if asked => {
            let seen = rest.len().min(1);
            require(rest[..seen] == b"/"[..seen])?;
            if seen == 1 { Ok(Proof::Heuristic) } else { Err(Stop::Short) }
        }
        _ => Err(Stop::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn open(password: usize, read_only: &[u8]) -> Vec<u8> {
        let length = (28 + password + read_only.len()) as u8;
        let fixed = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0";
        [&[0, 0, 0, length][..], fixed, &[password as u8], &vec![0; password], read_only].concat()
    }

    const OPENED: &[u8] =
        b"\0\0\0\x25\0\0\0\0\0\0\x75\x30\x01\x8b\xc3\x21\x00\x5a\0\0\0\0\0\x10abcdefghijklmnop\0";

    #[test]
    fn connections() {
        let tcp = Trial::tcp(check);
        for request in [open(16, b"\0"), open(16, b""), open(0, b"\0"), open(0, b"")] {
            tcp.client_proves(&request, Proof::Structure);
            assert_eq!(tcp.both(&request, OPENED), Match::Yes(Proof::Structure));
        }
        tcp.server_proves(OPENED, Proof::Structure);
    }

    #[test]
    fn words_need_their_answer() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"ruok"), Match::Maybe);
        assert_eq!(tcp.client(b"mntr\n"), Match::Maybe);
        assert_eq!(tcp.client(b"status\n"), Match::No);
        assert_eq!(tcp.both(b"ruok", b"imok"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(b"ruok", b"yes\r\n"), Match::No);
        assert_eq!(tcp.both(b"isro", b"rw"), Match::Yes(Proof::Heuristic));
        assert_eq!(tcp.server(b"rw"), Match::No);
        tcp.server_proves(b"Zookeeper version: 3.8.0-5a02, built on 2022", Proof::Banner);
        tcp.server_proves(b"stat is not executed because it is not in the whitelist.\n", Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let mut version = open(16, b"\0");
        version[7] = 1;
        assert_eq!(tcp.client(&version), Match::No);
        let mut length = open(16, b"\0");
        length[3] = 0x2b;
        assert_eq!(tcp.client(&length), Match::No);
        let mut password = open(16, b"\0");
        password[31] = 15;
        assert_eq!(tcp.client(&password), Match::No);
        assert_eq!(tcp.both(&open(16, b"\0"), b"\0\0\0\x25\0\0\0\x01"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
