//! clickhouse: ClickHouse's native protocol.
//!
//! Specification: ClickHouse documentation, "Native Protocol" (client and server packets; numbers are variable-length, strings
//! are preceded by their length). Hello proves it, from either side: name, version, revision, and the strings behind; so
//! does the exception with which a server refuses.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Clickhouse,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const HELLO: u8 = 0;
const EXCEPTION: u8 = 2;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

/// Name, version, revision; database, user, password.
fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[HELLO])?;
    let name = text(&mut scan, 4..=100)?;
    require(name[0].is_ascii_alphabetic())?;
    version(&mut scan)?;
    let database = text(&mut scan, 0..=127)?;
    let user = text(&mut scan, 0..=127)?;
    require(!database.is_empty() || !user.is_empty())?;
    Ok(Proof::Structure)
}

fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.u8_if(|kind| matches!(kind, HELLO | EXCEPTION))? == EXCEPTION {
        // Code, then the name of the exception.
        scan.le(4, 0..=0xffff)?;
        scan.expect(b"\x0dDB::Exception")?;
        return Ok(Proof::Structure);
    }
    // Name, version, revision; from revision 54058 on the time zone.
    let name = text(&mut scan, 4..=100)?;
    require(name[0].is_ascii_alphabetic())?;
    if version(&mut scan)? >= 54058 {
        let zone = text(&mut scan, 1..=64)?;
        require(zone[0].is_ascii_alphabetic())?;
    } else {
        require(name == b"ClickHouse")?;
    }
    Ok(Proof::Structure)
}

/// Major, minor, revision: 5xxxx ever since the protocol was published.
fn version(scan: &mut Scan<'_>) -> Step<u32> {
    scan.u8_if(|major| (1..=127).contains(&major))?;
    scan.u8_if(|minor| minor <= 127)?;
    let low = u32::from(scan.u8_if(|byte| byte >= 0x80)?);
    let middle = u32::from(scan.u8_if(|byte| byte >= 0x80)?);
    scan.expect(&[3])?;
    let revision = 3 << 14 | (middle & 0x7f) << 7 | low & 0x7f;
    require((50_000..60_000).contains(&revision))?;
    Ok(revision)
}

/// A string whose length is one byte.
fn text<'a>(scan: &mut Scan<'a>, length: std::ops::RangeInclusive<u64>) -> Step<&'a [u8]> {
    let length = scan.be(1, length)? as usize;
    let mut text = scan.part(length)?;
    require(text.rest().iter().all(|&byte| byte >= 0x20 && byte != 0x7f))?;
    text.take(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    // Revision 54451.
    const CLIENT: &[u8] = b"\0\x11ClickHouse client\x15\x08\xb3\xa9\x03\0\x07default\0";
    const SERVER: &[u8] = b"\0\x0aClickHouse\x15\x08\xb3\xa9\x03\x03UTC\x04db-1\x05";

    #[test]
    fn hellos() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(CLIENT, Proof::Structure);
        tcp.client_proves(
            b"\0\x09Go Client\x01\x0a\xb3\xa9\x03\x07default\x07default\x06secret",
            Proof::Structure,
        );
        tcp.server_proves(SERVER, Proof::Structure);
        tcp.server_proves(b"\x02\x04\x02\0\0\x0dDB::Exception\x20DB::Exception: default", Proof::Structure);
        assert_eq!(tcp.both(CLIENT, SERVER), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\0\x11ClickHouse\x01client"), Match::No);
        assert_eq!(tcp.client(b"\0\x09Go Client\x01\x0a\xb3\xa9\x04"), Match::No, "revision");
        assert_eq!(tcp.client(b"\0\x09Go Client\x01\x0a\x33"), Match::No, "revision");
        assert_eq!(tcp.client(b"\0\x09Go Client\x01\x0a\xb3\xa9\x03\0\0"), Match::No, "nobody");
        assert_eq!(tcp.server(b"\x02\x04\x02\0\0\x0dDB::Error"), Match::No);
        assert_eq!(tcp.both(CLIENT, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
