//! Data that is no protocol, by class: what pours out of a server that was broken into, and what people make up to carry
//! it. Formats as their own specifications have them.

use crate::traffic::Rng;

mod files;
mod framed;
pub(crate) mod mimicry;
mod text;

pub(crate) use files::FILES;
pub(crate) use framed::{FRAMED, PADDED};
pub(crate) use text::TEXT;

pub(crate) type Class = (&'static str, fn(&mut Rng) -> Vec<u8>);

/// Bytes without form, or with the form of a container that is full of them.
pub(crate) const OPAQUE: &[Class] = &[
    ("random", |rng| noise(rng)),
    ("high bytes", |rng| noise(rng).into_iter().map(|byte| byte | 0x80).collect()),
    ("gzip", |rng| {
        after(rng, &[b"\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\x1f\x8b\x08\x08\x65\x01\x02\x03\0\x03dump.sql\0"])
    }),
    ("zlib", |rng| after(rng, &[b"\x78\x9c", b"\x78\x01", b"\x78\xda"])),
    ("zstd", |rng| after(rng, &[b"\x28\xb5\x2f\xfd\x04\x58", b"\x28\xb5\x2f\xfd\xa4\0\0\x10\0"])),
    ("xz", |rng| after(rng, &[b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01\x16\0\0\0"])),
    ("bzip2", |rng| after(rng, &[b"BZh91AY&SY"])),
    ("lz4", |rng| after(rng, &[b"\x04\x22\x4d\x18\x64\x40\xa7"])),
    ("zip", |rng| after(rng, &[b"PK\x03\x04\x14\0\0\0\x08\0", b"PK\x03\x04\x2d\0\x08\0\x08\0"])),
    ("7z", |rng| after(rng, &[b"7z\xbc\xaf\x27\x1c\0\x04"])),
    ("openssl enc", |rng| after(rng, &[b"Salted__"])),
    ("openpgp", |rng| {
        after(rng, &[b"\x85\x02\x0c\x03", b"\xc1\xc0\x4c\x03", b"\xd2\xea\x01", b"\x8c\x0d\x04\x09\x03\x02"])
    }),
    ("age", |rng| after(rng, &[b"age-encryption.org/v1\n-> X25519 "])),
    ("luks", |rng| after(rng, &[b"LUKS\xba\xbe\0\x01aes\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"])),
    ("length, then ciphertext", |rng| {
        let body = noise(rng);
        let len = (body.len() as u16).to_be_bytes();
        [&len[..], &body].concat()
    }),
    ("xored text", |rng| {
        let key = rng.range(128, 255) as u8;
        text_of(rng, csv_row).into_iter().map(|byte| byte ^ key).collect()
    }),
    ("xored tls", |rng| {
        let key = rng.range(1, 255) as u8;
        let hello = [&b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"[..], &rng.bytes(506)].concat();
        hello.into_iter().map(|byte| byte ^ key).collect()
    }),
];

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The shortest payload of the suite: less than that, and a datagram or a cut stream may be a whole message of many
/// protocols. 16 bytes of raw data are judged; eight more leave room for a magic number before them.
pub(crate) const FLOOR: usize = 24;

/// From a short message to some segments.
pub(crate) fn size(rng: &mut Rng) -> usize {
    match rng.range(0, 3) {
        0 => rng.range(FLOOR, 64),
        1 => rng.range(64, 512),
        _ => rng.range(512, 1_400),
    }
}

pub(crate) fn noise(rng: &mut Rng) -> Vec<u8> {
    let len = size(rng);
    rng.bytes(len)
}

/// Noise behind one of these.
fn after(rng: &mut Rng, starts: &[&[u8]]) -> Vec<u8> {
    let start = rng.pick(starts);
    [start, &noise(rng)].concat()
}

/// Pieces until there is enough.
fn text_of(rng: &mut Rng, mut piece: impl FnMut(&mut Rng) -> String) -> Vec<u8> {
    text_of_bytes(rng, |rng| piece(rng).into_bytes())
}

fn text_of_bytes(rng: &mut Rng, mut piece: impl FnMut(&mut Rng) -> Vec<u8>) -> Vec<u8> {
    let len = size(rng);
    let mut text = Vec::new();
    while text.len() < len {
        text.extend(piece(rng));
    }
    text
}

fn headed(rng: &mut Rng, heads: &[&str], piece: impl FnMut(&mut Rng) -> String) -> Vec<u8> {
    let head = rng.pick(heads);
    [head.as_bytes(), &text_of(rng, piece)].concat()
}

fn csv_row(rng: &mut Rng) -> String {
    let name = rng.word();
    format!("{},{name},{name}@example.org,4111{:012}\n", rng.u16(), rng.u32())
}

fn json_object(rng: &mut Rng) -> String {
    format!("{{\"{}\":{},\"{}\":\"{}\"}}", rng.word(), rng.u16(), rng.word(), rng.word())
}

fn sentence(rng: &mut Rng) -> String {
    let words: Vec<_> = (0..rng.range(3, 12)).map(|_| rng.word()).collect();
    let mut text = words.join(" ");
    if rng.one_in(2) {
        text[..1].make_ascii_uppercase();
    }
    text
}

fn numbers(rng: &mut Rng, number: impl Fn(u32, &mut Rng) -> Vec<u8>) -> Vec<u8> {
    let start = if rng.one_in(2) { rng.range(0, 9) as u32 } else { rng.u32() };
    let mut at = 0;
    text_of_bytes(rng, |rng| {
        at += 1;
        number(start.wrapping_add(at), rng)
    })
}

/// Random bodies, each in a frame.
fn frames(rng: &mut Rng, frame: impl Fn(&mut Rng, &[u8]) -> Vec<u8>) -> Vec<u8> {
    text_of_bytes(rng, |rng| {
        let len = if rng.one_in(2) { rng.range(8, 60) } else { rng.range(60, 600) };
        let body = rng.bytes(len);
        frame(rng, &body)
    })
}
