//! Files as they are.

use super::{Class, after, noise};

/// Files and pages as they lie on a disk.
pub(crate) const FILES: &[Class] = &[
    ("tar", |rng| {
        let mut block = vec![0; 512];
        let name = format!("{}/{}.sql", rng.word(), rng.word());
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..124].copy_from_slice(b"0000644\x000000000\x000000000\0");
        block[257..265].copy_from_slice(b"ustar\x0000");
        block.extend(noise(rng));
        block
    }),
    ("cpio", |rng| after(rng, &[b"070701002C0B1E000081A4000003E8000003E800000001"])),
    ("elf", |rng| after(rng, &[b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0"])),
    ("pe", |rng| after(rng, &[b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0\x40\0\0\0"])),
    ("mach-o", |rng| after(rng, &[b"\xcf\xfa\xed\xfe\x07\0\0\x01\x03\0\0\0\x02\0\0\0"])),
    ("java class", |rng| after(rng, &[b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d"])),
    ("png", |rng| after(rng, &[b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\0\0\0\x01\0\x08\x06\0\0\0"])),
    ("jpeg", |rng| {
        after(
            rng,
            &[b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", b"\xff\xd8\xff\xe1\x0a\x02Exif\0\0"],
        )
    }),
    ("gif", |rng| after(rng, &[b"GIF89a\x10\0\x10\0\x80\0\0"])),
    ("webp, wav", |rng| {
        after(rng, &[b"RIFF\x24\x10\0\0WEBPVP8 ", b"RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\x01\0"])
    }),
    ("mp4", |rng| {
        after(rng, &[b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"])
    }),
    ("mp3", |rng| after(rng, &[b"ID3\x03\0\0\0\0\x0f\x76", b"\xff\xfb\x90\x64\0\0\0\0"])),
    ("ogg, flac", |rng| after(rng, &[b"OggS\0\x02\0\0\0\0\0\0\0\0", b"fLaC\0\0\0\x22\x10\0\x10\0"])),
    ("matroska", |rng| after(rng, &[b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f"])),
    ("mpeg-ts", |rng| {
        let mut stream = Vec::new();
        for _ in 0..rng.range(1, 7) {
            stream.extend([0x47, 0x40 | rng.byte() & 0x1f, rng.byte(), 0x10 | rng.byte() & 0xf]);
            stream.extend(rng.bytes(184));
        }
        stream
    }),
    ("pdf", |rng| {
        after(rng, &[b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", b"%PDF-1.4\r%\xc7\xec\x8f\xa2\r\n"])
    }),
    ("office", |rng| {
        after(
            rng,
            &[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x3e\0\x03\0\xfe\xff\x09\0"],
        )
    }),
    ("rtf", |rng| after(rng, &[b"{\\rtf1\\ansi\\deff0 "])),
    ("sqlite", |rng| after(rng, &[b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20\0\0\0\x07"])),
    ("pcap", |rng| {
        after(
            rng,
            &[
                b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0",
                b"\xa1\xb2\xc3\xd4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x01",
            ],
        )
    }),
    ("pcapng", |rng| {
        after(rng, &[b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"])
    }),
    ("innodb page", |rng| {
        let mut page = rng.bytes(4);
        page.extend((rng.u16() as u32).to_be_bytes());
        page.extend([0xff; 8]);
        page.extend(rng.bytes(8));
        page.extend([0x45, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        page.extend(noise(rng));
        page
    }),
    ("postgresql page", |rng| {
        let mut page = vec![0, 0, 0, 0];
        page.extend(rng.bytes(4));
        page.extend([0, 0, 0, 0, 0x2c, 1, 0x38, 1, 0, 0x20, 4, 0x20, 0, 0, 0, 0]);
        page.extend(noise(rng));
        page
    }),
    ("postgresql archive", |rng| after(rng, &[b"PGDMP\x01\x0e\0\x04\x08\x01\x01\x01\0\0\0\0"])),
    ("postgresql copy binary", |rng| after(rng, &[b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x03"])),
    ("mssql backup", |rng| after(rng, &[b"TAPE\0\0\x03\0\x8c\0\x0e\x01\0\0\0\0\0\0\0\0"])),
    ("mssql page", |rng| after(rng, &[b"\x01\x01\0\0\0\x82\0\x01\0\0\0\0\0\0\x1a\0\0\0\0\0\0\0\x19\0"])),
    ("oracle dump", |rng| after(rng, &[b"\x03\0\x01EXPORT:V11.02.00\nDSYSTEM\nRTABLES\n"])),
    ("oracle block", |rng| after(rng, &[b"\x06\xa2\0\0\x83\0\0\x01\x4e\x8b\x2f\0\0\0\x01\x06"])),
    ("redis file", |rng| after(rng, &[b"REDIS0009\xfa\x09redis-ver\x056.0.1\xfa"])),
    ("bson", |rng| {
        let mut dump = Vec::new();
        for _ in 0..rng.range(1, 20) {
            let name = rng.word();
            let mut fields = [&b"\x07_id\0"[..], &rng.bytes(12), b"\x02name\0"].concat();
            fields.extend((name.len() as u32 + 1).to_le_bytes());
            fields.extend(name.as_bytes());
            fields.extend([0, 0]);
            dump.extend((fields.len() as u32 + 4).to_le_bytes());
            dump.extend(fields);
        }
        dump
    }),
    ("avro, parquet, orc", |rng| {
        after(
            rng,
            &[
                b"Obj\x01\x04\x14avro.codec\x0csnappy\x16avro.schema",
                b"PAR1\x15\x04\x15\x80\x10\x15\x9a\x06",
                b"ORC\x0a\x13\x0a\x03",
            ],
        )
    }),
    ("disk image", |rng| {
        after(
            rng,
            &[
                b"QFI\xfb\0\0\0\x03\0\0\0\0\0\0\0\0",
                b"KDMV\x01\0\0\0\x03\0\0\0",
                b"conectix\0\0\0\x02\0\x01\0\0",
                b"\xeb\x63\x90\x10\x8e\xd0\xbc\0\xb0\xb8",
            ],
        )
    }),
    ("registry hive", |rng| {
        after(rng, &[b"regf\x8a\0\0\0\x8a\0\0\0\x11\x22\x33\x44\x55\x66\xd9\x01\x01\0\0\0\x05\0\0\0"])
    }),
    ("event log", |rng| after(rng, &[b"ElfFile\0\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0"])),
    ("minidump", |rng| after(rng, &[b"MDMP\x93\xa7\0\0\x0f\0\0\0\x20\0\0\0"])),
];
