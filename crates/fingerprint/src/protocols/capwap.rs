//! capwap: Control And Provisioning of Wireless Access Points: RFC 5415, sections 4.3 (header), 4.5 (control), 4.4.1
//! (keep-alive), and 4.2 (DTLS header).
//!
//! Proven from either side by structure: a header whose length and flags fit, and a control message whose elements fill
//! the datagram; a keep-alive with its session's id; or DTLS behind the preamble that announces it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Capwap,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[(0, |preamble| preamble == PLAIN), (1, |length| matches!(length >> 3, 2..=10))],
        &[
            (0, |preamble| preamble == DTLS),
            (1, |byte| byte == 0),
            (2, |byte| byte == 0),
            (3, |byte| byte == 0),
            (4, |kind| matches!(kind, 20..=23)),
        ],
    ],
    stream: &[],
    check,
};

/// Preambles: version 0 in the upper four bits, what follows in the lower.
const PLAIN: u8 = 0;
const DTLS: u8 = 1;

const FRAGMENT: u8 = 0x80;
const LAST_FRAGMENT: u8 = 0x40;
const WIRELESS: u8 = 0x20;
const RADIO_MAC: u8 = 0x10;
const KEEP_ALIVE: u8 = 0x08;
const RESERVED: u8 = 0x07;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.u8_if(|preamble| preamble <= DTLS)? == PLAIN {
        plain(&mut scan, message.total)
    } else {
        dtls(&mut scan)
    }
}

/// Three reserved bytes, then a record (RFC 6347, section 4.1).
fn dtls(scan: &mut Scan<'_>) -> Step<Proof> {
    scan.expect(&[0; 3])?;
    scan.u8_if(|kind| (20..=23).contains(&kind))?;
    scan.expect(&[0xfe])?;
    scan.u8_if(|version| matches!(version, 0xff | 0xfd))?;
    scan.skip(2 + 6)?;
    scan.be(2, 1..=0x4800)?;
    Ok(Proof::Structure)
}

fn plain(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const HEADER_LEN: usize = 8;
    let length = usize::from(scan.u8()? >> 3) * 4;
    require((HEADER_LEN..=HEADER_LEN + 32).contains(&length))?;
    scan.skip(1)?;
    let flags = scan.u8_if(|flags| flags & (FRAGMENT | LAST_FRAGMENT | WIRELESS | RESERVED) == 0)?;
    // Optional parts make the header longer.
    require((flags & RADIO_MAC != 0) == (length > HEADER_LEN))?;
    // No fragment, at no offset.
    scan.skip(2)?;
    scan.expect(&[0; 2])?;
    if length > HEADER_LEN {
        let size = scan.u8_if(|size| matches!(size, 6 | 8))?;
        require(length == HEADER_LEN + (1 + usize::from(size)).next_multiple_of(4))?;
        scan.skip(length - HEADER_LEN - 1)?;
    }
    let body = total.checked_sub(length).ok_or(Stop::Wrong)?;
    if flags & KEEP_ALIVE != 0 { keep_alive(scan, body) } else { control(scan, body) }
}

fn control(scan: &mut Scan<'_>, body: usize) -> Step<Proof> {
    const CONTROL_LEN: usize = 8;
    /// Type 0 to 26 of the base protocol; 802.11 has its own enterprise number (RFC 5416, section 3).
    const TYPE_LAST: u32 = 26;
    const IEEE_80211: u32 = 13277 << 8;
    let kind = scan.u32_be()?;
    require((1..=TYPE_LAST).contains(&kind) || (IEEE_80211..IEEE_80211 + 8).contains(&kind))?;
    scan.skip(1)?;
    // Counted from behind the sequence number: itself, flags, elements.
    let length =
        u64::try_from(body.checked_sub(CONTROL_LEN - 3).ok_or(Stop::Wrong)?).map_err(|_| Stop::Wrong)?;
    scan.be(2, length..=length)?;
    scan.expect(&[0])?;
    let mut elements = 0;
    while !scan.is_empty() {
        let element =
            scan.be(2, 1..=2048).and_then(|_| scan.u16_be()).and_then(|size| scan.skip(usize::from(size)));
        match element {
            Err(Stop::Wrong) => return Err(Stop::Wrong),
            Err(Stop::Short) => return Ok(Proof::Structure),
            Ok(()) => elements += 1,
        }
    }
    require(elements > 0 || body == CONTROL_LEN)?;
    Ok(Proof::Structure)
}

/// A length, and one element: the session's id.
fn keep_alive(scan: &mut Scan<'_>, body: usize) -> Step<Proof> {
    const ELEMENT: [u8; 4] = [0, 35, 0, 16];
    require(body == 2 + ELEMENT.len() + 16)?;
    scan.be(2, 20..=22)?;
    scan.expect(&ELEMENT)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn discovery() -> Vec<u8> {
        let mut packet = vec![0, 0x10, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7];
        let elements = b"\0\x14\0\x01\0\0\x29\0\x01\x03\0\x2c\0\x01\0";
        packet.extend((elements.len() as u16 + 3).to_be_bytes());
        packet.push(0);
        packet.extend(elements);
        packet
    }

    #[test]
    fn control_messages() {
        let udp = Trial::udp(check);
        udp.client_proves(&discovery(), Proof::Structure);
        udp.server_proves(&discovery(), Proof::Structure);
        let mut with_mac = discovery();
        with_mac[1] = 0x20;
        with_mac[3] = 0x10;
        with_mac.splice(8..8, [6, 2, 0, 0, 0, 0, 1, 0]);
        udp.client_proves(&with_mac, Proof::Structure);
    }

    #[test]
    fn keep_alives_and_dtls() {
        let udp = Trial::udp(check);
        let alive = [&b"\0\x10\x02\x08\0\0\0\0\0\x16\0\x23\0\x10"[..], &[7; 16]].concat();
        udp.client_proves(&alive, Proof::Structure);
        assert_eq!(udp.client(&alive[..29]), Match::No);
        udp.client_proves(b"\x01\0\0\0\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x40\x01\0\0", Proof::Structure);
        assert_eq!(udp.client(b"\x01\0\0\0\x16\x03\x03\0\0\0\0\0\0\0\0\0\x40\x01\0\0"), Match::No);
        assert_eq!(udp.client(b"\x01\0\0\x01\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x40\x01\0\0"), Match::No);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in
            [(0, 0x10), (1, 8), (3, 1), (3, 0x80), (7, 8), (11, 27), (14, 20), (15, 1), (19, 2)]
        {
            let mut wrong = discovery();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.both(&discovery(), b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
