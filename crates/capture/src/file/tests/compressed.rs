use std::io::Write;

use super::super::Warning;
use super::build::Bytes;
use super::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 1).unwrap()
}

/// Incompressible enough to span the buffers.
fn sample() -> Vec<u8> {
    let mut file = Bytes::pcap(false, 0xa1b2_c3d4, 1);
    let mut state = 1_u32;
    for index in 0..2_000 {
        let noise: Vec<u8> = (0..600)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        file = file.record(index, 0, 600, &noise);
    }
    file.data
}

#[test]
fn one_member_or_many() {
    let plain = sample();
    let expected = read_all(&mut open(&plain));
    let (a, b) = plain.split_at(100_001);
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    for packed in [
        gzip(&plain),
        zstd(&plain),
        [gzip(a), gzip(&[]), gzip(b)].concat(),
        [zstd(a), zstd(&[]), zstd(b)].concat(),
        [skippable.clone(), zstd(a), skippable, zstd(b)].concat(),
        [gzip(a), zstd(b)].concat(),
    ] {
        let mut capture = open(&packed);
        assert_eq!(read_all(&mut capture), expected);
        assert!(capture.warnings().is_empty());
        assert_eq!(capture.bytes_read(), packed.len() as u64);
    }
}

#[test]
fn cut_data_give_what_came_before() {
    let plain = sample();
    for (packed, codec) in [(gzip(&plain), "gzip"), (zstd(&plain), "zstd")] {
        let mut capture = open(&packed[..packed.len() / 2]);
        let kept = read_all(&mut capture);
        assert!(kept.len() > 500 && kept.len() < 1500, "{}", kept.len());
        assert!(capture.warnings().contains(&Warning::CutCompression { codec }), "{:?}", capture.warnings());
    }
}

#[test]
fn trailing_data_are_ignored_with_a_warning() {
    let plain = sample();
    for (packed, codec) in [(gzip(&plain), "gzip"), (zstd(&plain), "zstd")] {
        let mut capture = open(&[&packed[..], &[0; 500]].concat());
        assert_eq!(read_all(&mut capture).len(), 2_000);
        assert_eq!(capture.warnings(), [Warning::TrailingData { codec }]);
    }
}

#[test]
fn damage_is_an_error_after_what_came_before() {
    let plain = sample();
    let mut encoder = zstd::Encoder::new(vec![], 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(&plain).unwrap();
    for (mut packed, codec, checksum) in [(gzip(&plain), "gzip", 6), (encoder.finish().unwrap(), "zstd", 2)] {
        let end = packed.len() - checksum;
        packed[end] ^= 0xff;
        let (kept, error) = drain(&mut open(&packed));
        // A decompressor that finds the damage may keep back the last of what it had.
        assert!(kept.len() > 1_800, "{}", kept.len());
        match error {
            Some(FileError::Decompress { codec: found, .. }) => assert_eq!(found, codec),
            other => panic!("{codec}: {other:?}"),
        }
    }
}
