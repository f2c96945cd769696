//! gelf: the Graylog Extended Log Format over UDP.
//!
//! Specification: Graylog documentation, "GELF" (payload, chunking). A JSON object that names the version and the fields that
//! must be there proves it; so does the first chunk, by its magic, numbers, and the beginning of what it holds.
//! Another chunk alone is plausible. Compressed without chunks it shows nothing of its own.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::holds;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Gelf,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| matches!(byte, b'{' | 0x1e))]],
    stream: &[],
    check,
};

/// Magic, message id, sequence number, number of chunks.
const CHUNK_HEADER: usize = 12;
const CHUNKS_MAX: u8 = 128;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(side: &Side<'_>) -> Match {
    match side.first_datagram() {
        bytes @ [b'{', ..] => object(bytes),
        bytes @ [0x1e, 0x0f, ..] => chunk(bytes),
        _ => Match::No,
    }
}

/// `version` is "1.0" or "1.1"; `host` and `short_message` must be there, though the bound may hide one.
fn object(bytes: &[u8]) -> Match {
    let is_text = bytes.iter().all(|&byte| byte >= 0x20 || matches!(byte, b'\t' | b'\r' | b'\n'));
    let versions: [&[u8]; 4] =
        [b"\"version\":\"1.1\"", b"\"version\": \"1.1\"", b"\"version\":\"1.0\"", b"\"version\": \"1.0\""];
    let is_versioned = versions.iter().any(|version| holds(bytes, version));
    if is_text && is_versioned && (holds(bytes, b"\"short_message\":") || holds(bytes, b"\"host\":")) {
        return Match::Yes(Proof::Banner);
    }
    Match::No
}

fn chunk(bytes: &[u8]) -> Match {
    let (Some(&[sequence, count]), Some(content)) = (bytes.get(10..CHUNK_HEADER), bytes.get(CHUNK_HEADER..))
    else {
        return Match::No;
    };
    if !(2..=CHUNKS_MAX).contains(&count) || sequence >= count || content.is_empty() {
        return Match::No;
    }
    if sequence > 0 {
        return Match::Yes(Proof::Heuristic);
    }
    // gzip, zlib, plain.
    match content {
        [0x1f, 0x8b, 8, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [b'{', b'"' | b' ' | b'\n', ..] => {
            Match::Yes(Proof::Banner)
        }
        _ => Match::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn chunk_of(sequence: u8, count: u8, content: &[u8]) -> Vec<u8> {
        [b"\x1e\x0fid-of-it", &[sequence, count][..], content].concat()
    }

    #[test]
    fn messages_and_chunks() {
        let udp = Trial::udp(check);
        udp.client_proves(
            b"{\"version\":\"1.1\",\"host\":\"example.org\",\"short_message\":\"A short message\",\"level\":5}",
            Proof::Banner,
        );
        udp.client_proves(
            b"{\n \"host\": \"a\", \"short_message\": \"b\", \"version\": \"1.1\"}",
            Proof::Banner,
        );
        udp.client_proves(&chunk_of(0, 3, b"\x1f\x8b\x08\0\0\0\0\0"), Proof::Banner);
        udp.client_proves(&chunk_of(0, 2, b"{\"version\""), Proof::Banner);
        udp.client_proves(&chunk_of(2, 3, &[0x5a; 900]), Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for other in [
            b"{\"version\":\"1.1\",\"id\":7}".to_vec(),
            b"{\"host\":\"a\",\"short_message\":\"b\"}".to_vec(),
            b"{\"version\":\"1.1\",\"host\":\"\x01\"}".to_vec(),
            b"{\"host_int\":123,\"version\":[2,0],\"displayname\":\"\"}".to_vec(),
            chunk_of(3, 3, b"x"),
            chunk_of(0, 129, b"\x1f\x8b\x08"),
            chunk_of(0, 3, b"raw"),
            chunk_of(0, 1, b"\x1f\x8b\x08"),
            b"\x1e\x0fshort".to_vec(),
        ] {
            assert_eq!(udp.client(&other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
