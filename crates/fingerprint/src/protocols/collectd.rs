//! collectd: collectd's binary network protocol.
//!
//! Specification: collectd wiki, "Binary protocol". A datagram is a chain of parts, each with a type and a length; the
//! parts prove it: numbers have one length, strings end with NUL, values have the length of their count, and the last ends the
//! datagram.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Collectd,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte <= 2)]],
    stream: &[],
    check,
};

const HEADER: usize = 4;
const SIGNATURE: u16 = 0x0200;
const ENCRYPTION: u16 = 0x0210;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, parts, parts)
}

fn parts(message: Message<'_>) -> Step<Proof> {
    /// Enough to settle it, where the bound cuts the datagram.
    const ENOUGH: usize = 3;
    let mut scan = message.scan();
    let mut left = message.total;
    let mut read = 0;
    while left > 0 {
        match part(&mut scan, left) {
            Ok((ENCRYPTION, _)) if read == 0 => return Ok(Proof::Structure),
            Ok((_, length)) => left -= length,
            Err(Stop::Short) if read >= ENOUGH => return Ok(Proof::Structure),
            Err(_) => return Err(Stop::Wrong),
        }
        read += 1;
    }
    if read >= ENOUGH { Ok(Proof::Structure) } else { Err(Stop::Wrong) }
}

/// One part: its type and length.
fn part(scan: &mut Scan<'_>, left: usize) -> Step<(u16, usize)> {
    let kind = scan.u16_be()?;
    let length = usize::from(scan.u16_be()?);
    require((HEADER + 1..=left).contains(&length))?;
    let size = length - HEADER;
    match kind {
        // Times, intervals, severity.
        0x0001 | 0x0007 | 0x0008 | 0x0009 | 0x0101 => {
            require(size == 8)?;
            scan.skip(size)?;
        }
        // Host, plugin, type, their instances; a notification's message.
        0x0000 | 0x0002..=0x0005 | 0x0100 => {
            let text = scan.take(size)?;
            require(
                text.split_last()
                    .is_some_and(|(last, text)| *last == 0 && text.iter().all(|&byte| byte >= 0x20)),
            )?;
        }
        0x0006 => {
            let count = usize::from(scan.u16_be()?);
            require(count > 0 && size == 2 + 9 * count)?;
            require(scan.take(count)?.iter().all(|&kind| kind <= 3))?;
            scan.skip(8 * count)?;
        }
        SIGNATURE => {
            // SHA-256, then the user's name.
            require((33..=32 + 255).contains(&size))?;
            scan.skip(size)?;
        }
        ENCRYPTION => {
            // The user's name, and what is encrypted, to the end: initialisation vector, hash, parts.
            require(length == left)?;
            let name = usize::from(scan.u16_be()?);
            require((1..=255).contains(&name) && 2 + name + 16 + 20 < size)?;
            require(scan.take(name)?.iter().all(|&byte| byte >= 0x20))?;
        }
        _ => return Err(Stop::Wrong),
    }
    Ok((kind, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn part_of(kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(value.len() as u16 + 4).to_be_bytes(), value].concat()
    }

    fn metrics() -> Vec<u8> {
        let mut datagram = part_of(0, b"host.example.org\0");
        datagram.extend(part_of(8, &[0, 0, 0x15, 0, 1, 2, 3, 4]));
        datagram.extend(part_of(9, &[0, 0, 0, 2, 0x80, 0, 0, 0]));
        datagram.extend(part_of(2, b"load\0"));
        datagram.extend(part_of(4, b"load\0"));
        datagram.extend(part_of(6, &[&[0, 3, 1, 1, 1][..], &[7; 24]].concat()));
        datagram
    }

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        udp.client_proves(&metrics(), Proof::Structure);
        udp.client_proves(&metrics().repeat(10), Proof::Structure);
        let signed = [part_of(0x0200, &[&[9; 32][..], b"user"].concat()), metrics()].concat();
        udp.client_proves(&signed, Proof::Structure);
        udp.client_proves(&part_of(0x0210, &[&b"\0\x04user"[..], &[9; 600]].concat()), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let whole = metrics();
        assert_eq!(udp.client(&whole[..whole.len() - 1]), Match::No);
        assert_eq!(udp.client(&part_of(0, b"host\0")), Match::No, "one part");
        for (at, name) in
            [(1, "type"), (3, "length"), (20, "the end of a string"), (24, "the length of a time")]
        {
            let mut wrong = metrics();
            wrong[at] ^= 0x41;
            assert_eq!(udp.client(&wrong), Match::No, "{name}");
        }
        assert_eq!(udp.both(&whole, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
