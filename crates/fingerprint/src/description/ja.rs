//! JA4 (FoxIO, "JA4: TLS Client Fingerprinting", github.com/FoxIO-LLC/ja4, technical_details/JA4.md) and JA3 (Salesforce,
//! github.com/salesforce/ja3) of a client's hello.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::hello::{ALPN, ClientHello, GROUPS, POINT_FORMATS, SERVER_NAME, SIGNATURES, VERSIONS, is_grease};
use super::hex;

/// JA4's first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Quic,
    Datagrams,
}

/// The highest version that is offered; `None` where that cannot be told.
pub(super) fn highest_version(hello: &ClientHello<'_>) -> Option<u16> {
    if !hello.extensions.knows(VERSIONS) {
        return None;
    }
    let offered = hello.extensions.numbers(VERSIONS, 1).into_iter().filter(|&version| !is_grease(version));
    // DTLS counts downwards (RFC 6347, section 4.1).
    let highest =
        offered.max_by_key(|&version| if version & 0xff00 == 0xfe00 { !version & 0xff } else { version });
    Some(highest.unwrap_or(hello.version))
}

/// JA4; `None` where a part of the hello that it needs is missing.
pub(super) fn ja4(hello: &ClientHello<'_>, carrier: Carrier) -> Option<String> {
    let extensions = &hello.extensions;
    if !extensions.whole || ![ALPN, SIGNATURES].into_iter().all(|kind| extensions.knows(kind)) {
        return None;
    }
    let version = ja4_version(highest_version(hello)?);
    let mut ciphers = plain(hello.ciphers.iter().copied());
    let kinds = plain(extensions.kinds());
    let head = format!(
        "{}{version}{}{:02}{:02}{}",
        match carrier {
            Carrier::Tcp => 't',
            Carrier::Quic => 'q',
            Carrier::Datagrams => 'd',
        },
        if extensions.has(SERVER_NAME) { 'd' } else { 'i' },
        ciphers.len().min(99),
        kinds.len().min(99),
        ja4_alpn(extensions.protocols().first().copied().unwrap_or_default()),
    );
    ciphers.sort_unstable();
    let mut sorted: Vec<u16> =
        kinds.into_iter().filter(|kind| !matches!(*kind, SERVER_NAME | ALPN)).collect();
    sorted.sort_unstable();
    let mut third = hex_list(&sorted);
    let signatures = plain(extensions.numbers(SIGNATURES, 2));
    if !signatures.is_empty() {
        third = format!("{third}_{}", hex_list(&signatures));
    }
    Some(format!(
        "{head}_{}_{}",
        short_hash(&hex_list(&ciphers)),
        short_hash(if sorted.is_empty() { "" } else { &third })
    ))
}

const fn ja4_version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol, or of its hexadecimal form.
fn ja4_alpn(protocol: &[u8]) -> String {
    let [first, .., last] = match protocol {
        [] => return "00".to_owned(),
        [one] => [*one, *one],
        [first, .., last] => [*first, *last],
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)].iter().collect();
    }
    let (first, last) = (hex(&[first]), hex(&[last]));
    format!("{}{}", &first[..1], &last[1..])
}

fn short_hash(text: &str) -> String {
    if text.is_empty() { "0".repeat(12) } else { hex(&Sha256::digest(text)[..6]) }
}

/// JA3; `None` where a part of the hello that it needs is missing.
pub(super) fn ja3(hello: &ClientHello<'_>) -> Option<String> {
    let extensions = &hello.extensions;
    if !extensions.whole || ![GROUPS, POINT_FORMATS].into_iter().all(|kind| extensions.knows(kind)) {
        return None;
    }
    let formats = extensions.content(POINT_FORMATS).and_then(|content| content.get(1..)).unwrap_or_default();
    let text = format!(
        "{},{},{},{},{}",
        hello.version,
        decimal_list(&plain(hello.ciphers.iter().copied())),
        decimal_list(&plain(extensions.kinds())),
        decimal_list(&plain(extensions.numbers(GROUPS, 2))),
        decimal_list(&formats.iter().map(|&format| format.into()).collect::<Vec<_>>()),
    );
    Some(hex(&Md5::digest(text)))
}

fn plain(numbers: impl IntoIterator<Item = u16>) -> Vec<u16> {
    numbers.into_iter().filter(|&number| !is_grease(number)).collect()
}

fn hex_list(numbers: &[u16]) -> String {
    numbers.iter().map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(",")
}

fn decimal_list(numbers: &[u16]) -> String {
    numbers.iter().map(u16::to_string).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_parts_of_ja4() {
        let numbers = |text: &str| -> Vec<u16> {
            text.split(',').map(|number| u16::from_str_radix(number, 16).unwrap()).collect()
        };
        let mut ciphers =
            numbers("1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035");
        ciphers.sort_unstable();
        assert_eq!(short_hash(&hex_list(&ciphers)), "8daaf6152771");
        let mut kinds = numbers("001b,0033,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015");
        kinds.sort_unstable();
        assert_eq!(short_hash(&hex_list(&kinds)), "6d807ffa2a79");
        assert_eq!(short_hash(""), "000000000000");
    }

    #[test]
    fn the_published_examples_of_protocols() {
        for (protocol, text) in [
            (&b"h2"[..], "h2"),
            (b"http/1.1", "h1"),
            (b"", "00"),
            (b"x", "xx"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"\x30\xab", "3b"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"\x30\xab\xcd\x31", "01"),
        ] {
            assert_eq!(ja4_alpn(protocol), text);
        }
    }

    #[test]
    fn versions() {
        let known = [0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 0x0002, 0xfeff, 0xfefd, 0xfefc, 0x0305];
        assert_eq!(known.map(ja4_version), ["13", "12", "11", "10", "s3", "s2", "d1", "d2", "d3", "00"]);
    }
}
