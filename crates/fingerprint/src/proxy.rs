//! The PROXY protocol: a header that a load balancer puts in front of what the client sends.
//!
//! Versions 1 (a line of text) and 2 (binary), as HAProxy specifies them. It names the client and is no application
//! protocol: what follows it is.

use crate::probe::Match;
use crate::reader::Reader;
use crate::text::{Text, is_ascii_text, verdict};

/// What the client's bytes start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// No header.
    None,
    /// The beginning of one.
    Partial,
    /// A header of this length.
    Whole(usize),
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 1: the longest line, with its CR LF.
pub(crate) const LINE_MAX: usize = 107;

impl Header {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        match Self::announced(bytes) {
            Self::Whole(length) if length > bytes.len() => Self::Partial,
            header => header,
        }
    }

    /// The same as soon as the length shows: a header may be longer than the bytes.
    pub(crate) fn announced(bytes: &[u8]) -> Self {
        match bytes.first() {
            Some(b'P') => Self::line(bytes),
            Some(b'\r') => Self::binary(bytes),
            _ => Self::None,
        }
    }

    fn line(bytes: &[u8]) -> Self {
        let mut text = Text::new(bytes);
        let grammar = verdict(|| {
            text.literal(b"PROXY ")?;
            text.any_word(&[b"TCP4 ", b"TCP6 ", b"UNKNOWN"])?;
            text.line(is_ascii_text)?;
            Ok(Match::Maybe)
        });
        let length = bytes.len() - text.rest().len();
        match grammar {
            Match::No => Self::None,
            _ if length <= LINE_MAX && bytes[..length].ends_with(b"\r\n") => Self::Whole(length),
            _ if bytes.len() < LINE_MAX => Self::Partial,
            _ => Self::None,
        }
    }

    fn binary(bytes: &[u8]) -> Self {
        let seen = bytes.len().min(SIGNATURE.len());
        if bytes[..seen] != SIGNATURE[..seen] {
            return Self::None;
        }
        let mut rest = Reader::new(&bytes[seen..]);
        // Version 2 with LOCAL or PROXY; family and transport; the length of what follows.
        match (rest.u8(), rest.u8(), rest.u16_be()) {
            (Some(version), ..) if !matches!(version, 0x20 | 0x21) => Self::None,
            (_, Some(family), _) if family >> 4 > 3 || family & 0x0f > 2 => Self::None,
            (_, _, Some(length)) => Self::Whole(bytes.len() - rest.len() + usize::from(length)),
            _ => Self::Partial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
        assert_eq!(Header::read(line), Header::Whole(line.len()));
        assert_eq!(Header::read(&[line, b"GET /".as_slice()].concat()), Header::Whole(line.len()));
        assert_eq!(Header::read(b"PROXY UNKNOWN\r\n"), Header::Whole(15));
        for end in 1..line.len() {
            assert_eq!(Header::read(&line[..end]), Header::Partial, "{end}");
        }
        assert_eq!(Header::read(b"POST / HTTP/1.1\r\n"), Header::None);
        assert_eq!(Header::read(b"PROXY TCP5"), Header::None);
        assert_eq!(Header::read(&[b"PROXY TCP4 ".as_slice(), &[b'1'; 120]].concat()), Header::None);
    }

    #[test]
    fn version_2() {
        let header = [SIGNATURE, b"\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\x12\x34\x01\xbb"].concat();
        assert_eq!(Header::read(&header), Header::Whole(28));
        assert_eq!(Header::read(&[&header, b"\x16\x03\x01".as_slice()].concat()), Header::Whole(28));
        for end in 1..header.len() {
            assert_eq!(Header::read(&header[..end]), Header::Partial, "{end}");
            let announced = if end < 16 { Header::Partial } else { Header::Whole(28) };
            assert_eq!(Header::announced(&header[..end]), announced, "{end}");
        }
        assert_eq!(Header::read(b"\r\n\r\nGET"), Header::None);
        assert_eq!(Header::read(&[SIGNATURE, b"\x31"].concat()), Header::None);
    }
}
