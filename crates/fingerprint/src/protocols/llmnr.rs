//! LLMNR: RFC 4795, section 2.1. Messages of the DNS format with flags of their own; over TCP behind a length.
//!
//! Proven from either side by the structure of the message: one question, the reserved flags zero. To the byte such a
//! message can be DNS as well; port 5355 breaks the tie.

use crate::answer::Proof;
use crate::dns_message::{Header, Message};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, PORT_BITS, Probe, Sides, Transports, ports};
use crate::protocols::dns::{FEW_ANSWERS, FEW_QUESTIONS, Rules, WITH_HEADER, both_sides, is_ordinary};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Llmnr,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[FEW_QUESTIONS, FEW_ANSWERS, WITH_HEADER, (PORT_BITS, |ports| ports & ports::LLMNR != 0)]],
    stream: &[
        (4, |flags| flags & 0x78 == 0),
        (6, |questions| questions == 0),
        (7, |questions| questions <= 1),
    ],
    check,
};

/// The opcode and the four bits between T and RCODE, all zero (RFC 4795, section 2.1.1).
const OPCODE_AND_RESERVED: u16 = 0x78f0;

fn check(exchange: &Exchange<'_>) -> Match {
    if ports::of(exchange) & ports::LLMNR == 0 {
        return Match::No;
    }
    both_sides(
        exchange,
        &Rules { header: is_possible, name: |_| true, message: is_llmnr, attempt: is_ordinary },
    )
}

fn is_possible(header: &Header) -> bool {
    header.flags & OPCODE_AND_RESERVED == 0
        && header.questions <= 1
        && (header.is_response() || header.answers == 0 && header.authorities == 0 && header.rcode() == 0)
}

fn is_llmnr(message: &Message) -> bool {
    message.header.questions == 1 && message.entries > 0 && !message.class_top_bit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Proof;
    use crate::dns_message::build::{header, name, on_tcp, question, record};
    use crate::talk::{Talk, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    fn query(flags: u16) -> Vec<u8> {
        [header(0x4d1c, flags, [1, 0, 0, 0]), question(&name("wpad"), 28, 1)].concat()
    }

    #[test]
    fn query_and_response_on_the_port() {
        let reply = [
            header(0x4d1c, 0x8000, [1, 1, 0, 0]),
            question(&name("wpad"), 1, 1),
            record(&name("wpad"), 1, 1, &[192, 0, 2, 1]),
        ]
        .concat();
        assert_eq!(Talk::udp().port(5355).client(&query(0)).ask(check), YES);
        assert_eq!(Talk::udp().port(5355).client(&query(0)).server(&reply).ask(check), YES);
        assert_eq!(Talk::udp().port(5355).server(&reply).ask(check), YES);
        assert_eq!(Talk::tcp().port(5355).client(&on_tcp(&query(0))).ask(check), YES);
    }

    #[test]
    fn elsewhere_it_is_dns() {
        assert_eq!(Talk::udp().port(53).client(&query(0)).ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        // RA and an opcode are not LLMNR's: plausible, and proven to be DNS where they are DNS.
        for flags in [0x0080, 0x2800, 0x7900] {
            assert_eq!(Talk::udp().port(5355).client(&query(flags)).ask(check), Match::Yes(Proof::Heuristic));
        }
        let query = query(0x7900);
        assert_eq!(Talk::udp().port(5355).client(&query[..query.len() - 1]).ask(check), Match::No);
        assert_eq!(Talk::udp().port(5355).client(b"raw data on the port of LLMNR").ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, |exchange| check(&Exchange { server_port: 5355, ..*exchange })), 0);
    }
}
