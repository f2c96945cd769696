//! Requests and answers in HTTP's form: start line, then header fields (RFC 9112, sections 2 to 5).

use super::escape::Escaped;
use super::{Description, Field, VALUE_MAX};
use crate::start_line::{self, RequestLine, Version};
use crate::text::{Text, is_text};

/// A first request.
pub(super) struct Request<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    /// Whether the target's end is there.
    pub(super) whole: bool,
    pub(super) version: Version<'a>,
    pub(super) headers: Headers<'a>,
}

impl<'a> Request<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        // Empty lines before a request are to be passed over (RFC 9112, section 2.2).
        let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let mut text = Text::new(&bytes[start..]);
        let RequestLine { method, target, version } = RequestLine::read(&mut text).ok()?;
        let whole = version != Version::Open;
        // Of an open line, what stands behind a blank may be the beginning of the version.
        let end = target.iter().rposition(u8::is_ascii_whitespace).filter(|_| !whole).unwrap_or(target.len());
        let target = target[..end].trim_ascii_end();
        Some(Self { method, target, whole, version, headers: Headers(text.rest()) })
    }
}

/// A first answer.
pub(super) struct Answer<'a> {
    pub(super) status: u32,
    pub(super) version: &'a [u8],
    pub(super) headers: Headers<'a>,
}

impl<'a> Answer<'a> {
    /// `names` are those that its version may have.
    pub(super) fn read(bytes: &'a [u8], names: &[&[u8]]) -> Option<Self> {
        let mut text = Text::new(bytes);
        let name = names
            .iter()
            .find(|name| text.clone().word(name).is_ok() && bytes.get(name.len()) == Some(&b'/'))?;
        let status = start_line::status(&mut text, name).ok()?;
        let version = bytes.get(name.len() + 1..)?.split(|&byte| byte == b' ').next()?;
        let _ = text.line(is_text);
        Some(Self { status, version, headers: Headers(text.rest()) })
    }
}

/// The header section, as far as it is there, and what follows it.
pub(super) struct Headers<'a>(&'a [u8]);

/// A field's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderValue<'a> {
    pub(super) value: &'a [u8],
    /// Whether its line's end is there.
    pub(super) whole: bool,
}

impl<'a> Headers<'a> {
    /// The first field of a name, letters in either case.
    pub(super) fn get(&self, name: &[u8]) -> Option<HeaderValue<'a>> {
        let mut lines = self.0.split_inclusive(|&byte| byte == b'\n');
        lines
            .by_ref()
            .map_while(header)
            .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    }
}

/// A line of a header section as name and value; `None` at its end.
fn header(line: &[u8]) -> Option<(&[u8], HeaderValue<'_>)> {
    let whole = line.ends_with(b"\n");
    let text = line.trim_ascii_end();
    if text.is_empty() {
        return None;
    }
    let colon = text.iter().position(|&byte| byte == b':').unwrap_or(text.len());
    let value = text.get(colon + 1..).unwrap_or_default().trim_ascii_start();
    Some((text[..colon].trim_ascii_end(), HeaderValue { value, whole }))
}

/// How much of the part before an `@` in a URI is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserInfo {
    /// Nothing: it may be a user's name with a password (RFC 3986, section 3.2.1).
    Hidden,
    /// The user's name, which is whom a call is for (RFC 3261, section 19.1.1).
    NameOnly,
}

impl Description {
    /// A URI, or a text with one, without the secrets in it.
    pub(super) fn uri(&mut self, field: Field, uri: &[u8], whole: bool, user_info: UserInfo) {
        let mut text = Escaped::new(VALUE_MAX);
        let (start, end) = match user_info {
            UserInfo::Hidden => authority(uri),
            UserInfo::NameOnly => sip_authority(uri),
        };
        let inside = &uri[start..end];
        let open = !whole && end == uri.len();
        let secret = match (inside.iter().rposition(|&byte| byte == b'@'), user_info) {
            (Some(at), UserInfo::Hidden) => Some(0..at),
            (Some(at), UserInfo::NameOnly) => {
                inside[..at].iter().position(|&byte| byte == b':').map(|colon| colon + 1..at)
            }
            // Cut before it can be told whether this is a host.
            (None, _) if open => Some(0..inside.len()),
            (None, _) => None,
        };
        match secret {
            Some(secret) if !secret.is_empty() => {
                text.bytes(&uri[..start + secret.start]);
                text.push(if start + secret.end < uri.len() { "…" } else { "" });
                text.bytes(&uri[start + secret.end..]);
            }
            _ => text.bytes(uri),
        }
        self.escaped(field, text, whole && !uri.is_empty());
    }
}

/// Where the authority is: behind `//` (RFC 3986, section 3.2), or all of a target without path and scheme, as CONNECT
/// has it (RFC 9112, section 3.2.3).
fn authority(uri: &[u8]) -> (usize, usize) {
    let start = match uri.windows(3).position(|window| window == b"://") {
        Some(at) if uri[..at].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)) => {
            at + 3
        }
        _ if uri.starts_with(b"//") => 2,
        _ if uri.starts_with(b"/") || uri == b"*" => return (0, 0),
        _ => 0,
    };
    (start, end_of(uri, start, b"/?#"))
}

fn sip_authority(text: &[u8]) -> (usize, usize) {
    let scheme = [&b"sips:"[..], b"sip:"].into_iter().find_map(|scheme| {
        let at = text.windows(scheme.len()).position(|window| window.eq_ignore_ascii_case(scheme))?;
        Some(at + scheme.len())
    });
    let Some(start) = scheme else { return (0, 0) };
    (start, end_of(text, start, b">;? "))
}

fn end_of(text: &[u8], start: usize, ends: &[u8]) -> usize {
    text[start..].iter().position(|byte| ends.contains(byte)).map_or(text.len(), |end| start + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::Value;

    fn shown(uri: &[u8], whole: bool, user_info: UserInfo) -> String {
        let mut description = Description::default();
        description.uri(Field::UrlOriginal, uri, whole, user_info);
        match description.get(Field::UrlOriginal) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    #[test]
    fn user_and_password_in_a_url_are_not_shown() {
        for (uri, whole, text) in [
            (&b"/a?b=c@d"[..], true, "/a?b=c@d"),
            (b"*", true, "*"),
            (b"http://host/a@b", true, "http://host/a@b"),
            (b"http://me:secret@host/", true, "http://…@host/"),
            (b"http://me:se@cret@host", true, "http://…@host"),
            (b"rtsp://admin:12345@cam:554/1", true, "rtsp://…@cam:554/1"),
            (b"//me:secret@host/", true, "//…@host/"),
            (b"me:secret@host:443", true, "…@host:443"),
            (b"host:443", true, "host:443"),
            (b"http://me:secr", false, "http://…"),
            (b"http://host/pa", false, "http://host/pa…"),
            (b"me:secr", false, ""),
            (b"/pa", false, "/pa…"),
            (b"/", false, "/…"),
        ] {
            assert_eq!(shown(uri, whole, UserInfo::Hidden), text, "{}", uri.escape_ascii());
        }
    }

    #[test]
    fn of_a_sip_uri_the_name_is_shown_and_the_password_is_not() {
        for (uri, whole, text) in [
            (&b"\"A\" <sip:alice:secret@a.example>;tag=1"[..], true, "\"A\" <sip:alice:…@a.example>;tag=1"),
            (b"sips:bob@b.example:5061", true, "sips:bob@b.example:5061"),
            (b"sip:b.example", true, "sip:b.example"),
            (b"<sip:alice:sec", false, "<sip:…"),
            (b"tel:+1", true, "tel:+1"),
        ] {
            assert_eq!(shown(uri, whole, UserInfo::NameOnly), text);
        }
    }

    #[test]
    fn header_fields_end_at_the_empty_line() {
        let headers = Headers(b"Host : a\r\nServer:b\r\nno colon\r\n\r\nCookie: body\r\n");
        assert_eq!(headers.get(b"host").map(|value| value.value), Some(&b"a"[..]));
        assert_eq!(headers.get(b"SERVER").map(|value| value.value), Some(&b"b"[..]));
        assert!(headers.get(b"Cookie").is_none());
        let cut = Headers(b"Host: exam").get(b"Host").unwrap();
        assert_eq!((cut.value, cut.whole), (&b"exam"[..], false));
    }
}
