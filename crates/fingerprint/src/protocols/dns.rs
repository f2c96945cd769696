//! DNS: RFC 1035, section 4; over UDP one message a datagram, over TCP behind a two-byte length (section 4.2.2).
//!
//! Proven from either side by structure: a header whose opcode, response code and counts are possible, then as
//! many questions and records as it counts, which fill the message to the byte. A header that could not be more
//! ordinary over an entry that is broken is plausible. Messages that show the marks of
//! mDNS, LLMNR or the NetBIOS name service are theirs: those probes stand before this one in the table.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::dns_message::{HEADER_LEN, Header, Message, Walk, header_so_far, walk};
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{At, Form, LENGTH, Match, Probe, Sides, Transports};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dns,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: DATAGRAM,
    stream: &[(4, |flags| is_opcode(flags >> 3 & 0xf)), (6, |questions| questions == 0)],
    check,
};

/// A datagram holds few questions and answers: high bytes of their counts.
const DATAGRAM: &[Form] = &[&[FEW_QUESTIONS, FEW_ANSWERS, WITH_HEADER]];
pub(super) const FEW_QUESTIONS: At = (4, |questions| questions == 0);
pub(super) const FEW_ANSWERS: At = (6, |answers| answers == 0);
pub(super) const WITH_HEADER: At = (LENGTH, |length| length as usize >= HEADER_LEN);

/// Opcodes (RFC 1035, section 4.1.1; RFC 1996; RFC 2136). Stateful operations (6, RFC 8490) are not told: their
/// messages count nothing, and TLVs follow.
const QUERY: u16 = 0;
const IQUERY: u16 = 1;
const STATUS: u16 = 2;
const NOTIFY: u16 = 4;
const UPDATE: u16 = 5;

const TYPE_SOA: u16 = 6;

fn check(exchange: &Exchange<'_>) -> Match {
    let rules = Rules { header: is_possible, name: |_| true, message: is_dns, attempt: is_ordinary };
    both_sides(exchange, &rules)
}

/// What one of the protocols of this format asks of a message.
pub(super) struct Rules {
    /// Of the header; also asked while it is incomplete, with zeros for what is still to come.
    pub(super) header: fn(&Header) -> bool,
    /// Of the first byte of the first name, once it is there, whatever else is right.
    pub(super) name: fn(u8) -> bool,
    /// Of a message that was walked.
    pub(super) message: fn(&Message) -> bool,
    /// Of the header of a message that breaks the rules: whether it is an attempt at the protocol all the same.
    pub(super) attempt: fn(&Header) -> bool,
}

/// Walks the first message of each side that has spoken, and asks the rules of every one.
pub(super) fn both_sides(exchange: &Exchange<'_>, rules: &Rules) -> Match {
    let is_stream = exchange.transport == Transport::TCP;
    let mut proof = None;
    for (side, answers) in [(&exchange.client, false), (&exchange.server, true)] {
        if side.is_empty() {
            continue;
        }
        if is_stream && !answers && side.bytes.first().is_some_and(|&high| high > LONG_REQUEST) {
            return Match::No;
        }
        let (bytes, len) =
            if is_stream { stream(side) } else { (side.first_datagram(), side.first_len as usize) };
        // Most is told before the walk.
        let header = header_so_far(bytes);
        // Only a zone that is transferred has more, and it is the answer to one question.
        if header.questions > 0xff || !is_stream && header.answers > 0xff {
            return Match::No;
        }
        if !(rules.header)(&header) && !(rules.attempt)(&header)
            || bytes.get(HEADER_LEN).is_some_and(|&first| !(rules.name)(first))
        {
            return Match::No;
        }
        match walk(bytes, len) {
            // No more bytes of this will come.
            Walk::Short(_) if !is_stream || side.closed => return Match::No,
            Walk::Short(header) if (rules.header)(&header) => {}
            Walk::Valid(message) if (rules.header)(&message.header) && (rules.message)(&message) => {
                // A header alone is an answer, and little to go by from who asked nothing.
                let alone = message.entries == 0 && !answers;
                proof = proof.max(Some(if alone { Proof::Heuristic } else { Proof::Structure }));
            }
            Walk::Valid(message) if is_attempt(exchange, rules, &message, true) => {
                proof = proof.max(Some(Proof::Heuristic));
            }
            Walk::Broken(message) if is_attempt(exchange, rules, &message, false) => {
                let slip = message.entries > 0 || is_question_with_a_slip(bytes);
                proof = proof.max(Some(if slip { Proof::Heuristic } else { Proof::Attempt }));
            }
            _ => return Match::No,
        }
    }
    proof.map_or(Match::Maybe, Match::Yes)
}

/// Whether what stands for the first question is one but for its name: that points nowhere, or the message ends in it.
fn is_question_with_a_slip(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes.get(HEADER_LEN..).unwrap_or_default());
    let is_usual = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut has_label = false;
    loop {
        match reader.u8() {
            Some(length @ 1..=63) => match reader.take(length.into()) {
                Some(label) if label.iter().all(is_usual) => has_label = true,
                Some(_) => return false,
                None => return reader.len() > 0 && reader.rest().iter().all(is_usual),
            },
            Some(192..) => {
                reader.u8();
                // Types of questions, and IN (RFC 1035, section 3.2).
                return matches!((reader.u16_be(), reader.u16_be()), (Some(1..=255), Some(1)));
            }
            Some(_) => return false,
            None => return has_label,
        }
    }
}

/// High byte of the length of a request, at most: 8 KiB hold far more than one question, or an update of a zone.
const LONG_REQUEST: u8 = 0x1f;

/// Either the header or what follows it may be broken. A header is forgiven only over a whole message, and only in a
/// datagram: a stream's header is judged before what follows it is there.
fn is_attempt(exchange: &Exchange<'_>, rules: &Rules, message: &Message, whole: bool) -> bool {
    (rules.attempt)(&message.header)
        && match whole {
            true => exchange.transport == Transport::UDP && (rules.message)(message),
            false => (rules.header)(&message.header),
        }
}

/// The counts of nearly every message: 50 of the header's bits that neither chance nor another format sets so.
pub(crate) const fn is_ordinary(header: &Header) -> bool {
    if header.is_response() {
        return header.questions == 1
            && header.answers < 16
            && header.authorities < 16
            && header.additionals < 16;
    }
    matches!(header.questions, 1 | 2)
        && header.answers == 0
        && header.authorities == 0
        && header.additionals <= 2
}

/// The first message behind its length, and that.
fn stream<'a>(side: &Side<'a>) -> (&'a [u8], usize) {
    let length = match *side.bytes {
        [] => 0,
        // The other half of the length is to come.
        [high] => usize::from(high) << 8 | 0xff,
        [high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
    };
    let message = side.bytes.get(2..).unwrap_or_default();
    (message.get(..length).unwrap_or(message), length)
}

pub(crate) fn is_possible(header: &Header) -> bool {
    // RFC 1035, section 4.1.1: the Z bit is zero, and only responses carry a response code.
    header.flags & 0x0040 == 0
        && (header.is_response() || header.rcode() == 0)
        && is_opcode(header.opcode() as u8)
        && match header.opcode() {
            // RFC 1035, section 6.4.1: the answer whose question is asked for.
            IQUERY if !header.is_response() => {
                header.questions == 0 && header.answers <= 1 && header.authorities == 0
            }
            NOTIFY | UPDATE => header.questions <= 1,
            _ => true,
        }
}

const fn is_opcode(opcode: u8) -> bool {
    matches!(opcode as u16, QUERY | IQUERY | STATUS | NOTIFY | UPDATE)
}

fn is_dns(message: &Message) -> bool {
    if message.entries == 0 {
        return is_bare_header(message);
    }
    match message.header.opcode() {
        NOTIFY => message.header.questions == 1,
        // One zone, asked for by its SOA (RFC 2136, section 2.3).
        UPDATE => message.first_type == Some(TYPE_SOA),
        _ => true,
    }
}

/// A response may be a header alone: an error that echoes no question, or an UPDATE's (RFC 2136, section 3.8).
fn is_bare_header(message: &Message) -> bool {
    let header = &message.header;
    header.is_response()
        && match header.opcode() {
            QUERY | IQUERY | STATUS | NOTIFY => header.rcode() != 0 || header.is_truncated(),
            UPDATE => true,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns_message::build::{header, name, on_tcp, question, record};
    use crate::talk::{Noise, Talk, assert_every_prefix_goes_on, random_yeses};
    use crate::trial::Trial;

    const YES: Match = Match::Yes(Proof::Structure);

    fn query(dotted: &str, kind: u16) -> Vec<u8> {
        [header(0x1a2b, 0x0100, [1, 0, 0, 0]), question(&name(dotted), kind, 1)].concat()
    }

    fn reply() -> Vec<u8> {
        [
            header(0x1a2b, 0x8180, [1, 1, 0, 1]),
            question(&name("example.com"), 1, 1),
            record(&[0xc0, 12], 1, 1, &[192, 0, 2, 1]),
            record(&[0], 41, 4096, &[]),
        ]
        .concat()
    }

    #[test]
    fn queries() {
        for kind in [1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 48, 64, 65, 251, 252, 255, 257, 32768, 65280] {
            assert_eq!(
                Talk::udp().client(&query("_ldap._tcp.dc._msdcs.example.com", kind)).ask(check),
                YES,
                "{kind}"
            );
        }
        let binary = [header(1, 0x0100, [1, 0, 0, 0]), question(&[3, 0, 0xff, b'.', 0], 10, 1)].concat();
        assert_eq!(Talk::udp().client(&binary).ask(check), YES);
        let root_with_cookie = [
            header(1, 0x0120, [1, 0, 0, 1]),
            question(&[0], 2, 1),
            record(&[0], 41, 1232, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
        ]
        .concat();
        assert_eq!(Talk::udp().client(&root_with_cookie).ask(check), YES);
        let two = [
            header(1, 0x0100, [2, 0, 0, 0]),
            question(&name("a.example"), 1, 1),
            question(&[0xc0, 12], 28, 1),
        ]
        .concat();
        assert_eq!(Talk::udp().client(&two).ask(check), YES);
        let version = [header(1, 0, [1, 0, 0, 0]), question(&name("version.bind"), 16, 3)].concat();
        assert_eq!(Talk::udp().client(&version).ask(check), YES);
    }

    #[test]
    fn replies_also_alone() {
        assert_eq!(Talk::udp().client(&query("example.com", 1)).server(&reply()).ask(check), YES);
        assert_eq!(Talk::udp().server(&reply()).ask(check), YES);
        let format_error = header(0x1a2b, 0x8001, [0; 4]);
        assert_eq!(Talk::udp().server(&format_error).ask(check), YES);
        assert_eq!(Talk::udp().server(&header(0x1a2b, 0x8000, [0; 4])).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&header(0, 0, [0; 4])).ask(check), Match::No);
    }

    #[test]
    fn a_reply_beyond_the_bound() {
        let text: Vec<u8> = [&[250][..], &[b't'; 250]].concat();
        let long = [
            header(1, 0x8180, [1, 3, 0, 0]),
            question(&name("example.com"), 16, 1),
            record(&[0xc0, 12], 16, 1, &text),
            record(&[0xc0, 12], 16, 1, &text),
            record(&[0xc0, 12], 16, 1, &text),
        ]
        .concat();
        assert!(long.len() > 512);
        assert_eq!(Talk::udp().server(&long).ask(check), YES);
    }

    #[test]
    fn update_and_notify() {
        let update = [
            header(1, 0x2800, [1, 1, 2, 0]),
            question(&name("example.com"), 6, 1),
            record(&[1, b'h', 0xc0, 12], 5, 254, &[]),
            record(&[1, b'h', 0xc0, 12], 1, 255, &[]),
            record(&[1, b'h', 0xc0, 12], 1, 1, &[192, 0, 2, 1]),
        ]
        .concat();
        assert_eq!(Talk::udp().client(&update).server(&header(1, 0xa800, [0; 4])).ask(check), YES);
        let notify = [header(1, 0x2400, [1, 0, 0, 0]), question(&name("example.com"), 6, 1)].concat();
        assert_eq!(Talk::udp().client(&notify).ask(check), YES);
    }

    #[test]
    fn over_tcp_byte_by_byte() {
        assert_every_prefix_goes_on(&on_tcp(&query("example.com", 252)), check);
        assert_every_prefix_goes_on(&on_tcp(&reply()), check);
        let pipelined = [on_tcp(&query("a.example", 1)), on_tcp(&query("b.example", 1))].concat();
        assert_every_prefix_goes_on(&pipelined, check);
        let transfer = [
            on_tcp(
                &[
                    header(1, 0x8480, [0, 1, 0, 0]),
                    record(&name("example.com"), 2, 1, &name("ns.example.com")),
                ]
                .concat(),
            ),
            on_tcp(&reply()),
        ]
        .concat();
        assert_eq!(Talk::tcp().client(&on_tcp(&query("example.com", 252))).server(&transfer).ask(check), YES);
    }

    #[test]
    fn a_long_message_over_tcp_is_settled_by_its_question() {
        let start = [header(1, 0x8180, [1, 900, 0, 0]), question(&name("example.com"), 252, 1)].concat();
        let stream = [&[0x7f, 0xff][..], &start].concat();
        assert_eq!(Talk::tcp().server(&stream).ask(check), YES);
        assert_eq!(Talk::tcp().server(&stream[..stream.len() - 1]).ask(check), Match::Maybe);
    }

    #[test]
    fn a_request_over_tcp_is_not_as_long_as_an_answer() {
        let (ask, answer) = (header(1, 0x2800, [1, 0, 9, 0]), header(1, 0x8180, [1, 300, 0, 0]));
        for (high, ask_is) in [(0x1f, Match::Maybe), (0x20, Match::No)] {
            assert_eq!(Talk::tcp().client(&[&[high, 0xff][..], &ask].concat()).ask(check), ask_is);
            assert_eq!(Talk::tcp().server(&[&[high, 0xff][..], &answer].concat()).ask(check), Match::Maybe);
        }
    }

    #[test]
    fn slips_are_plausible() {
        let broken = |bytes: &[u8], proof: Proof| {
            assert_eq!(Talk::udp().client(bytes).ask(check), Match::Yes(proof), "{bytes:02x?}");
            let stream = on_tcp(bytes);
            assert_eq!(Talk::tcp().client(&stream).ask(check), Match::Yes(proof), "{bytes:02x?}");
            for end in 0..stream.len() {
                assert_ne!(Talk::tcp().client(&stream[..end]).ask(check), Match::No, "{end} of {bytes:02x?}");
            }
        };
        let ask = header(1, 0x0100, [1, 0, 0, 0]);
        broken(&[&ask[..], &question(&[0xc0, 12], 1, 1)].concat(), Proof::Heuristic);
        broken(&[&ask[..], &[3, b'a']].concat(), Proof::Heuristic);
        for noise in
            [&b"\xc0\x0c\x77\x01\0\x01"[..], b"\x03a\x80\x81", b"\x03\x9c", b"\x03a;c\0\0\x01", b"\x05"]
        {
            broken(&[&ask[..], noise].concat(), Proof::Attempt);
        }
        broken(&[&query("example.com", 1)[..], &[0]].concat(), Proof::Heuristic);
        let forward = question(&[0xc0, 18], 1, 1);
        broken(
            &[&header(1, 0x0100, [2, 0, 0, 0])[..], &forward, &question(&name("a.example"), 1, 1)].concat(),
            Proof::Heuristic,
        );
        // An option of EDNS that is longer than its record.
        let option = record(&[0], 41, 4096, &[0, 8, 0, 30, 0, 1]);
        broken(
            &[&header(1, 0x0010, [1, 0, 0, 1])[..], &question(&name("a.example"), 28, 1), &option].concat(),
            Proof::Heuristic,
        );
        // An operation that is not assigned.
        let unassigned = [header(1, 0x7900, [1, 0, 0, 0]), question(&name("a.example"), 1, 1)].concat();
        assert_eq!(Talk::udp().client(&unassigned).ask(check), Match::Yes(Proof::Heuristic));
        assert_eq!(Talk::tcp().client(&on_tcp(&unassigned)).ask(check), Match::No);
    }

    #[test]
    fn an_inverse_query_has_one_answer() {
        // memcached's binary protocol: set, with zeros for the unique number, the flags and the expiry.
        let set = b"\x80\x01\0\x08\x08\0\0\0\0\0\0\x13\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0hostnamevm\n";
        assert_eq!(Trial::tcp(check).client(set), Match::No);
    }

    #[test]
    fn near_misses() {
        let query = query("example.com", 1);
        let load = [&query[..], &Noise::new(9).bytes(100)].concat();
        assert_eq!(Talk::udp().client(&load).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&query).server(b"\x00\x01raw").ask(check), Match::No);
        let mut counts = query.clone();
        counts[7] = 1;
        assert_eq!(Talk::udp().client(&counts).ask(check), Match::No);
        let mut code = query[..query.len() - 1].to_vec();
        code[3] |= 3;
        assert_eq!(Talk::udp().client(&code).ask(check), Match::No, "both the header and the question");
        // A header and question over junk.
        let mut junk = [header(1, 0x8180, [1, 2, 0, 0]), question(&name("example.com"), 16, 1)].concat();
        junk.extend(Noise::new(3).bytes(300));
        assert_eq!(Talk::udp().server(&junk).ask(check), Match::No);
        assert_eq!(Talk::tcp().client(&on_tcp(&junk)).ask(check), Match::No);
        assert_eq!(Talk::tcp().client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").ask(check), Match::No);
        assert_eq!(Talk::tcp().client(b"SSH-2.0-OpenSSH_9.2\r\n").ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
