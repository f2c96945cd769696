//! What must hold for any text, as a plain function: the fuzz target and property tests share it.

use offport_policy::Policy;
use offport_wire::Timestamp;

use crate::{Checked, Config, DEFAULT_FILE, Level};

/// Values of every type, some of them in range somewhere.
const VALUES: [&str; 24] = [
    "0",
    "1",
    "-1",
    "65535",
    "65536",
    "9223372036854775807",
    "18446744073709551616",
    "0.5",
    "nan",
    "true",
    "false",
    "\"\"",
    "\"1s\"",
    "\"16EiB\"",
    "\"18446744073709551615ns\"",
    "\"µ\"",
    "[]",
    "[[[]]]",
    "{ a = 1 }",
    "[\"10.0.0.0/8\", \"10.0.0.0/8\"]",
    "[{ port = 80 }, { port = 80, transport = \"tcp\", expects = [] }]",
    "2026-12-31",
    "9999-12-31",
    "\"http\"",
];

/// Texts of two kinds, by the first byte: any, and the default file with its examples in force ([`full`]), some lines of which are
/// changed: each by three bytes, which line and how, and maybe some more.
pub fn any(data: &[u8]) {
    match data.split_first() {
        Some((kind, edits)) if kind & 1 == 1 => check(&changed(edits)),
        Some((_, text)) => check(&String::from_utf8_lossy(text)),
        None => check(""),
    }
}

/// Reads a text as a configuration and checks what must hold.
///
/// # Panics
/// When it does not hold.
pub fn check(text: &str) {
    let Checked { config, problems } = Config::check(text, Timestamp::ZERO);
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in &problems {
        let line = problem.line.checked_sub(1).and_then(|line| lines.get(line));
        let columns = line.map_or(0, |line| line.chars().count() + 1);
        assert!((1..=columns).contains(&problem.column), "it points outside the text: {problem}");
        assert!(!problem.message.is_empty() && !problem.remedy.is_empty(), "{problem}");
    }
    assert!(problems.is_sorted_by_key(|problem| (problem.line, problem.column)), "not in the file's order");
    let refused = problems.iter().any(|problem| problem.level == Level::Error);
    assert_eq!(config.is_none(), refused, "refused without a word, or taken in spite of an error");
    if let Some(config) = config {
        assert!(Policy::new(&config.policy).is_ok());
        assert!(config.restarts_for(&config).is_empty(), "it differs from itself");
    }
}

/// The default file with its examples in force, without what it says about them.
pub fn full() -> String {
    let in_force = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) => (!rest.starts_with(' ')).then_some(rest),
        None => Some(line),
    };
    let lines = DEFAULT_FILE.lines().filter_map(in_force).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn changed(mut edits: &[u8]) -> String {
    let full = full();
    let mut lines: Vec<String> = full.lines().map(str::to_owned).collect();
    while let Some((&[high, low, how], rest)) = edits.split_first_chunk() {
        let at = usize::from(u16::from_be_bytes([high, low])) % lines.len();
        edits = change(&mut lines, at, how, rest);
    }
    lines.join("\n")
}

/// Changes a line as `how` says, with the bytes that follow; returns the rest of them.
fn change<'a>(lines: &mut Vec<String>, at: usize, how: u8, rest: &'a [u8]) -> &'a [u8] {
    let (kind, argument) = (how & 7, usize::from(how >> 3));
    match kind {
        // Another value of the list, behind the line's own key; or the value of another line.
        0 | 1 => {
            let key = lines[at].split_once(" = ").map_or("key", |(key, _)| key).to_owned();
            let other = lines[(at + argument + 1) % lines.len()].split_once(" = ").map(|(_, value)| value);
            let value = if kind == 0 { VALUES.get(argument).copied() } else { other };
            lines[at] = format!("{key} = {}", value.unwrap_or("\"x\""));
            rest
        }
        // A value from the input, or all of the line.
        2 | 3 => {
            let (text, rest) = rest.split_at(argument.min(rest.len()));
            let text = String::from_utf8_lossy(text);
            let key = lines[at].split_once(" = ").map_or("key", |(key, _)| key).to_owned();
            lines[at] = if kind == 2 { format!("{key} = {text}") } else { text.into_owned() };
            rest
        }
        // Gone; twice; elsewhere.
        4 => {
            lines[at].clear();
            rest
        }
        5 if lines.len() < 2_000 => {
            let twice = lines[at].clone();
            lines.insert(at, twice);
            rest
        }
        6 => {
            let other = (at + argument + 1) % lines.len();
            lines.swap(at, other);
            rest
        }
        // Some characters of the line.
        _ => {
            let (text, rest) = rest.split_at(rest.len().min(1));
            let place =
                lines[at].char_indices().map(|(place, _)| place).nth(argument).unwrap_or(lines[at].len());
            lines[at].insert_str(place, &String::from_utf8_lossy(text));
            rest
        }
    }
}
