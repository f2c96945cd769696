//! Which flows: the parameters of an address, read by the very parser of the command line.

use clap::{Parser, ValueEnum as _};
use offport_evidence::flows::Filter;

use crate::desk::args::{FilterArgs, HostSort, SessionSort};

/// What an address may say, once each; values are lists, as on the command line.
pub(super) const KEYS: [&str; 10] = [
    "host",
    "source",
    "destination",
    "port",
    "transport",
    "protocol",
    "verdict",
    "severity",
    "direction",
    "min_bytes",
];

/// Parameters, in order.
pub(super) type Pairs = Vec<(String, String)>;

#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Form {
    #[command(flatten)]
    filter: FilterArgs,
}

/// The value of a parameter; none if it is empty.
pub(super) fn value<'a>(pairs: &'a Pairs, key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// The filter that parameters name. Errors are those of the command line.
pub(super) fn filter(pairs: &Pairs) -> Result<Filter, String> {
    let mut words = Vec::new();
    for key in KEYS {
        if let Some(value) = value(pairs, key) {
            words.push(format!("--{}={}", key.replace('_', "-"), value.trim()));
        }
    }
    if value(pairs, "flagged").is_some() && value(pairs, "severity").is_none() {
        words.push("--flagged".to_owned());
    }
    match Form::try_parse_from(words) {
        Ok(form) => Ok(form.filter.filter()),
        Err(error) => {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default();
            Err(line.strip_prefix("error: ").unwrap_or(line).to_owned())
        }
    }
}

/// The order of hosts.
pub(super) fn host_sort(pairs: &Pairs) -> Result<HostSort, String> {
    value(pairs, "sort")
        .map_or(Ok(HostSort::Flagged), |sort| HostSort::from_str(sort, false))
        .map_err(|_| "sort: flagged, bytes, out or flows".to_owned())
}

/// The order of sessions.
pub(super) fn session_sort(pairs: &Pairs) -> Result<SessionSort, String> {
    value(pairs, "sort")
        .map_or(Ok(SessionSort::Time), |sort| SessionSort::from_str(sort, false))
        .map_err(|_| "sort: time, bytes or duration".to_owned())
}

/// An address of this console; values that are empty are left out.
pub(super) fn address<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in pairs {
        if !value.is_empty() {
            query.append_pair(key, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Pairs {
        form_urlencoded::parse(text.as_bytes()).into_owned().collect()
    }

    #[test]
    fn an_address_says_what_a_command_line_says() {
        let read = filter(&pairs(
            "host=10.0.0.0/8,2001:db8::1&port=80,443&protocol=&flagged=on&min_bytes=10kB&last=1h",
        ));
        let read = read.unwrap();
        assert_eq!(read.hosts.len(), 2);
        assert_eq!(read.ports, [80, 443]);
        assert_eq!(read.severities, ["medium", "high"]);
        assert_eq!((read.min_bytes, read.protocols.len()), (10_000, 0));
        assert_eq!(filter(&Vec::new()).unwrap(), Filter::default());
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (text, part) in [
            ("host=nowhere", "neither an address nor a network"),
            ("port=99999", "port"),
            ("min_bytes=x", "no size"),
        ] {
            let error = filter(&pairs(text)).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        // A value is never an option.
        assert_eq!(filter(&pairs("protocol=--help")).unwrap().protocols, ["--help"]);
        assert!(host_sort(&pairs("sort=x")).is_err() && session_sort(&pairs("sort=flagged")).is_err());
        assert_eq!(host_sort(&pairs("sort=out")), Ok(HostSort::Out));
    }

    #[test]
    fn addresses_are_encoded() {
        let name = "a&b=\"><script>";
        let address = address("/sessions", [("protocol", name), ("port", "")]);
        assert_eq!(address, "/sessions?protocol=a%26b%3D%22%3E%3Cscript%3E");
        assert_eq!(pairs(address.split_once('?').unwrap().1), [("protocol".to_owned(), name.to_owned())]);
    }
}
