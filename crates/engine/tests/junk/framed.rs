//! Bytes that say little, and bytes in frames of somebody's own.

use super::{Class, frames, json_object, noise, numbers, size, text_of, text_of_bytes};

/// Bytes that say little: padding, constants, counters, arrays of numbers.
pub(crate) const PADDED: &[Class] = &[
    ("zeros", |rng| vec![0; size(rng)]),
    ("spaces", |rng| vec![b' '; size(rng)]),
    ("line ends", |rng| if rng.one_in(2) { b"\n".repeat(size(rng)) } else { b"\r\n".repeat(size(rng)) }),
    ("ff", |rng| vec![0xff; size(rng)]),
    ("one byte over and over", |rng| vec![rng.byte(); size(rng)]),
    ("a pattern over and over", |rng| {
        let len = rng.range(2, 9);
        let pattern = rng.bytes(len);
        pattern.into_iter().cycle().take(size(rng)).collect()
    }),
    ("zeros before data", |rng| {
        let zeros = rng.range(1, 64);
        [vec![0; zeros], noise(rng)].concat()
    }),
    ("spaces before data", |rng| {
        let spaces = rng.range(1, 64);
        [vec![b' '; spaces], noise(rng)].concat()
    }),
    ("line ends before data", |rng| {
        let ends = rng.range(1, 6);
        [b"\r\n".repeat(ends), noise(rng)].concat()
    }),
    ("data before zeros", |rng| {
        let len = rng.range(8, 32);
        [rng.bytes(len), vec![0; size(rng)]].concat()
    }),
    ("sparse", |rng| {
        let len = size(rng);
        (0..len).map(|_| if rng.one_in(6) { rng.byte() } else { 0 }).collect()
    }),
    ("counter, big endian", |rng| numbers(rng, |at, _| at.to_be_bytes().to_vec())),
    ("counter, little endian", |rng| numbers(rng, |at, _| at.to_le_bytes().to_vec())),
    ("16 bit counter", |rng| numbers(rng, |at, _| (at as u16).to_be_bytes().to_vec())),
    ("small numbers", |rng| numbers(rng, |_, rng| (rng.byte() as u32).to_le_bytes().to_vec())),
    ("small numbers, big endian", |rng| numbers(rng, |_, rng| (rng.byte() as u32).to_be_bytes().to_vec())),
    ("small bytes", |rng| {
        let len = size(rng);
        (0..len).map(|_| rng.range(0, 9) as u8).collect()
    }),
    ("doubles", |rng| numbers(rng, |_, rng| (f64::from(rng.u32()) / 1e6).to_le_bytes().to_vec())),
    ("floats", |rng| numbers(rng, |_, rng| (rng.u16() as f32 / 100.0).to_be_bytes().to_vec())),
    ("time stamps", |rng| {
        numbers(rng, |at, rng| {
            [(1_700_000_000_u32.wrapping_add(at)).to_be_bytes(), u32::from(rng.byte()).to_be_bytes()].concat()
        })
    }),
    ("pcm audio", |rng| numbers(rng, |_, rng| (rng.range(0, 2_000) as i16 - 1_000).to_le_bytes().to_vec())),
];

/// Framing of one's own: lengths that are right, types and values.
pub(crate) const FRAMED: &[Class] = &[
    ("u16 be length", |rng| frames(rng, |_, body| [&(body.len() as u16).to_be_bytes()[..], body].concat())),
    ("u16 le length", |rng| frames(rng, |_, body| [&(body.len() as u16).to_le_bytes()[..], body].concat())),
    ("u32 be length", |rng| frames(rng, |_, body| [&(body.len() as u32).to_be_bytes()[..], body].concat())),
    ("u32 le length", |rng| frames(rng, |_, body| [&(body.len() as u32).to_le_bytes()[..], body].concat())),
    ("u64 le length", |rng| frames(rng, |_, body| [&(body.len() as u64).to_le_bytes()[..], body].concat())),
    ("u32 be length that counts itself", |rng| {
        frames(rng, |_, body| [&(body.len() as u32 + 4).to_be_bytes()[..], body].concat())
    }),
    ("u16 be length, type", |rng| {
        frames(rng, |rng, body| {
            [&(body.len() as u16).to_be_bytes()[..], &[rng.range(0, 15) as u8], body].concat()
        })
    }),
    ("type, u16 be length", |rng| {
        frames(rng, |rng, body| {
            [&[rng.range(0, 15) as u8][..], &(body.len() as u16).to_be_bytes(), body].concat()
        })
    }),
    ("u16 type, u16 be length", |rng| {
        frames(rng, |rng, body| {
            [&[0, rng.range(0, 15) as u8][..], &(body.len() as u16).to_be_bytes(), body].concat()
        })
    }),
    ("type, u32 be length", |rng| {
        frames(rng, |rng, body| {
            [&[rng.range(0, 15) as u8][..], &(body.len() as u32).to_be_bytes(), body].concat()
        })
    }),
    ("type, u32 le length", |rng| {
        frames(rng, |rng, body| {
            [&[rng.range(0, 15) as u8][..], &(body.len() as u32).to_le_bytes(), body].concat()
        })
    }),
    ("u32 type, u32 be length", |rng| {
        frames(rng, |rng, body| {
            [&[0, 0, 0, rng.range(0, 15) as u8][..], &(body.len() as u32).to_be_bytes(), body].concat()
        })
    }),
    ("u32 le type, u32 le length", |rng| {
        frames(rng, |rng, body| {
            [&[rng.range(0, 15) as u8, 0, 0, 0][..], &(body.len() as u32).to_le_bytes(), body].concat()
        })
    }),
    ("magic, version, length, sequence", |rng| {
        let magic = rng.bytes(4);
        frames(rng, |rng, body| {
            [&magic[..], &[1, 0], &(body.len() as u16).to_be_bytes(), &rng.u32().to_be_bytes(), body].concat()
        })
    }),
    ("version, type, length, id", |rng| {
        frames(rng, |rng, body| {
            [
                &[1, rng.range(0, 9) as u8][..],
                &(body.len() as u16 + 8).to_be_bytes(),
                &rng.u32().to_be_bytes(),
                body,
            ]
            .concat()
        })
    }),
    ("length, id, text", |rng| {
        let text = json_object(rng).into_bytes();
        [&(text.len() as u32 + 4).to_be_bytes()[..], &rng.u32().to_be_bytes(), &text].concat()
    }),
    ("length, text", |rng| {
        let text = text_of(rng, json_object);
        [&(text.len() as u32).to_be_bytes()[..], &text].concat()
    }),
    ("varint length", |rng| {
        frames(rng, |_, body| {
            let len = body.len();
            let varint = if len < 128 { vec![len as u8] } else { vec![len as u8 | 0x80, (len >> 7) as u8] };
            [&varint[..], body].concat()
        })
    }),
    ("byte length strings", |rng| {
        text_of(rng, |rng| {
            let word = rng.word();
            format!("{}{word}", char::from(word.len() as u8))
        })
    }),
    ("strings that end with zero", |rng| text_of(rng, |rng| rng.word() + "\0")),
    ("netstrings", |rng| {
        text_of(rng, |rng| {
            let word = rng.word();
            format!("{}:{word},", word.len())
        })
    }),
    ("protobuf", |rng| {
        text_of_bytes(rng, |rng| {
            let word = rng.word();
            [&[0x08, rng.byte() & 0x7f, 0x12, word.len() as u8][..], word.as_bytes()].concat()
        })
    }),
    ("msgpack", |rng| {
        text_of_bytes(rng, |rng| {
            let (name, word) = (rng.word(), rng.word());
            [
                &[0x82, 0xa2][..],
                b"id",
                &[0xcd],
                &rng.u16().to_be_bytes(),
                &[0xa0 | name.len() as u8],
                name.as_bytes(),
                &[0xa0 | word.len() as u8],
                word.as_bytes(),
            ]
            .concat()
        })
    }),
    ("cbor", |rng| {
        text_of_bytes(rng, |rng| {
            let word = rng.word();
            [
                &b"\xa2\x62id\x19"[..],
                &rng.u16().to_be_bytes(),
                b"\x61n",
                &[0x60 | word.len() as u8],
                word.as_bytes(),
            ]
            .concat()
        })
    }),
    ("asn.1 ber", |rng| {
        let mut body = Vec::new();
        for _ in 0..rng.range(3, 30) {
            let word = rng.word();
            match rng.range(0, 2) {
                0 => body.extend([&[0x04, word.len() as u8][..], word.as_bytes()].concat()),
                1 => body.extend([2, 1, rng.byte()]),
                _ => body.extend([&[0x0c, word.len() as u8][..], word.as_bytes()].concat()),
            }
        }
        [&[0x30, 0x82][..], &(body.len() as u16).to_be_bytes(), &body].concat()
    }),
    ("http chunks", |rng| {
        text_of(rng, |rng| {
            let word = rng.word();
            format!("{:x}\r\n{word}\r\n", word.len())
        })
    }),
];
