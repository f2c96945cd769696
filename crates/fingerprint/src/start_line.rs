//! Start lines of HTTP and of what was modelled on it (RTSP, SIP, HTTP over UDP).
//!
//! RFC 9112, section 2.1: `method SP request-target SP HTTP-version` or `HTTP-version SP status-code SP reason`.
//! RTSP (RFC 2326) and SIP (RFC 3261) keep the form and put their own name into the version.

use memchr::memchr;

use crate::probe::Match;
use crate::text::{Step, Text, Verbs, all, is_text};

/// The longest method that is taken for one: the longest registered one has 17 letters, and vendors add prefixes.
const METHOD_MAX: usize = 20;

/// Methods are case-sensitive (RFC 9110, section 9.1); these are also typed and sent in lower case.
const ANY_CASE: &Verbs = &Verbs::new(&[b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT"]);

/// Blanks that are let through between the words of a start line, as servers do (RFC 9112, section 3).
const BLANKS_MAX: usize = 64;

/// A request line that is complete, or open and clean so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a [u8],
    /// From behind the method's space to the version, which is cut off once it is known.
    pub(crate) target: &'a [u8],
    pub(crate) version: Version<'a>,
}

/// What the end of a request line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version<'a> {
    /// Name and number: `HTTP/1.1` is (`HTTP`, `1.1`).
    Is(&'a [u8], &'a [u8]),
    /// The line ended without one.
    Missing,
    /// The line has not ended.
    Open,
}

impl<'a> RequestLine<'a> {
    /// Reads a request line. Spaces in the target and bytes beyond ASCII are let through, as servers do.
    pub(crate) fn read(text: &mut Text<'a>) -> Step<Self> {
        let start = text.rest();
        let mut usual = *text;
        match usual.verb(ANY_CASE) {
            Ok(_) => *text = usual,
            Err(Match::No) => {
                text.clone().one(|byte| byte.is_ascii_uppercase())?;
                text.run(1, METHOD_MAX, is_method)?;
            }
            Err(ended) => return Err(ended),
        }
        let method = &start[..start.len() - text.rest().len()];
        text.run(1, BLANKS_MAX, is_blank)?;
        let open = text.rest();
        let line = match text.line(is_text) {
            Ok(line) => line,
            // Clean, but for a CR whose LF is still to come.
            Err(Match::Maybe) => open,
            Err(wrong) => return Err(wrong),
        };
        let complete = text.rest().len() < open.len();
        // Until the line's end has begun, the version may turn out to be part of the target.
        let ends = complete || line.ends_with(b"\r");
        let (target, version) = match split_version(line).filter(|_| ends) {
            Some((target, name, number)) => (target, Version::Is(name, number)),
            None if complete => (line, Version::Missing),
            None => (line, Version::Open),
        };
        Ok(Self { method, target, version })
    }
}

/// Cuts `NAME/1.1` off the end of a line.
fn split_version(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let line = line.trim_ascii_end();
    let start = line.iter().rposition(|&byte| is_blank(byte)).map_or(0, |space| space + 1);
    let (target, version) = line.split_at(start);
    let slash = version.iter().position(|&byte| byte == b'/')?;
    let (name, number) = (&version[..slash], &version[slash + 1..]);
    let dotted = matches!(number, [first, rest @ ..] if first.is_ascii_digit()
        && (rest.is_empty() || matches!(rest, [b'.', minor @ ..] if !minor.is_empty() && minor.iter().all(u8::is_ascii_digit))));
    let named = (3..=5).contains(&name.len()) && name.iter().all(u8::is_ascii_alphabetic);
    (named && dotted).then(|| (target.trim_ascii_end(), name, number))
}

/// Reads `NAME/1.1 200`: the status. Settled at its third digit; what follows the digits must end the number.
pub(crate) fn status(text: &mut Text<'_>, name: &[u8]) -> Step<u32> {
    text.word(name)?;
    text.literal(b"/")?;
    text.one(|byte| byte.is_ascii_digit())?;
    if text.peek()? == b'.' {
        text.literal(b".")?;
        text.run(1, 2, |byte| byte.is_ascii_digit())?;
    }
    text.run(1, BLANKS_MAX, is_blank)?;
    let status = text.digits(3)?;
    match text.rest().first() {
        None | Some(b' ' | b'\t' | b'\r' | b'\n') if (100..=999).contains(&status) => Ok(status),
        _ => Err(Match::No),
    }
}

/// A request of HTTP like most, which needs no closer look: a usual method, a path, HTTP/1.1 or 1.0, and behind it nothing but
/// lines of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual<'a> {
    pub(crate) method: &'static [u8],
    /// What is there behind the request line.
    pub(crate) headers: &'a [u8],
}

impl<'a> Usual<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        const METHODS: [&[u8]; 3] = [b"GET", b"POST", b"HEAD"];
        const VERSIONS: [&[u8]; 2] = [b" HTTP/1.1\r", b" HTTP/1.0\r"];
        let (method, behind) =
            METHODS.iter().find_map(|method| Some((*method, bytes.strip_prefix(*method)?)))?;
        let behind = behind.strip_prefix(b" /")?;
        let (line, headers) = behind.split_at_checked(memchr(b'\n', behind)?)?;
        let line = VERSIONS.iter().find_map(|version| line.strip_suffix(*version))?;
        let headers = headers.get(1..)?;
        (all(line, is_text) && are_clean(headers)).then_some(Self { method, headers })
    }
}

/// Whether these are lines of text.
pub(crate) fn are_clean(bytes: &[u8]) -> bool {
    all(bytes, |byte| is_text(byte) || byte == b'\r' || byte == b'\n')
}

/// Whether a header section, as far as it is there, can be one: no control character in a field's name, no NUL in
/// its value (RFC 9110, section 5.5). Values with other control characters are invalid, and scanners send them.
pub(crate) fn headers_fit(text: Text<'_>) -> bool {
    if are_clean(text.rest()) {
        return true;
    }
    let mut in_name = true;
    let mut line: (u32, u8) = (0, 0);
    for &byte in text.rest() {
        match byte {
            // Behind the empty line the body begins.
            b'\n' if matches!(line, (0, _) | (1, b'\r')) => return true,
            b'\n' => (in_name, line) = (true, (0, 0)),
            _ => {
                in_name &= byte != b':';
                let fits = if in_name { is_text(byte) || byte == b'\r' } else { byte != 0 };
                if !fits {
                    return false;
                }
                line = (line.0 + 1, byte);
            }
        }
    }
    true
}

const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

const fn is_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Step<RequestLine<'_>> {
        RequestLine::read(&mut Text::new(bytes))
    }

    #[test]
    fn a_request_line_in_its_parts() {
        let line = read(b"GET /a b HTTP/1.1\r\nHost").unwrap();
        assert_eq!((line.method, line.target), (&b"GET"[..], &b"/a b"[..]));
        assert_eq!(line.version, Version::Is(b"HTTP", b"1.1"));
        assert_eq!(read(b"GET /a\r\n").unwrap().version, Version::Missing);
        assert_eq!(read(b"GET /a HTT").unwrap().version, Version::Open);
        assert_eq!(read(b"GET / HTTP/1\r").unwrap().version, Version::Is(b"HTTP", b"1"));
        assert_eq!(read(b"GET / HTTP/1.1").unwrap().version, Version::Open);
        assert_eq!(read(b"GET HTTP/1.1\n").unwrap().version, Version::Is(b"HTTP", b"1.1"));
        assert_eq!(read(b"GET / HTTP/x").unwrap().version, Version::Open);
        assert_eq!(read(b"GE"), Err(Match::Maybe));
        assert_eq!(read(b"ge"), Err(Match::Maybe));
        assert_eq!(read(b"BASELINE-CONTROL /").unwrap().method, b"BASELINE-CONTROL");
        assert_eq!(read(b"get /").unwrap().method, b"get");
        assert_eq!(read(b"GETX /").unwrap().method, b"GETX");
        assert_eq!(read(b"Hello /"), Err(Match::No));
        assert_eq!(read(b"G\0"), Err(Match::No));
        assert_eq!(read(b"GET /\x01"), Err(Match::No));
    }

    #[test]
    fn a_status_line_settles_at_its_third_digit() {
        let read = |bytes| status(&mut Text::new(bytes), b"HTTP");
        assert_eq!(read(b"HTTP/1.1 200"), Ok(200));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n"), Ok(200));
        assert_eq!(read(b"HTTP/2 404\r\n"), Ok(404));
        assert_eq!(read(b"HTTP/1.1 20"), Err(Match::Maybe));
        assert_eq!(read(b"HTTP/1.1 2000"), Err(Match::No));
        assert_eq!(read(b"RTSP/1.0 200"), Err(Match::No));
    }

    #[test]
    fn headers_end_at_the_empty_line() {
        assert!(headers_fit(Text::new(b"a: b\r\nc: d\r\n\r\n\0\x01")));
        assert!(headers_fit(Text::new(b"a: b\r")));
        assert!(headers_fit(Text::new(b"a: \x1f\r\n")));
        assert!(!headers_fit(Text::new(b"a: b\r\nc\0")));
    }
}
