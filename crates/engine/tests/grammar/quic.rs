//! QUIC version 1 (RFC 9000, 9001): Initial packets under their real keys, version negotiation, retry, 1-RTT.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[Grammar::udp(Protocol::Quic, quic)];

fn quic(rng: &mut Rng) -> Turns {
    let destination_len = rng.range(8, 20);
    let destination = rng.bytes(destination_len);
    let source_len = rng.of(&[0, 0, 8, 20]);
    let source = rng.bytes(source_len);
    let server_len = rng.of(&[4, 8, 16, 20]);
    let server = rng.bytes(server_len);
    let parameters =
        cat![[1, 4, 0x80, 0, 0x75, 0x30], [15, source.len() as u8], source, [4, 4, 0x80, 0x10, 0, 0]];
    let hello = client_hello(rng, &parameters);
    let initial = |rng: &mut Rng, token: &[u8]| {
        let frames = cat![crypto(&hello), vec![0; 1_100_usize.saturating_sub(hello.len())]];
        initial(rng, &destination, (&destination, &source), token, Client, &frames)
    };
    if rng.one_in(15) {
        let offered: Vec<u8> = [0x6b33_43cf, 1].iter().flat_map(|&version| be32(version)).collect();
        let unknown = cat![
            [0xc3],
            be32(0x1a2a_3a4a),
            len8(&destination),
            len8(&source),
            [0],
            varint(1_190),
            rng.bytes(1_190)
        ];
        let negotiation =
            cat![[0x80 | rng.byte() & 0x7f], be32(0), len8(&source), len8(&destination), offered];
        return in_turns([unknown, negotiation]);
    }
    let first = initial(rng, &[]);
    if rng.one_in(10) {
        let [token, tag] = [rng.bytes(60), rng.bytes(16)];
        let retry = cat![[0xf0 | rng.byte() & 0x0f], be32(1), len8(&source), len8(&server), token, tag];
        return in_turns([first, retry]);
    }
    let answer = tls::server_hello(rng, 4);
    let frames = cat![[2, 0, 0, 0, 0], crypto(&answer)];
    let sealed = rng.bytes(700);
    // A Handshake packet in the same datagram.
    let handshake =
        cat![[0xe0 | rng.byte() & 0x0f], be32(1), len8(&source), len8(&server), varint(sealed.len()), sealed];
    let reply = cat![self::initial(rng, &destination, (&source, &server), &[], Server, &frames), handshake];
    let data_len = rng.range(30, 1_000);
    let short = cat![[0x40 | rng.byte() & 0x3f], server, rng.bytes(data_len)];
    in_turns([first, reply, short])
}

fn client_hello(rng: &mut Rng, parameters: &[u8]) -> Vec<u8> {
    let extensions = cat![tls::client_extensions(rng, 4, false), be16(0x39), len16(parameters)];
    let random = rng.bytes(32);
    let body = cat![[3, 3], random, len8([]), len16([0x13, 1, 0x13, 2]), len8([0]), len16(extensions)];
    cat![[1], len24(body)]
}

/// RFC 9000, section 16, in two or four bytes.
fn varint(value: usize) -> Vec<u8> {
    if value < 64 { vec![value as u8] } else { be16(0x4000 | value).to_vec() }
}

fn crypto(message: &[u8]) -> Vec<u8> {
    cat![[6, 0], varint(message.len()), message]
}

/// Section 17.2.2 of RFC 9000; sections 5.2 to 5.4 of RFC 9001.
fn initial(
    rng: &mut Rng,
    original: &[u8],
    (to, from): (&[u8], &[u8]),
    token: &[u8],
    speaker: Speaker,
    frames: &[u8],
) -> Vec<u8> {
    const SALT: [u8; 20] = [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
        0xbb, 0x7f, 0x0a,
    ];
    let label = if speaker == Client { "client in" } else { "server in" };
    let secret = expand(&Hkdf::<Sha256>::new(Some(&SALT), original), label, 32);
    let secret = Hkdf::<Sha256>::from_prk(&secret).unwrap();
    let [key, mut nonce, protection] =
        [("quic key", 16), ("quic iv", 12), ("quic hp", 16)].map(|(label, len)| expand(&secret, label, len));
    let number = rng.range(0, 3) as u8;
    let number_len = rng.range(1, 4);
    let number_bytes = cat![vec![0; number_len - 1], [number]];
    let mut head = cat![
        [0xc0 | (number_len as u8 - 1)],
        be32(1),
        len8(to),
        len8(from),
        varint(token.len()),
        token,
        be16(0x4000 | (number_len + frames.len() + 16)),
        number_bytes
    ];
    *nonce.last_mut().unwrap() ^= number;
    let sealed = seal(&key, &nonce, &head, frames);
    let number_at = head.len() - number_len;
    let sample: [u8; 16] = cat![head[number_at..], sealed][4..20].try_into().unwrap();
    let mask = block(&protection, sample);
    head[0] ^= mask[0] & 0x0f;
    for (byte, mask) in head[number_at..].iter_mut().zip(&mask[1..]) {
        *byte ^= mask;
    }
    cat![head, sealed]
}

/// HKDF-Expand-Label (RFC 8446, section 7.1) without a context.
fn expand(secret: &Hkdf<Sha256>, label: &str, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    secret.expand(&cat![be16(len), len8(format!("tls13 {label}")), [0]], &mut out).unwrap();
    out
}

fn block(key: &[u8], input: [u8; 16]) -> [u8; 16] {
    let mut block = input.into();
    Aes128::new_from_slice(key).unwrap().encrypt_block(&mut block);
    block.into()
}

/// AES-128-GCM (NIST SP 800-38D) with a nonce of 12 bytes: ciphertext and tag.
fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let counter = |number: usize| block(key, cat![nonce, be32(number)].try_into().unwrap());
    let mut sealed = Vec::new();
    for (number, chunk) in plaintext.chunks(16).enumerate() {
        sealed.extend(chunk.iter().zip(counter(number + 2)).map(|(byte, mask)| byte ^ mask));
    }
    let padded = |bytes: &[u8]| cat![bytes, vec![0; bytes.len().wrapping_neg() % 16]];
    let hashed =
        cat![padded(aad), padded(&sealed), [0; 4], be32(aad.len() * 8), [0; 4], be32(sealed.len() * 8)];
    let hash_key = u128::from_be_bytes(block(key, [0; 16]));
    let hash = hashed
        .chunks(16)
        .fold(0, |hash, chunk| multiply(hash ^ u128::from_be_bytes(chunk.try_into().unwrap()), hash_key));
    let tag = hash ^ u128::from_be_bytes(counter(1));
    cat![sealed, tag.to_be_bytes()]
}

/// The product in GF(2^128) (section 6.3).
fn multiply(x: u128, y: u128) -> u128 {
    let (mut product, mut shifted) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted = shifted >> 1 ^ if shifted & 1 == 1 { 0xe1 << 120 } else { 0 };
    }
    product
}
