//! ldp: the Label Distribution Protocol: RFC 5036, sections 3.1 (PDUs), 3.4 and 3.5 (messages).
//!
//! Proven from either side by structure: version, an identifier, a message whose length stays inside the PDU, and the
//! parameters that come first in it. Hellos go over UDP, sessions open over TCP with an Initialization.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ldp,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

const VERSION: u64 = 1;
const NOTIFICATION: u16 = 0x0001;
const HELLO: u16 = 0x0100;
const INITIALIZATION: u16 = 0x0200;
const KEEP_ALIVE: u16 = 0x0201;
/// Address, label mapping, request, withdrawal, release and abort (midstream).
const LATER: [u16; 7] = [0x0300, 0x0301, 0x0400, 0x0401, 0x0402, 0x0403, 0x0404];

fn check(exchange: &Exchange<'_>) -> Match {
    let (udp, midstream) = (exchange.transport == Transport::UDP, exchange.midstream);
    weigh(exchange, |side| pdu(side, udp, midstream), |side| pdu(side, udp, midstream))
}

fn pdu(message: Message<'_>, udp: bool, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    scan.be(2, VERSION..=VERSION)?;
    // What follows the length: identifier, and a message of eight bytes at least.
    let length = scan.be(2, 14..=4096)?;
    require(!udp || length as usize + 4 == message.total)?;
    // The router's id, and its label space.
    scan.be(4, 1..=0xffff_ffff)?;
    scan.skip(2)?;
    let kind = scan.u16_be()?;
    let room = length - 6;
    let size = scan.be(2, 4..=room - 4)?;
    scan.skip(4)?;
    match kind {
        HELLO if udp => parameter(&mut scan, size, 0x0400, 4)?,
        INITIALIZATION if !udp => {
            parameter(&mut scan, size, 0x0500, 14)?;
            scan.be(2, VERSION..=VERSION)?;
        }
        NOTIFICATION if !udp => parameter(&mut scan, size, 0x0300, 10)?,
        KEEP_ALIVE if midstream => require(size == 4)?,
        kind if midstream && LATER.contains(&kind) => {
            // FEC or address list.
            scan.be(2, 0x0100..=0x0101)?;
            scan.be(2, 1..=size.checked_sub(8).ok_or(Stop::Wrong)?)?;
        }
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

/// The first parameter of a message of this size: its type, and the length that it always has.
fn parameter(scan: &mut crate::scan::Scan<'_>, size: u64, kind: u64, length: u64) -> Step<()> {
    require(size >= 4 + 4 + length)?;
    scan.be(2, kind..=kind)?;
    scan.be(2, length..=length).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn pdu_of(kind: u16, parameters: &[u8]) -> Vec<u8> {
        let size = 4 + parameters.len() as u16;
        let mut pdu = vec![0, 1];
        pdu.extend((6 + 4 + size).to_be_bytes());
        pdu.extend([192, 0, 2, 1, 0, 0]);
        pdu.extend(kind.to_be_bytes());
        pdu.extend(size.to_be_bytes());
        pdu.extend([0, 0, 0, 1]);
        pdu.extend(parameters);
        pdu
    }

    const SESSION: &[u8] = b"\x05\0\0\x0e\0\x01\0\xb4\0\0\0\0\xc0\0\x02\x02\0\0";

    #[test]
    fn hellos_over_udp() {
        let udp = Trial::udp(check);
        let plain = pdu_of(0x0100, b"\x04\0\0\x04\0\x0f\0\0");
        udp.client_proves(&plain, Proof::Structure);
        udp.server_proves(
            &pdu_of(0x0100, b"\x04\0\0\x04\0\x2d\xc0\0\x04\x01\0\x04\xc0\0\x02\x01"),
            Proof::Structure,
        );
        assert_eq!(udp.client(&[&plain[..], &[0]].concat()), Match::No);
        assert_eq!(udp.client(&pdu_of(0x0200, SESSION)), Match::No);
        udp.refuses_noise(100_000);
    }

    #[test]
    fn sessions_over_tcp() {
        let tcp = Trial::tcp(check);
        let open = pdu_of(0x0200, SESSION);
        tcp.client_proves(&open, Proof::Structure);
        tcp.server_proves(&open, Proof::Structure);
        tcp.server_proves(&pdu_of(0x0001, b"\x03\0\0\x0a\x80\0\0\x0c\0\0\0\0\0\0"), Proof::Structure);
        let keep_alive = pdu_of(0x0201, b"");
        assert_eq!(tcp.client(&keep_alive), Match::No);
        assert_eq!(tcp.clone().midstream().client(&keep_alive), Match::Yes(Proof::Structure));
        for (at, value) in [(1, 2), (3, 9), (10, 9), (13, 60), (18, 4), (21, 13), (23, 2)] {
            let mut wrong = open.clone();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(&open, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
