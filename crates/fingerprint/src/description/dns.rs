//! The DNS format: RFC 1035, section 4; types and codes of IANA, "Domain Name System (DNS) Parameters". DNS, mDNS
//! (RFC 6762), LLMNR (RFC 4795), NetBIOS names (RFC 1001, section 14).

use offport_wire::Transport;

use super::escape::Escaped;
use super::{Description, Field, VALUE_MAX};
use crate::dns_message::{HEADER_LEN, Header, header_so_far};
use crate::exchange::{Exchange, Side};
use crate::reader::Reader;

/// RFC 1035, section 2.3.4.
const NAME_MAX: usize = 255;

pub(super) fn describe(exchange: &Exchange<'_>, description: &mut Description) {
    let messages = [&exchange.client, &exchange.server].map(|side| message(exchange, side));
    let mut messages: Vec<_> = messages.into_iter().flatten().collect();
    // What answers says more than what asks.
    messages.sort_by_key(|(header, _)| !header.is_response());
    if let Some((_, question)) =
        messages.iter().find_map(|(header, body)| Some((header, Question::read(header, body)?)))
    {
        description.escaped(Field::DnsQuestionName, question.name, true);
        if let Some((kind, class)) = question.kind {
            description.word(Field::DnsQuestionType, type_name(kind, question.is_netbios));
            description.word(Field::DnsQuestionClass, class_name(class));
        }
    }
    for (header, _) in messages {
        description.word(Field::DnsType, if header.is_response() { "answer" } else { "query" });
        description.word(Field::DnsId, header.id.to_string());
        description.word(Field::DnsOpCode, op_code(header.opcode()));
        if header.is_response() {
            description.word(Field::DnsResponseCode, response_code(header.rcode()));
            description.number(Field::DnsAnswers, header.answers.into());
        }
    }
}

/// The header of a side's first message, and what follows it as far as it is there.
fn message<'a>(exchange: &Exchange<'_>, side: &Side<'a>) -> Option<(Header, &'a [u8])> {
    let bytes = match exchange.transport {
        // RFC 1035, section 4.2.2: a length.
        Transport::TCP => side.bytes.get(2..)?,
        _ => side.first_datagram(),
    };
    (bytes.len() >= HEADER_LEN).then(|| (header_so_far(bytes), &bytes[HEADER_LEN..]))
}

struct Question {
    name: Escaped,
    /// Type and class, if they are there.
    kind: Option<(u16, u16)>,
    is_netbios: bool,
}

impl Question {
    fn read(header: &Header, body: &[u8]) -> Option<Self> {
        if header.questions == 0 {
            return None;
        }
        let mut reader = Reader::new(body);
        let mut labels: Vec<&[u8]> = Vec::new();
        loop {
            match reader.u8()? {
                0 => break,
                // The first name has nothing before it to point to.
                len @ 1..=63 => labels.push(reader.take(len.into())?),
                _ => return None,
            }
        }
        if labels.iter().map(|label| label.len() + 1).sum::<usize>() >= NAME_MAX {
            return None;
        }
        let kind = reader.u16_be().zip(reader.u16_be());
        let netbios = labels.first().and_then(|label| netbios_name(label));
        let is_netbios = netbios.is_some();
        let name = netbios.unwrap_or_else(|| dotted(&labels));
        Some(Self { name, kind, is_netbios })
    }
}

/// RFC 1035, section 5.1: a dot within a label has a backslash before it.
fn dotted(labels: &[&[u8]]) -> Escaped {
    let mut name = Escaped::new(VALUE_MAX);
    if labels.is_empty() {
        name.push(".");
    }
    for (at, label) in labels.iter().enumerate() {
        if at > 0 {
            name.push(".");
        }
        for (at, part) in label.split(|&byte| byte == b'.').enumerate() {
            if at > 0 {
                name.push("\\.");
            }
            name.bytes(part);
        }
    }
    name
}

/// RFC 1001, section 14.1: sixteen bytes as letters from A to P; the last says what the name is of: `NAME<20>`.
fn netbios_name(label: &[u8]) -> Option<Escaped> {
    let nibble = |byte: u8| (b'A'..=b'P').contains(&byte).then(|| byte - b'A');
    let (pairs, _) = label.as_chunks::<2>();
    let decoded: Option<Vec<u8>> =
        pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?)).collect();
    let decoded = decoded.filter(|_| label.len() == 32)?;
    let (suffix, name) = decoded.split_last()?;
    let mut text = Escaped::new(VALUE_MAX);
    text.bytes(name.trim_ascii_end());
    text.push(&format!("<{suffix:02x}>"));
    Some(text)
}

/// RFC 3597, section 5, for those without a common name. NetBIOS has numbers of its own (RFC 1002, section 4.2.1.3).
fn type_name(kind: u16, is_netbios: bool) -> String {
    let name = match kind {
        0x20 if is_netbios => "NB",
        0x21 if is_netbios => "NBSTAT",
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        17 => "RP",
        24 => "SIG",
        25 => "KEY",
        28 => "AAAA",
        29 => "LOC",
        33 => "SRV",
        35 => "NAPTR",
        37 => "CERT",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        44 => "SSHFP",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        256 => "URI",
        257 => "CAA",
        _ => return format!("TYPE{kind}"),
    };
    name.to_owned()
}

fn class_name(class: u16) -> String {
    // mDNS has a flag in the top bit (RFC 6762, section 5.4).
    match class & 0x7fff {
        1 => "IN".to_owned(),
        3 => "CH".to_owned(),
        4 => "HS".to_owned(),
        254 => "NONE".to_owned(),
        255 => "ANY".to_owned(),
        _ => format!("CLASS{class}"),
    }
}

fn op_code(code: u16) -> String {
    const NAMES: [&str; 7] = ["QUERY", "IQUERY", "STATUS", "", "NOTIFY", "UPDATE", "DSO"];
    match NAMES.get(usize::from(code)) {
        Some(name) if !name.is_empty() => (*name).to_owned(),
        _ => format!("OPCODE{code}"),
    }
}

fn response_code(code: u16) -> String {
    const NAMES: [&str; 12] = [
        "NOERROR",
        "FORMERR",
        "SERVFAIL",
        "NXDOMAIN",
        "NOTIMP",
        "REFUSED",
        "YXDOMAIN",
        "YXRRSET",
        "NXRRSET",
        "NOTAUTH",
        "NOTZONE",
        "DSOTYPENI",
    ];
    NAMES.get(usize::from(code)).map_or_else(|| format!("RCODE{code}"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::dns_message::build::{header, name, netbios_name, on_tcp, question};
    use crate::name::Protocol::{Dns, Mdns, NetbiosNs};
    use crate::talk::Talk;

    fn query(kind: u16) -> Vec<u8> {
        [header(6699, 0x0100, [1, 0, 0, 0]), question(&name("www.example.com"), kind, 1)].concat()
    }

    #[test]
    fn a_query_and_its_answer() {
        let asked = "dns.question.name=www.example.com dns.question.type=AAAA dns.question.class=IN";
        assert_eq!(
            said(Dns, &Talk::udp().client(&query(28))),
            format!("{asked} dns.type=query dns.id=6699 dns.op_code=QUERY")
        );
        let answer =
            [header(6699, 0x8183, [1, 2, 0, 0]), question(&name("www.example.com"), 28, 1), vec![0xc0]]
                .concat();
        let answered = format!(
            "{asked} dns.type=answer dns.id=6699 dns.op_code=QUERY dns.response_code=NXDOMAIN offport.dns.answers=2"
        );
        assert_eq!(said(Dns, &Talk::udp().client(&query(28)).server(&answer)), answered);
        assert_eq!(said(Dns, &Talk::udp().server(&answer)), answered);
        assert_eq!(said(Dns, &Talk::tcp().client(&on_tcp(&query(28))).server(&on_tcp(&answer))), answered);
    }

    #[test]
    fn a_question_that_is_cut_is_left_out_or_has_no_type() {
        let query = query(1);
        assert_eq!(said(Dns, &Talk::udp().client(&query[..11])), "");
        assert_eq!(
            said(Dns, &Talk::udp().client(&query[..28])),
            "dns.type=query dns.id=6699 dns.op_code=QUERY"
        );
        assert!(
            said(Dns, &Talk::udp().client(&query[..query.len() - 1]))
                .starts_with("dns.question.name=www.example.com dns.type=query")
        );
    }

    #[test]
    fn hostile_names() {
        let with_name = |wire: &[u8]| {
            said(
                Dns,
                &Talk::udp().client(&[&header(1, 0x0100, [1, 0, 0, 0])[..], wire, &[0, 1, 0, 1]].concat()),
            )
        };
        assert!(
            with_name(b"\x05a.b\\\x1b\x02\xff\n\0").starts_with(r"dns.question.name=a\.b\\\u{1b}.\xff\n dns")
        );
        assert!(with_name(b"\0").starts_with("dns.question.name=. dns"));
        // A pointer to itself, and a name that is too long.
        assert!(with_name(b"\xc0\x0c").starts_with("dns.type"));
        assert!(with_name(&[&[[63; 64]; 4].concat()[..], &[0]].concat()).starts_with("dns.type"));
        let longest = [&[63; 64][..], &[63; 64], &[63; 64], &[61; 62], &[0]].concat();
        assert!(with_name(&longest).starts_with("dns.question.name=???"));
    }

    #[test]
    fn relatives_and_uncommon_numbers() {
        let mdns = [header(0, 0, [1, 0, 0, 0]), question(&name("_ipp._tcp.local"), 12, 0x8001)].concat();
        assert!(
            said(Mdns, &Talk::udp().client(&mdns))
                .starts_with("dns.question.name=_ipp._tcp.local dns.question.type=PTR dns.question.class=IN")
        );
        let netbios =
            [header(7, 0x0110, [1, 0, 0, 0]), question(&netbios_name("WORKGROUP"), 0x20, 1)].concat();
        assert!(
            said(NetbiosNs, &Talk::udp().client(&netbios))
                .starts_with("dns.question.name=WORKGROUP<20> dns.question.type=NB dns.question.class=IN")
        );
        let odd = [header(7, 0x9000 | 15, [1, 0, 0, 0]), question(&name("a"), 999, 7)].concat();
        assert_eq!(
            said(Dns, &Talk::udp().client(&odd)),
            "dns.question.name=a dns.question.type=TYPE999 dns.question.class=CLASS7 dns.type=answer dns.id=7 \
             dns.op_code=STATUS dns.response_code=RCODE15 offport.dns.answers=0"
        );
    }
}
