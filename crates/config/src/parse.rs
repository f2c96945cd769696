//! Values to types. Every parser reports what is wrong and gives `None`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::SignedDuration;
use jiff::civil::Date;
use offport_fingerprint::Protocol;
use offport_policy::PortRange;
use toml::de::DeValue;

use crate::choice::Choice;
use crate::nearest::nearest;
use crate::reader::{Problems, Value};
use crate::section::Section;

/// A value's parser, as [`crate::reader::Table::read`] takes it.
pub(crate) trait Parser<T>: Fn(&Value<'_>, &mut Problems<'_>) -> Option<T> {}
impl<T, F: Fn(&Value<'_>, &mut Problems<'_>) -> Option<T>> Parser<T> for F {}

/// A table of its own.
pub(crate) fn section<S: Section>(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<S> {
    Some(S::read(&value.table(problems)?, problems))
}

pub(crate) fn boolean(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<bool> {
    match value.node {
        DeValue::Boolean(boolean) => Some(*boolean),
        _ => value.wrong_type(problems, "true or false", "write true or false, without quotes"),
    }
}

/// A whole number from `min` to `max`.
pub(crate) fn integer<T: TryFrom<u64>>(min: u64, max: u64) -> impl Parser<T> {
    move |value, problems| {
        let range = format!("give a whole number from {min} to {max}");
        let DeValue::Integer(digits) = value.node else {
            return value.wrong_type(problems, "an integer", format!("{range}, without quotes"));
        };
        let number = i128::from_str_radix(digits.as_str(), digits.radix()).ok();
        let fitting = number.and_then(|n| u64::try_from(n).ok()).filter(|n| (min..=max).contains(n));
        match fitting.and_then(|n| T::try_from(n).ok()) {
            Some(number) => Some(number),
            None => value.wrong(problems, format!("{digits} is out of range"), range),
        }
    }
}

pub(crate) fn text(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<String> {
    string(value, problems, "a string", "put it in double quotes").map(str::to_owned)
}

/// A string with something in it.
pub(crate) fn words(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let text = text(value, problems)?;
    if text.trim().is_empty() {
        return value.wrong(problems, "empty", "say it in a few words");
    }
    Some(text)
}

/// A string; the empty one stands for none.
pub(crate) fn optional_text(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Option<String>> {
    text(value, problems).map(|text| (!text.is_empty()).then_some(text))
}

/// A name of a network interface, as the kernel takes it (`dev_valid_name`: 1 to 15 bytes, no slash, colon or space).
pub(crate) fn interface(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let name = text(value, problems)?;
    let bad = name.is_empty()
        || name.len() > 15
        || name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace());
    if bad || name == "." || name == ".." {
        return value.wrong(
            problems,
            format!("\"{name}\" is no interface name"),
            "`ip link` lists the names",
        );
    }
    Some(name)
}

pub(crate) fn choice<C: Choice>(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<C> {
    let words = || C::all().iter().map(|choice| choice.word());
    // Long lists are not printed: the nearest name helps more.
    let list = || words().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let few = C::all().len() <= 10;
    let remedy =
        || if few { format!("one of {}", list()) } else { "docs/verdicts.md lists the names".to_owned() };
    let given = string(value, problems, C::WHAT, &remedy())?;
    if let Some(&choice) = C::all().iter().find(|choice| choice.word() == given) {
        return Some(choice);
    }
    let remedy = match nearest(given, words()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => remedy(),
    };
    value.wrong(problems, format!("\"{given}\" is not {}", C::WHAT), remedy)
}

/// A protocol, built in or one of one's own.
pub(crate) fn protocol(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Protocol> {
    const WHAT: &str = "a protocol";
    let remedy = "docs/verdicts.md lists the names, and `offport protocols` those of your signatures too";
    let given = string(value, problems, WHAT, remedy)?;
    let known = || Protocol::ALL.iter().chain(problems.own).copied();
    if let Some(protocol) = known().find(|protocol| protocol.name() == given) {
        return Some(protocol);
    }
    let remedy = match nearest(given, known().map(Protocol::name)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => remedy.to_owned(),
    };
    value.wrong(problems, format!("\"{given}\" is not {WHAT}"), remedy)
}

/// Bytes in hexadecimal, two digits each, blanks between them as one likes.
pub(crate) fn hex(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Vec<u8>> {
    const REMEDY: &str = "write two digits for each byte, as \"ac 3e 00 01\"";
    let text = string(value, problems, "hexadecimal bytes", REMEDY)?;
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        if !word.is_ascii() || word.len() % 2 != 0 {
            return value.wrong(problems, format!("\"{word}\" is not whole bytes"), REMEDY);
        }
        for at in (0..word.len()).step_by(2) {
            let digits = &word[at..at + 2];
            // The parser of integers takes a sign.
            match u8::from_str_radix(digits, 16) {
                Ok(byte) if !digits.starts_with('+') => bytes.push(byte),
                _ => return value.wrong(problems, format!("\"{digits}\" is not hexadecimal"), REMEDY),
            }
        }
    }
    Some(bytes)
}

/// A list of `item`s.
pub(crate) fn list<T>(item: impl Parser<T>) -> impl Parser<Vec<T>> {
    move |value, problems| match value.items() {
        // Every element is looked at, also after a bad one.
        Some(items) => {
            let read: Vec<Option<T>> = items.iter().map(|value| item(value, problems)).collect();
            read.into_iter().collect()
        }
        None => value.wrong_type(problems, "a list", "put it in brackets: [ ... ]"),
    }
}

/// One `item` or a list of them.
pub(crate) fn one_or_list<T>(item: impl Parser<T>) -> impl Parser<Vec<T>> {
    move |value, problems| {
        let Some(items) = value.items() else { return item(value, problems).map(|one| vec![one]) };
        if items.is_empty() {
            return value.wrong(problems, "an empty list", "name at least one, or remove the key");
        }
        let read: Vec<Option<T>> = items.iter().map(|value| item(value, problems)).collect();
        read.into_iter().collect()
    }
}

/// A time span with its unit: "250ms", "10s", "5m", "1h30m".
pub(crate) fn duration(min: Duration, max: Duration) -> impl Parser<Duration> {
    move |value, problems| {
        let remedy =
            format!("give a time from {min:?} to {max:?} with its unit, as \"500ms\", \"10s\" or \"5m\"");
        let text = string(value, problems, "a time", &remedy)?;
        let parsed = text.parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
        match parsed {
            Some(span) if (min..=max).contains(&span) => Some(span),
            Some(_) => value.wrong(problems, format!("{text} is out of range"), remedy),
            None => value.wrong(problems, format!("\"{text}\" is not a time"), remedy),
        }
    }
}

/// A number of bytes, with or without unit: 512, "64KiB", "256MiB", "2GB".
pub(crate) fn bytes(min: u64, max: u64) -> impl Parser<u64> {
    move |value, problems| {
        let remedy = format!("give a size from {min} to {}, as 512, \"64KiB\" or \"256MiB\"", in_units(max));
        if let DeValue::Integer(_) = value.node {
            return integer(min, max)(value, problems);
        }
        let text = string(value, problems, "a size", &remedy)?;
        match parse_bytes(text) {
            Some(bytes) if (min..=max).contains(&bytes) => Some(bytes),
            Some(_) => value.wrong(problems, format!("{text} is out of range"), remedy),
            None => value.wrong(problems, format!("\"{text}\" is not a size"), remedy),
        }
    }
}

/// A network. A bare address is that host; bits behind the prefix are an error, for one of the two is wrong.
pub(crate) fn network(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<IpNet> {
    const REMEDY: &str = "write it as \"10.1.0.0/16\", \"fd00:1::/32\" or \"10.1.2.3\"";
    let text = string(value, problems, "a network", REMEDY)?;
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse().ok(),
    };
    match network {
        Some(network) if network.addr() != network.network() => value.wrong(
            problems,
            format!("{text} has address bits behind its prefix"),
            format!("for the network write \"{}\", for the host \"{}\"", network.trunc(), network.addr()),
        ),
        Some(network) => Some(network),
        None => value.wrong(problems, format!("\"{text}\" is not a network"), REMEDY),
    }
}

/// An address and port to listen on.
pub(crate) fn listen(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<SocketAddr> {
    const REMEDY: &str = "write it as \"127.0.0.1:10217\" or \"[::1]:10217\"";
    let text = string(value, problems, "an address and port", REMEDY)?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => value.wrong(problems, format!("\"{text}\" is not an address and port"), REMEDY),
    }
}

/// Host and port of a server: "log.example.net:514", "[2001:db8::1]:514".
pub(crate) fn server(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<String> {
    const REMEDY: &str = "write it as \"log.example.net:514\" or \"[2001:db8::1]:514\"";
    let text = string(value, problems, "a host and port", REMEDY)?;
    if is_server(text) {
        return Some(text.to_owned());
    }
    value.wrong(problems, format!("\"{text}\" is not a host and port"), REMEDY)
}

/// An address of the web kind, of one of these schemes; the port may be left out, a path may follow.
pub(crate) fn url(schemes: &'static [&'static str]) -> impl Parser<String> {
    move |value, problems| {
        let remedy = format!("write it as \"{}://host:port\"", schemes[0]);
        let text = string(value, problems, "a URL", &remedy)?;
        match is_url(text, schemes) {
            Ok(()) => Some(text.to_owned()),
            Err(Some(scheme)) => {
                let known = schemes.join(", ");
                value.wrong(problems, format!("\"{scheme}\" is no scheme here"), format!("one of {known}"))
            }
            Err(None) => value.wrong(problems, format!("\"{text}\" is not a URL"), remedy),
        }
    }
}

/// One URL, or several with commas between them.
pub(crate) fn urls(schemes: &'static [&'static str]) -> impl Parser<String> {
    move |value, problems| {
        let remedy = format!("write it as \"{}://host:port\", with commas between several", schemes[0]);
        let text = string(value, problems, "a URL", &remedy)?;
        if text.split(',').all(|one| is_url(one.trim(), schemes).is_ok()) {
            return Some(text.to_owned());
        }
        let known = schemes.join(", ");
        value.wrong(problems, format!("\"{text}\" is not a URL of the schemes {known}"), remedy)
    }
}

/// Where files are uploaded to: a bucket, with a prefix or without, or a folder.
pub(crate) fn place(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<String> {
    const REMEDY: &str = "write it as \"s3://bucket/prefix\" or \"file:///folder\"";
    let text = string(value, problems, "a place to upload to", REMEDY)?;
    let is_bucket =
        |rest: &str| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace);
    let is_place = match text.split_once("://") {
        Some(("s3", rest)) => is_bucket(rest),
        Some(("file", rest)) => rest.starts_with('/'),
        _ => false,
    };
    if is_place {
        return Some(text.to_owned());
    }
    value.wrong(problems, format!("\"{text}\" is no place to upload to"), REMEDY)
}

/// A NATS subject that can be published to: words with dots between them, no wildcards.
pub(crate) fn subject(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<String> {
    const REMEDY: &str = "write words with dots between them, as \"offport.events\"";
    let text = string(value, problems, "a subject", REMEDY)?;
    let is_word = |word: &str| {
        !word.is_empty()
            && !word.contains(|c: char| c.is_whitespace() || c.is_control() || c == '*' || c == '>')
    };
    if text.split('.').all(is_word) {
        return Some(text.to_owned());
    }
    value.wrong(problems, format!("\"{text}\" is not a subject to publish to"), REMEDY)
}

/// A subject; the empty string stands for none.
pub(crate) fn optional_subject(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Option<String>> {
    match value.node {
        DeValue::String(text) if text.is_empty() => Some(None),
        _ => subject(value, problems).map(Some),
    }
}

pub(crate) fn path(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<PathBuf> {
    let text = string(value, problems, "a path", "put the path in double quotes")?;
    if text.is_empty() {
        return value.wrong(problems, "an empty path", "name a file, or set enabled = false");
    }
    Some(PathBuf::from(text))
}

/// A path; the empty one stands for none.
pub(crate) fn optional_path(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Option<PathBuf>> {
    optional_text(value, problems).map(|text| text.map(PathBuf::from))
}

/// 80 or "6881-6889".
pub(crate) fn ports(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<PortRange> {
    const REMEDY: &str = "give a port from 1 to 65535, or a range as \"6881-6889\"";
    match value.node {
        DeValue::Integer(_) => integer(1, 65535)(value, problems).map(PortRange::one),
        DeValue::String(text) => {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            match (first.trim().parse(), last.trim().parse()) {
                (Ok(first), Ok(last)) if 1 <= first && first <= last => Some(PortRange { first, last }),
                _ => value.wrong(problems, format!("\"{text}\" is not a port"), REMEDY),
            }
        }
        _ => value.wrong_type(problems, "a port", REMEDY),
    }
}

/// A day: 2026-12-31, with or without quotes.
pub(crate) fn day(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Date> {
    const REMEDY: &str = "write the last day that it holds (UTC) as 2026-12-31";
    let text = match value.node {
        DeValue::Datetime(datetime) if datetime.time.is_none() => datetime.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => return value.wrong_type(problems, "a day", REMEDY),
    };
    match text.parse() {
        Ok(day) if text.len() == "2026-12-31".len() => Some(day),
        _ => value.wrong(problems, format!("\"{text}\" is not a day"), REMEDY),
    }
}

fn string<'v>(
    value: &Value<'v>,
    problems: &mut Problems<'_>,
    expected: &str,
    remedy: &str,
) -> Option<&'v str> {
    match value.node {
        DeValue::String(text) => Some(text),
        _ => value.wrong_type(problems, expected, remedy),
    }
}

/// Whether it is a host and a port.
fn is_server(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !text.is_empty() && text.chars().all(is_part)
        }
    }
}

/// The scheme, if it is that what is wrong.
fn is_url<'t>(text: &'t str, schemes: &[&str]) -> Result<(), Option<&'t str>> {
    let (scheme, rest) = text.split_once("://").ok_or(None)?;
    if !schemes.contains(&scheme) {
        return Err(Some(scheme));
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path_is_right = path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#'));
    if path_is_right && (is_host(authority) || is_server(authority)) { Ok(()) } else { Err(None) }
}

/// In the largest binary unit that leaves no rest.
fn in_units(bytes: u64) -> String {
    let unit = (bytes.trailing_zeros() / 10).min(4);
    let name = ["", "KiB", "MiB", "GiB", "TiB"].get(unit as usize).copied().unwrap_or_default();
    format!("{}{name}", bytes >> (10 * unit))
}

/// A size as people write it: 512, "64KiB", "256MiB", "2GB".
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" | "k" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_the_largest_whole_unit() {
        assert_eq!(in_units(1 << 40), "1TiB");
        assert_eq!(in_units(1536), "1536");
        assert_eq!(in_units(2048), "2KiB");
    }

    #[test]
    fn servers_and_urls() {
        for server in ["log.example.net:514", "10.0.0.1:1", "[2001:db8::1]:65535"] {
            assert!(is_server(server), "{server}");
        }
        for server in
            ["", "log", ":514", "log:0", "log:65536", "2001:db8::1:514", "[x]:1", "a b:1", "u:p@h:1"]
        {
            assert!(!is_server(server), "{server}");
        }
        for url in ["http://a", "http://a/", "http://a:9093/alertmanager", "http://[::1]:9093"] {
            assert_eq!(is_url(url, &["http"]), Ok(()), "{url}");
        }
        for url in ["a", "http:/a", "http://", "http://a:b", "http://a?x", "http://a/ b", "http://u:p@a"] {
            assert_eq!(is_url(url, &["http"]), Err(None), "{url}");
        }
        assert_eq!(is_url("https://a", &["http"]), Err(Some("https")));
    }

    #[test]
    fn sizes_take_binary_and_decimal_units() {
        assert_eq!(parse_bytes("512"), Some(512));
        assert_eq!(parse_bytes("64KiB"), Some(65536));
        assert_eq!(parse_bytes("2 GB"), Some(2_000_000_000));
        assert_eq!(parse_bytes("99999999TiB"), None, "overflow");
        assert_eq!(parse_bytes("1.5GiB"), None);
        assert_eq!(parse_bytes("lots"), None);
        assert_eq!(parse_bytes(""), None);
    }
}
