//! teamviewer: the connections of TeamViewer to its routers and between its ends.
//!
//! Specification: unpublished; as open dissectors of it (nDPI, libprotoident) and its messages agree. A magic of the version
//! and a command, then a length that is the message's: over TCP they stand first, over UDP behind a header of eleven bytes that
//! begins with zero. Since 2018 it prefers TLS, which is identified as that.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Teamviewer,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |counter| counter == 0)]],
    stream: &[],
    check,
};

const VERSION_1: &[u8] = &[0x17, 0x24];
const VERSION_2: &[u8] = &[0x11, 0x30];

fn check(exchange: &Exchange<'_>) -> Match {
    match exchange.transport {
        Transport::UDP => weigh(exchange, datagram, datagram),
        _ => weigh(exchange, stream, stream),
    }
}

fn stream(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let length = match scan.expect_one_of(&[VERSION_1, VERSION_2])? {
        0 => {
            scan.skip(1)?;
            usize::from(scan.u16_le()?)
        }
        _ => second(&mut scan)?,
    };
    match scan.skip(length) {
        Ok(()) => Ok(Proof::Structure),
        Err(Stop::Short) if message.spent => Ok(Proof::Heuristic),
        Err(stop) => Err(stop),
    }
}

/// Command, the body's length, a number, two fields of the command, and the length of this header.
fn second(scan: &mut Scan<'_>) -> Step<usize> {
    const LARGEST: u64 = 1 << 20;
    const HEADER: u64 = 24;
    scan.skip(1)?;
    scan.expect(&[0])?;
    let length = scan.le(4, 0..=LARGEST)?;
    scan.skip(12)?;
    scan.le(4, HEADER..=HEADER)?;
    Ok(length as usize)
}

fn datagram(message: Message<'_>) -> Step<Proof> {
    const HEADER: usize = 16;
    let mut scan = message.scan();
    scan.expect(&[0])?;
    scan.skip(10)?;
    scan.expect(VERSION_1)?;
    scan.skip(1)?;
    require(usize::from(scan.u16_le()?) + HEADER == message.total)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn first_version(body: &[u8]) -> Vec<u8> {
        [VERSION_1, &[0x0a], &(body.len() as u16).to_le_bytes(), body].concat()
    }

    fn second_version(length: u32, body: &[u8]) -> Vec<u8> {
        [VERSION_2, &[0x36, 0], &length.to_le_bytes(), &[1, 0, 0, 0], &[0; 8], &[24, 0, 0, 0], body].concat()
    }

    fn over_udp(body: &[u8]) -> Vec<u8> {
        [&[0; 10][..], &[3], VERSION_1, &[0x47], &(body.len() as u16).to_le_bytes(), body].concat()
    }

    #[test]
    fn both_versions_from_either_side() {
        let tcp = Trial::tcp(check);
        let (first, second) = (first_version(&[7; 32]), second_version(24, &[7; 24]));
        for message in [&first, &second, &[&first[..], &second].concat(), &first_version(b"")] {
            tcp.client_proves(message, Proof::Structure);
            assert_eq!(tcp.server(message), Match::Yes(Proof::Structure));
        }
        assert_eq!(tcp.both(&first, &second), Match::Yes(Proof::Structure));
        assert_eq!(tcp.client(&first[..36]), Match::Maybe);
        assert_eq!(
            Trial::udp(check).both(&over_udp(&[7; 80]), &over_udp(&[7; 448])),
            Match::Yes(Proof::Structure)
        );
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\x17\x03\x03\0\x20 application data of TLS"), Match::No);
        assert_eq!(tcp.client(&second_version(1 << 21, &[7; 24])), Match::No);
        assert_eq!(tcp.client(&[VERSION_2, &[0x36, 1]].concat()), Match::No);
        let mut header = second_version(24, &[7; 24]);
        header[20] = 25;
        assert_eq!(tcp.client(&header), Match::No);
        let udp = Trial::udp(check);
        let whole = over_udp(&[7; 80]);
        assert_eq!(udp.client(&whole[..95]), Match::No);
        for at in [0, 11, 12, 14] {
            let mut wrong = whole.clone();
            wrong[at] ^= 1;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::udp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
