//! Bytes as characters, and text that people and databases write.

use super::{BASE64, Class, csv_row, headed, json_object, sentence, size, text_of};

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
