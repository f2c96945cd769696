//! Voice and video: SIP (RFC 3261), RTSP (RFC 2326), STUN and TURN (RFC 8489, 8656), RTP (RFC 3550).

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::udp(Protocol::Sip, sip),
    Grammar::tcp(Protocol::Sip, sip),
    Grammar::tcp(Protocol::Rtsp, rtsp),
    Grammar::udp(Protocol::Stun, stun),
    Grammar::tcp(Protocol::Stun, stun),
    Grammar::udp(Protocol::Rtp, rtp),
];

fn sip(rng: &mut Rng) -> Turns {
    let method =
        rng.pick(&["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "NOTIFY", "BYE", "PUBLISH"]);
    let (user, domain) = (rng.word(), host(rng));
    let body = match method {
        "INVITE" => format!(
            "v=0\r\no=- {} 1 IN IP4 {}\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8\r\n",
            rng.u32(),
            address(rng)
        ),
        "MESSAGE" => sentence(rng),
        _ => String::new(),
    };
    let fields = |rng: &mut Rng| {
        format!(
            "Via: SIP/2.0/UDP {}:5060;branch=z9hG4bK{:08x};rport\r\nFrom: <sip:{user}@{domain}>;tag={:x}\r\nTo: <sip:{user}@{domain}>\r\nCall-ID: {:x}@{domain}\r\nCSeq: {} {method}\r\n",
            address(rng),
            rng.u32(),
            rng.u32(),
            rng.u32(),
            rng.u16()
        )
    };
    let scheme = rng.pick(&["sip", "sip", "sips"]);
    let request = format!(
        "{method} {scheme}:{user}@{domain} SIP/2.0\r\n{}Max-Forwards: 70\r\nContent-Length: {}\r\n\r\n{body}",
        fields(rng),
        body.len()
    );
    let status = rng.pick(&[
        "100 Trying",
        "180 Ringing",
        "200 OK",
        "401 Unauthorized",
        "404 Not Found",
        "486 Busy Here",
    ]);
    let response = format!("SIP/2.0 {status}\r\n{}Content-Length: 0\r\n\r\n", fields(rng));
    in_turns([request.into(), response.into()])
}

fn rtsp(rng: &mut Rng) -> Turns {
    let url = format!("rtsp://{}:554/{}", address(rng), rng.word());
    let mut turns = Vec::new();
    for (number, method) in ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"].iter().enumerate() {
        let target = if number == 0 && rng.one_in(3) { "*" } else { &url };
        turns.push(says(
            Client,
            format!(
                "{method} {target} RTSP/1.0\r\nCSeq: {}\r\nUser-Agent: {}\r\n\r\n",
                number + 1,
                rng.word()
            ),
        ));
        let status = rng.pick(&["200 OK", "200 OK", "401 Unauthorized"]);
        turns.push(says(
            Server,
            format!(
                "RTSP/1.0 {status}\r\nCSeq: {}\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n",
                number + 1
            ),
        ));
    }
    // Interleaved media (RFC 2326, section 10.12).
    let media = rng.bytes(200);
    turns.push(says(Server, cat![b"$\0", len16(media)]));
    turns
}

fn attribute(kind: usize, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let padding = value.len().wrapping_neg() % 4;
    cat![be16(kind), len16(value), vec![0; padding]]
}

fn stun(rng: &mut Rng) -> Turns {
    let id = rng.bytes(12);
    let message = |kind: usize, attributes: Vec<u8>| {
        cat![be16(kind), be16(attributes.len()), be32(0x2112_a442), id, attributes]
    };
    let [integrity, mapped, tie, reserved] = [rng.bytes(20), rng.bytes(6), rng.bytes(8), rng.bytes(4)];
    let username = format!("{}:{}", rng.word(), rng.word());
    let ice = cat![
        attribute(6, &username),
        attribute(0x24, reserved),
        attribute(0x8029, tie),
        attribute(8, &integrity),
        attribute(0x8028, rng.bytes(4))
    ];
    let (request, response) = match rng.range(0, 3) {
        0 => (message(1, vec![]), message(0x0101, attribute(0x20, cat![[0, 1], mapped]))),
        1 => (
            message(1, ice),
            message(0x0101, cat![attribute(0x20, cat![[0, 1], mapped]), attribute(8, &integrity)]),
        ),
        2 => (
            message(3, attribute(0x19, [17, 0, 0, 0])),
            message(
                0x0113,
                cat![
                    attribute(9, cat![[0, 0, 4, 1], "Unauthorized"]),
                    attribute(0x14, "realm"),
                    attribute(0x15, rng.word())
                ],
            ),
        ),
        _ => (
            message(1, attribute(0x8022, sentence(rng))),
            message(0x0101, attribute(1, cat![[0, 1], mapped])),
        ),
    };
    in_turns([request, response])
}

fn rtp(rng: &mut Rng) -> Turns {
    let (source, kind, mut number, mut time) =
        (rng.bytes(4), rng.of(&[0, 8, 9, 18, 96, 111]), rng.u16(), rng.u32());
    let mut turns = Vec::new();
    for _ in 0..rng.range(3, 9) {
        let sound = rng.bytes(160);
        turns.push(says(Client, cat![[0x80, kind], number.to_be_bytes(), time.to_be_bytes(), source, sound]));
        (number, time) = (number.wrapping_add(1), time.wrapping_add(160));
    }
    turns
}
