//! Replies of three digits and text, as FTP (RFC 959, section 4.2) and SMTP (RFC 5321, section 4.2) send them.
//!
//! Both greet with `220` and may say nothing that tells them apart; this file reads a reply and says whose it is.

use memchr::memmem;

use crate::probe::Match;
use crate::text::{Step, Text, is_text};

/// As much of a reply's text is read: what is kept of a side.
const TEXT_MAX: usize = 512;

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
        const MAILERS: [&[u8]; 7] =
            [b"postfix", b"sendmail", b"exim", b"qmail", b"mdaemon", b"mailenable", b"mailserver"];
        const PHRASES: [&[u8]; 3] = [b"mail server", b"mail service", b"mail gateway"];
        let mut lower = [0; TEXT_MAX];
        let text = &mut lower[..self.text.len().min(TEXT_MAX)];
        text.iter_mut().zip(self.text).for_each(|(lower, byte)| *lower = byte.to_ascii_lowercase());
        if [&b"smtp"[..], b"lmtp"].iter().any(|word| says(text, word)) {
            return Some(Service::Smtp);
        }
        if [&b"ftp"[..], b"filezilla"].iter().any(|word| says(text, word)) {
            return Some(Service::Ftp);
        }
        let mail = MAILERS.iter().any(|word| says(text, word))
            || PHRASES.iter().any(|phrase| memmem::find(text, phrase).is_some());
        mail.then_some(Service::Smtp)
    }
}

/// Whether a text holds a word that is not part of a dotted name. Each of the names that hold it is looked at once.
fn says(text: &[u8], word: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memmem::find(rest, word) {
        let (before, from) = rest.split_at(at);
        let start = before.iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
        let end = at + from.iter().position(u8::is_ascii_whitespace).unwrap_or(from.len());
        if !is_host(&rest[start..end]) {
            return true;
        }
        rest = &rest[end..];
    }
    false
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
        assert_eq!(service(b"220 ftp.example.org ftp.example.net FTP\r\n"), Some(Service::Ftp));
        assert_eq!(service(b"220 smtp.example.org smtp\r\n"), Some(Service::Smtp));
        assert_eq!(service(b"220 smtp.a.example\r\n"), None);
        assert_eq!(service(b"220-Send mail to root\r\n220 ready\r\n"), None);
        assert_eq!(service(b"220 Kerio Mail Server ready\r\n"), Some(Service::Smtp));
    }
}
