//! A strict parser of RFC 5424 messages (section 6): whatever its grammar does not allow is a panic.

use std::collections::BTreeMap;

/// What a message says.
#[derive(Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) facility: u8,
    pub(crate) severity: u8,
    pub(crate) timestamp: String,
    pub(crate) host: String,
    pub(crate) app: String,
    pub(crate) process: String,
    pub(crate) id: String,
    /// Of the only element of structured data.
    pub(crate) data: BTreeMap<String, String>,
    pub(crate) text: String,
}

pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let message = std::str::from_utf8(bytes).unwrap();
    let (priority, rest) = message.strip_prefix('<').unwrap().split_once('>').unwrap();
    assert!(
        (1..=3).contains(&priority.len()) && (priority == "0" || !priority.starts_with('0')),
        "{message}"
    );
    let number: u8 = priority.parse().unwrap();
    assert!(number <= 191, "{message}");
    let rest = rest.strip_prefix("1 ").expect("VERSION is 1");
    let mut rest = rest;
    let mut word = |longest: usize| {
        let (word, behind) = rest.split_once(' ').unwrap();
        assert!(
            (1..=longest).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic()),
            "{message}"
        );
        rest = behind;
        word.to_owned()
    };
    let (timestamp, host, app, process, id) = (word(32), word(255), word(48), word(128), word(32));
    assert_timestamp(&timestamp);
    let (data, text) = data(rest);
    Parsed { facility: number / 8, severity: number % 8, timestamp, host, app, process, id, data, text }
}

/// `2003-10-11T22:14:15.003000Z`: upper-case T and Z, six digits of a second at most.
fn assert_timestamp(text: &str) {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let fraction = shape.strip_prefix("0000-00-00T00:00:00").and_then(|rest| rest.strip_suffix('Z')).unwrap();
    let digits = fraction.strip_prefix('.').unwrap();
    assert!((1..=6).contains(&digits.len()) && digits.chars().all(|c| c == '0'), "{text}");
}

/// One SD-ELEMENT, then a space and MSG.
fn data(text: &str) -> (BTreeMap<String, String>, String) {
    let (id, mut rest) = text.strip_prefix('[').unwrap().split_once(' ').unwrap();
    let (name, number) = id.split_once('@').expect("a private name has an enterprise number");
    assert!(is_name(name) && !name.contains('@') && number.parse::<u32>().is_ok(), "{id}");
    let mut data = BTreeMap::new();
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(is_name(name), "{name}");
        let mut text = String::new();
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next().expect("a value ends") {
                (at, '"') => break at,
                (_, ']') => panic!("an unescaped bracket in {value}"),
                (_, '\\') => match characters.next().unwrap().1 {
                    escaped @ ('"' | '\\' | ']') => text.push(escaped),
                    other => panic!("\\{other} is no escape"),
                },
                (_, other) => text.push(other),
            }
        };
        assert_eq!(data.insert(name.to_owned(), text), None);
        rest = &value[end + 1..];
        match rest.strip_prefix(' ') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let text = rest.strip_prefix("] ").expect("the data end, a space, MSG");
    assert!(!text.starts_with('\u{feff}'));
    (data, text.to_owned())
}

/// SD-NAME: printable, no `=`, space, `]` or `"`, 32 at most.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"');
    (1..=32).contains(&name.len()) && name.bytes().all(fits)
}
