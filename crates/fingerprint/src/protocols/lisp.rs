//! lisp: the control plane of the Locator/ID Separation Protocol: RFC 6830, sections 6.1.2 to 6.1.8 (RFC 9301, section 5); over
//! TCP its reliable transport: draft-ietf-lisp-map-server-reliable-transport, messages, and draft-kouvelas-lisp-rloc-membership.
//!
//! Proven from either side by structure: a type, and records whose counts, mask lengths and address families lead to the
//! datagram's end; or an IP packet that fills an encapsulated control message. Over TCP by a type, what it holds, and the
//! marker that ends a message where its length says.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Lisp,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |first| matches!(first >> 4, MAP_REQUEST..=MAP_NOTIFY | ENCAPSULATED))]],
    stream: &[],
    check,
};

const MAP_REQUEST: u8 = 1;
const MAP_REPLY: u8 = 2;
const MAP_REGISTER: u8 = 3;
const MAP_NOTIFY: u8 = 4;
const ENCAPSULATED: u8 = 8;

/// More records are in no message that is kept whole.
const RECORDS_MAX: u8 = 32;
const NONCE_LEN: usize = 8;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if !message.is_datagram() {
        return reliable(message);
    }
    let kind = scan.u8()? >> 4;
    let step = match kind {
        MAP_REQUEST => request(&mut scan),
        MAP_REPLY => replies(&mut scan),
        ENCAPSULATED => return encapsulated(&mut scan, message.total),
        MAP_REGISTER | MAP_NOTIFY => registration(&mut scan),
        _ => return Err(Stop::Wrong),
    };
    match step {
        Err(Stop::Wrong) => Err(Stop::Wrong),
        _ => Ok(Proof::Structure),
    }
}

/// The address family of LISP's own.
const CANONICAL: u64 = 16387;

/// An address and its family: none, IPv4, IPv6, MAC, or LISP's own (RFC 8060) with a length.
fn address(scan: &mut Scan<'_>, longest: u8) -> Step<()> {
    const MAC: u64 = 16389;
    let family = scan.be(2, 0..=MAC)?;
    let (length, bits) = match family {
        0 => (0, 0),
        1 => (4, 32),
        2 => (16, 128),
        MAC => (6, 48),
        CANONICAL => {
            scan.expect(&[0])?;
            scan.skip(3)?;
            (scan.be(2, 1..=64)? as usize, 255)
        }
        _ => return Err(Stop::Wrong),
    };
    require(longest <= bits)?;
    scan.skip(length)
}

fn count(scan: &mut Scan<'_>) -> Step<u8> {
    scan.u8_if(|count| (1..=RECORDS_MAX).contains(&count))
}

fn request(scan: &mut Scan<'_>) -> Step<()> {
    scan.skip(1)?;
    let locators = scan.u8_if(|byte| byte & 0xe0 == 0)? + 1;
    let records = count(scan)?;
    scan.skip(NONCE_LEN)?;
    for _ in 0..=locators {
        address(scan, 0)?;
    }
    for _ in 0..records {
        scan.expect(&[0])?;
        let mask = scan.u8()?;
        address(scan, mask)?;
    }
    Ok(())
}

fn replies(scan: &mut Scan<'_>) -> Step<()> {
    scan.expect(&[0; 2])?;
    let records = count(scan)?;
    scan.skip(NONCE_LEN)?;
    mappings(scan, records)?;
    require(scan.is_empty())
}

/// Key, authentication, mappings; an identifier of the router and its site may follow.
fn registration(scan: &mut Scan<'_>) -> Step<()> {
    const ROUTER_AND_SITE: usize = 24;
    scan.skip(2)?;
    let records = count(scan)?;
    scan.skip(NONCE_LEN)?;
    scan.be(2, 0..=0xff)?;
    let length = scan.be(2, 0..=64)?;
    require(length % 4 == 0)?;
    scan.skip(length as usize)?;
    mappings(scan, records)?;
    require(scan.is_empty() || scan.len() == ROUTER_AND_SITE)
}

fn mappings(scan: &mut Scan<'_>, records: u8) -> Step<()> {
    for _ in 0..records {
        // Time to live; locators, mask length; action, reserved; map version; address.
        scan.skip(4)?;
        let locators = scan.u8_if(|locators| locators <= RECORDS_MAX)?;
        let mask = scan.u8()?;
        scan.u8_if(|action| action & 0x0f == 0)?;
        scan.expect(&[0])?;
        scan.u8_if(|version| version & 0xf0 == 0)?;
        scan.skip(1)?;
        address(scan, mask)?;
        for _ in 0..locators {
            // Priorities and weights; flags; address.
            scan.skip(4 + 1)?;
            scan.u8_if(|flags| flags & !0x07 == 0)?;
            address(scan, 0)?;
        }
    }
    Ok(())
}

fn encapsulated(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const HEADER_LEN: usize = 4;
    const V6_HEADER_LEN: usize = 40;
    const UDP: u8 = 17;
    scan.expect(&[0; 3])?;
    let room = total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)?;
    if scan.u8_if(|first| first == 0x45 || first >> 4 == 6)? == 0x45 {
        scan.skip(1)?;
        scan.be(2, room as u64..=room as u64)?;
        scan.skip(5)?;
        scan.expect(&[UDP])?;
    } else {
        let room = room.checked_sub(V6_HEADER_LEN).ok_or(Stop::Wrong)? as u64;
        scan.skip(3)?;
        scan.be(2, room..=room)?;
        scan.expect(&[UDP])?;
    }
    Ok(Proof::Structure)
}

/// The first message: type, length of the whole, identifier, data, end marker.
fn reliable(message: Message<'_>) -> Step<Proof> {
    const MARKER: &[u8] = b"\x9f\xac\xad\xe9";
    const FRAME_LEN: u64 = 12;
    /// What is kept of a longer message is enough, if so much of it fits.
    const ENOUGH: usize = 128;
    let mut scan = message.scan();
    let kind = scan.be(2, ERROR..=MEMBERSHIP_LAST)?;
    let length = scan.be(2, FRAME_LEN..=0xffff)? - FRAME_LEN;
    scan.skip(4)?;
    let mut data = scan.part(length as usize)?;
    match data_of(&mut data, kind) {
        Err(Stop::Short) if message.spent && message.bytes.len() >= ENOUGH => return Ok(Proof::Structure),
        step => step?,
    }
    scan.expect(MARKER)?;
    Ok(Proof::Structure)
}

const ERROR: u64 = 16;
const MEMBERSHIP_LAST: u64 = 30;

fn data_of(data: &mut Scan<'_>, kind: u64) -> Step<()> {
    match kind {
        // An error; a reason, reserved; what offended.
        ERROR => {
            data.skip(1)?;
            data.expect(&[0; 3])?;
            data.skip(2 + 2 + 4)
        }
        // A registration holds what it does over UDP.
        17 => {
            data.u8_if(|first| first >> 4 == MAP_REGISTER)?;
            registration(data)
        }
        // Acknowledged; rejected, for a reason; to be refreshed, in a scope.
        18 => prefix(data),
        19 => {
            data.u8_if(|reason| reason <= 16)?;
            data.expect(&[0; 2])?;
            prefix(data)
        }
        20 => {
            let scope = data.u8_if(|scope| scope <= 4)?;
            data.u8_if(|flags| flags & 0x7f == 0)?;
            data.expect(&[0])?;
            if scope == 0 { Ok(()) } else { prefix(data) }
        }
        // A mapping is notified to who has registered: it comes first for nobody.
        21 => Err(Stop::Wrong),
        // Membership: the family of the instance's prefixes, the instance.
        _ => {
            let family = data.be(2, 1..=CANONICAL)?;
            require(matches!(family, 1 | 2 | CANONICAL))?;
            data.be(4, 0..=0x00ff_ffff).map(drop)
        }
    }?;
    data.skip(data.len())?;
    if data.is_whole() { Ok(()) } else { Err(Stop::Short) }
}

fn prefix(data: &mut Scan<'_>) -> Step<()> {
    let mask = data.u8()?;
    address(data, mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const REQUEST: &[u8] =
        b"\x10\0\0\x01\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01\xc0\0\x02\x01\0\x20\0\x01\x0a\0\0\x01";
    const REPLY: &[u8] = b"\x20\0\0\x01\x01\x02\x03\x04\x05\x06\x07\x08\0\0\x05\xa0\x01\x18\x10\0\0\0\0\x01\x0a\0\0\0\x01\x64\xff\0\0\x05\0\x01\xc0\0\x02\x09";

    fn registration_of(records: &[u8]) -> Vec<u8> {
        let head = b"\x34\0\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x14";
        [&head[..], &[9; 20], records].concat()
    }

    fn encapsulated_of(inner: &[u8]) -> Vec<u8> {
        let length = (28 + inner.len()) as u16;
        let mut packet = vec![0x80, 0, 0, 0, 0x45, 0];
        packet.extend(length.to_be_bytes());
        packet
            .extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x10, 0xf6, 0x10, 0xf6, 0, 0, 0, 0]);
        packet.extend(inner);
        packet
    }

    #[test]
    fn messages_of_the_control_plane() {
        let udp = Trial::udp(check);
        udp.client_proves(REQUEST, Proof::Structure);
        udp.server_proves(REPLY, Proof::Structure);
        udp.client_proves(&registration_of(&REPLY[12..]), Proof::Structure);
        udp.client_proves(&[&registration_of(&REPLY[12..])[..], &[5; 24]].concat(), Proof::Structure);
        udp.client_proves(&encapsulated_of(REQUEST), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, 0x50), (2, 0x20), (2, 1), (3, 0), (3, 2), (15, 3), (20, 1), (21, 40), (23, 9)]
        {
            let mut wrong = REQUEST.to_vec();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&[REPLY, &[0]].concat()), Match::No);
        assert_eq!(udp.client(&registration_of(&REPLY[12..30])), Match::No);
        let mut length = encapsulated_of(REQUEST);
        length[7] ^= 1;
        assert_eq!(udp.client(&length), Match::No);
        assert_eq!(udp.both(REQUEST, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }

    fn reliable_of(kind: u8, data: &[u8]) -> Vec<u8> {
        let length = (12 + data.len()) as u16;
        [&[0, kind][..], &length.to_be_bytes(), &[0, 0, 0, 7], data, &[0x9f, 0xac, 0xad, 0xe9]].concat()
    }

    #[test]
    fn the_reliable_transport() {
        let tcp = Trial::tcp(check);
        let registered = reliable_of(17, &registration_of(&REPLY[12..]));
        let acknowledged = reliable_of(18, b"\x18\0\x01\x0a\0\0\0");
        tcp.client_proves(&registered, Proof::Structure);
        tcp.server_proves(&acknowledged, Proof::Structure);
        assert_eq!(tcp.both(&registered, &acknowledged), Match::Yes(Proof::Structure));
        for (kind, data) in [
            (16, &b"\x01\0\0\0\0\x11\0\x40\0\0\0\x01"[..]),
            (19, b"\x02\0\0\x18\0\x01\x0a\0\0\0"),
            (20, b"\0\0\0"),
            (20, b"\x04\x80\0\x18\0\x01\x0a\0\0\0"),
            (22, b"\0\x01\0\0\0\x64"),
        ] {
            tcp.server_proves(&reliable_of(kind, data), Proof::Structure);
        }
        let mut long = registration_of(&REPLY[12..].repeat(30));
        long[3] = 30;
        tcp.client_proves(&reliable_of(17, &long), Proof::Structure);
    }

    #[test]
    fn near_misses_of_the_reliable_transport() {
        let tcp = Trial::tcp(check);
        let registered = reliable_of(17, &registration_of(&REPLY[12..]));
        let last = registered.len() - 1;
        for (at, value) in
            [(0, 1), (1, 15), (1, 31), (1, 18), (3, 11), (3, 90), (8, 0x44), (20, 1), (last, 0xe8)]
        {
            let mut wrong = registered.clone();
            wrong[at] = value;
            wrong.extend([0; 64]);
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.client(REQUEST), Match::No);
        assert_eq!(tcp.both(&registered, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
