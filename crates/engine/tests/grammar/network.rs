//! What networks run on: NTP, SNMP, DHCP, DHCPv6, syslog, RADIUS, BGP, IKE, WireGuard, OpenVPN, SOCKS, BitTorrent.

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::udp(Protocol::Ntp, ntp),
    Grammar::udp(Protocol::Ntp, ntp).at_port(123),
    Grammar::udp(Protocol::Snmp, snmp),
    Grammar::tcp(Protocol::Snmp, snmp),
    Grammar::udp(Protocol::Dhcp, dhcp).at_port(68),
    Grammar::udp(Protocol::Dhcpv6, dhcpv6).at_port(546),
    Grammar::udp(Protocol::Syslog, syslog),
    Grammar::tcp(Protocol::Syslog, syslog_stream),
    Grammar::udp(Protocol::Radius, radius),
    Grammar::tcp(Protocol::Bgp, bgp),
    Grammar::udp(Protocol::Isakmp, isakmp).at_port(500),
    Grammar::udp(Protocol::Isakmp, isakmp),
    Grammar::udp(Protocol::Wireguard, wireguard),
    Grammar::udp(Protocol::Openvpn, openvpn),
    Grammar::tcp(Protocol::Openvpn, openvpn_stream),
    Grammar::tcp(Protocol::Socks, socks),
    Grammar::tcp(Protocol::Bittorrent, bittorrent),
    Grammar::udp(Protocol::Bittorrent, dht),
];

/// RFC 5905, section 7.3; control messages: RFC 9327, section 2.
fn ntp(rng: &mut Rng) -> Turns {
    let version = rng.of(&[1, 2, 3, 4, 4, 4]);
    if rng.one_in(8) {
        let sequence = rng.u16();
        let text = format!("version=\"ntpd {}\",leap=0,stratum=2", sentence(rng));
        let read = cat![[2 << 3 | 6, 2], sequence.to_be_bytes(), [0; 8]];
        let padding = vec![0; text.len().wrapping_neg() % 4];
        let variables = cat![
            [2 << 3 | 6, 0x82],
            sequence.to_be_bytes(),
            [0x06, 0x15],
            be16(0),
            be16(0),
            len16(text),
            padding
        ];
        return in_turns([read, variables]);
    }
    // Seconds since 1900: 2020 to 2030.
    let stamp = |rng: &mut Rng| cat![be32(rng.range(0xe1b7_0000, 0xf4a0_0000)), rng.u32().to_be_bytes()];
    let poll = rng.range(4, 10) as u8;
    let transmit = if rng.one_in(3) { rng.bytes(8) } else { stamp(rng) };
    let request = if rng.one_in(2) {
        // A plain client sends nothing but when it sends (RFC 4330, section 5; draft-ietf-ntp-data-minimization).
        cat![[version << 3 | 3], [0; 39], transmit]
    } else {
        cat![
            [version << 3 | 3 | rng.of(&[0, 0xc0]), rng.range(0, 4) as u8, poll, rng.of(&[0xe9, 0xfa, 0xec])],
            be32(rng.range(0, 4_000)),
            be32(rng.range(0, 4_000)),
            rng.bytes(4),
            stamp(rng),
            [0; 16],
            transmit
        ]
    };
    let reference = if rng.one_in(3) { b"GPS\0".to_vec() } else { rng.bytes(4) };
    let stratum = if reference == b"GPS\0" { 1 } else { rng.range(2, 4) as u8 };
    let response = cat![
        [version << 3 | 4, stratum, poll, 0xe8],
        be32(rng.range(0, 4_000)),
        be32(rng.range(0, 4_000)),
        reference,
        stamp(rng),
        transmit,
        stamp(rng),
        stamp(rng)
    ];
    in_turns([request, response])
}

/// RFC 3416 in RFC 1157, RFC 1901 or RFC 3412 messages; over TCP as they are (RFC 3430).
fn snmp(rng: &mut Rng) -> Turns {
    let id = rng.u32() & 0x7fff_ffff;
    let version = rng.of(&[0, 1, 1, 3]);
    let count = rng.range(1, 4);
    let oids: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            cat![
                [0x2b, 6, 1, 2, 1],
                [
                    rng.of(&[1, 2, 25]),
                    rng.range(1, 9) as u8,
                    rng.range(1, 20) as u8,
                    0x83,
                    rng.range(0, 127) as u8,
                    0
                ]
            ]
        })
        .collect();
    let bindings = |rng: &mut Rng, values: bool| {
        let mut list = Vec::new();
        for oid in &oids {
            let value = if !values {
                vec![5, 0]
            } else {
                match rng.range(0, 4) {
                    0 => der(4, sentence(rng)),
                    1 => der(0x41, rng.bytes(3)),
                    2 => integer(rng.u32() & 0xffff),
                    3 => der(0x40, rng.bytes(4)),
                    _ => der(6, [0x2b, 6, 1, 4, 1, 9]),
                }
            };
            list.extend(der(0x30, cat![der(6, oid), value]));
        }
        ber(rng, 0x30, list)
    };
    let kind = if version == 0 { rng.of(&[0xa0, 0xa1]) } else { rng.of(&[0xa0, 0xa1, 0xa5]) };
    let asked = bindings(rng, false);
    let (first, second) = if kind == 0xa5 { (0, rng.range(1, 50) as u32) } else { (0, 0) };
    let request = ber(rng, kind, cat![integer(id), integer(first), integer(second), asked]);
    let told = bindings(rng, true);
    let response = ber(rng, 0xa2, cat![integer(id), integer(0), integer(0), told]);
    let community = rng.pick(&["public", "private", "s3cret!"]);
    if version != 3 {
        if version == 1 && rng.one_in(6) {
            let trap = ber(rng, 0xa7, cat![integer(id), integer(0), integer(0), told]);
            return vec![says(Client, ber(rng, 0x30, cat![integer(1), der(4, community), trap]))];
        }
        let whole =
            |rng: &mut Rng, pdu: Vec<u8>| ber(rng, 0x30, cat![integer(version), der(4, community), pdu]);
        return in_turns([whole(rng, request), whole(rng, response)]);
    }
    // RFC 3412, section 6; RFC 3414, section 2.4.
    let engine = rng.bytes(11);
    let header = |flags: u8| der(0x30, cat![integer(id), integer(65_507), der(4, [flags]), integer(3)]);
    let security = |engine: &[u8], user: &str| {
        der(4, der(0x30, cat![der(4, engine), integer(0), integer(0), der(4, user), der(4, []), der(4, [])]))
    };
    let scoped = |engine: &[u8], pdu: &[u8]| der(0x30, cat![der(4, engine), der(4, []), pdu]);
    let discover = ber(rng, 0x30, cat![integer(3), header(4), security(&[], ""), scoped(&[], &request)]);
    let report = der(0xa8, cat![integer(id), integer(0), integer(0), told]);
    let answer = ber(rng, 0x30, cat![integer(3), header(0), security(&engine, ""), scoped(&engine, &report)]);
    in_turns([discover, answer])
}

/// RFC 2131, figure 1; options: RFC 2132.
fn dhcp(rng: &mut Rng) -> Turns {
    let (id, hardware) = (rng.bytes(4), rng.bytes(6));
    let message = |rng: &mut Rng, operation: u8, kind: u8| {
        let given = rng.bytes(4);
        let addresses = cat![[0; 4], if operation == 2 { given.clone() } else { vec![0; 4] }, [0; 8]];
        let names = [0; 192];
        let mut options = cat![[99, 130, 83, 99, 53, 1, kind], [61, 7, 1], hardware];
        if operation == 1 {
            options.extend(cat![[12], len8(rng.word()), [55, 4, 1, 3, 6, 15]]);
        } else {
            options.extend(cat![[54, 4], rng.bytes(4), [51, 4], be32(86_400), [1, 4, 255, 255, 255, 0]]);
        }
        options.push(255);
        let padding = vec![0; 60_usize.saturating_sub(options.len())];
        let flags = be16(rng.of(&[0, 0x8000]));
        cat![
            [operation, 1, 6, 0],
            id,
            be16(rng.range(0, 30)),
            flags,
            addresses,
            hardware,
            [0; 10],
            names,
            options,
            padding
        ]
    };
    let (asked, told) = rng.of(&[(1, 2), (3, 5), (3, 6), (8, 5)]);
    in_turns([message(rng, 1, asked), message(rng, 2, told)])
}

/// RFC 8415, section 8.
fn dhcpv6(rng: &mut Rng) -> Turns {
    let id = rng.bytes(3);
    let option = |code: usize, body: &[u8]| cat![be16(code), len16(body)];
    let duid = cat![be16(1), be16(1), rng.bytes(4), rng.bytes(6)];
    let association = cat![rng.bytes(4), be32(3600), be32(5400)];
    let kind = rng.of(&[1, 3, 5, 8, 11]);
    let request = cat![
        [kind],
        id,
        option(1, &duid),
        option(8, &be16(0)),
        option(6, &cat![be16(23), be16(24)]),
        option(3, &association)
    ];
    let server = cat![be16(3), be16(1), rng.bytes(6)];
    let reply = cat![
        [if kind == 1 { 2 } else { 7 }],
        id,
        option(1, &duid),
        option(2, &server),
        option(3, &association)
    ];
    in_turns([request, reply])
}

fn syslog_line(rng: &mut Rng) -> String {
    let priority = rng.range(0, 191);
    if rng.one_in(2) {
        format!(
            "<{priority}>Oct {:>2} 22:14:{:02} {} {}[{}]: {}",
            rng.range(1, 31),
            rng.range(0, 59),
            rng.word(),
            rng.word(),
            rng.u16(),
            sentence(rng)
        )
    } else {
        format!(
            "<{priority}>1 2003-10-11T22:14:15.003Z {} {} - ID47 - {}",
            host(rng),
            rng.word(),
            sentence(rng)
        )
    }
}

/// RFC 3164 and RFC 5424.
fn syslog(rng: &mut Rng) -> Turns {
    (0..rng.range(1, 3)).map(|_| says(Client, syslog_line(rng))).collect()
}

/// RFC 6587: octets counted, or a line end behind each.
fn syslog_stream(rng: &mut Rng) -> Turns {
    let counted = rng.one_in(2);
    let lines: Vec<u8> = (0..rng.range(1, 5))
        .flat_map(|_| {
            let line = syslog_line(rng);
            if counted {
                format!("{} {line}", line.len()).into_bytes()
            } else {
                format!("{line}\n").into_bytes()
            }
        })
        .collect();
    vec![says(Client, lines)]
}

/// RFC 2865, section 3.
fn radius(rng: &mut Rng) -> Turns {
    let id = rng.byte();
    let packet = |code: u8, authenticator: Vec<u8>, attributes: Vec<u8>| {
        cat![[code, id], be16(attributes.len() + 20), authenticator, attributes]
    };
    let attribute = |kind: u8, value: &[u8]| cat![[kind, value.len() as u8 + 2], value];
    let [asked, told, password] = [rng.bytes(16), rng.bytes(16), rng.bytes(16)];
    let user = rng.word();
    let request = cat![
        attribute(1, user.as_bytes()),
        attribute(2, &password),
        attribute(4, &[192, 0, 2, 1]),
        attribute(5, &be32(rng.range(0, 99)))
    ];
    let text = sentence(rng);
    in_turns([packet(1, asked, request), packet(rng.of(&[2, 3]), told, attribute(18, text.as_bytes()))])
}

/// RFC 4271, section 4.
fn bgp(rng: &mut Rng) -> Turns {
    let message = |kind: u8, body: &[u8]| cat![[0xff; 16], be16(body.len() + 19), [kind], body];
    let open = |rng: &mut Rng| {
        let capabilities = cat![[2, 6, 1, 4, 0, 1, 0, 1], [2, 2, 2, 0], [2, 6, 65, 4], rng.bytes(4)];
        message(1, &cat![[4], rng.bytes(2), be16(180), rng.bytes(4), len8(capabilities)])
    };
    in_turns([open(rng), cat![open(rng), message(4, &[])], message(4, &[])])
}

/// RFC 7296, section 3.1, and RFC 2408, section 3.1; behind the marker of RFC 3948 elsewhere than on port 500.
fn isakmp(rng: &mut Rng) -> Turns {
    let [initiator, responder, shared, nonce] = [rng.bytes(8), rng.bytes(8), rng.bytes(256), rng.bytes(32)];
    let payload = |next: u8, body: &[u8]| cat![[next, 0], be16(body.len() + 4), body];
    if rng.one_in(2) {
        let transforms = cat![
            [3, 0, 0, 12, 1, 0, 0, 12, 0x80, 14, 1, 0],
            [3, 0, 0, 8, 2, 0, 0, 5],
            [3, 0, 0, 8, 3, 0, 0, 12],
            [0, 0, 0, 8, 4, 0, 0, 14]
        ];
        let proposal = cat![[0, 0], be16(transforms.len() + 8), [1, 1, 0, 4], transforms];
        let body =
            cat![payload(34, &proposal), payload(40, &cat![be16(14), [0, 0], shared]), payload(0, &nonce)];
        let message = |responder: &[u8], flags: u8| {
            cat![initiator, responder, [33, 0x20, 34, flags], be32(0), be32(body.len() + 28), body]
        };
        return in_turns([message(&[0; 8], 8), message(&responder, 0x20)]);
    }
    let attributes = cat![
        [0x80, 1, 0, 7],
        [0x80, 14, 1, 0],
        [0x80, 2, 0, 2],
        [0x80, 4, 0, 14],
        [0x80, 3, 0, 1],
        [0x80, 11, 0, 1],
        [0, 12, 0, 4],
        be32(28_800)
    ];
    let transform = cat![[0, 0], be16(attributes.len() + 8), [1, 1, 0, 0], attributes];
    let proposal = cat![[0, 0], be16(transform.len() + 8), [1, 1, 0, 1], transform];
    let vendor = rng.bytes(16);
    let body = cat![payload(13, &cat![be32(1), be32(1), proposal]), payload(0, &vendor)];
    let message =
        |responder: &[u8]| cat![initiator, responder, [1, 0x10, 2, 0], be32(0), be32(body.len() + 28), body];
    in_turns([message(&[0; 8]), message(&responder)])
}

/// "WireGuard: next generation kernel network tunnel", section 5.4.
fn wireguard(rng: &mut Rng) -> Turns {
    let [one, other] = [rng.bytes(4), rng.bytes(4)];
    let macs = cat![rng.bytes(16), [0; 16]];
    let initiation = cat![[1, 0, 0, 0], one, rng.bytes(108), macs];
    let response = cat![[2, 0, 0, 0], other, one, rng.bytes(48), macs];
    let data = |rng: &mut Rng, to: &[u8]| {
        let sealed = rng.range(2, 80) * 16;
        cat![[4, 0, 0, 0], to, le32(0), [0; 4], rng.bytes(sealed)]
    };
    in_turns([initiation, response, data(rng, &other), data(rng, &one)])
}

/// openvpn-protocol.txt: hard reset and its answer; with --tls-auth, an HMAC and a packet id behind the session id.
fn openvpn(rng: &mut Rng) -> Turns {
    let [client, server] = [rng.bytes(8), rng.bytes(8)];
    let authenticated = rng.one_in(2);
    let guard = |rng: &mut Rng| {
        if authenticated { cat![rng.bytes(20), be32(1), be32(0x65b0_0000)] } else { Vec::new() }
    };
    let reset = cat![[7 << 3], client, guard(rng), [0], be32(0)];
    let answer = cat![[8 << 3], server, guard(rng), [1], be32(0), client, be32(0)];
    let hello = tls::client_hello(rng, 3);
    let control =
        cat![[4 << 3], client, guard(rng), [1], be32(0), server, be32(1), tls::record(22, 0x0301, hello)];
    in_turns([reset, answer, control[..control.len().min(1_200)].to_vec()])
}

fn openvpn_stream(rng: &mut Rng) -> Turns {
    openvpn(rng).into_iter().map(|(speaker, packet)| (speaker, len16(packet))).collect()
}

/// RFC 1928; SOCKS 4 and 4a as Ylonen Lee wrote them down.
fn socks(rng: &mut Rng) -> Turns {
    let port = rng.bytes(2);
    if rng.one_in(3) {
        let address = rng.bytes(4);
        let request = if rng.one_in(2) {
            cat![[4, 1], port, [0, 0, 0, 1], rng.word(), [0], host(rng), [0]]
        } else {
            cat![[4, 1], port, [192], address[1..], [0]]
        };
        return in_turns([request, cat![[0, 90], port, address]]);
    }
    let methods: &[u8] = rng.pick(&[&[0][..], &[0, 2], &[2], &[0, 1, 2]]);
    let method = *methods.last().unwrap();
    let mut turns = in_turns([cat![[5], len8(methods)], vec![5, method]]);
    if method == 2 {
        turns.push(says(Client, cat![[1], len8(rng.word()), len8(rng.word())]));
        turns.push(says(Server, [1, 0]));
    }
    if method != 1 {
        let name = host(rng);
        let target = if rng.one_in(2) { cat![[3], len8(name)] } else { cat![[1], rng.bytes(4)] };
        turns.push(says(Client, cat![[5, 1, 0], target, port]));
        turns.push(says(Server, cat![[5, 0, 0, 1], rng.bytes(4), port]));
        turns.push(says(Client, format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host(rng))));
    }
    turns
}

/// BEP 3.
fn bittorrent(rng: &mut Rng) -> Turns {
    let handshake = |rng: &mut Rng| {
        cat![len8("BitTorrent protocol"), [0, 0, 0, 0, 0, 0x10, 0, 5], [7; 20], "-TR4040-", rng.bytes(12)]
    };
    let bits = rng.bytes(40);
    in_turns([handshake(rng), cat![handshake(rng), len32(cat![[5], bits])]])
}

/// BEP 5.
fn dht(rng: &mut Rng) -> Turns {
    let [id, target, transaction] = [rng.bytes(20), rng.bytes(20), rng.bytes(2)];
    let query =
        cat!["d1:ad2:id20:", id, "6:target20:", target, "e1:q9:find_node1:t2:", transaction, "1:y1:qe"];
    let nodes = rng.bytes(26 * 3);
    let response = cat!["d1:rd2:id20:", target, "5:nodes78:", nodes, "e1:t2:", transaction, "1:y1:re"];
    in_turns([query, response])
}
