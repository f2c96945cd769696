//! Protocols whose server greets with a line: SMTP (RFC 5321, section 4), FTP (RFC 959, section 4), POP3 (RFC 1939), IMAP
//! (RFC 9051, section 7.1), NNTP (RFC 3977, section 5.1), VNC (RFC 6143, section 7.1.1).

use super::{Description, Field};
use crate::exchange::{Exchange, Side};

pub(super) fn smtp(exchange: &Exchange<'_>, description: &mut Description) {
    banner(exchange, description);
    argument(&exchange.client, &[b"EHLO", b"HELO", b"LHLO"], Field::SmtpHelo, description);
}

pub(super) fn with_user(exchange: &Exchange<'_>, description: &mut Description) {
    banner(exchange, description);
    argument(&exchange.client, &[b"USER"], Field::UserName, description);
}

pub(super) fn banner(exchange: &Exchange<'_>, description: &mut Description) {
    if let Some((line, whole)) = first_line(&exchange.server) {
        description.text(Field::Banner, line, whole);
    }
}

pub(super) fn vnc(exchange: &Exchange<'_>, description: &mut Description) {
    for side in [&exchange.server, &exchange.client] {
        if let Some(version) = side.bytes.strip_prefix(b"RFB ").and_then(|rest| rest.get(..7)) {
            description.text(Field::VncVersion, version, true);
        }
    }
}

/// The argument of the client's first command, if it is one of these.
fn argument(side: &Side<'_>, commands: &[&[u8]], field: Field, description: &mut Description) {
    let Some((line, whole)) = first_line(side) else { return };
    let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
    let (command, rest) = line.split_at(end);
    if commands.iter().any(|known| known.eq_ignore_ascii_case(command)) {
        description.text(field, rest.trim_ascii(), whole);
    }
}

/// A side's first line, and whether its end is there.
fn first_line<'a>(side: &Side<'a>) -> Option<(&'a [u8], bool)> {
    let end = side.bytes.iter().position(|&byte| byte == b'\n');
    let line = side.bytes[..end.unwrap_or(side.bytes.len())].trim_ascii_end();
    (!line.is_empty()).then_some((line, end.is_some()))
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::{Ftp, Imap, Nntp, Pop3, Smtp, Vnc};
    use crate::talk::Talk;

    #[test]
    fn greetings_and_who_greets_back() {
        let mail = Talk::tcp().server(b"220 mx.example ESMTP\r\n").client(b"ehlo [192.0.2.1]\r\n");
        assert_eq!(said(Smtp, &mail), "offport.banner=220 mx.example ESMTP offport.smtp.helo=[192.0.2.1]");
        assert_eq!(said(Smtp, &Talk::tcp().server(b"220 mx.exam")), "offport.banner=220 mx.exam…");
        let ftp =
            Talk::tcp().server(b"220-Welcome\r\n220 ready\r\n").client(b"USER alice\r\nPASS secret\r\n");
        assert_eq!(said(Ftp, &ftp), "offport.banner=220-Welcome user.name=alice");
        assert_eq!(said(Pop3, &Talk::tcp().client(b"USER bo")), "user.name=bo…");
        assert_eq!(said(Pop3, &Talk::tcp().client(b"PASS secret\r\n")), "");
        let imap = Talk::tcp().server(b"* OK ready\r\n").client(b"a LOGIN me secret\r\n");
        assert_eq!(said(Imap, &imap), "offport.banner=* OK ready");
        assert_eq!(said(Nntp, &Talk::tcp().server(b"200 news\r\n")), "offport.banner=200 news");
        assert_eq!(said(Vnc, &Talk::tcp().server(b"RFB 003.008\n")), "offport.vnc.version=003.008");
        assert_eq!(said(Vnc, &Talk::tcp().server(b"RFB 003.0")), "");
    }
}
