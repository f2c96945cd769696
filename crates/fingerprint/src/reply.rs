//! Replies of three digits and text, as FTP (RFC 959, section 4.2) and SMTP (RFC 5321, section 4.2) send them.
//!
//! Both greet with `220` and may say nothing that tells them apart; this file reads a reply and says whose it is.

use crate::probe::Match;
use crate::text::{Step, Text, holds, is_text};

/// A reply, as far as its lines are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply<'a> {
    pub(crate) code: u32,
    /// Its complete lines, from behind the first code.
    pub(crate) text: &'a [u8],
    /// Its last line is among them.
    pub(crate) complete: bool,
}

/// Who sends such a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Ftp,
    Smtp,
}

impl<'a> Reply<'a> {
    /// Reads one reply, one complete line at least. `220-` opens one of several lines, which ends at the line that
    /// starts with `220 `. The lines between may be free text (RFC 959).
    pub(crate) fn read(text: &mut Text<'a>) -> Step<Self> {
        let start = text.rest();
        text.one(|byte| matches!(byte, b'1'..=b'5'))?;
        text.digits(2)?;
        let code = start.iter().take(3).fold(0, |code, digit| code * 10 + u32::from(digit - b'0'));
        let many = match text.peek()? {
            b'-' => true,
            b' ' | b'\r' | b'\n' => false,
            _ => return Err(Match::No),
        };
        let body = text.rest();
        text.line(is_text)?;
        let mut complete = !many;
        while !complete {
            match text.line(is_text) {
                Ok(line) => {
                    complete = line.get(..3) == start.get(..3) && line.get(3).is_none_or(|&byte| byte == b' ')
                }
                Err(Match::No) => return Err(Match::No),
                Err(_) => break,
            }
        }
        Ok(Self { code, text: &body[..body.len() - text.rest().len()], complete })
    }

    /// Whose greeting this is, if its words tell. Host names are no witnesses: ftp.example.org may be a mail server.
    pub(crate) fn service(&self) -> Option<Service> {
        let tokens = || self.text.split(|byte| byte.is_ascii_whitespace()).filter(|token| !is_host(token));
        let says = |words: &[&[u8]]| tokens().any(|token| words.iter().any(|word| holds(token, word)));
        if says(&[b"SMTP", b"LMTP"]) {
            return Some(Service::Smtp);
        }
        if says(&[b"FTP", b"FileZilla"]) {
            return Some(Service::Ftp);
        }
        let mail =
            says(&[b"Postfix", b"Sendmail", b"Exim", b"qmail", b"MDaemon", b"MailEnable", b"MailServer"])
                || [b"mail server".as_slice(), b"mail service", b"mail gateway"]
                    .iter()
                    .any(|words| holds(self.text, words));
        mail.then_some(Service::Smtp)
    }
}

/// Whether a word is a dotted name: letters on both sides of a dot.
fn is_host(token: &[u8]) -> bool {
    token.windows(2).enumerate().any(|(at, pair)| at > 0 && pair[0] == b'.' && pair[1].is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Step<Reply<'_>> {
        Reply::read(&mut Text::new(bytes))
    }

    #[test]
    fn a_reply_has_one_line_or_several() {
        assert_eq!(
            read(b"220 ready\r\n331 ").unwrap(),
            Reply { code: 220, text: b" ready\r\n", complete: true }
        );
        assert_eq!(read(b"220-a\r\nfree\r\n220 b\r\nx").unwrap().text, b"-a\r\nfree\r\n220 b\r\n");
        assert!(!read(b"220-a\r\n220-b\r\n220").unwrap().complete);
        assert_eq!(read(b"220-a\r\n220-b\r\n220").unwrap().text, b"-a\r\n220-b\r\n");
        assert_eq!(read(b"220-a\r\n\x01"), Err(Match::No));
        assert_eq!(read(b"220-a\r"), Err(Match::Maybe));
        assert_eq!(read(b"22"), Err(Match::Maybe));
        assert_eq!(read(b"220x"), Err(Match::No));
        assert_eq!(read(b"920 a\r\n"), Err(Match::No));
        assert_eq!(read(b"220 \x01"), Err(Match::No));
    }

    #[test]
    fn words_tell_whose_greeting_it_is() {
        let service = |bytes| read(bytes).unwrap().service();
        assert_eq!(service(b"220 mx.example.org ESMTP Postfix\r\n"), Some(Service::Smtp));
        assert_eq!(service(b"220 ftp.example.org ESMTP\r\n"), Some(Service::Smtp));
        assert_eq!(service(b"220 (vsFTPd 3.0.3)\r\n"), Some(Service::Ftp));
        assert_eq!(service(b"220-FileZilla Server 1.8.0\r\n220 Please visit\r\n"), Some(Service::Ftp));
        assert_eq!(service(b"220 ftp.example.org ready\r\n"), None);
        assert_eq!(service(b"220 Welcome\r\n"), None);
        assert_eq!(service(b"220-Send mail to root\r\n220 ready\r\n"), None);
        assert_eq!(service(b"220 Kerio Mail Server ready\r\n"), Some(Service::Smtp));
    }
}
