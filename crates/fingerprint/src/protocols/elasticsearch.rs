//! elasticsearch: the transport between nodes of Elasticsearch and of OpenSearch: the reference documentation's "Transport",
//! and the header that `TcpHeader` of both describes: marker, length, request, status, version.
//!
//! Proven from either side by structure: the marker, a length, a request's number, a status whose direction is this side's,
//! and a version. Pings, which have a length of minus one, may come first.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Elasticsearch,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const MARKER: &[u8] = b"ES";
const PING: &[u8] = &[0xff; 4];

const RESPONSE: u8 = 0x01;
const ERROR: u8 = 0x02;
/// Response, error, compressed, handshake.
const STATUS: u8 = 0x0f;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| messages(message, 0), |message| messages(message, RESPONSE))
}

fn messages(message: Message<'_>, direction: u8) -> Step<Proof> {
    const PINGS_MAX: usize = 8;
    let mut scan = message.scan();
    for _ in 0..PINGS_MAX {
        scan.expect(MARKER)?;
        let mut ahead = scan;
        match ahead.expect(PING) {
            Ok(()) => scan = ahead,
            Err(Stop::Short) => return Err(Stop::Short),
            Err(Stop::Wrong) => return header(scan.rest(), direction),
        }
    }
    Ok(Proof::Banner)
}

/// What follows the marker.
fn header(bytes: &[u8], direction: u8) -> Step<Proof> {
    /// Request, status, version.
    const LEAST: u64 = 8 + 1 + 4;
    const REQUEST_MAX: u64 = 1 << 48;
    /// 0.20 and up, three digits of two for major, minor and revision and one of the build; OpenSearch sets one bit more.
    const VERSIONS: std::ops::RangeInclusive<u64> = 200_000..=0x0800_0000 + 99_999_999;
    let mut scan = crate::scan::Scan::new(bytes);
    scan.be(4, LEAST..=0x7fff_ffff)?;
    scan.be(8, 0..=REQUEST_MAX)?;
    scan.u8_if(|status| {
        status & !STATUS == 0
            && status & RESPONSE == direction
            && (status & ERROR == 0 || direction == RESPONSE)
    })?;
    scan.be(4, VERSIONS)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const REQUEST: &[u8] =
        b"ES\0\0\0\x2e\0\0\0\0\0\0\0\x01\x08\0\x5e\x8f\x60\0\0\0\x17internal:tcp/handshake";
    const RESPONDED: &[u8] = b"ES\0\0\0\x11\0\0\0\0\0\0\0\x01\x09\0\x6b\xc9\xb3\0\0\0\0";

    #[test]
    fn requests_and_responses() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(REQUEST, Proof::Structure);
        tcp.server_proves(RESPONDED, Proof::Structure);
        assert_eq!(tcp.both(REQUEST, RESPONDED), Match::Yes(Proof::Structure));
        let mut opensearch = REQUEST.to_vec();
        opensearch[15] = 0x08;
        tcp.client_proves(&opensearch, Proof::Structure);
        tcp.client_proves(&[b"ES\xff\xff\xff\xff", REQUEST].concat(), Proof::Structure);
        tcp.client_proves(&b"ES\xff\xff\xff\xff".repeat(8), Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in
            [(0, b'e'), (2, 0xff), (5, 12), (6, 1), (14, 0x18), (14, 0x01), (14, 0x02), (15, 0x40)]
        {
            let mut wrong = REQUEST.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.server(REQUEST), Match::No);
        assert_eq!(tcp.client(b"ES\xff\xff\xff\xfeES"), Match::No);
        assert_eq!(tcp.both(REQUEST, b"HTTP/1.1 200 OK\r\n"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
