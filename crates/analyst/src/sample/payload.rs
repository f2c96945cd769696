//! First payloads of some protocols, from their specifications.

/// Bytes without structure, the same for the same seed (xorshift64*).
pub fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// RFC 9112.
pub(super) fn http_request(host: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: example/1.0\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// RFC 9112.
pub(super) fn http_response(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A TLS 1.3 ClientHello in its record (RFC 8446, sections 4.1.2 and 5.1).
pub(super) fn client_hello(server_name: &str) -> Vec<u8> {
    let name = server_name.as_bytes();
    let name = [&[0][..], &sized16(name)].concat();
    let extensions = [
        extension(0x0000, &sized16(&name)),
        extension(0x000a, &sized16(&[0x00, 0x1d, 0x00, 0x17])),
        extension(0x000d, &sized16(&[0x04, 0x03, 0x08, 0x04, 0x04, 0x01])),
        extension(0x0010, &sized16(b"\x08http/1.1")),
        extension(0x002b, b"\x04\x03\x04\x03\x03"),
        extension(0x0033, &sized16(&[&[0x00, 0x1d][..], &sized16(&random(3, 32))].concat())),
    ]
    .concat();
    let body = [
        &[0x03, 0x03][..],
        &random(1, 32),
        &sized8(&random(2, 32)),
        &sized16(&[0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f]),
        &[1, 0],
        &sized16(&extensions),
    ]
    .concat();
    record(22, [0x03, 0x01], &handshake(1, &body))
}

/// The server's answer to [`client_hello`], down to the first encrypted record (RFC 8446, section 4.1.3 and
/// appendix D.4).
pub(super) fn server_hello() -> Vec<u8> {
    let extensions = [
        extension(0x002b, &[0x03, 0x04]),
        extension(0x0033, &[&[0x00, 0x1d][..], &sized16(&random(5, 32))].concat()),
    ]
    .concat();
    let body =
        [&[0x03, 0x03][..], &random(4, 32), &sized8(&random(2, 32)), &[0x13, 0x01, 0], &sized16(&extensions)]
            .concat();
    [
        record(22, [0x03, 0x03], &handshake(2, &body)),
        record(20, [0x03, 0x03], &[1]),
        application_data(6, 1200),
    ]
    .concat()
}

/// An encrypted TLS record.
pub(super) fn application_data(seed: u64, len: usize) -> Vec<u8> {
    record(23, [0x03, 0x03], &random(seed, len))
}

/// A query for an IPv4 address (RFC 1035, section 4.1).
pub(super) fn dns_query(id: u16, name: &str) -> Vec<u8> {
    let mut message = [&id.to_be_bytes()[..], &[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    for label in name.split('.') {
        message.extend(sized8(label.as_bytes()));
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// The answer to [`dns_query`].
pub(super) fn dns_answer(id: u16, name: &str, address: [u8; 4]) -> Vec<u8> {
    let mut message = dns_query(id, name);
    for (at, byte) in [(2, 0x81), (3, 0x80), (7, 1)] {
        if let Some(place) = message.get_mut(at) {
            *place = byte;
        }
    }
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4]);
    message.extend(address);
    message
}

/// SSH_MSG_KEXINIT (RFC 4253, sections 6 and 7.1).
pub(super) fn ssh_kexinit(seed: u64) -> Vec<u8> {
    let lists = [
        "curve25519-sha256",
        "ssh-ed25519",
        "aes256-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let mut payload = [&[20][..], &random(seed, 16)].concat();
    for list in lists {
        payload.extend((list.len() as u32).to_be_bytes());
        payload.extend(list.as_bytes());
    }
    payload.extend([0; 5]);
    ssh_packet(&payload, seed + 1)
}

/// A packet before the keys are there: a message's number, and what belongs to it (RFC 4253, section 6).
pub(super) fn ssh_packet(payload: &[u8], seed: u64) -> Vec<u8> {
    // Padding of at least four bytes to a multiple of eight.
    let padding = 4 + (8 - (5 + payload.len() + 4) % 8) % 8;
    let mut packet = ((1 + payload.len() + padding) as u32).to_be_bytes().to_vec();
    packet.push(padding as u8);
    packet.extend(payload);
    packet.extend(random(seed, padding));
    packet
}

/// A client's request for the time (RFC 5905, section 7.3).
pub(super) fn ntp(mode: u8, stratum: u8) -> Vec<u8> {
    let mut message = vec![4 << 3 | mode, stratum, 6, 0xec];
    message.extend([0; 36]);
    message.extend([0xec, 0x9a, 0x12, 0x34, 0x80, 0, 0, 0]);
    message
}

fn record(kind: u8, version: [u8; 2], body: &[u8]) -> Vec<u8> {
    [&[kind][..], &version, &sized16(body)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (body.len() as u32).to_be_bytes();
    [&[kind, high, middle, low][..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized16(body)].concat()
}

fn sized8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8][..], bytes].concat()
}

fn sized16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}
