//! nrpe: Nagios Remote Plugin Executor, without TLS.
//!
//! There is no specification beside NRPE's own source, which defines the packets (versions 2, 3 and 4): version, type,
//! checksum, result, from version 3 on a length, and text. Version, type and the text prove it; most of version 2's
//! checksummed kilobyte is beyond what is kept.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Nrpe,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const QUERY: u8 = 1;
const RESPONSE: u8 = 2;
/// More of a response follows in another packet.
const RESPONSE_WITH_MORE: u8 = 3;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| packet(message, false), |message| packet(message, true))
}

fn packet(message: Message<'_>, from_server: bool) -> Step<Proof> {
    /// What the longest results of plugins were raised to.
    const MOST: u64 = 0x10_0000;
    let mut scan = message.scan();
    scan.expect(&[0])?;
    let version = scan.u8_if(|version| (2..=4).contains(&version))?;
    scan.expect(&[0])?;
    scan.u8_if(|kind| match kind {
        QUERY => !from_server,
        RESPONSE => from_server,
        kind => kind == RESPONSE_WITH_MORE && from_server && version > 2,
    })?;
    scan.skip(4)?;
    // A query of version 2 leaves it to chance.
    let result = scan.u16_be()?;
    require(!from_server || result <= 255)?;
    if version == 2 {
        text(&mut scan, from_server, 1023)?;
        return Ok(Proof::Banner);
    }
    scan.expect(&[0, 0])?;
    let length = scan.be(4, 1..=MOST)? as usize;
    text(&mut scan, from_server, length)?;
    Ok(Proof::Structure)
}

/// A command and its arguments, or what a plugin printed, up to the zero that ends it; enough of a long one.
fn text(scan: &mut Scan<'_>, from_server: bool, room: usize) -> Step<()> {
    const ENOUGH: usize = 64;
    for index in 0..ENOUGH.min(room) {
        let byte = scan.u8_if(|byte| match byte {
            0 => index > 0 || from_server,
            b'\t' | b'\r' | b'\n' => from_server,
            byte => byte >= b' ' && byte != 0x7f,
        })?;
        if byte == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn packet_2(kind: u8, result: u16, text: &[u8]) -> Vec<u8> {
        let mut packet = vec![0, 2, 0, kind, 0x12, 0x34, 0x56, 0x78];
        packet.extend(result.to_be_bytes());
        packet.extend(text);
        packet.push(0);
        packet.resize(1036, 0xa5);
        packet
    }

    fn packet_3(version: u8, kind: u8, text: &[u8]) -> Vec<u8> {
        let mut packet = vec![0, version, 0, kind, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0];
        packet.extend((text.len() as u32 + 1).to_be_bytes());
        packet.extend(text);
        packet.push(0);
        packet
    }

    #[test]
    fn queries_and_responses() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&packet_2(1, 0x7b31, b"check_load")[..500], Proof::Banner);
        tcp.server_proves(&packet_2(2, 0, b"OK - load average: 0.01|load1=0.01")[..500], Proof::Banner);
        tcp.server_proves(&packet_2(2, 3, &[b'x'; 1023])[..500], Proof::Banner);
        for version in [3, 4] {
            tcp.client_proves(&packet_3(version, 1, b"check_disk!/!10%"), Proof::Structure);
            tcp.server_proves(&packet_3(version, 2, b"DISK OK\nmore"), Proof::Structure);
            tcp.server_proves(&packet_3(version, 3, &[b'x'; 100]), Proof::Structure);
        }
        assert_eq!(
            tcp.both(&packet_3(4, 1, b"_NRPE_CHECK"), &packet_3(4, 2, b"NRPE v4.1.0")),
            Match::Yes(Proof::Structure)
        );
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (offset, value) in [(0, 1), (1, 5), (2, 1), (3, 2), (10, 1), (12, 1), (16, 0), (18, 1)] {
            let mut wrong = packet_3(3, 1, b"check_disk");
            wrong[offset] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.server(&packet_2(2, 0x7b31, b"OK")), Match::No);
        assert_eq!(tcp.server(&packet_2(3, 0, b"OK")), Match::No);
        assert_eq!(tcp.both(&packet_2(1, 0, b"check_load"), b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
