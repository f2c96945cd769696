//! mDNS: RFC 6762. Messages of the DNS format, sent to a multicast group, which the payload does not show.
//!
//! Proven from either side by the structure of the message and one of the marks that only mDNS leaves: the top bit
//! of a class (sections 5.4, 10.2), or a zero id (section 18.1) with a name under `.local`. What bears no mark is
//! the same in DNS; there port 5353 breaks the tie.

use crate::answer::Proof;
use crate::dns_message::{Header, Message};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, PORT_BITS, Probe, Sides, Transports, ports};
use crate::protocols::dns::{FEW_ANSWERS, FEW_QUESTIONS, Rules, WITH_HEADER, both_sides, is_ordinary};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Mdns,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[FEW_QUESTIONS, FEW_ANSWERS, WITH_HEADER, (PORT_BITS, |ports| ports & ports::MDNS != 0)],
        &[
            FEW_QUESTIONS,
            FEW_ANSWERS,
            WITH_HEADER,
            (0, |id| id == 0),
            (1, |id| id == 0),
            (2, |flags| flags & 0x78 == 0),
            (3, |flags| flags & 0x0f == 0),
        ],
    ],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let rules = match ports::of(exchange) & ports::MDNS != 0 {
        true => Rules { header: is_possible, name: |_| true, message: is_mdns, attempt: is_ordinary },
        false => Rules { header: is_multicast, name: |_| true, message: is_marked, attempt: |_| false },
    };
    both_sides(exchange, &rules)
}

/// Sections 18.3 and 18.11: opcode and response code are zero on transmission, and others are ignored.
fn is_possible(header: &Header) -> bool {
    header.opcode() == 0 && header.rcode() == 0
}

/// The id is zero (RFC 6762, section 18.1).
fn is_multicast(header: &Header) -> bool {
    header.id == 0 && is_possible(header)
}

fn is_mdns(message: &Message) -> bool {
    message.entries > 0 && !message.netbios_name
}

fn is_marked(message: &Message) -> bool {
    is_mdns(message) && (message.class_top_bit || message.local_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Proof;
    use crate::dns_message::build::{header, name, question, record};
    use crate::talk::{Talk, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    #[test]
    fn marked_messages_need_no_port() {
        let ask = [header(0, 0, [1, 0, 0, 0]), question(&name("_ipp._tcp.local"), 12, 1)].concat();
        let ask_unicast =
            [header(0, 0, [1, 0, 0, 0]), question(&name("4.3.2.1.in-addr.arpa"), 12, 0x8001)].concat();
        let announce =
            [header(0, 0x8400, [0, 1, 0, 0]), record(&name("host.local"), 1, 0x8001, &[192, 0, 2, 1])]
                .concat();
        for message in [ask, ask_unicast, announce] {
            assert_eq!(Talk::udp().client(&message).ask(check), YES);
            assert_eq!(Talk::udp().server(&message).ask(check), YES);
        }
    }

    #[test]
    fn known_answers_ride_with_the_question() {
        let ask = [
            header(0, 0, [1, 1, 0, 0]),
            question(&name("_ipp._tcp.local"), 12, 1),
            record(&[0xc0, 12], 12, 1, &[7, b'p', b'r', b'i', b'n', b't', b'e', b'r', 0xc0, 12]),
        ]
        .concat();
        assert_eq!(Talk::udp().client(&ask).ask(check), YES);
    }

    #[test]
    fn the_port_breaks_the_tie_with_dns() {
        let legacy = [header(9, 0x0100, [1, 0, 0, 0]), question(&name("host.local"), 1, 1)].concat();
        assert_eq!(Talk::udp().client(&legacy).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&legacy).port(5353).ask(check), YES);
        let raw = b"raw data on the port of mDNS, raw data on the port of mDNS";
        assert_eq!(Talk::udp().client(raw).port(5353).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
