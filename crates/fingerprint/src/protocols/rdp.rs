//! rdp: Remote Desktop Protocol, over ISO transport on TCP, and its UDP transport.
//!
//! Specifications: \[MS-RDPBCGR\] sections 2.2.1.1 to 2.2.1.4 (connection), 3.2.5.3 (cookie); ITU-T T.125 (MCS);
//! \[MS-RDPEUDP\] section 2.2.2 (UDP). A connection request proves it when it carries a cookie or a
//! negotiation, a confirmation when it carries the answer to one; a bare pair is proven by the MCS connection
//! that follows. A UDP SYN proves it: the acknowledged number, flags, sizes and the padding agree.

use crate::answer::Proof;
use crate::cotp::{self, Tpdu};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rdp,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(6, |options| options <= 0x1f), (7, |flags| matches!(flags & !0x60, 0x01 | 0x05 | 0x0c))]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh_either_way(exchange, |message| client(message, midstream), |message| server(message, midstream))
}

fn client(message: Message<'_>, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if message.is_datagram() {
        return datagram(&mut scan, message.total, false);
    }
    match cotp::read(&mut scan)? {
        Tpdu::ConnectionRequest(variable) => {
            if !variable.is_whole() || !variable.is_empty() {
                return request(variable);
            }
            // A client from before the negotiation.
            match cotp::read(&mut scan)? {
                Tpdu::Data { user, .. } => connect(user, 0x65),
                _ => Err(Stop::Wrong),
            }
        }
        Tpdu::Data { user, .. } if midstream => mcs(user, 0x64, 0x65),
        _ => Err(Stop::Wrong),
    }
}

fn server(message: Message<'_>, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if message.is_datagram() {
        return datagram(&mut scan, message.total, true);
    }
    match cotp::read(&mut scan)? {
        Tpdu::ConnectionConfirm(variable) => {
            if !variable.is_whole() || !variable.is_empty() {
                return confirm(variable);
            }
            match cotp::read(&mut scan)? {
                Tpdu::Data { user, .. } => connect(user, 0x66),
                _ => Err(Stop::Wrong),
            }
        }
        Tpdu::Data { user, .. } if midstream => mcs(user, 0x68, 0x66),
        _ => Err(Stop::Wrong),
    }
}

/// Cookie or routing token, negotiation request, correlation: each optional, in this order (2.2.1.1).
fn request(mut variable: Scan<'_>) -> Step<Proof> {
    if variable.rest().first() != Some(&1) {
        token(&mut variable)?;
        if variable.is_whole() && variable.is_empty() {
            return Ok(Proof::Structure);
        }
    }
    negotiation(&mut variable)?;
    Ok(Proof::Structure)
}

/// "Cookie: mstshash=…", "Cookie: msts=…" or the token of a load balancer that Microsoft's document quotes, up
/// to CR LF.
fn token(variable: &mut Scan<'_>) -> Step<()> {
    let mut known = *variable;
    match known.expect(b"Cookie: msts") {
        Err(Stop::Wrong) => {
            known = *variable;
            known.expect(b"tsv://")?;
        }
        matched => matched?,
    }
    let rest = known.rest();
    let end = rest.windows(2).position(|pair| pair == b"\r\n");
    let line = &rest[..end.unwrap_or(rest.len())];
    // Names of users may be in any code page; control characters are in none.
    require(line.strip_suffix(b"\r").unwrap_or(line).iter().all(|&byte| byte >= 0x20))?;
    known.skip(end.map_or(rest.len() + 1, |end| end + 2))?;
    *variable = known;
    Ok(())
}

/// RDP_NEG_REQ (2.2.1.1.1).
fn negotiation(variable: &mut Scan<'_>) -> Step<()> {
    variable.expect(&[1])?;
    // Restricted administration, redirected authentication, correlation info.
    variable.u8_if(|flags| flags & !0x0b == 0)?;
    variable.expect(&[8, 0])?;
    variable.le(4, 0..=0x1f).map(drop)
}

/// RDP_NEG_RSP or RDP_NEG_FAILURE (2.2.1.2).
fn confirm(mut variable: Scan<'_>) -> Step<Proof> {
    let kind = variable.u8_if(|kind| kind == 2 || kind == 3)?;
    variable.skip(1)?;
    variable.expect(&[8, 0])?;
    if kind == 2 {
        variable.le(4, 0..=16)?
    } else {
        variable.le(4, 1..=7)?
    };
    require(variable.is_empty())?;
    Ok(Proof::Structure)
}

/// Any MCS PDU that a side is likely to be found in.
fn mcs(user: Scan<'_>, domain_choice: u8, connect_number: u8) -> Step<Proof> {
    if user.rest().first() == Some(&0x7f) {
        connect(user, connect_number)
    } else {
        domain_pdu(user, domain_choice)
    }
}

/// MCS Connect-Initial `[APPLICATION 101]` or Connect-Response `[APPLICATION 102]` (T.125, section 7).
fn connect(mut user: Scan<'_>, number: u8) -> Step<Proof> {
    user.expect(&[0x7f, number])?;
    // The length takes one octet or, as every implementation writes it, three.
    user.u8_if(|length| matches!(length, 0x20..=0x7f | 0x81 | 0x82))?;
    Ok(Proof::Structure)
}

/// Send data request or indication (T.125, section 7, packed encoding): initiator, channel, high priority, whole.
fn domain_pdu(mut user: Scan<'_>, choice: u8) -> Step<Proof> {
    user.expect(&[choice, 0])?;
    user.skip(1)?;
    user.be(2, 1001..=1100)?;
    user.expect(&[0x70])?;
    Ok(Proof::Heuristic)
}

/// RDPUDP_FEC_HEADER (\[MS-RDPEUDP\] section 2.2.2.1) and what its flags announce.
fn datagram(scan: &mut Scan<'_>, total: usize, from_server: bool) -> Step<Proof> {
    const SYN: u16 = 0x0001;
    const ACK: u16 = 0x0004;
    const DATA: u16 = 0x0008;
    /// Lossy, correlation id, extended SYN: all that may come with a SYN.
    const SYN_OPTIONS: u16 = 0x0200 | 0x0800 | 0x1000;
    /// Congestion notification, its echo, acknowledgement of acknowledgements, delayed.
    const DATA_OPTIONS: u16 = 0x0020 | 0x0040 | 0x0100 | 0x0400;
    let acknowledged = scan.u32_be()?;
    scan.skip(2)?;
    let flags = scan.u16_be()?;
    if flags & !SYN_OPTIONS == if from_server { SYN | ACK } else { SYN } {
        require(from_server || acknowledged == u32::MAX)?;
        syn(scan, total)
    } else {
        require(flags & !DATA_OPTIONS == ACK | DATA)?;
        data(scan)
    }
}

/// RDPUDP_SYNDATA_PAYLOAD (section 2.2.2.5): the datagram is padded to the size that it offers (3.1.5.1).
fn syn(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const SIZES: std::ops::RangeInclusive<u64> = 1132..=1232;
    scan.skip(4)?;
    let up = scan.be(2, SIZES)? as usize;
    let down = scan.be(2, SIZES)? as usize;
    require((*SIZES.start() as usize..=up.max(down)).contains(&total))?;
    Ok(Proof::Structure)
}

/// RDPUDP_ACK_VECTOR_HEADER, RDPUDP_SOURCE_PAYLOAD_HEADER, then the (D)TLS record that every connection
/// begins with: what is seen when the SYN was missed (UDP has no midstream).
fn data(scan: &mut Scan<'_>) -> Step<Proof> {
    let elements = scan.be(2, 1..=64)? as usize;
    // Padded to a multiple of four.
    scan.skip((2 + elements).next_multiple_of(4) - 2)?;
    let coded = scan.u32_be()?;
    let source = scan.u32_be()?;
    require(coded == source)?;
    scan.u8_if(|content_type| (20..=23).contains(&content_type))?;
    scan.u8_if(|major| major == 3 || major == 0xfe)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn connection(code: u8, variable: &[u8]) -> Vec<u8> {
        let mut packet =
            vec![3, 0, 0, variable.len() as u8 + 11, variable.len() as u8 + 6, code, 0, 0, 0x12, 0x34, 0];
        packet.extend(variable);
        packet
    }

    const NEGOTIATION: &[u8] = &[1, 0, 8, 0, 0x0b, 0, 0, 0];
    const MCS_INITIAL: &[u8] = b"\x03\0\x01\x2c\x02\xf0\x80\x7f\x65\x82\x01\x20";

    #[test]
    fn connection_requests() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&connection(0xe0, NEGOTIATION), Proof::Structure);
        tcp.client_proves(&connection(0xe0, b"Cookie: mstshash=Administr\r\n"), Proof::Structure);
        let both = [b"Cookie: msts=3640205228.15629.0000\r\n".as_slice(), NEGOTIATION].concat();
        tcp.client_proves(&connection(0xe0, &both), Proof::Structure);
        tcp.client_proves(&[&connection(0xe0, &[]), MCS_INITIAL].concat(), Proof::Structure);
        assert_eq!(tcp.client(&connection(0xe0, &[])), Match::Maybe);
    }

    #[test]
    fn connection_confirms() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(&connection(0xd0, &[2, 0x1f, 8, 0, 2, 0, 0, 0]), Proof::Structure);
        tcp.server_proves(&connection(0xd0, &[3, 0, 8, 0, 5, 0, 0, 0]), Proof::Structure);
        assert_eq!(
            tcp.both(&connection(0xe0, NEGOTIATION), &connection(0xd0, &[])),
            Match::Yes(Proof::Structure)
        );
    }

    fn syn_datagram(flags: u16, length: usize) -> Vec<u8> {
        let mut datagram = vec![0xff, 0xff, 0xff, 0xff, 0, 0x40];
        datagram.extend(flags.to_be_bytes());
        datagram.extend([0x5e, 0xf2, 0x90, 0xcf, 0x04, 0xd0, 0x04, 0xd0]);
        datagram.resize(length, 0);
        datagram
    }

    #[test]
    fn over_udp() {
        let udp = Trial::udp(check);
        udp.client_proves(&syn_datagram(0x0001, 1232), Proof::Structure);
        udp.server_proves(&syn_datagram(0x1005, 1232), Proof::Structure);
        assert_eq!(udp.client(&syn_datagram(0x0009, 1232)), Match::No);
        let data =
            b"\x10\x97\x60\x33\x04\0\0\x0c\0\x01\0\0\xe6\x5f\x84\x6d\xe6\x5f\x84\x6d\x16\x03\x03\x01\x06";
        udp.client_proves(data, Proof::Structure);
        assert_eq!(udp.client(&syn_datagram(0x0001, 40)), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        // S7 communication: selectors.
        assert_eq!(tcp.client(&connection(0xe0, &[0xc1, 2, 1, 0, 0xc2, 2, 1, 2])), Match::No);
        assert_eq!(tcp.client(&connection(0xe0, b"Cookie: name=1\r\n")), Match::No);
        assert_eq!(tcp.client(&connection(0xe0, b"Cookie: mstshash=unended")), Match::No);
        assert_eq!(tcp.client(&connection(0xe0, &[1, 0, 9, 0, 0, 0, 0, 0])), Match::No);
        assert_eq!(tcp.client(&connection(0xd0, NEGOTIATION)), Match::No);
        assert_eq!(tcp.both(&connection(0xe0, NEGOTIATION), b"\x16\x03\x01"), Match::No);
    }

    #[test]
    fn midstream() {
        let data = b"\x03\0\0\x20\x02\xf0\x80\x64\0\x06\x03\xeb\x70\x80\x12";
        Trial::tcp(check).midstream().client_proves(data, Proof::Heuristic);
        assert_eq!(Trial::tcp(check).client(data), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::udp(check).refuses_noise(100_000);
    }
}
