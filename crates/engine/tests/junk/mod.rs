//! Data that is no protocol, by class: what pours out of a server that was broken into, and what people make up to carry
//! it. Formats as their own specifications have them.

use crate::traffic::Rng;

pub(crate) mod mimicry;

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

/// Bytes as characters, and text that people and databases write.
pub(crate) const TEXT: &[Class] = &[
    ("base64", |rng| {
        let len = size(rng);
        rng.letters(len, BASE64)
    }),
    ("base64 in lines", |rng| text_of(rng, |rng| String::from_utf8(rng.letters(76, BASE64)).unwrap() + "\n")),
    ("base64url", |rng| {
        let len = size(rng);
        rng.letters(len, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    }),
    ("hex", |rng| {
        let len = size(rng);
        rng.letters(len, b"0123456789abcdef")
    }),
    ("HEX", |rng| {
        let len = size(rng);
        rng.letters(len, b"0123456789ABCDEF")
    }),
    ("base85", |rng| {
        let len = size(rng);
        let alphabet: Vec<u8> = (b'!'..=b'u').collect();
        rng.letters(len, &alphabet)
    }),
    ("base32", |rng| {
        let len = size(rng);
        rng.letters(len, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    }),
    ("decimal digits", |rng| {
        let len = size(rng);
        rng.letters(len, b"0123456789")
    }),
    ("url encoded", |rng| {
        text_of(rng, |rng| format!("%{:02X}%{:02X}{}", rng.byte(), rng.byte(), rng.of(&['a', '+', '&'])))
    }),
    ("form data", |rng| text_of(rng, |rng| format!("{}={}&", rng.word(), rng.word()))),
    ("uuencode", |rng| {
        let body = text_of(rng, |rng| {
            let alphabet: Vec<u8> = (b'!'..=b'`').collect();
            format!("M{}\n", String::from_utf8(rng.letters(60, &alphabet)).unwrap())
        });
        [b"begin 644 dump.gz\n", &body[..]].concat()
    }),
    ("hexdump", |rng| {
        let mut at = 0;
        text_of(rng, |rng| {
            at += 16;
            let bytes: Vec<_> = rng.bytes(8).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{at:08x}  {}\n", bytes.join(" "))
        })
    }),
    ("csv", |rng| text_of(rng, csv_row)),
    ("csv with a head", |rng| headed(rng, &["id,name,email,card\n", "\"id\",\"name\"\r\n"], csv_row)),
    ("tsv", |rng| text_of(rng, |rng| format!("{}\t{}\t{}\n", rng.u16(), rng.word(), rng.word()))),
    ("json lines", |rng| text_of(rng, |rng| json_object(rng) + "\n")),
    ("json", |rng| headed(rng, &["[", "{\"rows\":[", "[\n  "], |rng| json_object(rng) + ",")),
    ("xml", |rng| {
        headed(rng, &["<?xml version=\"1.0\"?>\n<root>\n", "<rows>\n", "<dump>"], |rng| {
            format!("<row id=\"{}\"><name>{}</name></row>\n", rng.u16(), rng.word())
        })
    }),
    ("mysql dump", |rng| {
        headed(
            rng,
            &[
                "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n",
                "/*!40101 SET NAMES utf8 */;\n",
            ],
            |rng| format!("INSERT INTO `{}` VALUES ({},'{}');\n", rng.word(), rng.u16(), rng.word()),
        )
    }),
    ("postgresql dump", |rng| {
        headed(
            rng,
            &[
                "--\n-- PostgreSQL database dump\n--\n\n",
                "SET statement_timeout = 0;\n",
                "COPY public.users (id, name) FROM stdin;\n",
            ],
            |rng| format!("{}\t{}\t\\N\n", rng.u16(), rng.word()),
        )
    }),
    ("sql statements", |rng| {
        text_of(rng, |rng| {
            let (table, number) = (rng.word(), rng.u16());
            match rng.range(0, 3) {
                0 => format!("SELECT * FROM {table} WHERE id = {number};\n"),
                1 => format!("INSERT INTO {table} VALUES ({number});\n"),
                2 => format!("CREATE TABLE {table} (id integer, n{number} text);\n"),
                _ => format!("UPDATE {table} SET a = {number};\n"),
            }
        })
    }),
    ("web server log", |rng| {
        text_of(rng, |rng| {
            format!(
                "192.0.2.{} - - [12/Mar/2024:10:0{}:22 +0000] \"GET /{} HTTP/1.1\" 200 {}\n",
                rng.byte(),
                rng.range(0, 9),
                rng.word(),
                rng.u16()
            )
        })
    }),
    ("system log", |rng| {
        text_of(rng, |rng| {
            format!(
                "Nov 24 13:31:{:02} db1 {}[{}]: {}\n",
                rng.range(0, 59),
                rng.word(),
                rng.u16(),
                sentence(rng)
            )
        })
    }),
    ("application log", |rng| {
        text_of(rng, |rng| {
            let level = rng.pick(&["INFO", "WARN", "ERROR", "DEBUG"]);
            format!(
                "2024-03-12 10:00:{:02},{:03} {level} [{}] {}\n",
                rng.range(0, 59),
                rng.range(0, 999),
                rng.word(),
                sentence(rng)
            )
        })
    }),
    ("prose", |rng| text_of(rng, |rng| sentence(rng) + ".\n")),
    ("words", |rng| text_of(rng, |rng| rng.word() + "\n")),
    ("WORDS", |rng| text_of(rng, |rng| rng.word().to_uppercase() + " ")),
    ("numbers", |rng| text_of(rng, |rng| format!("{}\n", rng.u32()))),
    ("mail", |rng| {
        headed(
            rng,
            &[
                "From: a@example.org\nTo: b@example.org\nSubject: x\n\n",
                "From MAILER-DAEMON Thu Nov 24 13:31:02 2022\n",
                "Return-Path: <a@example.org>\n",
            ],
            |rng| sentence(rng) + "\n",
        )
    }),
    ("passwd", |rng| {
        text_of(rng, |rng| format!("{}:x:{}:{}::/home:/bin/sh\n", rng.word(), rng.u16(), rng.u16()))
    }),
    ("pem", |rng| {
        headed(rng, &["-----BEGIN RSA PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\n"], |rng| {
            String::from_utf8(rng.letters(64, BASE64)).unwrap() + "\n"
        })
    }),
    ("ini", |rng| {
        headed(rng, &["[main]\n", "# comment\n"], |rng| format!("{} = {}\n", rng.word(), rng.word()))
    }),
    ("yaml", |rng| {
        headed(rng, &["---\n", "apiVersion: v1\n"], |rng| format!("{}: {}\n", rng.word(), rng.word()))
    }),
    ("source text", |rng| {
        headed(
            rng,
            &["#!/bin/sh\n", "#include <stdio.h>\n", "import os\n", "<?php\n", "package main\n"],
            |rng| format!("  {}({});\n", rng.word(), rng.u16()),
        )
    }),
    ("unix shell", |rng| {
        headed(
            rng,
            &[
                "bash-5.1$ ",
                "$ ",
                "# ",
                "root@db1:~# ",
                "sh: 0: can't access tty; job control turned off\n$ ",
                "uid=0(root) gid=0(root) groups=0(root)\n",
            ],
            |rng| {
                format!(
                    "{} {}\n{}\n$ ",
                    rng.pick(&["id", "ls -la", "cat /etc/passwd", "whoami", "uname -a"]),
                    rng.word(),
                    sentence(rng)
                )
            },
        )
    }),
    ("windows shell", |rng| {
        headed(
            rng,
            &[
                "Microsoft Windows [Version 10.0.19045.2364]\r\n(c) Microsoft Corporation. All rights reserved.\r\n\r\nC:\\>",
                "PS C:\\Users\\a> ",
                "C:\\Windows\\system32>",
                "Windows PowerShell\r\nCopyright (C) Microsoft\r\n\r\n",
            ],
            |rng| {
                format!(
                    "{}\r\n{}\r\n\r\nC:\\>",
                    rng.pick(&["dir", "whoami /all", "net user", "ipconfig /all"]),
                    sentence(rng)
                )
            },
        )
    }),
    ("shell commands", |rng| {
        text_of(rng, |rng| {
            format!(
                "{} {}\n",
                rng.pick(&[
                    "id",
                    "ls -la",
                    "cat /etc/passwd",
                    "whoami",
                    "uname -a;",
                    "cd /tmp",
                    "ps aux",
                    "wget",
                    "get",
                    "exec"
                ]),
                rng.word()
            )
        })
    }),
    ("key: value", |rng| text_of(rng, |rng| format!("{}: {}\r\n", rng.word(), rng.word()))),
    ("KEY VALUE", |rng| text_of(rng, |rng| format!("{} {}\r\n", rng.word().to_uppercase(), rng.word()))),
    ("colons", |rng| text_of(rng, |rng| format!("{}:{}:{}\n", rng.word(), rng.u16(), rng.word()))),
    ("semicolons", |rng| text_of(rng, |rng| format!("{};{};{}\n", rng.word(), rng.u16(), rng.word()))),
    ("pipes", |rng| text_of(rng, |rng| format!("{}|{}|{}\n", rng.word(), rng.u16(), rng.word()))),
    ("metrics", |rng| text_of(rng, |rng| format!("{}.{} {}\n", rng.word(), rng.word(), rng.u16()))),
    ("latin-1 text", |rng| {
        text_of(rng, |rng| rng.word() + " ")
            .into_iter()
            .map(|byte| if byte == b'e' { 0xe9 } else { byte })
            .collect()
    }),
    ("utf-16 text", |rng| {
        let text = text_of(rng, |rng| sentence(rng) + "\r\n");
        let units = text.into_iter().flat_map(|byte| [byte, 0]);
        if rng.one_in(2) { [0xff, 0xfe].into_iter().chain(units).collect() } else { units.collect() }
    }),
    ("cyrillic text", |rng| {
        text_of(rng, |rng| {
            (0..rng.range(2, 9))
                .map(|_| char::from_u32(0x430 + rng.range(0, 31) as u32).unwrap())
                .collect::<String>()
                + " "
        })
    }),
];

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
