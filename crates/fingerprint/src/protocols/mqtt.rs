//! mqtt: MQTT 3.1, 3.1.1 and 5.
//!
//! Specifications: OASIS MQTT 3.1.1 and MQTT 5.0, sections 2 (packet format) and 3 (packets); MQTT V3.1 (IBM, 2010). CONNECT
//! proves it: protocol name, level and flags, and lengths that agree. The server's CONNACK is four or more bytes
//! with little room for chance. In midstream packets prove it whose flags, lengths and topics agree.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Mqtt,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Packet types, with the flags that each must have (section 2.1.3 in 5.0), as first octets.
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
const UNSUBSCRIBE: u8 = 0xa2;
const UNSUBACK: u8 = 0xb0;
const PINGREQ: u8 = 0xc0;
const PINGRESP: u8 = 0xd0;
const DISCONNECT: u8 = 0xe0;
const AUTH: u8 = 0xf0;
/// Packets that settle a midstream side.
const ENOUGH: usize = 2;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    let sides = weigh(
        exchange,
        |message| if midstream { packets(message, true) } else { connect(&mut message.scan()) },
        |message| if midstream { packets(message, false) } else { connack(&mut message.scan()) },
    );
    match (sides, exchange.client.bytes, exchange.server.bytes) {
        (Match::Maybe, [PINGREQ, 0], [PINGRESP, 0]) if midstream => Match::Yes(Proof::Heuristic),
        _ => sides,
    }
}

/// A fixed header: the first octet and the remaining length.
fn fixed_header(scan: &mut Scan<'_>, allowed: impl FnOnce(u8) -> bool) -> Step<(u8, usize)> {
    let first = scan.u8_if(allowed)?;
    variable_length(scan).map(|(length, _)| (first, length))
}

/// A variable byte integer (section 1.5.5), one to four octets of seven bits: its value, and the octets it took.
fn variable_length(scan: &mut Scan<'_>) -> Step<(usize, usize)> {
    let mut length = 0;
    for octets in 1..=4 {
        let octet = scan.u8()?;
        length |= usize::from(octet & 0x7f) << (7 * (octets - 1));
        if octet & 0x80 == 0 {
            return Ok((length, octets));
        }
    }
    Err(Stop::Wrong)
}

fn connect(scan: &mut Scan<'_>) -> Step<Proof> {
    /// Set in the level by a bridge (Mosquitto), which peers must accept or refuse.
    const BRIDGE: u8 = 0x80;
    let (_, length) = fixed_header(scan, |first| first == CONNECT)?;
    // Name, level, flags, keep-alive, and an empty client id.
    require(length >= 12)?;
    let mut body = scan.part(length)?;
    body.expect(&[0])?;
    let level = if body.u8_if(|length| length == 4 || length == 6)? == 4 {
        body.expect(b"MQTT")?;
        body.u8_if(|level| matches!(level & !BRIDGE, 4 | 5))?
    } else {
        body.expect(b"MQIsdp")?;
        body.u8_if(|level| level & !BRIDGE == 3)?
    };
    body.u8_if(connect_flags)?;
    body.skip(2)?;
    if level & !BRIDGE != 5 {
        // The client id must fit.
        body.be(2, 0..=length as u64 - 10)?;
    }
    Ok(Proof::Structure)
}

/// Reserved bit zero; a will's retain and quality of service only with a will.
fn connect_flags(flags: u8) -> bool {
    let will = flags & 0x04 != 0;
    let quality = flags >> 3 & 3;
    let retain = flags & 0x20 != 0;
    flags & 1 == 0 && quality != 3 && (will || (quality == 0 && !retain))
}

/// CONNACK, which alone is four bytes or a few more, and what may follow it.
fn connack(scan: &mut Scan<'_>) -> Step<Proof> {
    let (_, length) = fixed_header(scan, |first| first == CONNACK)?;
    connack_body(scan, length)?;
    match packet(scan, false) {
        Ok(_) => Ok(Proof::Structure),
        Err(Stop::Short) => Ok(Proof::Heuristic),
        Err(Stop::Wrong) => Err(Stop::Wrong),
    }
}

fn connack_body(scan: &mut Scan<'_>, length: usize) -> Step<()> {
    require(length >= 2)?;
    let mut body = scan.part(length)?;
    // Session present.
    body.u8_if(|flags| flags <= 1)?;
    if length == 2 {
        return body.u8_if(|code| code <= 5).map(drop);
    }
    // Version 5: a reason code, and properties that fill the rest.
    body.u8_if(reason)?;
    properties(&mut body, length - 2)?;
    end(&body)
}

/// Success, or one of the failures (section 2.4).
fn reason(code: u8) -> bool {
    matches!(code, 0..=2 | 0x04 | 0x10 | 0x11 | 0x18 | 0x19 | 0x80..=0xa2)
}

/// The length of properties that fill the rest of a packet.
fn properties(body: &mut Scan<'_>, room: usize) -> Step<()> {
    let (length, octets) = variable_length(body)?;
    require(octets + length == room)
}

/// All of the packet must be there before what follows can be read.
fn end(body: &Scan<'_>) -> Step<()> {
    if body.is_whole() { Ok(()) } else { Err(Stop::Short) }
}

/// Packets from anywhere in a connection.
fn packets(message: Message<'_>, from_client: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.rest().first() == Some(&CONNECT) {
        return connect(&mut scan);
    }
    let mut with_content = 0;
    for _ in 0..ENOUGH {
        match packet(&mut scan, from_client) {
            Ok(content) => with_content += usize::from(content),
            // What is whole may be enough.
            Err(Stop::Short) if with_content > 0 => return Ok(Proof::Heuristic),
            Err(stop) => return Err(stop),
        }
    }
    Ok(if with_content == ENOUGH { Proof::Structure } else { Proof::Heuristic })
}

/// One packet of an established connection; whether it holds more than its fixed header.
fn packet(scan: &mut Scan<'_>, from_client: bool) -> Step<bool> {
    let (first, length) = fixed_header(scan, |first| match first {
        SUBSCRIBE | UNSUBSCRIBE | PINGREQ => from_client,
        CONNACK | SUBACK | UNSUBACK | PINGRESP => !from_client,
        PUBACK | PUBREC | PUBREL | PUBCOMP | DISCONNECT | AUTH => true,
        // Any duplicate and retain flag; quality of service 0 to 2.
        first => first & 0xf0 == PUBLISH && first & 0x06 != 0x06,
    })?;
    if first == CONNACK {
        return connack_body(scan, length).map(|()| true);
    }
    let mut body = scan.part(length)?;
    match first {
        PINGREQ | PINGRESP => return require(length == 0).map(|()| false),
        DISCONNECT | AUTH => {
            // Version 5: reason and properties, both of which success may leave out.
            if length > 0 {
                body.u8_if(reason)?;
            }
            if length > 1 {
                properties(&mut body, length - 1)?;
            }
        }
        PUBACK | PUBREC | PUBREL | PUBCOMP => {
            require(length >= 2)?;
            body.be(2, 1..=0xffff)?;
            if length > 2 {
                body.u8_if(reason)?;
            }
            if length > 3 {
                properties(&mut body, length - 3)?;
            }
        }
        SUBACK | UNSUBACK => {
            require(length >= 2)?;
            body.be(2, 1..=0xffff)?;
            // Codes, behind properties in version 5, which hardly any server sends here.
            require(body.rest().iter().all(|&code| reason(code)))?;
        }
        SUBSCRIBE | UNSUBSCRIBE => {
            require(length >= 5)?;
            body.be(2, 1..=0xffff)?;
            filter(&mut body, length - 2)?;
        }
        _ => topic(&mut body, length, first & 0x06 != 0)?,
    }
    end(&body).map(|()| length > 0)
}

/// The first topic filter, behind the length of properties in version 5.
fn filter(body: &mut Scan<'_>, mut room: usize) -> Step<()> {
    let mut length = body.be(2, 0..=room as u64)? as usize;
    if length == 0 {
        // No properties; then the length, of which one octet has been read.
        room -= 1;
        length = usize::from(body.u8()?);
    }
    require(length >= 1 && length + 2 <= room)?;
    let text = body.part(length)?;
    require(text.rest().iter().all(|&byte| byte >= 0x20 && byte != 0x7f))?;
    end(&text)
}

/// A topic's name: at least one printable character and no wildcard, then the packet's id if it has one.
fn topic(body: &mut Scan<'_>, length: usize, with_id: bool) -> Step<()> {
    let id = if with_id { 2 } else { 0 };
    let room = length.checked_sub(2 + id).ok_or(Stop::Wrong)?;
    let name = body.be(2, 1..=room as u64)? as usize;
    let text = body.part(name)?;
    require(text.rest().iter().all(|&byte| byte >= 0x20 && !matches!(byte, b'+' | b'#' | 0x7f)))?;
    end(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const CONNECT_311: &[u8] = b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06client";
    const CONNECT_31: &[u8] = b"\x10\x14\0\x06MQIsdp\x03\x02\0\x3c\0\x06client";
    const CONNECT_5: &[u8] = b"\x10\x13\0\x04MQTT\x05\x02\0\x3c\0\0\x06client";

    #[test]
    fn connections() {
        let tcp = Trial::tcp(check);
        for connect in [CONNECT_311, CONNECT_31, CONNECT_5] {
            tcp.client_proves(connect, Proof::Structure);
            assert_eq!(tcp.both(connect, b"\x20\x02\0\0"), Match::Yes(Proof::Structure));
        }
        // A client id of 300 bytes: two octets of length.
        let mut long = b"\x10\xb8\x02\0\x04MQTT\x04\x02\0\x3c\x01\x2c".to_vec();
        long.resize(3 + 312, b'x');
        tcp.client_proves(&long, Proof::Structure);
    }

    #[test]
    fn acknowledgements() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"\x20\x02\0\x05", Proof::Heuristic);
        tcp.server_proves(b"\x20\x06\0\0\x03\x22\0\x0a", Proof::Heuristic);
        tcp.server_proves(b"\x20\x02\0\0\x90\x03\0\x01\0", Proof::Structure);
    }

    #[test]
    fn midstream_packets() {
        let tcp = Trial::tcp(check).midstream();
        tcp.client_proves(b"\x32\x0a\0\x04a/bc\0\x07ok", Proof::Heuristic);
        tcp.client_proves(b"\xc0\0\x32\x0a\0\x04a/bc\0\x07ok", Proof::Heuristic);
        assert_eq!(tcp.client(b"\xc0\0"), Match::Maybe);
        assert_eq!(tcp.both(b"\xc0\0", b"\xd0\0"), Match::Yes(Proof::Heuristic));
        tcp.client_proves(b"\x82\x09\0\x01\0\x04a/b#\x01\xc0\0", Proof::Heuristic);
        tcp.client_proves(b"\x82\x0a\0\x01\0\0\x04a/b#\x01\xc0\0", Proof::Heuristic);
        tcp.client_proves(b"\x40\x02\0\x07\x32\x0a\0\x04a/bc\0\x07ok", Proof::Structure);
        assert_eq!(tcp.client(b"POST /cgi-bin/micromsg HTTP/1.1\r\n"), Match::No);
        assert_eq!(tcp.client(b"\x32\x0a\0\x04a/\x01c"), Match::No);
        assert_eq!(Trial::tcp(check).client(b"\xc0\0\xc0\0"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\x10\x12\0\x04MQTX"), Match::No);
        assert_eq!(tcp.client(b"\x10\x12\0\x04MQTT\x06"), Match::No);
        assert_eq!(tcp.client(b"\x10\x12\0\x04MQTT\x04\x03"), Match::No, "reserved flag");
        assert_eq!(
            tcp.client(b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x09"),
            Match::No,
            "client id does not fit"
        );
        assert_eq!(tcp.client(b"\x10\xff\xff\xff\xff"), Match::No);
        assert_eq!(tcp.server(b"\x20\x02\0\x06"), Match::No);
        assert_eq!(tcp.both(CONNECT_311, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
