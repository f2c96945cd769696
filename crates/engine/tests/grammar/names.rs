//! DNS (RFC 1035, 6891), mDNS (RFC 6762), LLMNR (RFC 4795), NetBIOS name service (RFC 1002).

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::udp(Protocol::Dns, dns_datagrams),
    Grammar::udp(Protocol::Dns, dns_datagrams),
    Grammar::tcp(Protocol::Dns, dns_stream),
    Grammar::udp(Protocol::Mdns, mdns).at_port(5353),
    Grammar::udp(Protocol::Llmnr, llmnr),
    Grammar::udp(Protocol::NetbiosNs, netbios).at_port(137),
];

fn dns_datagrams(rng: &mut Rng) -> Turns {
    let mut turns = Vec::new();
    for _ in 0..rng.range(1, 2) {
        let (query, response) = exchange(rng);
        turns.push(says(Client, query));
        turns.push(says(Server, response));
    }
    turns
}

fn dns_stream(rng: &mut Rng) -> Turns {
    dns_datagrams(rng).into_iter().map(|(speaker, message)| (speaker, len16(message))).collect()
}

fn name(labels: &str) -> Vec<u8> {
    let labels: Vec<u8> = labels.split('.').flat_map(len8).collect();
    cat![labels, [0]]
}

fn header(id: u16, flags: u16, counts: [usize; 4]) -> Vec<u8> {
    let counts: Vec<u8> = counts.iter().flat_map(|&count| be16(count)).collect();
    cat![id.to_be_bytes(), flags.to_be_bytes(), counts]
}

/// EDNS(0), now and then with a cookie (RFC 7873).
fn opt(rng: &mut Rng) -> Vec<u8> {
    let cookie = rng.bytes(8);
    let options = if rng.one_in(2) { cat![be16(10), len16(cookie)] } else { Vec::new() };
    cat![[0], be16(41), be16(rng.of(&[512, 1232, 4096])), [0, 0, rng.of(&[0, 0x80]), 0], len16(options)]
}

fn exchange(rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
    let id = rng.u16();
    let labels = match rng.range(0, 4) {
        0 => format!("_{}._tcp.{}", rng.word(), host(rng)),
        1 => format!("{}.{}.{}.{}.in-addr.arpa", rng.byte(), rng.byte(), rng.byte(), rng.byte()),
        2 => format!("{:x}{:x}.{}", rng.u32(), rng.u32(), host(rng)),
        _ => host(rng),
    };
    let kind = rng.of(&[1, 28, 15, 16, 12, 2, 6, 33, 65, 43, 48, 255, 257, 35]);
    let question = cat![name(&labels), be16(kind), be16(rng.of(&[1, 1, 1, 1, 3]))];
    let additional = if rng.one_in(2) { opt(rng) } else { Vec::new() };
    let arcount = usize::from(!additional.is_empty());
    let bit = |set: bool, bit: u16| if set { bit } else { 0 };
    // Recursion is desired, data is authenticated, checking is disabled.
    let flags = bit(!rng.one_in(5), 0x0100) | bit(rng.one_in(3), 0x0020) | bit(rng.one_in(6), 0x0010);
    let query = cat![header(id, flags, [1, 0, 0, arcount]), question, additional];
    if rng.one_in(4) {
        let code = rng.of(&[2, 3, 5]);
        return (query, cat![header(id, 0x8080 | flags | code, [1, 0, 0, arcount]), question, additional]);
    }
    let mut answers = Vec::new();
    let count = rng.range(1, 6);
    for _ in 0..count {
        let (kind, data) = record_data(rng);
        answers.extend(cat![[0xc0, 12], be16(kind), be16(1), be32(rng.range(0, 86_400)), len16(data)]);
    }
    let authoritative = rng.of(&[0, 0x0400]);
    let response = cat![
        header(id, 0x8080 | flags | authoritative, [1, count, 0, arcount]),
        question,
        answers,
        additional
    ];
    (query, response)
}

fn record_data(rng: &mut Rng) -> (usize, Vec<u8>) {
    match rng.range(0, 6) {
        0 => (28, rng.bytes(16)),
        1 => (5, name(&host(rng))),
        2 => (15, cat![be16(10), name(&host(rng))]),
        3 => {
            let text = sentence(rng);
            (16, len8(text))
        }
        4 => {
            let numbers = rng.bytes(20);
            (6, cat![name(&host(rng)), name(&host(rng)), numbers])
        }
        5 => {
            let signature = rng.bytes(64);
            (
                46,
                cat![
                    be16(1),
                    [8, 2],
                    be32(3600),
                    be32(0x6500_0000),
                    be32(0x64f0_0000),
                    be16(12345),
                    name(&host(rng)),
                    signature
                ],
            )
        }
        _ => (1, rng.bytes(4)),
    }
}

fn mdns(rng: &mut Rng) -> Turns {
    let service = format!("_{}._tcp.local", rng.pick(&["http", "ipp", "airplay", "googlecast", "smb"]));
    let question = cat![name(&service), be16(rng.of(&[12, 255, 33])), be16(rng.of(&[1, 0x8001]))];
    let instance = format!("{}.{service}", rng.word());
    let answer = cat![name(&service), be16(12), be16(1), be32(4500), len16(name(&instance))];
    let target = format!("{}.local", rng.word());
    let location = cat![
        name(&instance),
        be16(33),
        be16(0x8001),
        be32(120),
        len16(cat![be32(0), be16(8009), name(&target)])
    ];
    let text = cat![name(&instance), be16(16), be16(0x8001), be32(4500), len16(len8("id=1"))];
    let said = match rng.range(0, 2) {
        0 => cat![header(0, 0, [1, 0, 0, 0]), question],
        1 => cat![header(0, 0, [1, 1, 0, 0]), question, answer],
        _ => cat![header(0, 0x8400, [0, 3, 0, 0]), answer, location, text],
    };
    vec![says(Client, said)]
}

fn llmnr(rng: &mut Rng) -> Turns {
    let id = rng.u16();
    let question = cat![name(&rng.word()), be16(rng.of(&[1, 28])), be16(1)];
    let query = cat![header(id, 0, [1, 0, 0, 0]), question];
    let address = rng.bytes(4);
    let answer = cat![
        header(id, 0x8000, [1, 1, 0, 0]),
        question,
        [0xc0, 12],
        be16(1),
        be16(1),
        be32(30),
        len16(address)
    ];
    if rng.one_in(2) { vec![says(Client, query)] } else { in_turns([query, answer]) }
}

/// First-level encoding (RFC 1001, section 14.1).
pub(super) fn netbios_name(text: &str, suffix: u8) -> Vec<u8> {
    let mut padded = [b' '; 16];
    padded[..text.len().min(15)].copy_from_slice(&text.to_uppercase().as_bytes()[..text.len().min(15)]);
    padded[15] = suffix;
    let halves: Vec<u8> = padded.iter().flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]).collect();
    cat![len8(halves), [0]]
}

fn netbios(rng: &mut Rng) -> Turns {
    let id = rng.u16();
    let asked = netbios_name(&rng.word(), rng.of(&[0, 0x20, 0x1b, 0x1c, 0x1d]));
    let address = rng.bytes(4);
    match rng.range(0, 2) {
        0 => {
            let query = cat![header(id, 0x0110, [1, 0, 0, 0]), asked, be16(0x20), be16(1)];
            let found = cat![
                header(id, 0x8500, [0, 1, 0, 0]),
                asked,
                be16(0x20),
                be16(1),
                be32(300_000),
                len16(cat![be16(0x6000), address])
            ];
            in_turns([query, found])
        }
        1 => vec![says(
            Client,
            cat![
                header(id, rng.of(&[0x2910, 0x2810, 0x3010]), [1, 0, 0, 1]),
                asked,
                be16(0x20),
                be16(1),
                [0xc0, 12],
                be16(0x20),
                be16(1),
                be32(300_000),
                len16(cat![be16(0), address])
            ],
        )],
        _ => {
            let any = cat![len8(cat!["CK", "A".repeat(30)]), [0]];
            let query = cat![header(id, 0, [1, 0, 0, 0]), any, be16(0x21), be16(1)];
            let mut names = vec![1];
            let mut text = [b' '; 15];
            text[..4].copy_from_slice(b"HOST");
            names.extend(cat![text, [0], be16(0x0400), address, [0; 42]]);
            let status =
                cat![header(id, 0x8400, [0, 1, 0, 0]), any, be16(0x21), be16(1), be32(0), len16(names)];
            in_turns([query, status])
        }
    }
}
