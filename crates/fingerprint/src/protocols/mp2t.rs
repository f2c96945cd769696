//! mp2t: MPEG-2 transport streams in datagrams: ISO/IEC 13818-1, section 2.4.3.2 (packets), 2.4.3.4 (adaptation field); several
//! packets a datagram, as in RFC 2250, section 2, without RTP.
//!
//! Proven by structure: a datagram of whole packets, three of which are seen to begin as packets do. Two are plausible.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Mp2t,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == SYNC)]],
    stream: &[],
    check,
};

const SYNC: u8 = 0x47;
const PACKET_LEN: usize = 188;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packets, packets)
}

fn packets(side: &Side<'_>) -> Match {
    let first = side.first_datagram();
    if side.first_len == 0
        || !(side.first_len as usize).is_multiple_of(PACKET_LEN)
        || !first.chunks(PACKET_LEN).all(is_packet)
    {
        return Match::No;
    }
    let later = side.datagrams().skip(1).filter(|datagram| datagram.chunks(PACKET_LEN).all(is_packet));
    match first.len().div_ceil(PACKET_LEN) + later.count() {
        0 | 1 => Match::Maybe,
        2 => Match::Yes(Proof::Heuristic),
        _ => Match::Yes(Proof::Structure),
    }
}

/// A packet, or the beginning of one where the datagram is cut.
fn is_packet(packet: &[u8]) -> bool {
    const ERROR: u8 = 0x80;
    const ADAPTATION: u8 = 0x20;
    const PAYLOAD: u8 = 0x10;
    const RESERVED_SCRAMBLING: u8 = 0x40;
    /// Fills a packet without payload; else leaves a byte at least.
    const ADAPTATION_MAX: u8 = 183;
    let &[sync, flags, _, control, ref rest @ ..] = packet else { return false };
    let adaptation_fits = |&length: &u8| match (control & ADAPTATION != 0, control & PAYLOAD != 0) {
        (true, true) => length < ADAPTATION_MAX,
        (true, false) => length == ADAPTATION_MAX,
        (false, payload) => payload,
    };
    sync == SYNC
        && flags & ERROR == 0
        && control >> 6 != RESERVED_SCRAMBLING >> 6
        && rest.first().is_none_or(adaptation_fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};
    use crate::trial::Trial;

    fn packet(head: &[u8]) -> Vec<u8> {
        let mut packet = head.to_vec();
        packet.resize(PACKET_LEN, 0xff);
        packet
    }

    const PAYLOAD: &[u8] = b"\x47\x41\x00\x15\0\0\x01\xe0";
    const ADAPTED: &[u8] = b"\x47\x01\x00\x36\x07\x10";
    const STUFFED: &[u8] = b"\x47\x01\x00\x26\xb7\0";

    #[test]
    fn datagrams_of_packets() {
        let udp = Trial::udp(check);
        let seven: Vec<u8> = [PAYLOAD, ADAPTED, STUFFED, PAYLOAD, PAYLOAD, PAYLOAD, b"\x47\x1f\xff\x10"]
            .iter()
            .flat_map(|head| packet(head))
            .collect();
        udp.client_proves(&seven, Proof::Structure);
        udp.server_proves(&seven, Proof::Structure);
        udp.client_proves(&seven[..2 * PACKET_LEN], Proof::Heuristic);
        assert_eq!(udp.client(&seven[..PACKET_LEN]), Match::Maybe);
        let one = packet(PAYLOAD);
        let three = Talk::udp().client(&one).client(&one).client(&packet(ADAPTED));
        assert_eq!(three.ask(check), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let three: Vec<u8> = [PAYLOAD, ADAPTED, STUFFED].iter().flat_map(|head| packet(head)).collect();
        for (at, value) in
            [(0, 0x46), (1, 0x80), (3, 0x05), (3, 0x55), (188, 0), (192, 183), (376, 0), (380, 182)]
        {
            let mut wrong = three.clone();
            wrong[at] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(udp.client(&three[1..]), Match::No);
        assert_eq!(udp.client(&three[..400]), Match::No);
        assert_eq!(udp.both(&three, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
