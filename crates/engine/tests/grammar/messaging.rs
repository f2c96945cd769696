//! Messages: MQTT (OASIS 3.1.1, 5.0), AMQP (0-9-1, 1.0), STOMP, NATS, IRC, XMPP.

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Mqtt, mqtt),
    Grammar::tcp(Protocol::Amqp, amqp),
    Grammar::tcp(Protocol::Stomp, stomp),
    Grammar::tcp(Protocol::Nats, nats),
    Grammar::tcp(Protocol::Irc, irc),
    Grammar::tcp(Protocol::Xmpp, xmpp),
];

/// Section 2.2.3: the remaining length.
fn mqtt_packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut length = Vec::new();
    let mut rest = body.len();
    loop {
        let more = u8::from(rest > 127) << 7;
        length.push(rest as u8 & 127 | more);
        rest >>= 7;
        if rest == 0 {
            return cat![[kind], length, body];
        }
    }
}

fn mqtt(rng: &mut Rng) -> Turns {
    let level = rng.of(&[3, 4, 4, 5]);
    let name = if level == 3 { "MQIsdp" } else { "MQTT" };
    let (user, will) = (rng.one_in(2), rng.one_in(4));
    let flags = 2 | if user { 0xc0 } else { 0 } | if will { 0x04 | rng.of(&[0, 8, 0x20]) } else { 0 };
    let properties = |body: &[u8]| if level == 5 { len8(body) } else { Vec::new() };
    let mut payload = len16(format!("{}-{:x}", rng.word(), rng.u16()));
    if will {
        let farewell = blob(rng, 60);
        payload.extend(cat![properties(&[]), len16(rng.word()), len16(farewell)]);
    }
    if user {
        payload.extend(cat![len16(rng.word()), len16(rng.word())]);
    }
    let connect = cat![
        len16(name),
        [level, flags],
        be16(rng.of(&[0, 10, 60, 300])),
        properties(&[0x11, 0, 0, 0, 10]),
        payload
    ];
    let topic = format!("{}/{}", rng.word(), rng.word());
    let subscribe = cat![be16(1), properties(&[]), len16(&topic), [rng.of(&[0, 1, 2])]];
    let data = blob(rng, 400);
    in_turns([
        mqtt_packet(0x10, &connect),
        mqtt_packet(0x20, &cat![[0, 0], properties(&[])]),
        mqtt_packet(0x82, &subscribe),
        mqtt_packet(0x90, &cat![be16(1), properties(&[]), [0]]),
        mqtt_packet(0x30, &cat![len16(&topic), properties(&[]), data]),
        mqtt_packet(0xd0, &[]),
    ])
}

fn amqp(rng: &mut Rng) -> Turns {
    if rng.one_in(3) {
        // SASL, then open (OASIS AMQP 1.0, part 5.3).
        let header = b"AMQP\x03\x01\0\0".to_vec();
        let body = cat![[0, 0x53, 0x40, 0xc0, 8, 1, 0xa3, 5], "PLAIN"];
        let mechanisms = cat![be32(body.len() + 8), [2, 1, 0, 0], body];
        return in_turns([header.clone(), cat![header, mechanisms]]);
    }
    let method = |channel: usize, class: usize, number: usize, arguments: &[u8]| {
        let body = cat![be16(class), be16(number), arguments];
        cat![[1], be16(channel), len32(body), [0xce]]
    };
    let text = |value: &str| cat![b"S", len32(value)];
    let properties = len32(cat![
        len8("product"),
        text("RabbitMQ"),
        len8("version"),
        text("3.12.1"),
        len8("platform"),
        text(&rng.word())
    ]);
    let start = method(0, 10, 10, &cat![[0, 9], properties, len32("PLAIN AMQPLAIN"), len32("en_US")]);
    let ok = method(
        0,
        10,
        11,
        &cat![
            len32(cat![len8("product"), text("client")]),
            len8("PLAIN"),
            len32(format!("\0{}\0{}", rng.word(), rng.word())),
            len8("en_US")
        ],
    );
    in_turns([
        b"AMQP\0\0\x09\x01".to_vec(),
        start,
        ok,
        method(0, 10, 30, &cat![be16(2047), be32(131_072), be16(60)]),
    ])
}

/// STOMP 1.2.
fn stomp(rng: &mut Rng) -> Turns {
    let connect = format!(
        "{}\naccept-version:1.0,1.1,1.2\nhost:{}\nlogin:{}\n\n\0",
        rng.pick(&["CONNECT", "STOMP"]),
        host(rng),
        rng.word()
    );
    let body = sentence(rng);
    let send = format!("SEND\ndestination:/queue/{}\ncontent-length:{}\n\n{body}\0", rng.word(), body.len());
    in_turns([connect.into(), "CONNECTED\nversion:1.2\nserver:x\n\n\0".into(), send.into()])
}

/// NATS client protocol.
fn nats(rng: &mut Rng) -> Turns {
    let info = format!(
        "INFO {{\"server_id\":\"{:x}\",\"version\":\"2.10.1\",\"port\":4222,\"max_payload\":1048576}} \r\n",
        rng.u32()
    );
    let connect = format!("CONNECT {{\"verbose\":false,\"name\":\"{}\"}}\r\nPING\r\n", rng.word());
    answered([info.into(), connect.into(), "PONG\r\n".into(), format!("SUB {} 1\r\n", rng.word()).into()])
}

/// RFC 2812, section 3.1.
fn irc(rng: &mut Rng) -> Turns {
    let (nick, server) = (rng.word(), host(rng));
    let open = format!("NICK {nick}\r\nUSER {} 0 * :{}\r\n", rng.word(), sentence(rng));
    let welcome = format!(
        ":{server} 001 {nick} :Welcome {}\r\n:{server} 002 {nick} :Your host is {server}\r\n",
        sentence(rng)
    );
    in_turns([open.into(), welcome.into(), format!("JOIN #{}\r\n", rng.word()).into()])
}

/// RFC 6120, section 4.2.
fn xmpp(rng: &mut Rng) -> Turns {
    let to = host(rng);
    let open = format!(
        "<?xml version='1.0'?><stream:stream to='{to}' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    );
    let answer = format!(
        "<?xml version='1.0'?><stream:stream from='{to}' id='{:x}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
        rng.u32()
    );
    in_turns([open.into(), answer.into(), "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".into()])
}
