//! What start lines and header lines of HTTP say of the message that follows (RFC 9112, sections 3, 4, 5 and 6.3).

use memchr::memchr;

use super::line::Line;
use crate::start_line::are_clean;
use crate::text::all;

/// How long a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Length {
    #[default]
    Unsaid,
    Bytes(u64),
    Chunked,
}

/// How long the header lines are that stand here whole and say nothing of what follows, as most do: all at once.
pub(super) fn plain_lines(head: &[u8]) -> usize {
    let mut taken = 0;
    if !are_clean(head) {
        return taken;
    }
    while let Some(line) = head.get(taken..)
        && let Some(end) = memchr(b'\n', line)
        && let Some(colon) = line[..end].iter().position(|&byte| byte == b':')
        && let Some(name) = line.get(..colon)
        && name.first().is_some_and(|&first| is_token(first))
        && name.last().is_some_and(|&last| is_token(last))
        && Field::of(name) == Field::Other
    {
        taken += end + 1;
    }
    taken
}

pub(super) struct Request<'a> {
    pub(super) method: &'a [u8],
    /// Without a version.
    pub(super) old: bool,
}

impl<'a> Request<'a> {
    pub(super) fn read(line: Line<'a>) -> Option<Self> {
        let bytes = line.bytes;
        let end = bytes.iter().position(|&byte| byte == b' ' || byte == b'\t')?;
        let method = &bytes[..end];
        let is_method = (1..=32).contains(&end) && all(method, is_token);
        let version = bytes.trim_ascii_end().rsplit(|&byte| byte == b' ').next().unwrap_or_default();
        let old = line.ended && !version.starts_with(b"HTTP/");
        is_method.then_some(Self { method, old })
    }
}

pub(super) fn status(line: &[u8]) -> Option<u16> {
    let after = line.iter().position(|&byte| byte == b' ')?;
    let rest = line[after..].trim_ascii_start();
    let digits = rest.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let is_end = rest.get(3).is_none_or(|&byte| byte == b' ' || byte == b'\t' || byte == b'\r');
    is_end.then(|| digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}

/// Fields that say what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Length,
    Coding,
    Upgrade,
    Other,
}

impl Field {
    pub(super) fn of(name: &[u8]) -> Self {
        let (field, full): (_, &[u8]) = match name.len() {
            14 => (Self::Length, b"content-length"),
            17 => (Self::Coding, b"transfer-encoding"),
            7 => (Self::Upgrade, b"upgrade"),
            _ => return Self::Other,
        };
        if name.eq_ignore_ascii_case(full) { field } else { Self::Other }
    }

    /// What its value says of the body's length.
    pub(super) fn length(self, value: &[u8]) -> Option<Length> {
        match self {
            // A list of equal numbers is taken for one.
            Self::Length => {
                let first = value.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
                std::str::from_utf8(first).ok()?.parse().ok().map(Length::Bytes)
            }
            Self::Coding => {
                let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
                last.eq_ignore_ascii_case(b"chunked").then_some(Length::Chunked)
            }
            Self::Upgrade | Self::Other => None,
        }
    }
}

/// `tchar` of RFC 9110, section 5.6.2.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
