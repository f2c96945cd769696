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
