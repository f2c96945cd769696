//! What a flow's first payload says, for people: names, versions, requests.
//!
//! [`describe`] reads what identification has already recognised, off the packet path. All of it is what a stranger
//! sent: bounded, escaped, never trusted. What the kept bytes (512 a side) do not hold whole is marked as cut where a
//! part of it tells something, and left out where it would be wrong. Passwords and what serves as one are never
//! shown: HTTP's `Authorization` and cookies, user and password in a URL, SNMP communities, arguments of commands.

mod application;
mod cipher_suites;
mod databases;
mod devices;
mod directories;
mod dns;
mod escape;
mod field;
mod greetings;
mod hello;
mod http;
mod ja;
mod message;
mod quic;
mod sip;
mod ssh;
#[cfg(test)]
mod testing;
mod tls;
mod windows;

use offport_wire::Transport;

use crate::exchange::{Exchange, Side};
use crate::identify::behind_proxy_header;
use crate::name::Protocol;
use escape::Escaped;

pub(crate) use escape::is_printable;
pub use field::{Field, Kind};

/// Bytes of one value at most, its mark included.
pub const VALUE_MAX: usize = 256;

/// Bytes of all values of a description at most.
pub const DESCRIPTION_MAX: usize = 1024;

/// What a [`Field`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Printable text, never empty. Ends in `…` where it is cut.
    Text(String),
    /// A number.
    Number(u64),
    /// Printable texts, at least one. The last is `…` where there were more.
    List(Vec<String>),
    /// True.
    Flag,
}

/// What a flow's first payload says. Each field at most once, in the order of their weight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    fields: Vec<(Field, Value)>,
    len: usize,
}

type Describe = fn(&Exchange<'_>, &mut Description);

/// Describes a flow that speaks `protocol`. The payload may be of any kind: what does not fit is left out.
pub fn describe(protocol: Protocol, exchange: &Exchange<'_>) -> Description {
    let mut description = Description::default();
    if let Some(describe) = describer(protocol) {
        let mut inner = None;
        let (exchange, _) = behind_proxy_header(exchange, &mut inner);
        describe(exchange, &mut description);
    }
    description
}

/// Whether [`describe`] has anything to say of a protocol.
pub const fn is_described(protocol: Protocol) -> bool {
    describer(protocol).is_some()
}

const fn describer(protocol: Protocol) -> Option<Describe> {
    Some(match protocol {
        Protocol::Http | Protocol::Websocket | Protocol::Rtsp | Protocol::Ssdp => http::describe,
        Protocol::Sip => sip::describe,
        Protocol::Tls => tls::describe,
        Protocol::Dtls => tls::describe_datagrams,
        Protocol::Quic => quic::describe,
        Protocol::Ssh => ssh::describe,
        Protocol::Dns | Protocol::Mdns | Protocol::Llmnr | Protocol::NetbiosNs => dns::describe,
        Protocol::Smtp => greetings::smtp,
        Protocol::Ftp | Protocol::Pop3 => greetings::with_user,
        Protocol::Imap | Protocol::Nntp => greetings::banner,
        Protocol::Vnc => greetings::vnc,
        Protocol::Smb => windows::smb,
        Protocol::Rdp => windows::rdp,
        Protocol::Mysql => databases::mysql,
        Protocol::Postgresql => databases::postgresql,
        Protocol::Tds => databases::tds,
        Protocol::Redis => databases::redis,
        Protocol::Kerberos => directories::kerberos,
        Protocol::Ldap => directories::ldap,
        Protocol::Radius => directories::radius,
        Protocol::Mqtt => devices::mqtt,
        Protocol::Snmp => devices::snmp,
        Protocol::Dhcp => devices::dhcp,
        _ => return None,
    })
}

impl Description {
    /// Nothing.
    pub const NONE: Self = Self { fields: Vec::new(), len: 0 };

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// What is said.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.fields.iter().map(|(field, value)| (*field, value))
    }

    /// What is said of one field.
    pub fn get(&self, field: Field) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// Text off the wire; `whole` unless it goes on beyond what was kept.
    fn text(&mut self, field: Field, bytes: &[u8], whole: bool) {
        let mut text = Escaped::new(VALUE_MAX);
        text.bytes(bytes);
        self.escaped(field, text, whole && !bytes.is_empty());
    }

    fn escaped(&mut self, field: Field, text: Escaped, whole: bool) {
        let text = text.finish(whole);
        // A mark alone says nothing.
        if text.len() > escape::CUT.len_utf8() || whole {
            self.put(field, text.len(), Value::Text(text));
        }
    }

    /// Text of our own.
    fn word(&mut self, field: Field, word: impl Into<String>) {
        let word = word.into();
        if !word.is_empty() {
            self.put(field, word.len(), Value::Text(word));
        }
    }

    fn number(&mut self, field: Field, number: u64) {
        self.put(field, 8, Value::Number(number));
    }

    /// Texts off the wire, each whole.
    fn list<'a>(&mut self, field: Field, items: impl IntoIterator<Item = &'a [u8]>) {
        let (mut list, mut len) = (Vec::new(), 0);
        for item in items.into_iter().filter(|item| !item.is_empty()) {
            let mut text = Escaped::new(VALUE_MAX);
            text.bytes(item);
            let text = text.finish(true);
            if len + text.len() + escape::CUT.len_utf8() > VALUE_MAX {
                list.push(escape::CUT.to_string());
                break;
            }
            len += text.len();
            list.push(text);
        }
        if !list.is_empty() {
            self.put(field, len, Value::List(list));
        }
    }

    /// The first that is said of a field stays.
    fn put(&mut self, field: Field, len: usize, value: Value) {
        if self.get(field).is_some() {
            return;
        }
        if self.len + len <= DESCRIPTION_MAX {
            self.len += len;
            self.fields.push((field, value));
        } else if self.get(Field::Cut).is_none() {
            self.fields.push((Field::Cut, Value::Flag));
        }
    }
}

/// The stream of a side, or its first datagram.
fn opening<'a>(exchange: &Exchange<'_>, side: &Side<'a>) -> &'a [u8] {
    if exchange.transport == Transport::UDP { side.first_datagram() } else { side.bytes }
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bounded_one_by_one_and_together() {
        let mut description = Description::default();
        for field in
            [Field::UrlDomain, Field::UrlOriginal, Field::UserAgent, Field::Banner, Field::HttpServer]
        {
            description.text(field, &[b'a'; 512], true);
        }
        let lens: Vec<_> = description
            .iter()
            .map(|(field, value)| match value {
                Value::Text(text) => (field, text.len()),
                _ => (field, 0),
            })
            .collect();
        let full = VALUE_MAX;
        assert_eq!(
            lens,
            [
                (Field::UrlDomain, full),
                (Field::UrlOriginal, full),
                (Field::UserAgent, full),
                (Field::Banner, full),
                (Field::Cut, 0)
            ]
        );
    }

    #[test]
    fn nothing_is_said_twice_or_of_nothing() {
        let mut description = Description::default();
        description.text(Field::Banner, b"", true);
        description.text(Field::Banner, b"", false);
        description.list(Field::TlsAlpn, [&b""[..]]);
        assert!(description.is_empty());
        description.text(Field::Banner, b"one", false);
        description.text(Field::Banner, b"two", true);
        assert_eq!(description.get(Field::Banner), Some(&Value::Text("one…".to_owned())));
    }

    #[test]
    fn a_long_list_ends_in_the_mark() {
        let mut description = Description::default();
        let items = [[b'a'; 100], [b'b'; 100], [b'c'; 100]];
        description.list(Field::TlsAlpn, items.iter().map(|item| &item[..]));
        let Some(Value::List(list)) = description.get(Field::TlsAlpn) else { panic!("no list") };
        assert_eq!(list.iter().map(|item| item.chars().count()).collect::<Vec<_>>(), [100, 100, 1]);
    }
}
