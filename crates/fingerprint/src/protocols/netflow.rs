//! netflow: Cisco NetFlow, versions 1, 5, 7 and 9.
//!
//! Specifications: Cisco, "NetFlow Export Datagram Format" (versions 1, 5, 7); RFC 3954, section 5 (version 9). The records prove the
//! former: their number and size are the datagram's. The flow sets do the latter, whose lengths chain to the
//! datagram's end; where the bound hides that, a chain that begins well is plausible. One side speaks.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Netflow,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, export, export)
}

fn export(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    match scan.u16_be()? {
        1 => records(&mut scan, message.total, 16, 52, 24),
        5 => records(&mut scan, message.total, 24, 48, 30),
        7 => records(&mut scan, message.total, 24, 52, 28),
        9 => flow_sets(&mut scan, message.total),
        _ => Err(Stop::Wrong),
    }
}

/// Count; uptime, seconds, nanoseconds; the rest of the header; records.
fn records(scan: &mut Scan<'_>, total: usize, header: usize, record: usize, most: u64) -> Step<Proof> {
    let count = scan.be(2, 1..=most)? as usize;
    require(total == header + count * record)?;
    scan.skip(4 + 4)?;
    scan.be(4, 0..=999_999_999)?;
    Ok(Proof::Structure)
}

/// Count of records, uptime, seconds, sequence number, source; then flow sets.
fn flow_sets(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    const HEADER: usize = 20;
    const SETS_MAX: usize = 64;
    scan.be(2, 1..=2000)?;
    scan.skip(HEADER - 4)?;
    let mut left = total.checked_sub(HEADER).ok_or(Stop::Wrong)?;
    let is_template = scan.rest().starts_with(&[0, 0]);
    for read in 0..SETS_MAX {
        match flow_set(scan, left) {
            Ok(length) => left -= length,
            // Cut by the bound, behind sets or a template that fit.
            Err(Stop::Short) if read > 0 || is_template => return Ok(Proof::Heuristic),
            Err(_) => return Err(Stop::Wrong),
        }
        if left == 0 {
            return Ok(Proof::Structure);
        }
    }
    Ok(Proof::Structure)
}

/// One flow set: its length.
fn flow_set(scan: &mut Scan<'_>, left: usize) -> Step<usize> {
    let id = scan.u16_be()?;
    require(id <= 1 || id >= 256)?;
    let length = usize::from(scan.u16_be()?);
    require((8..=left).contains(&length))?;
    if id == 0 {
        // The first template: id, count of fields, which fit; and the first field.
        let mut template = *scan;
        template.be(2, 256..=0xffff)?;
        let most = (length as u64 - 8) / 4;
        template.be(2, 1.min(most)..=most)?;
    }
    if length == left {
        return Ok(length);
    }
    scan.skip(length - 4)?;
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn fixed(version: u8, count: u8, len: usize) -> Vec<u8> {
        let mut datagram = vec![0, version, 0, count, 0, 1, 2, 3, 0x65, 0, 0, 0, 0x3b, 0x9a, 0xc9, 0xff];
        datagram.resize(len, 7);
        datagram
    }

    fn ninth(sets: &[u8]) -> Vec<u8> {
        [&[0, 9, 0, 2, 0, 1, 2, 3, 0x65, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0][..], sets].concat()
    }

    const TEMPLATE: &[u8] = b"\0\0\0\x10\x01\x04\0\x02\0\x08\0\x04\0\x0c\0\x04";
    const DATA: &[u8] = b"\x01\x04\0\x0c\x0a\0\0\x01\x0a\0\0\x02";

    #[test]
    fn exports() {
        let udp = Trial::udp(check);
        udp.client_proves(&fixed(1, 24, 16 + 24 * 52), Proof::Structure);
        udp.client_proves(&fixed(5, 30, 24 + 30 * 48), Proof::Structure);
        udp.client_proves(&fixed(5, 1, 24 + 48), Proof::Structure);
        udp.client_proves(&fixed(7, 2, 24 + 2 * 52), Proof::Structure);
        udp.client_proves(&ninth(&[TEMPLATE, DATA].concat()), Proof::Structure);
        udp.client_proves(&ninth(&[&b"\x01\x04\x05\x00"[..], &[7; 0x4fc]].concat()), Proof::Structure);
        udp.client_proves(&ninth(&DATA.repeat(60)), Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        assert_eq!(udp.client(&fixed(5, 30, 24 + 29 * 48)), Match::No);
        assert_eq!(udp.client(&fixed(5, 31, 24 + 31 * 48)), Match::No);
        assert_eq!(udp.client(&fixed(6, 1, 24 + 48)), Match::No);
        let mut nanoseconds = fixed(5, 1, 24 + 48);
        nanoseconds[12] = 0x7f;
        assert_eq!(udp.client(&nanoseconds), Match::No);
        let whole = ninth(&[TEMPLATE, DATA].concat());
        assert_eq!(udp.client(&whole[..whole.len() - 1]), Match::No);
        let cut = [&b"\x01\x04\x03\x00"[..], &[7; 0x2fc], DATA].concat();
        assert_eq!(udp.client(&ninth(&cut)), Match::No, "nothing of it is confirmed");
        assert_eq!(udp.client(&ninth(b"\0\x07\0\x08\0\0\0\0")), Match::No);
        assert_eq!(udp.both(&whole, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
