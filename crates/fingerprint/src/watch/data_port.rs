//! FTP data connection, of files and lists: RFC 959, sections 3.2 and 4.1.2 (PORT, PASV), RFC 1123, section 4.1.2.6 (the reply to
//! PASV is searched for its numbers), RFC 2428 (EPRT, EPSV).
//!
//! Proof: none in what it carries. A control connection has named the address and port that it is made to, in a command of the client
//! or a reply of the server, within two minutes of its first packet; the port is reserved for nothing, one side sends and the other is silent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::exchange::Speaker;

/// A data port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataPort {
    /// Who listens there, and has said so.
    pub speaker: Speaker,
    /// The address that a client has named, which may be another host's (RFC 2577, section 3). `None`: the speaker's own; what
    /// servers name is theirs before a translation, which the client never sees.
    pub address: Option<IpAddr>,
    /// Never 0.
    pub port: u16,
}

impl DataPort {
    /// In a client's command.
    pub(super) fn of_command(line: &[u8]) -> Option<Self> {
        let (verb, argument) = line.split_at_checked(4)?;
        let argument = argument.strip_prefix(b" ")?.trim_ascii();
        let (address, port) = match verb {
            _ if verb.eq_ignore_ascii_case(b"PORT") => {
                let (address, port) = host_port(argument).filter(|_| argument.iter().all(is_within))?;
                (address.into(), port)
            }
            _ if verb.eq_ignore_ascii_case(b"EPRT") => extended(argument)?,
            _ => return None,
        };
        let address = Some(address.to_canonical());
        (port != 0).then_some(Self { speaker: Speaker::Client, address, port })
    }

    /// In a server's reply, or the last line of it.
    pub(super) fn of_reply(line: &[u8]) -> Option<Self> {
        let (code, text) = line.split_at_checked(4)?;
        let port = match code {
            b"227 " => starts_of_numbers(text).find_map(host_port)?.1,
            b"229 " => extended_port(text)?,
            _ => return None,
        };
        (port != 0).then_some(Self { speaker: Speaker::Server, address: None, port })
    }
}

/// What follows each place at which a number begins.
fn starts_of_numbers(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let begins = |at: usize| text[at].is_ascii_digit() && (at == 0 || !is_within(&text[at - 1]));
    (0..text.len()).filter(move |&at| begins(at)).map(|at| &text[at..])
}

const fn is_within(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b','
}

/// `h1,h2,h3,h4,p1,p2`, and what is no part of it (RFC 959, section 5.3.2).
fn host_port(text: &[u8]) -> Option<(Ipv4Addr, u16)> {
    let end = text.iter().position(|byte| !is_within(byte)).unwrap_or(text.len());
    let mut numbers = text[..end].split(|&byte| byte == b',').map(number::<u8>);
    let mut next = || numbers.next()?;
    let address = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    let port = u16::from_be_bytes([next()?, next()?]);
    numbers.next().is_none().then_some((address, port))
}

/// `|1|132.235.1.2|6275|`, `|2|1080::8:800:200C:417A|5282|` (RFC 2428, section 2).
fn extended(text: &[u8]) -> Option<(IpAddr, u16)> {
    let [network, address, port] = fields(text)?;
    let address = std::str::from_utf8(address).ok()?;
    let address = match network {
        b"1" => IpAddr::V4(address.parse::<Ipv4Addr>().ok()?),
        b"2" => IpAddr::V6(address.parse::<Ipv6Addr>().ok()?),
        _ => return None,
    };
    Some((address, number(port)?))
}

/// `(|||6446|)` among other text (RFC 2428, section 3).
fn extended_port(text: &[u8]) -> Option<u16> {
    let inner = text.split(|&byte| byte == b'(').skip(1);
    inner.filter_map(fields).find_map(|fields| match fields {
        [b"", b"", port] => number(port),
        _ => None,
    })
}

/// Three fields, each between delimiters: a character of ASCII from 33 to 126.
fn fields(text: &[u8]) -> Option<[&[u8]; 3]> {
    let (&delimiter, rest) = text.split_first()?;
    let mut fields = rest.splitn(4, |&byte| byte == delimiter);
    let three = [fields.next()?, fields.next()?, fields.next()?];
    // What follows the last delimiter is none of it.
    (fields.next().is_some() && delimiter.is_ascii_graphic()).then_some(three)
}

/// A number of nothing but digits.
fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    let fits = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| fits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_reply(line: &str) -> Option<u16> {
        let found = DataPort::of_reply(line.as_bytes())?;
        assert_eq!((found.speaker, found.address), (Speaker::Server, None));
        Some(found.port)
    }

    fn of_command(line: &str) -> Option<(String, u16)> {
        let found = DataPort::of_command(line.as_bytes())?;
        assert_eq!(found.speaker, Speaker::Client);
        Some((found.address?.to_string(), found.port))
    }

    #[test]
    fn passive_replies_are_searched_for_their_numbers() {
        for line in [
            "227 Entering Passive Mode (192,0,2,1,4,1)",
            "227 Entering Passive Mode (192,0,2,1,4,1).",
            "227 Entering Passive Mode. 192,0,2,1,4,1",
            "227 =192,0,2,1,4,1",
            "227 192,0,2,1,004,001 ok, 5 minutes",
            "227 in 3 seconds, (1,2) (192,0,2,1,4,1)",
            "227 \u{442}\u{443}\u{442} (10,0,0,1,4,1)",
        ] {
            assert_eq!(of_reply(line), Some(1025), "{line}");
        }
    }

    #[test]
    fn what_is_no_passive_reply() {
        for line in [
            "",
            "227",
            "227 ",
            "227 ,,,,,",
            "227 (192,0,2,1,4)",
            "227 (192,0,2,1,4,1,7)",
            "227 (,192,0,2,1,4,1)",
            "227 (192,0,2,1,4,1,)",
            "227 (192,0,2,256,4,1)",
            "227 (192,0,2,1,256,1)",
            "227 (192,0,2,1,4,65536)",
            "227 (192,0,2,1,-4,1)",
            "227 (192,0,2,1,+4,1)",
            "227 (192, 0, 2, 1, 4, 1)",
            "227 (192,0,2,1,0,0)",
            "227-(192,0,2,1,4,1)",
            "226 (192,0,2,1,4,1)",
            "229 (192,0,2,1,4,1)",
            "227 99999999999999999999999,0,2,1,4,1",
        ] {
            assert_eq!(of_reply(line), None, "{line}");
        }
    }

    #[test]
    fn extended_passive_replies_name_a_port() {
        for (line, port) in [
            ("229 Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("229 ok (by the way) (|||6446|) go", Some(6446)),
            ("229 (!!!65535!)", Some(65_535)),
            ("229 (|||65536|)", None),
            ("229 (|||0|)", None),
            ("229 (||||)", None),
            ("229 (|||+21|)", None),
            ("229 (|||21)", None),
            ("229 (|1|192.0.2.1|21|)", None),
            ("229 (||!21|)", None),
            ("229 (   21 )", None),
            ("229 |||21|", None),
            ("229 (", None),
            ("227 (|||21|)", None),
        ] {
            assert_eq!(of_reply(line), port, "{line}");
        }
    }

    #[test]
    fn clients_name_an_address_too() {
        for (line, expected) in [
            ("PORT 192,0,2,7,200,10", Some(("192.0.2.7", 51_210))),
            ("port  192,0,2,7,0,20 ", Some(("192.0.2.7", 20))),
            ("EPRT |1|192.0.2.7|6275|", Some(("192.0.2.7", 6275))),
            ("eprt |2|2001:db8::7|5282|", Some(("2001:db8::7", 5282))),
            ("EPRT |2|::ffff:192.0.2.7|5282|", Some(("192.0.2.7", 5282))),
            ("PORT 192,0,2,7,0,0", None),
            ("PORT 192,0,2,300,200,10", None),
            ("PORT 192,0,2,7,200", None),
            ("PORT x 192,0,2,7,200,10", None),
            ("PORT 192,0,2,7,200,10 x", None),
            ("PORT192,0,2,7,200,10", None),
            ("PORT", None),
            ("EPRT", None),
            ("EPRT ", None),
            ("EPRT |2|192.0.2.7|5282|", None),
            ("EPRT |1|2001:db8::7|5282|", None),
            ("EPRT |3|192.0.2.7|5282|", None),
            ("EPRT |1|192.0.2.7|5282", None),
            ("EPRT |1|192.0.2.7|70000|", None),
            ("EPRT |1||5282|", None),
            ("RETR 192,0,2,7,200,10", None),
            ("\u{e9}\u{e9}\u{e9}", None),
        ] {
            let expected = expected.map(|(address, port)| (address.to_owned(), port));
            assert_eq!(of_command(line), expected, "{line}");
        }
    }
}
