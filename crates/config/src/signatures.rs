//! Signature files: `[[signature]]` with their tests.
//!
//! `docs/signatures.md` is their counterpart for operators.

use std::fmt;
use std::path::PathBuf;

use offport_fingerprint::signature::{
    ByteOrder, Condition, Counts, Draft, DraftError, Flaw, Length, LengthError, LengthField, Parts, Pattern,
    PatternError, Signature, Spoken, WINDOW,
};
use offport_fingerprint::{Exchange, NameError, Proof, Protocol, Side, Signatures, Speaker};
use offport_wire::{Timestamp, Transport};
use toml::de::DeTable;

use crate::parse::{choice, hex, integer, one_or_list, ports, text, words};
use crate::problem::{Level, Problem};
use crate::reader::{Problems, Table, Value};

const SIGNATURE_KEYS: &[&str] = &[
    "name",
    "description",
    "transport",
    "side",
    "match",
    "length",
    "length_field",
    "ports",
    "strength",
    "test",
];
const MATCH_KEYS: &[&str] = &["offset", "bytes", "text", "regex", "mask"];
const LENGTH_KEYS: &[&str] = &["min", "max"];
const FIELD_KEYS: &[&str] = &["offset", "width", "order", "counts", "plus"];
const TEST_KEYS: &[&str] = &["client", "client_hex", "server", "server_hex", "transport", "port", "expect"];

/// Conditions of a signature at most.
const MAX_CONDITIONS: usize = 8;

/// A signature file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// A problem and the file that it is in. `Display` is `path:line:column: level: key: message; remedy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong there.
    pub problem: Problem,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.problem)
    }
}

/// What came of reading signature files.
#[derive(Clone, Debug, Default)]
pub struct CheckedSignatures {
    /// The signatures, tried on their tests; `None` if there is an error among the problems.
    pub draft: Option<Draft>,
    /// The names that signatures bear, also where there are errors.
    pub names: Vec<String>,
    /// Errors, in the order of the files.
    pub problems: Vec<FileProblem>,
}

/// Checks files in their order: each by itself, then together, then by their tests.
pub fn check_signatures(files: &[SignatureFile]) -> CheckedSignatures {
    let mut readings: Vec<Reading<'_>> = files.iter().map(Reading::new).collect();
    readings.iter_mut().for_each(Reading::read);
    let names = readings.iter().flat_map(|reading| reading.names.iter().cloned()).collect();
    let draft = if readings.iter().any(|reading| reading.problems.have_errors()) {
        None
    } else {
        together(&mut readings)
    };
    if let Some(draft) = &draft {
        readings.iter_mut().for_each(|reading| reading.try_on(draft));
    }
    let failed = readings.iter().any(|reading| reading.problems.have_errors());
    let problems = readings.into_iter().flat_map(|reading| {
        let path = &reading.file.path;
        let list = reading.problems.into_list();
        list.into_iter().map(|problem| FileProblem { path: path.clone(), problem })
    });
    CheckedSignatures { problems: problems.collect(), names, draft: draft.filter(|_| !failed) }
}

/// One file on its way.
struct Reading<'f> {
    file: &'f SignatureFile,
    problems: Problems<'f>,
    names: Vec<String>,
    signatures: Vec<Placed>,
    tests: Vec<Test>,
}

/// A signature and where it begins.
struct Placed {
    at: usize,
    key: String,
    signature: Signature,
}

/// A payload and what it is to be.
struct Test {
    at: usize,
    key: String,
    transport: Transport,
    port: u16,
    client: Vec<u8>,
    server: Vec<u8>,
    expect: String,
}

impl<'f> Reading<'f> {
    fn new(file: &'f SignatureFile) -> Self {
        let problems = Problems::new(&file.text, Timestamp::ZERO, &[]);
        Self { file, problems, names: Vec::new(), signatures: Vec::new(), tests: Vec::new() }
    }

    fn read(&mut self) {
        let (document, syntax) = DeTable::parse_recoverable(&self.file.text);
        if !syntax.is_empty() {
            return self.problems.add_syntax(&syntax);
        }
        let root = Table::root(&document);
        root.only(&["signature"], |_| None, &mut self.problems);
        if root.value("signature").is_none() {
            self.problems.add(
                Level::Error,
                0,
                "signature",
                "missing",
                "write [[signature]], or remove the file",
            );
        }
        let tables = root.value("signature").and_then(|value| value.tables(&mut self.problems));
        for table in tables.into_iter().flatten() {
            self.signature(&table);
        }
    }

    fn signature(&mut self, table: &Table<'_>) {
        let Self { problems, names, signatures, tests, .. } = self;
        table.only(SIGNATURE_KEYS, |_| None, problems);
        let name = table.require("name", problems, "name the protocol: name = \"acme-telemetry\"", name);
        names.extend(name.clone());
        table.read("description", problems, words);
        let remedy = "say which: transport = \"tcp\"";
        let transports: Option<Vec<Transport>> =
            table.require("transport", problems, remedy, one_or_list(choice));
        let spoken = table.read("side", problems, choice).unwrap_or(Spoken::Client);
        let stream = transports.iter().flatten().any(|&transport| transport != Transport::UDP);
        let conditions = table.read("match", problems, conditions);
        let length = length(table, stream, problems);
        let ports = table.read("ports", problems, one_or_list(ports)).unwrap_or_default();
        let strength = table.read("strength", problems, choice);
        let test_defaults = (
            transports.iter().flatten().next().copied().unwrap_or(Transport::TCP),
            ports.first().map_or(1, |ports| ports.first),
        );
        tests.extend(
            table
                .read("test", problems, |value, problems| tests_of(value, test_defaults, problems))
                .into_iter()
                .flatten(),
        );
        // What is wrong with them has been said.
        let is_wrong = |key: &str, is_read: bool| table.value(key).is_some() && !is_read;
        if is_wrong("match", conditions.is_some()) || length.is_none() {
            return;
        }
        let (Some(name), Some(transports)) = (name, transports) else { return };
        let parts = Parts {
            name,
            transports,
            spoken,
            conditions: conditions.unwrap_or_default(),
            length: length.flatten(),
            ports: ports.into_iter().map(|ports| ports.first..=ports.last).collect(),
            strength,
        };
        match Signature::new(parts) {
            Ok(signature) => {
                signatures.push(Placed { at: table.at.start, key: table.key.clone(), signature })
            }
            Err(flaw) => report(table, &flaw, problems),
        }
    }

    fn try_on(&mut self, draft: &Draft) {
        for test in &self.tests {
            let Test { at, key, expect, .. } = test;
            let known = Protocol::from_name(expect).is_some() || draft.names().any(|name| name == expect);
            if expect != NOTHING && !known {
                let message = format!("\"{expect}\" is no protocol's name, and no signature bears it");
                self.problems.add(
                    Level::Error,
                    *at,
                    key,
                    message,
                    "`offport protocols` lists the names; \"none\" is no protocol",
                );
                continue;
            }
            let got = test.run(draft);
            if got.map_or(NOTHING, |(name, _)| name) != expect {
                let got = got.map_or("no known protocol".to_owned(), |(name, proof)| {
                    format!("{name} ({})", proof.name())
                });
                self.problems.add(
                    Level::Error,
                    *at,
                    key,
                    format!("the payload is {got}"),
                    "correct the payload, the name or the signature",
                );
            }
        }
    }
}

/// What a test expects of a payload that is no protocol.
const NOTHING: &str = "none";

impl Test {
    /// What both payloads are when they have arrived, as one datagram or segment each, and no more comes.
    fn run<'d>(&self, draft: &'d Draft) -> Option<(&'d str, Proof)> {
        let ends = [&self.client, &self.server].map(|payload| [payload.len() as u16]);
        let side = |payload, ends| Side { closed: true, ..Side::one(payload, ends) };
        let [client, server] = &ends;
        draft.identify(&Exchange {
            transport: self.transport,
            client: side(&self.client, if self.client.is_empty() { &[] } else { client }),
            server: side(&self.server, if self.server.is_empty() { &[] } else { server }),
            first: if self.client.is_empty() { Speaker::Server } else { Speaker::Client },
            client_port: 50_000,
            server_port: self.port,
            midstream: false,
        })
    }
}

/// All files' signatures as one set.
fn together(readings: &mut [Reading<'_>]) -> Option<Draft> {
    let signatures =
        readings.iter().flat_map(|reading| reading.signatures.iter().map(|placed| placed.signature.clone()));
    let error = match Draft::new(signatures.collect()) {
        Ok(draft) => return Some(draft),
        Err(error) => error,
    };
    let (position, remedy) = match error {
        DraftError::TooMany => (Signatures::MAX, "remove some".to_owned()),
        DraftError::Names(position) => (position, "let several signatures bear one name".to_owned()),
        DraftError::Same(earlier, later) => {
            let (reading, at, _) = placed(readings, earlier)?;
            let (line, _) = readings.get(reading)?.problems.place(at);
            let path = readings.get(reading)?.file.path.display();
            (later, format!("remove one of the two: the other is at {path}:{line}"))
        }
    };
    let (reading, at, key) = placed(readings, position)?;
    readings.get_mut(reading)?.problems.add(Level::Error, at, &key, error.to_string(), remedy);
    None
}

/// The file of the signature at a position of all, and where it begins there.
fn placed(readings: &[Reading<'_>], position: usize) -> Option<(usize, usize, String)> {
    let all = readings.iter().enumerate().flat_map(|(reading, Reading { signatures, .. })| {
        signatures.iter().map(move |placed| (reading, placed.at, placed.key.clone()))
    });
    all.into_iter().nth(position)
}

fn name(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let name = text(value, problems)?;
    match Protocol::check_name(&name) {
        Err(NameError::Reserved) => {
            value.wrong(problems, format!("\"{name}\" has a meaning of its own"), "choose another name")
        }
        Err(_) if Protocol::from_name(&name).is_none() => value.wrong(
            problems,
            format!("\"{name}\" is not a protocol's name"),
            "write lower-case letters, digits and -, a letter first, 32 at most",
        ),
        _ => Some(name),
    }
}

fn conditions(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Vec<Condition>> {
    let tables = value.tables(problems)?;
    if tables.len() > MAX_CONDITIONS {
        return value.wrong(
            problems,
            format!("{} conditions", tables.len()),
            format!("at most {MAX_CONDITIONS}: join some into a regex"),
        );
    }
    // Every one is looked at, also after a bad one.
    let read: Vec<Option<Condition>> = tables.iter().map(|table| condition(table, problems)).collect();
    read.into_iter().collect()
}

fn condition(table: &Table<'_>, problems: &mut Problems<'_>) -> Option<Condition> {
    table.only(MATCH_KEYS, |_| None, problems);
    let offset = optional(table, "offset", 0, integer(0, WINDOW as u64 - 1), problems);
    let given: Vec<&str> =
        ["bytes", "text", "regex"].into_iter().filter(|key| table.value(key).is_some()).collect();
    let &[key] = given.as_slice() else {
        let message = if given.is_empty() { "says nothing".to_owned() } else { given.join(" and ") };
        let remedy = "give one of bytes = \"ac 3e\", text = \"ACME\", regex = 'ACME [0-9]+'";
        problems.add(Level::Error, table.at.start, &table.key, message, remedy);
        return None;
    };
    let value = table.value(key)?;
    if key == "regex" {
        if let Some(mask) = table.value("mask") {
            return mask.wrong(problems, "without effect on a regex", "remove it, or give bytes");
        }
        return regex(&value, offset?, problems);
    }
    let bytes = match key {
        "bytes" => hex(&value, problems),
        _ => text(&value, problems).map(String::into_bytes),
    };
    let mask = optional(table, "mask", None, |value, problems| hex(value, problems).map(Some), problems);
    let (offset, bytes, mask) = (offset?, bytes?, mask?);
    match Condition::bytes(offset, &bytes, mask.as_deref()) {
        Ok(condition) => Some(condition),
        Err(error) => {
            use offport_fingerprint::signature::ConditionError as E;
            let remedy = match error {
                E::Empty => "give at least one byte",
                E::MaskLength { .. } => "give as many bytes of mask as there are",
                E::BehindMask(_) => "clear these bits, or set them in the mask",
                E::Beyond(_) => "look nearer the beginning",
            };
            let place = if matches!(error, E::MaskLength { .. }) { table.value("mask") } else { None };
            place.unwrap_or(value).wrong(problems, error.to_string(), remedy)
        }
    }
}

fn regex(value: &Value<'_>, offset: usize, problems: &mut Problems<'_>) -> Option<Condition> {
    let pattern = text(value, problems)?;
    let pattern = match Pattern::new(&pattern) {
        Ok(pattern) => pattern,
        Err(error) => {
            let remedy = match error {
                PatternError::TooLong(_) => "shorten it, or split it into several",
                PatternError::Syntax(_) => {
                    "the syntax is that of Rust's regex; write it in '...', so that \\ stays"
                }
                PatternError::Assertion => {
                    "remove it: a regex begins at its offset and ends where it has matched"
                }
                PatternError::MatchesNothing => "ask for at least one byte",
                PatternError::NeverMatches => "remove the part",
                PatternError::TooLarge => "bound or shorten its repetitions",
            };
            return value.wrong(problems, error.to_string(), remedy);
        }
    };
    Condition::pattern(offset, pattern)
        .map_or_else(|error| value.wrong(problems, error.to_string(), "look nearer the beginning"), Some)
}

/// `length` and `length_field`. The inner `None`: there is neither.
fn length(table: &Table<'_>, stream: bool, problems: &mut Problems<'_>) -> Option<Option<Length>> {
    let bounds =
        optional(table, "length", None, |value, problems| bounds(value, problems).map(Some), problems);
    let field =
        optional(table, "length_field", None, |value, problems| field(value, problems).map(Some), problems);
    let (bounds, field) = (bounds?, field?);
    if bounds.is_none() && field.is_none() {
        return Some(None);
    }
    let (min, max) = bounds.unwrap_or_default();
    match Length::new(min, max, field, stream) {
        Ok(length) => Some(Some(length)),
        Err(error) => {
            let (key, remedy) = match error {
                LengthError::Crossed => ("length", "exchange them"),
                LengthError::Width(_) => ("length_field", "1 to 4 bytes"),
                LengthError::Beyond(_) => ("length_field", "look nearer the beginning"),
                LengthError::StreamMax => ("length", "remove max, or give length_field"),
                LengthError::StreamField => {
                    ("length_field", "give length = { max = ... }, the longest first message")
                }
                LengthError::StreamMin => ("length", "ask for less"),
            };
            table.value(key)?.wrong(problems, error.to_string(), remedy)
        }
    }
}

fn bounds(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<(u32, Option<u32>)> {
    let table = value.table(problems)?;
    table.only(LENGTH_KEYS, |_| None, problems);
    let min = optional(&table, "min", 0, integer(0, 65_535), problems);
    let max = optional(
        &table,
        "max",
        None,
        |value, problems| integer(1, u32::MAX.into())(value, problems).map(Some),
        problems,
    );
    if table.value("min").is_none() && table.value("max").is_none() {
        return value.wrong(problems, "says nothing", "give min, max or both");
    }
    Some((min?, max?))
}

fn field(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<LengthField> {
    let table = value.table(problems)?;
    table.only(FIELD_KEYS, |_| None, problems);
    let offset = table.require("offset", problems, "say where it begins", integer(0, WINDOW as u64 - 1));
    let width = table.require("width", problems, "say how many bytes it has: 1 to 4", integer(1, 4));
    let order = optional(&table, "order", ByteOrder::Big, choice, problems);
    let counts = table.require(
        "counts",
        problems,
        "\"message\": from the first byte of the payload; \"rest\": what follows the field",
        choice::<Counts>,
    );
    let plus = optional(&table, "plus", 0, integer(0, 65_535), problems);
    Some(LengthField { offset: offset?, width: width?, order: order?, counts: counts?, plus: plus? })
}

fn tests_of(
    value: &Value<'_>,
    (transport, port): (Transport, u16),
    problems: &mut Problems<'_>,
) -> Option<Vec<Test>> {
    let mut tests = Vec::new();
    for table in value.tables(problems)? {
        table.only(TEST_KEYS, |_| None, problems);
        let transport = optional(&table, "transport", transport, choice, problems);
        let port = optional(&table, "port", port, integer(1, 65_535), problems);
        let [client, server] = ["client", "server"].map(|side| payload(&table, side, problems));
        let remedy = "name the protocol that it is, or \"none\"";
        let expect = table.require("expect", problems, remedy, text);
        let (Some(client), Some(server)) = (client, server) else { continue };
        if client.is_empty() && server.is_empty() {
            let remedy = "give client, server or both, as text, or as hex: client_hex, server_hex";
            problems.add(Level::Error, table.at.start, &table.key, "no payload", remedy);
            continue;
        }
        let (Some(transport), Some(port), Some(expect)) = (transport, port, expect) else { continue };
        let Value { key, at, .. } = match table.value("expect") {
            Some(value) => value,
            None => continue,
        };
        tests.push(Test { at: at.start, key, transport, port, client, server, expect });
    }
    Some(tests)
}

/// What a side says in a test: text, or hex.
fn payload(table: &Table<'_>, side: &str, problems: &mut Problems<'_>) -> Option<Vec<u8>> {
    let in_hex = format!("{side}_hex");
    let read = match (table.value(side), table.value(&in_hex)) {
        (None, None) => return Some(Vec::new()),
        (Some(value), None) => (text(&value, problems).map(String::into_bytes), value),
        (None, Some(value)) => (hex(&value, problems), value),
        (Some(_), Some(value)) => {
            return value.wrong(problems, format!("{side} is given too"), "remove one of the two");
        }
    };
    match read {
        (Some(bytes), value) if bytes.len() > WINDOW => {
            value.wrong(problems, format!("{} bytes", bytes.len()), format!("the first {WINDOW} are enough"))
        }
        (bytes, _) => bytes,
    }
}

/// A key that may be absent; `None` if it is there and wrong.
fn optional<T>(
    table: &Table<'_>,
    key: &str,
    default: T,
    parser: impl Fn(&Value<'_>, &mut Problems<'_>) -> Option<T>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    match table.value(key) {
        Some(value) => parser(&value, problems),
        None => Some(default),
    }
}

fn report(table: &Table<'_>, flaw: &Flaw, problems: &mut Problems<'_>) {
    let (key, remedy) = match flaw {
        Flaw::Name(_) => ("name", "choose another name"),
        Flaw::Transports => ("transport", "tcp, udp or sctp"),
        Flaw::TooWeak(_) => ("match", "fix at least 8 bits; 32 make more than a guess of it"),
        Flaw::Strength { .. } => ("strength", "fix more, or leave strength out"),
    };
    match table.value(key) {
        Some(value) => problems.add(Level::Error, value.at.start, &value.key, flaw.to_string(), remedy),
        None => problems.add(Level::Error, table.at.start, &table.key, flaw.to_string(), remedy),
    }
}
