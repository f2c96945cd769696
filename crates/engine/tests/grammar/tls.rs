//! TLS 1.0 to 1.3 (RFC 2246, 4346, 5246, 8446) and DTLS 1.0 and 1.2 (RFC 4347, 6347).

use super::*;

pub(super) const GRAMMARS: &[Grammar] =
    &[Grammar::tcp(Protocol::Tls, tls), Grammar::tcp(Protocol::Tls, tls), Grammar::udp(Protocol::Dtls, dtls)];

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const APPLICATION_DATA: u8 = 23;

pub(super) fn record(kind: u8, version: u16, body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![[kind], version.to_be_bytes(), len16(body)]
}

fn handshake(kind: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![[kind], len24(body)]
}

fn tls(rng: &mut Rng) -> Turns {
    let minor = rng.of(&[1, 2, 3, 4, 4, 4]);
    let client_record = if rng.one_in(3) { 0x0303.min(0x0300 | minor) } else { 0x0301 };
    let hello = client_hello(rng, minor);
    let mut turns = vec![says(Client, handshake_records(rng, client_record, &hello))];
    if rng.one_in(12) {
        let description = rng.of(&[40, 70, 80, 112, 120]);
        turns.push(says(Server, record(ALERT, 0x0303, [2, description])));
        return turns;
    }
    let version = 0x0303.min(0x0300 | minor);
    if minor == 4 {
        if rng.one_in(6) {
            turns.push(says(
                Server,
                cat![record(HANDSHAKE, 0x0303, hello_retry(rng)), change_cipher_spec(version)],
            ));
            let again = client_hello(rng, 4);
            turns.push(says(
                Client,
                cat![change_cipher_spec(version), handshake_records(rng, 0x0303, &again)],
            ));
        }
        turns.push(says(
            Server,
            cat![
                record(HANDSHAKE, version, server_hello(rng, 4)),
                change_cipher_spec(version),
                application_data(rng, version),
                application_data(rng, version)
            ],
        ));
        turns.push(says(Client, cat![change_cipher_spec(version), application_data(rng, version)]));
    } else {
        let messages = cat![server_hello(rng, minor), certificate(rng), handshake(14, [])];
        turns.push(says(Server, handshake_records(rng, version, &messages)));
        let exchanged = rng.bytes(65);
        let exchange = handshake(16, len8(exchanged));
        let finished = rng.bytes(40);
        turns.push(says(
            Client,
            cat![
                record(HANDSHAKE, version, exchange),
                change_cipher_spec(version),
                record(HANDSHAKE, version, finished)
            ],
        ));
        let finished = rng.bytes(40);
        turns.push(says(Server, cat![change_cipher_spec(version), record(HANDSHAKE, version, finished)]));
    }
    for _ in 0..rng.range(0, 3) {
        turns.push(says(Client, application_data(rng, version)));
        turns.push(says(Server, application_data(rng, version)));
    }
    turns
}

/// Handshake messages in one record, or over two.
fn handshake_records(rng: &mut Rng, version: u16, messages: &[u8]) -> Vec<u8> {
    if rng.one_in(8) && messages.len() > 8 {
        let cut = rng.range(4, messages.len() - 1);
        return cat![
            record(HANDSHAKE, version, &messages[..cut]),
            record(HANDSHAKE, version, &messages[cut..])
        ];
    }
    record(HANDSHAKE, version, messages)
}

fn change_cipher_spec(version: u16) -> Vec<u8> {
    record(CHANGE_CIPHER_SPEC, version, [1])
}

fn application_data(rng: &mut Rng, version: u16) -> Vec<u8> {
    let len = rng.range(24, 1_200);
    record(APPLICATION_DATA, version, rng.bytes(len))
}

/// RFC 8701.
fn grease(rng: &mut Rng) -> [u8; 2] {
    [rng.range(0, 15) as u8 * 16 + 10; 2]
}

/// `minor`: 1 to 4 for TLS 1.0 to 1.3.
pub(super) fn client_hello(rng: &mut Rng, minor: u16) -> Vec<u8> {
    let mut ciphers = Vec::new();
    let greased = minor == 4 && rng.one_in(2);
    if greased {
        ciphers.extend(grease(rng));
    }
    if minor == 4 {
        ciphers.extend([0x13, 1, 0x13, 2, 0x13, 3]);
    }
    for _ in 0..rng.range(1, 40) {
        ciphers.extend(rng.of(&[
            [0xc0, 0x2b],
            [0xc0, 0x2f],
            [0xc0, 0x13],
            [0, 0x9c],
            [0, 0x2f],
            [0, 0x35],
            [0, 0x0a],
            [0xcc, 0xa8],
            [0, 0xff],
        ]));
    }
    let session_len = rng.of(&[0, 32, 32]);
    let session = rng.bytes(session_len);
    let version = [3, minor.min(3) as u8];
    let random = rng.bytes(32);
    let compressions: &[u8] = if minor < 4 && rng.one_in(10) { &[1, 0] } else { &[0] };
    let extensions = client_extensions(rng, minor, greased);
    let extensions = if minor < 3 && rng.one_in(3) { Vec::new() } else { len16(extensions) };
    handshake(1, cat![version, random, len8(session), len16(ciphers), len8(compressions), extensions])
}

fn extension(kind: usize, body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![be16(kind), len16(body)]
}

pub(super) fn client_extensions(rng: &mut Rng, minor: u16, greased: bool) -> Vec<u8> {
    let name = host(rng);
    let mut list = vec![
        extension(0, len16(cat![[0], len16(name)])),
        extension(10, len16(cat![be16(29), be16(23), be16(24)])),
        extension(11, len8([0])),
        extension(23, []),
        extension(0xff01, len8([])),
        extension(13, len16(cat![be16(0x0403), be16(0x0804), be16(0x0401), be16(0x0501)])),
        extension(5, [1, 0, 0, 0, 0]),
        extension(18, []),
    ];
    let ticket = blob(rng, 300);
    list.push(extension(35, ticket));
    if rng.one_in(2) {
        list.push(extension(16, len16(cat![len8("h2"), len8("http/1.1")])));
    }
    if minor == 4 {
        let greasing = if greased { grease(rng).to_vec() } else { Vec::new() };
        list.push(extension(43, len8(cat![greasing, be16(0x0304), be16(0x0303)])));
        list.push(extension(45, len8([1])));
        let share = rng.bytes(32);
        let mut shares = cat![be16(29), len16(share)];
        if rng.one_in(3) {
            // X25519MLKEM768: a hello that no segment holds.
            let hybrid = rng.bytes(1_216);
            shares = cat![be16(0x11ec), len16(hybrid), shares];
        }
        list.push(extension(51, len16(shares)));
        if rng.one_in(3) {
            let payload = rng.bytes(144);
            let key = rng.bytes(32);
            list.push(extension(0xfe0d, cat![[0, 0, 1, 0, 1, rng.byte()], len16(key), len16(payload)]));
        }
    }
    // In any order, and not all of them.
    let mut extensions = Vec::new();
    if greased {
        extensions.extend(extension(usize::from(u16::from_be_bytes(grease(rng))), []));
    }
    while !list.is_empty() {
        let one = list.swap_remove(rng.range(0, list.len() - 1));
        if minor == 4 || !rng.one_in(4) {
            extensions.extend(one);
        }
    }
    if rng.one_in(3) {
        let zeros = rng.range(0, 200);
        extensions.extend(extension(21, vec![0; zeros]));
    }
    extensions
}

pub(super) fn server_hello(rng: &mut Rng, minor: u16) -> Vec<u8> {
    let random = rng.bytes(32);
    let session_len = rng.of(&[0, 32]);
    let session = rng.bytes(session_len);
    let (cipher, extensions) = if minor == 4 {
        let share = rng.bytes(32);
        ([0x13, 1], cat![extension(43, be16(0x0304)), extension(51, cat![be16(29), len16(share)])])
    } else {
        ([0xc0, 0x2f], cat![extension(0xff01, len8([])), extension(11, len8([0])), extension(35, [])])
    };
    let extensions = if minor < 3 && rng.one_in(2) { Vec::new() } else { len16(extensions) };
    handshake(2, cat![[3, minor.min(3) as u8], random, len8(session), cipher, [0], extensions])
}

/// RFC 8446, section 4.1.4: a server hello with this random.
fn hello_retry(rng: &mut Rng) -> Vec<u8> {
    const RANDOM: [u8; 32] = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
        0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    let session = rng.bytes(32);
    let extensions = cat![extension(43, be16(0x0304)), extension(51, be16(23))];
    handshake(2, cat![[3, 3], RANDOM, len8(session), [0x13, 1], [0], len16(extensions)])
}

fn certificate(rng: &mut Rng) -> Vec<u8> {
    let len = rng.range(300, 1_400);
    let body = rng.bytes(len);
    handshake(11, len24(len24(der(0x30, body))))
}

fn dtls(rng: &mut Rng) -> Turns {
    let version = rng.of(&[0xfeff_u16, 0xfefd, 0xfefd]);
    let hello_version = rng.of(&[version, 0xfefd]);
    let [random, cookie] = [rng.bytes(32), rng.bytes(20)];
    let mut ciphers = Vec::new();
    for _ in 0..rng.range(1, 20) {
        ciphers.extend(rng.of(&[[0xc0, 0x2b], [0xc0, 0x2f], [0xc0, 0xa8], [0, 0x2f], [0xcc, 0xa9]]));
    }
    let extensions = client_extensions(rng, 3, false);
    let hello = |cookie: &[u8]| {
        cat![
            hello_version.to_be_bytes(),
            random,
            len8([]),
            len8(cookie),
            len16(&ciphers),
            len8([0]),
            len16(&extensions)
        ]
    };
    let verify = cat![0xfeff_u16.to_be_bytes(), len8(&cookie)];
    let [first, second] = [hello(&[]), hello(&cookie)];
    let server_random = rng.bytes(32);
    let server = cat![
        hello_version.to_be_bytes(),
        server_random,
        len8([]),
        [0xc0, 0x2b],
        [0],
        len16(extension(0xff01, len8([])))
    ];
    let sealed = rng.bytes(200);
    let mut turns = vec![
        says(Client, dtls_record(HANDSHAKE, version, (0, 0), dtls_handshake(1, 0, &first))),
        says(Server, dtls_record(HANDSHAKE, 0xfeff, (0, 0), dtls_handshake(3, 0, &verify))),
        says(Client, dtls_record(HANDSHAKE, version, (0, 1), dtls_handshake(1, 1, &second))),
        says(Server, dtls_record(HANDSHAKE, hello_version, (0, 1), dtls_handshake(2, 1, &server))),
        says(Client, dtls_record(APPLICATION_DATA, hello_version, (1, 1), sealed)),
    ];
    if rng.one_in(3) {
        // Without a cookie, as WebRTC does.
        turns.drain(1..3);
    }
    turns
}

fn dtls_record(kind: u8, version: u16, (epoch, sequence): (usize, usize), body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![[kind], version.to_be_bytes(), be16(epoch), [0, 0], be32(sequence), len16(body)]
}

fn dtls_handshake(kind: u8, sequence: usize, body: &[u8]) -> Vec<u8> {
    cat![[kind], be24(body.len()), be16(sequence), be24(0), be24(body.len()), body]
}
