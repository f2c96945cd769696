//! NetBIOS name service: RFC 1002, section 4.2. Messages of the DNS format with types, opcodes and names of their own.
//!
//! Proven from either side by structure: the message walks to its end, its first name is a NetBIOS name in
//! first-level encoding (RFC 1001, section 14.1), its opcode and counts are one of the service's messages.

use crate::answer::Proof;
use crate::dns_message::{HEADER_LEN, Header, Message};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, PORT_BITS, Probe, Sides, Transports, ports};
use crate::protocols::dns::{FEW_ANSWERS, FEW_QUESTIONS, Rules, WITH_HEADER, both_sides, is_ordinary};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::NetbiosNs,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[FEW_QUESTIONS, FEW_ANSWERS, WITH_HEADER, (PORT_BITS, |ports| ports & ports::NETBIOS_NS != 0)],
        // A query has one name, and a record says whose it is; both are long labels, or a pointer to one.
        &[
            FEW_QUESTIONS,
            FEW_ANSWERS,
            (2, |flags| is_opcode(flags >> 3 & 0xf)),
            (5, |questions| questions <= 1),
            (HEADER_LEN, is_name),
        ],
    ],
    stream: &[
        (4, |flags| is_opcode(flags >> 3 & 0xf)),
        (6, |questions| questions == 0),
        (7, |questions| questions <= 1),
    ],
    check,
};

/// Types A, NS, NULL, NB and NBSTAT (RFC 1002, section 4.2.1.3).
const TYPES: [u16; 5] = [1, 2, 10, 0x20, 0x21];

fn check(exchange: &Exchange<'_>) -> Match {
    let rules = match ports::of(exchange) & ports::NETBIOS_NS != 0 {
        true => Rules { header: is_possible, name: |_| true, message: is_netbios, attempt: is_ordinary },
        // Elsewhere, what is broken is rather DNS, so the name must be there: it is a label of 32 bytes, or at the end of
        // a pointer.
        false => Rules { header: is_possible, name: is_name, message: is_netbios, attempt: |_| false },
    };
    both_sides(exchange, &rules)
}

/// The first byte of a name: a label of 32 bytes, or a pointer.
const fn is_name(first: u8) -> bool {
    first == 32 || first >= 0xc0
}

/// Query, registration, release, WACK, refresh (8, or 9 by the RFC's own misprint), multi-homed registration.
const fn is_opcode(opcode: u8) -> bool {
    matches!(opcode, 0 | 5..=9 | 15)
}

fn is_possible(header: &Header) -> bool {
    is_opcode(header.opcode() as u8) && header.questions <= 1
}

fn is_netbios(message: &Message) -> bool {
    message.netbios_name
        && !message.class_top_bit
        && message.first_type.is_none_or(|kind| TYPES.contains(&kind))
        // A DNS query for the same name would ask for another type.
        && (message.header.opcode() != 0 || message.netbios_type || message.header.is_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Proof;
    use crate::dns_message::build::{header, name, netbios_name, question, record};
    use crate::talk::{Talk, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    #[test]
    fn requests() {
        let name = netbios_name("WORKGROUP");
        let query = [header(0x9001, 0x0110, [1, 0, 0, 0]), question(&name, 0x20, 1)].concat();
        let status = [header(0x9001, 0, [1, 0, 0, 0]), question(&name, 0x21, 1)].concat();
        let register = |flags| {
            let record = record(&[0xc0, 12], 0x20, 1, &[0, 0, 192, 0, 2, 1]);
            [header(0x9001, flags, [1, 0, 0, 1]), question(&name, 0x20, 1), record].concat()
        };
        for request in [query, status, register(0x2910), register(0x3010), register(0x4010), register(0x7900)]
        {
            assert_eq!(Talk::udp().client(&request).ask(check), YES);
        }
    }

    #[test]
    fn responses() {
        let name = netbios_name("FILESERVER");
        let positive =
            [header(0x9001, 0x8580, [0, 1, 0, 0]), record(&name, 0x20, 1, &[0x60, 0, 192, 0, 2, 1])].concat();
        let wait = [header(0x9001, 0xbc00, [0, 1, 0, 0]), record(&name, 10, 1, &[0x29, 0x10])].concat();
        let mut status = vec![1];
        status.extend_from_slice(b"FILESERVER     \x00\x04\x00");
        status.extend([0; 46]);
        let status = [header(0x9001, 0x8400, [0, 1, 0, 0]), record(&name, 0x21, 1, &status)].concat();
        for response in [positive, wait, status] {
            assert_eq!(Talk::udp().server(&response).ask(check), YES);
        }
    }

    #[test]
    fn near_misses() {
        let dns = [header(1, 0x0100, [1, 0, 0, 0]), question(&name("example.com"), 0x20, 1)].concat();
        assert_eq!(Talk::udp().port(137).client(&dns).ask(check), Match::No);
        let other_type = [header(1, 0x0100, [1, 0, 0, 0]), question(&netbios_name("A"), 28, 1)].concat();
        assert_eq!(Talk::udp().port(137).client(&other_type).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
