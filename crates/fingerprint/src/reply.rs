//! Replies of three digits and text, as FTP (RFC 959, section 4.2) and SMTP (RFC 5321, section 4.2) send them.
//!
//! Both greet with `220` and may say nothing that tells them apart; this file reads a reply and says whose it is.

use crate::probe::Match;
use crate::text::{Step, Text, holds, is_text};

/// A complete reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply<'a> {
    pub(crate) code: u32,
    /// Its lines, from behind the first code to the last line's end.
    pub(crate) text: &'a [u8],
}

/// Who sends such a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Ftp,
    Smtp,
}

impl<'a> Reply<'a> {
    /// Reads one reply; `220-` opens one of several lines, which ends at the line that starts with `220 `. The lines
    /// between may be free text (RFC 959).
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
        while many {
            let line = text.line(is_text)?;
            if line.get(..3) == start.get(..3) && line.get(3).is_none_or(|&byte| byte == b' ') {
                break;
            }
        }
        Ok(Self { code, text: &body[..body.len() - text.rest().len()] })
    }

    /// Whose greeting this is, if its words tell. Host names are no witnesses: ftp.example.org may be a mail server.
    pub(crate) fn service(&self) -> Option<Service> {
        let says = |words: &[u8]| {
            let tokens = self.text.split(|byte| byte.is_ascii_whitespace());
            tokens.filter(|token| !is_host(token)).any(|token| holds(token, words))
        };
        if says(b"SMTP") || says(b"LMTP") {
            return Some(Service::Smtp);
        }
        if says(b"FTP") || says(b"FileZilla") || says(b"FTA") {
            return Some(Service::Ftp);
        }
        [&b"Postfix"[..], b"Sendmail", b"Exim", b"qmail", b"Mail"]
            .iter()
            .any(|word| says(word))
            .then_some(Service::Smtp)
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
        assert_eq!(read(b"220 ready\r\n331 ").unwrap(), Reply { code: 220, text: b" ready\r\n" });
        assert_eq!(read(b"220-a\r\nfree\r\n220 b\r\nx").unwrap().text, b"-a\r\nfree\r\n220 b\r\n");
        assert_eq!(read(b"220-a\r\n220-b\r\n"), Err(Match::Maybe));
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
    }
}
