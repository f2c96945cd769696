//! diameter: RFC 6733, sections 3 (header), 4.1 (AVPs) and 5.3 (capabilities exchange).
//!
//! A connection opens with a capabilities exchange: version, a length in words, the command, and AVPs whose lengths
//! stay inside the message prove it. Midstream any command will do if two AVPs chain.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{FROM_START, Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Diameter,
    transports: Transports::TCP_SCTP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[FROM_START],
    check,
};

const VERSION: u8 = 1;
const HEADER_LEN: u64 = 20;
const REQUEST: u8 = 0x80;
/// Capabilities-Exchange.
const CAPABILITIES: u64 = 257;
/// Flags of AVPs.
const VENDOR: u8 = 0x80;
const RESERVED: u8 = 0x1f;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.midstream {
        return weigh(exchange, |side| message(side, None), |side| message(side, None));
    }
    weigh(exchange, |side| message(side, Some(REQUEST)), |side| message(side, Some(0)))
}

/// `opens`: a capabilities exchange, request or answer.
fn message(message: Message<'_>, opens: Option<u8>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(&[VERSION])?;
    let length = scan.be(3, HEADER_LEN + 8..=0xf_ffff)?;
    require(length % 4 == 0)?;
    let flags = scan.u8_if(|flags| flags & 0x0f == 0)?;
    require(opens.is_none_or(|request| flags & REQUEST == request))?;
    let command = scan.be(3, CAPABILITIES..=0xff_ffff)?;
    if command == CAPABILITIES {
        scan.expect(&[0; 4])?;
    } else {
        scan.skip(4)?;
    }
    // Hop-by-hop and end-to-end identifiers.
    scan.skip(4 + 4)?;
    let mut room = length - HEADER_LEN;
    // What opens a connection needs no second AVP.
    let opening = opens.is_some() && command == CAPABILITIES;
    for _ in 0..if opening { 1 } else { 2 } {
        require(room >= 8)?;
        let code = scan.be(4, 1..=0xffff_ffff)?;
        let flags = scan.u8_if(|flags| flags & RESERVED == 0)?;
        require(flags & VENDOR != 0 || code <= 0xffff)?;
        let length = scan.be(3, if flags & VENDOR != 0 { 12 } else { 8 }..=room)?;
        let padded = length.next_multiple_of(4);
        require(padded <= room)?;
        room -= padded;
        if !opening {
            scan.skip(padded as usize - 8)?;
        }
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;
    use offport_wire::Transport;

    fn message_of(flags: u8, command: u8, avps: &[(u32, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (code, value) in avps {
            body.extend(code.to_be_bytes());
            body.extend((0x4000_0008 + value.len() as u32).to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let length = (20 + body.len() as u32).to_be_bytes();
        let head =
            [1, length[1], length[2], length[3], flags, 0, 1, command, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        [&head[..], &body].concat()
    }

    fn exchange_of_capabilities() -> [Vec<u8>; 2] {
        [
            message_of(0x80, 1, &[(264, b"client.example.org"), (296, b"example.org")]),
            message_of(0, 1, &[(268, &[0, 0, 7, 0xd1]), (264, b"server.example.org")]),
        ]
    }

    #[test]
    fn capabilities_over_both_transports() {
        let [request, answer] = exchange_of_capabilities();
        let tcp = Trial::tcp(check);
        tcp.client_proves(&request, Proof::Structure);
        tcp.server_proves(&answer, Proof::Structure);
        assert_eq!(tcp.both(&request, &answer), Match::Yes(Proof::Structure));
        let talk = Talk::tcp().client(&request);
        let exchange = Exchange { transport: Transport::SCTP, ..talk.exchange() };
        assert_eq!(check(&exchange), Match::Yes(Proof::Structure));
    }

    #[test]
    fn other_commands_show_two_fields() {
        let watchdog = message_of(0x80, 24, &[(264, b"a.example.org"), (296, b"example.org")]);
        Trial::tcp(check).client_proves(&watchdog, Proof::Structure);
        let bare = message_of(0x80, 24, &[(264, b"a.example.org")]);
        assert_eq!(Trial::tcp(check).client(&bare), Match::No);
        assert_eq!(Trial::tcp(check).midstream().server(&watchdog), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let [request, answer] = exchange_of_capabilities();
        for (at, value) in [(0, 2), (3, 21), (4, 0x81), (4, 0), (7, 0), (11, 1), (24, 1), (25, 9), (27, 7)] {
            let mut wrong = request.clone();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(&request, &request), Match::No);
        assert_eq!(tcp.both(&request, b"raw"), Match::No);
        assert_eq!(tcp.server(&answer[..2]), Match::Maybe);
        tcp.refuses_noise(100_000);
    }
}
