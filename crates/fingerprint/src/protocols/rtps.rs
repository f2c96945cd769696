//! rtps: the wire protocol of the Data Distribution Service: OMG DDSI-RTPS 2.5, section 9.4.1 (header), 9.4.5 (submessages).
//!
//! Proven from either side by the magic and a version; by structure when the submessages fill the datagram.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Rtps,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == MAGIC[0])]],
    stream: &[],
    check,
};

const MAGIC: &[u8] = b"RTPS";
/// RTI's own, which tries whether a peer is reachable.
const PING: &[u8] = b"NDDSPING";

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(MAGIC)?;
    let major = scan.u8_if(|major| (1..=2).contains(&major))?;
    scan.u8_if(|minor| minor <= 15)?;
    // Vendor; the prefix of the sender's identifiers, shorter in version 1.
    scan.skip(2)?;
    if scan.rest() == PING {
        return Ok(Proof::Banner);
    }
    scan.skip(if major == 1 { 8 } else { 12 })?;
    Ok(match submessages(&mut scan) {
        Ok(1..) | Err(Stop::Short) => Proof::Structure,
        _ => Proof::Banner,
    })
}

/// How many there are: id, flags, length in the byte order that these say, content. One without a length may be the last.
fn submessages(scan: &mut Scan<'_>) -> Step<usize> {
    const LITTLE_ENDIAN: u8 = 0x01;
    /// Padding, an information about time; else nothing is as short.
    const EMPTY: [u8; 2] = [0x01, 0x09];
    let mut count = 0;
    while !scan.is_empty() {
        let id = scan.u8_if(|id| id != 0)?;
        let flags = scan.u8()?;
        let length = if flags & LITTLE_ENDIAN != 0 { scan.u16_le()? } else { scan.u16_be()? };
        if length == 0 && !EMPTY.contains(&id) {
            return Ok(count + 1);
        }
        require(length % 4 == 0 || scan.len() == usize::from(length))?;
        scan.skip(usize::from(length))?;
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn with_submessages(submessages: &[u8]) -> Vec<u8> {
        [&b"RTPS\x02\x03\x01\x0fabcdefghijkl"[..], submessages].concat()
    }

    #[test]
    fn messages() {
        let udp = Trial::udp(check);
        let written = b"\x09\x01\x08\0\x01\x02\x03\x04\x05\x06\x07\x08\x15\x05\x04\0\0\0\x10\0";
        udp.client_proves(&with_submessages(written), Proof::Structure);
        udp.server_proves(&with_submessages(b"\x07\0\0\x04\0\0\0\0"), Proof::Structure);
        udp.client_proves(&with_submessages(&[&b"\x15\x05\0\0"[..], &[7; 700]].concat()), Proof::Structure);
        udp.client_proves(b"RTPS\x01\x01\x01\x01abcdefgh\x07\0\0\x04\0\0\0\0", Proof::Structure);
        udp.client_proves(&with_submessages(b""), Proof::Banner);
        udp.client_proves(b"RTPS\x02\x01\x01\x01NDDSPING", Proof::Banner);
        udp.client_proves(&with_submessages(b"\x09\x01\x40\0\x01"), Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for (at, value) in [(0, b'r'), (3, b'X'), (4, 0), (4, 3), (5, 16)] {
            let mut wrong = with_submessages(b"\x07\0\0\x04\0\0\0\0");
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&with_submessages(b"")[..19]), Match::No);
        assert_eq!(udp.both(&with_submessages(b""), b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
