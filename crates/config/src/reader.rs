//! Walks a parsed TOML document and keeps the place of every key and value.
//!
//! Not serde: serde stops at the first problem, and a file with five slips should take one round to mend.

use std::ops::Range;

use offport_fingerprint::Protocol;
use offport_wire::Timestamp;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;
use crate::position::line_and_column;
use crate::problem::{Level, Problem};

/// What has been found wrong so far.
pub(crate) struct Problems<'t> {
    text: &'t str,
    /// When the file is read: entries expire.
    pub(crate) now: Timestamp,
    /// Protocols that may be named beside those that are built in.
    pub(crate) own: &'t [Protocol],
    list: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(crate) const fn new(text: &'t str, now: Timestamp, own: &'t [Protocol]) -> Self {
        Self { text, now, own, list: Vec::new() }
    }

    /// Where the file is not TOML.
    pub(crate) fn add_syntax(&mut self, errors: &[toml::de::Error]) {
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let remedy = "correct it: the rest of the file is not read before";
            self.add(Level::Error, at, "", error.message(), remedy);
        }
    }

    pub(crate) fn have_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.level == Level::Error)
    }

    pub(crate) fn add(
        &mut self,
        level: Level,
        at: usize,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (line, column) = self.place(at);
        let (key, message, remedy) = (key.to_owned(), message.into(), remedy.into());
        self.list.push(Problem { level, line, column, key, message, remedy });
    }

    /// Line and column of a byte offset.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        line_and_column(self.text, at)
    }

    /// In the order of the file.
    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|problem| (problem.line, problem.column));
        self.list
    }
}

/// A value and where it stands.
pub(crate) struct Value<'v> {
    /// With its tables: `capture.workers`, `policy.port[2].expects`.
    pub(crate) key: String,
    pub(crate) at: Range<usize>,
    pub(crate) node: &'v DeValue<'v>,
}

impl<'v> Value<'v> {
    /// Reports it and gives nothing, so that a parser can end with it.
    pub(crate) fn wrong<T>(
        &self,
        problems: &mut Problems<'_>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Option<T> {
        problems.add(Level::Error, self.at.start, &self.key, message, remedy);
        None
    }

    /// "expected an integer, found a string".
    pub(crate) fn wrong_type<T>(
        &self,
        problems: &mut Problems<'_>,
        expected: &str,
        remedy: impl Into<String>,
    ) -> Option<T> {
        let found = match self.node {
            DeValue::Integer(_) => "an integer",
            DeValue::Array(_) => "a list",
            DeValue::String(_) => "a string",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Table(_) => "a table",
        };
        self.wrong(problems, format!("expected {expected}, found {found}"), remedy)
    }

    /// The elements of a list; `None`: it is no list.
    pub(crate) fn items(&self) -> Option<Vec<Value<'v>>> {
        let DeValue::Array(array) = self.node else { return None };
        let item = |(index, item): (usize, &'v Spanned<DeValue<'v>>)| Value {
            key: format!("{}[{}]", self.key, index + 1),
            at: item.span(),
            node: item.get_ref(),
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    pub(crate) fn table(&self, problems: &mut Problems<'_>) -> Option<Table<'v>> {
        match self.node {
            DeValue::Table(node) => Some(Table { key: self.key.clone(), at: self.at.clone(), node }),
            _ => self.wrong_type(
                problems,
                "a table",
                format!("write [{}] on a line of its own, its keys below", self.key),
            ),
        }
    }

    /// The tables of `[[key]]`.
    pub(crate) fn tables(&self, problems: &mut Problems<'_>) -> Option<Vec<Table<'v>>> {
        match self.items() {
            Some(items) => Some(items.iter().filter_map(|item| item.table(problems)).collect()),
            None => self.wrong_type(
                problems,
                "a list of tables",
                format!("write [[{}]], with two brackets", self.key),
            ),
        }
    }
}

/// A table and where it stands.
pub(crate) struct Table<'v> {
    pub(crate) key: String,
    pub(crate) at: Range<usize>,
    node: &'v DeTable<'v>,
}

impl<'v> Table<'v> {
    /// The whole document.
    pub(crate) fn root(document: &'v Spanned<DeTable<'v>>) -> Self {
        Self { key: String::new(), at: document.span(), node: document.get_ref() }
    }

    /// The table of that name, if there is one and it is one.
    pub(crate) fn child(&self, name: &str) -> Option<Table<'v>> {
        let Value { key, at, node: DeValue::Table(node) } = self.value(name)? else { return None };
        Some(Table { key, at, node })
    }

    pub(crate) fn value(&self, name: &str) -> Option<Value<'v>> {
        let node = self.node.get(name)?;
        Some(Value { key: self.path(name), at: node.span(), node: node.get_ref() })
    }

    /// What `parser` makes of the value of `name`; `None` when it is absent or wrong.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
        parser: impl Fn(&Value<'_>, &mut Problems<'_>) -> Option<T>,
    ) -> Option<T> {
        parser(&self.value(name)?, problems)
    }

    /// As [`Table::read`]; absence is reported too.
    pub(crate) fn require<T>(
        &self,
        name: &str,
        problems: &mut Problems<'_>,
        remedy: &str,
        parser: impl Fn(&Value<'_>, &mut Problems<'_>) -> Option<T>,
    ) -> Option<T> {
        if self.value(name).is_none() {
            problems.add(Level::Error, self.at.start, &self.path(name), "missing", remedy);
        }
        self.read(name, problems, parser)
    }

    /// Reports every key that is not one of `keys`. `elsewhere` names the table that a key belongs to.
    pub(crate) fn only(
        &self,
        keys: &[&'static str],
        elsewhere: impl Fn(&str) -> Option<&'static str>,
        problems: &mut Problems<'_>,
    ) {
        for key in self.node.keys() {
            let name = key.get_ref().as_ref();
            if keys.contains(&name) {
                continue;
            }
            let remedy = match (nearest(name, keys.iter().copied()), elsewhere(name)) {
                (_, Some(table)) => format!("it belongs in [{table}]"),
                (Some(near), None) => format!("did you mean \"{near}\"?"),
                (None, None) => format!("remove it; known here: {}", keys.join(", ")),
            };
            problems.add(Level::Error, key.span().start, &self.path(name), "no such key", remedy);
        }
    }

    fn path(&self, name: &str) -> String {
        if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) }
    }
}
