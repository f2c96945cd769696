//! kafka: Apache Kafka's protocol.
//!
//! Specification: Kafka Protocol Guide (request and response headers; ApiVersions) and KIP-482. A request proves it:
//! size, a known API and version, and a client id of printable characters that fits. A client may leave its id out; then ApiVersions
//! proves itself by its size. The server's answer must repeat the correlation id; alone, an answer to ApiVersions
//! proves itself by its list.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Kafka,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// A first request is short; a broker may be set to return a lot.
const REQUEST_MAX: u64 = 0x40_0000;
const RESPONSE_MAX: u64 = 0x0800_0000;
/// API keys and versions so far, and room for more.
const API_LAST: u64 = 99;
const VERSION_LAST: u64 = 24;
const API_VERSIONS: u64 = 18;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = !exchange.midstream && exchange.first == Speaker::Client;
    let asked = asked.then_some(exchange.client.bytes);
    weigh(exchange, request, |message| match asked {
        Some(request) => echo(message, request),
        None => api_versions(&mut message.scan()),
    })
}

/// Size, API key, version, correlation id, client id; from the flexible versions on (KIP-482), tagged fields.
fn request(message: Message<'_>) -> Step<Proof> {
    const FIXED: u64 = 2 + 2 + 4 + 2;
    let mut scan = message.scan();
    let size = scan.be(4, FIXED..=REQUEST_MAX)?;
    let key = scan.be(2, 0..=API_LAST)?;
    let version = scan.be(2, 0..=VERSION_LAST)?;
    scan.be(4, 0..=0x7fff_ffff)?;
    let room = size - FIXED;
    let null = scan.rest().first() == Some(&0xff);
    let length = if null { scan.expect(&[0xff, 0xff]).map(|()| 0)? } else { scan.be(2, 0..=room.min(255))? };
    let mut id = scan.part(length as usize)?;
    require(id.rest().iter().all(|byte| matches!(byte, 0x20..=0x7e)))?;
    id.skip(length as usize)?;
    let room = room - length;
    if key == API_VERSIONS {
        return api_versions_request(&mut scan, version, room);
    }
    // An id of one or two characters is hardly more than a number.
    require(length >= 3)?;
    Ok(Proof::Structure)
}

/// No body; from version 3 on tagged fields, the client's name and version, tagged fields.
fn api_versions_request(scan: &mut Scan<'_>, version: u64, room: u64) -> Step<Proof> {
    if version < 3 {
        // librdkafka sends an empty list of keys, as an early draft of the request had it.
        require(room == 0 || room == 4)?;
        scan.expect(&[0; 4][..room as usize])?;
        return Ok(Proof::Structure);
    }
    let mut body = scan.part(room as usize)?;
    body.expect(&[0])?;
    let mut left = room.checked_sub(1).ok_or(Stop::Wrong)?;
    for _ in 0..2 {
        let length = body.be(1, 1..=127)?;
        left = left.checked_sub(length).ok_or(Stop::Wrong)?;
        let text = body.take(length as usize - 1)?;
        require(text.iter().all(|byte| matches!(byte, 0x20..=0x7e)))?;
    }
    require(left >= 1)?;
    Ok(Proof::Structure)
}

/// The correlation id of the request.
fn echo(message: Message<'_>, request: &[u8]) -> Step<Proof> {
    let mut scan = message.scan();
    scan.be(4, 4..=RESPONSE_MAX)?;
    if let Some(id) = request.get(8..12) {
        scan.expect(id)?;
    }
    Err(Stop::Short)
}

/// An answer to ApiVersions: error, and a list of keys with the first and last version of each.
fn api_versions(scan: &mut Scan<'_>) -> Step<Proof> {
    let size = scan.be(4, 4 + 2 + 4 + 6..=0x1000)?;
    scan.be(4, 0..=0x7fff_ffff)?;
    scan.expect(&[0, 0])?;
    if scan.rest().first() == Some(&0) {
        // Versions 0 to 2; from 1 on a throttle time follows.
        let most = (size - 10) / 6;
        let count = scan.be(4, 1..=most)?;
        require(matches!(size - 10 - 6 * count, 0 | 4))?;
        api(scan)?;
        return Ok(Proof::Structure);
    }
    // A compact list, its count plus one; each entry ends with tagged fields, of which there are none.
    let count = scan.be(1, 2..=127)? - 1;
    require(size > 4 + 2 + 1 + 7 * count + 4)?;
    for _ in 0..count.min(2) {
        api(scan)?;
        scan.expect(&[0])?;
    }
    Ok(Proof::Structure)
}

fn api(scan: &mut Scan<'_>) -> Step<()> {
    scan.be(2, 0..=API_LAST)?;
    let first = scan.be(2, 0..=VERSION_LAST)?;
    scan.be(2, first..=VERSION_LAST).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    fn request_of(key: u8, version: u8, id: &[u8], body: &[u8]) -> Vec<u8> {
        let size = (10 + id.len() + body.len()) as u8;
        let head = [0, 0, 0, size, 0, key, 0, version, 0, 0, 0, 7, 0, id.len() as u8];
        [&head[..], id, body].concat()
    }

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&request_of(18, 0, b"rdkafka", b""), Proof::Structure);
        tcp.client_proves(&request_of(18, 2, b"", b""), Proof::Structure);
        tcp.client_proves(
            &request_of(18, 3, b"consumer-1", b"\0\x12apache-kafka-java\x063.6.0\0"),
            Proof::Structure,
        );
        tcp.client_proves(&request_of(3, 0, b"sarama", b"\0\0\0\0"), Proof::Structure);
        tcp.client_proves(
            &[&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1][..], &[0xff; 2]].concat(),
            Proof::Structure,
        );
    }

    #[test]
    fn answers() {
        let tcp = Trial::tcp(check);
        let old =
            [&[0, 0, 0, 16 + 6, 0, 0, 0, 7, 0, 0, 0, 0, 0, 2][..], &[0, 0, 0, 0, 0, 9], &[0, 1, 0, 0, 0, 13]]
                .concat();
        let new = [
            &[0, 0, 0, 26, 0, 0, 0, 7, 0, 0, 3][..],
            &[0, 0, 0, 0, 0, 9, 0],
            &[0, 1, 0, 4, 0, 13, 0],
            &[0, 0, 0, 0, 0],
        ]
        .concat();
        tcp.server_proves(&old, Proof::Structure);
        tcp.server_proves(&new, Proof::Structure);
        let asked = request_of(3, 0, b"sarama", b"\0\0\0\0");
        assert_eq!(tcp.both(&asked, &new), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(&asked, &[0, 0, 1, 0, 0, 0, 0, 8]), Match::No);
        let by_chance = Talk::tcp().server(&[0, 0, 1, 0, 0, 0, 0, 7, 0, 3]).client(&asked);
        assert_eq!(by_chance.ask(check), Match::No, "the server does not speak first");
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&request_of(3, 0, b"", b"\0\0\0\0")), Match::No);
        assert_eq!(tcp.client(&request_of(18, 0, b"rdkafka", b"\0")), Match::No);
        assert_eq!(tcp.client(&request_of(120, 0, b"rdkafka", b"")), Match::No);
        assert_eq!(tcp.client(&request_of(3, 30, b"rdkafka", b"")), Match::No);
        assert_eq!(tcp.client(&request_of(3, 1, b"rd\x01kafka", b"")), Match::No);
        let mut size = request_of(3, 1, b"rdkafka", b"");
        size[3] -= 1;
        assert_eq!(tcp.client(&size), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
