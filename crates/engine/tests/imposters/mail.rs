//! SMTP, FTP, POP3 and IMAP, and what only greets like them.

use super::*;
use crate::tls::tls13;

const MAIL: &[(Speaker, &[u8])] = &[
    (Server, b"220 mx.example.org ESMTP ready\r\n"),
    (Client, b"EHLO a.example\r\n"),
    (Server, b"250-mx.example.org\r\n250-PIPELINING\r\n250 STARTTLS\r\n"),
];

#[test]
fn mail_and_what_only_greets_like_it() {
    let letter = [
        b"Subject: a long subject, of some kind\r\nFrom: a@b.example\r\nTo: c@d.example\r\n\r\n".as_slice(),
        &random(60, 700),
        b"\r\n.\r\nQUIT\r\n",
    ]
    .concat();
    let mut sent = said(MAIL);
    sent.extend(said(&[
        (Client, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (Server, b"250 ok\r\n250 ok\r\n354 go on\r\n"),
        (Client, &letter),
        (Server, b"250 ok\r\n221 bye\r\n"),
    ]));
    is_honest(25, &sent);
    let mut secure = said(MAIL);
    secure.extend(said(&[(Client, b"STARTTLS\r\n"), (Server, b"220 go ahead\r\n")]));
    is_honest(25, &[secure.clone(), tls13()].concat());
    is_found_out(
        25,
        &[secure, tls13()[..2].to_vec(), vec![(Client, random(61, 700))]].concat(),
        Breach::TlsRecord,
    );
    let mut raw = said(MAIL);
    raw.push((Client, random(62, 700)));
    is_found_out(25, &raw, Breach::SmtpCommand);
    raw[3].0 = Server;
    is_found_out(25, &raw, Breach::SmtpReply);
    is_found_out(
        21,
        &said(&[
            (Server, b"220 FTP server ready\r\n"),
            (Client, b"USER a\r\n"),
            (Server, b"331 ?\r\n"),
            (Client, &random(63, 700)),
        ]),
        Breach::FtpCommand,
    );
}

/// Sessions in which what a side says is understood by what the other has said: in [`is_honest`] either comes late.
#[test]
fn replies_that_come_after_what_they_allow() {
    let login: [(Speaker, &[u8]); 6] = [
        (Client, b"AUTH LOGIN\r\n"),
        (Server, b"334 VXNlcm5hbWU6\r\n"),
        (Client, b"YWxpY2U=\r\n"),
        (Server, b"334 UGFzc3dvcmQ6\r\n"),
        (Client, b"c2VjcmV0\r\n"),
        (Server, b"235 Authentication succeeded\r\n"),
    ];
    let plain: [(Speaker, &[u8]); 2] =
        [(Client, b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"), (Server, b"235 Authentication succeeded\r\n")];
    for auth in [&login[..], &plain] {
        let mut sent = said(MAIL);
        sent.extend(said(auth));
        sent.extend(said(&[
            (Client, b"MAIL FROM:<a@b>\r\n"),
            (Server, b"250 ok\r\n"),
            (Client, b"RCPT TO:<c@d>\r\n"),
            (Server, b"250 ok\r\n"),
            (Client, b"DATA\r\n"),
            (Server, b"354 go on\r\n"),
            (Client, b"From: a\r\nTo: b\r\nSubject: c\r\n\r\n17;a\r\n18;b\r\n19;c\r\n.\r\n"),
            (Server, b"250 ok\r\n"),
            (Client, b"QUIT\r\n"),
            (Server, b"221 bye\r\n"),
        ]));
        is_honest(587, &sent);
    }
    is_honest(
        110,
        &said(&[
            (Server, b"+OK ready\r\n"),
            (Client, b"AUTH PLAIN\r\n"),
            (Server, b"+ \r\n"),
            (Client, b"AGFsaWNlAHNlY3JldA==\r\n"),
            (Server, b"+OK logged in\r\n"),
            (Client, b"LIST\r\n"),
            (Server, b"+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n"),
            (Client, b"RETR 1\r\n"),
            (Server, b"+OK\r\nFrom: a\r\nSubject: b\r\n\r\n17;a\r\n18;b\r\n19;c\r\n.\r\n"),
            (Client, b"QUIT\r\n"),
            (Server, b"+OK bye\r\n"),
        ]),
    );
    is_honest(
        143,
        &said(&[
            (Server, b"* OK ready\r\n"),
            (Client, b"a AUTHENTICATE PLAIN\r\n"),
            (Server, b"+ \r\n"),
            (Client, b"AGFsaWNlAHNlY3JldA==\r\n"),
            (Server, b"a OK logged in\r\n"),
            (Client, b"b APPEND INBOX {52}\r\n"),
            (Server, b"+ OK\r\n"),
            (Client, b"From: a\r\nSubject: b\r\n\r\n17;a\r\n18;b\r\n19;c\r\n20;d\r\n\r\n"),
            (Server, b"b OK appended\r\n"),
            (Client, b"c FETCH 1 BODY[]\r\n"),
            (Server, b"* 1 FETCH (BODY[] {20}\r\n17;a\r\n18;b\r\n19;c\r\n\r\n)\r\nc OK done\r\n"),
            (Client, b"d IDLE\r\n"),
            (Server, b"+ idling\r\n* 2 EXISTS\r\n"),
            (Client, b"DONE\r\n"),
            (Server, b"d OK done\r\n"),
        ]),
    );
    is_honest(
        21,
        &said(&[
            (Server, b"220 FTP server ready\r\n"),
            (Client, b"USER a\r\n"),
            (Server, b"331 ?\r\n"),
            (Client, b"PASS b\r\n"),
            (Server, b"230-Welcome\r\n to\r\n the files\r\n230 ok\r\n"),
            (Client, b"PASV\r\n"),
            (Server, b"227 Entering Passive Mode (192,0,2,1,200,10)\r\n"),
            (Client, b"RETR a\r\n"),
            (Server, b"150 here it comes\r\n226 done\r\n"),
            (Client, b"QUIT\r\n"),
            (Server, b"221 bye\r\n"),
        ]),
    );
}
