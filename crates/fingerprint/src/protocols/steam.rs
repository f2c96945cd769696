//! steam: the connection of Valve's Steam client to its servers, and the discovery of Remote Play on a local network.
//!
//! Specification: unpublished; as the client and the open implementations of it (SteamKit, SteamDatabase's protobufs)
//! agree. Over UDP a magic `VS01` with a length that is the datagram's, or the eight bytes of discovery with lengths that
//! fit; over TCP a length, then `VT01`. The contents are encrypted.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Steam,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == b'V' || byte == DISCOVERY[0])]],
    stream: &[(4, |magic| magic == b'V'), (5, |magic| magic == b'T')],
    check,
};

const DISCOVERY: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0x21, 0x4c, 0x5f, 0xa0];

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        weigh(exchange, datagram, datagram)
    } else {
        weigh(exchange, stream, stream)
    }
}

fn stream(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.le(4, 1..=0xf_ffff)?;
    scan.expect(b"VT01")?;
    Ok(Proof::Structure)
}

fn datagram(message: Message<'_>) -> Step<Proof> {
    const HEADER_LEN: usize = 36;
    const TYPE_LAST: u8 = 7;
    let mut scan = message.scan();
    if message.bytes.starts_with(&DISCOVERY) {
        return discovery(&mut scan, message.total);
    }
    scan.expect(b"VS01")?;
    let length = message.total.checked_sub(HEADER_LEN).ok_or(Stop::Wrong)? as u64;
    scan.le(2, length..=length)?;
    scan.u8_if(|kind| (1..=TYPE_LAST).contains(&kind))?;
    Ok(Proof::Structure)
}

/// Header and body, each behind its length.
fn discovery(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    scan.skip(DISCOVERY.len())?;
    let room = total.checked_sub(DISCOVERY.len() + 4 + 4).ok_or(Stop::Wrong)? as u64;
    let header = scan.le(4, 1..=room)?;
    scan.skip(header as usize)?;
    scan.le(4, room - header..=room - header)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn connections_over_both_transports() {
        let request = [&b"VS01\0\0\x01\0\0\x02\0\0"[..], &[0; 24]].concat();
        Trial::udp(check).client_proves(&request, Proof::Structure);
        let challenge = [&b"VS01\x08\0\x02\0\0\0\0\0"[..], &[0; 24], &[9; 8]].concat();
        Trial::udp(check).server_proves(&challenge, Proof::Structure);
        Trial::tcp(check).server_proves(b"\x1c\0\0\0VT01\x17\x05\0\0", Proof::Structure);
        Trial::tcp(check).client_proves(b"\xa8\0\0\0VT01\x18\x05\0\0", Proof::Structure);
    }

    #[test]
    fn discovery_of_remote_play() {
        let packet = [&DISCOVERY[..], b"\x04\0\0\0\x08\x07\x10\0\x02\0\0\0\x08\x01"].concat();
        Trial::udp(check).client_proves(&packet, Proof::Structure);
        assert_eq!(Trial::udp(check).client(&packet[..packet.len() - 1]), Match::No);
    }

    #[test]
    fn near_misses() {
        let request = [&b"VS01\x01\0\x01\0\0\x02\0\0"[..], &[0; 24]].concat();
        assert_eq!(Trial::udp(check).client(&request), Match::No);
        assert_eq!(Trial::tcp(check).client(b"\x1c\0\0\0VT02"), Match::No);
        assert_eq!(Trial::tcp(check).client(b"\x1c\0\x10\0VT01"), Match::No);
        assert_eq!(Trial::tcp(check).both(b"\x1c\0\0\0VT01", b"raw"), Match::No);
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
