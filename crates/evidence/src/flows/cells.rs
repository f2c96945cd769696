//! Values out of batches of flow records.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, BooleanArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use offport_wire::Timestamp;

/// A column of a batch: that of a record's field, or nothing, if the file is older than the column.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// The file has no such column, or one of another type.
    Missing,
    /// Microseconds since the Unix epoch.
    Times(&'a TimestampMicrosecondArray),
    /// 64 bits.
    Numbers(&'a Int64Array),
    /// 32 bits.
    Small(&'a Int32Array),
    /// One of few: which, and those.
    Names(&'a Int32Array, &'a StringArray),
    /// Any text.
    Texts(&'a StringArray),
    /// Lists of texts.
    Lists(&'a ListArray),
    /// Whether.
    Flags(&'a BooleanArray),
}

impl<'a> Cells<'a> {
    /// Of a column, by its name with `_`.
    pub fn of(batch: &'a RecordBatch, name: &str) -> Self {
        let Some(column) = batch.column_by_name(name) else { return Self::Missing };
        if let Some(array) = column.as_primitive_opt::<TimestampMicrosecondType>() {
            Self::Times(array)
        } else if let Some(array) = column.as_primitive_opt::<Int64Type>() {
            Self::Numbers(array)
        } else if let Some(array) = column.as_primitive_opt::<Int32Type>() {
            Self::Small(array)
        } else if let Some(array) = column.as_dictionary_opt::<Int32Type>() {
            array.values().as_string_opt().map_or(Self::Missing, |values| Self::Names(array.keys(), values))
        } else if let Some(array) = column.as_string_opt() {
            Self::Texts(array)
        } else if let Some(array) = column.as_list_opt() {
            Self::Lists(array)
        } else {
            column.as_boolean_opt().map_or(Self::Missing, Self::Flags)
        }
    }

    /// A text.
    pub fn text(self, row: usize) -> Option<&'a str> {
        match self {
            Self::Names(keys, values) if keys.is_valid(row) => Some(values.value(keys.value(row) as usize)),
            Self::Texts(texts) if texts.is_valid(row) => Some(texts.value(row)),
            _ => None,
        }
    }

    /// A number.
    pub fn number(self, row: usize) -> Option<i64> {
        match self {
            Self::Numbers(numbers) if numbers.is_valid(row) => Some(numbers.value(row)),
            Self::Small(numbers) if numbers.is_valid(row) => Some(numbers.value(row).into()),
            Self::Times(times) if times.is_valid(row) => Some(times.value(row)),
            _ => None,
        }
    }

    /// A count, which is never below zero; 0 where it is not known.
    pub fn count(self, row: usize) -> u64 {
        self.number(row).and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
    }

    /// A time.
    pub fn time(self, row: usize) -> Option<Timestamp> {
        let micros = u64::try_from(self.number(row)?).ok()?;
        Some(Timestamp::from_nanos(micros.saturating_mul(1_000)))
    }

    /// A list of texts; empty where there is none.
    pub fn list(self, row: usize) -> Vec<String> {
        match self {
            Self::Lists(lists) if lists.is_valid(row) => {
                let values = lists.value(row);
                let texts = values.as_string_opt::<i32>();
                texts.into_iter().flatten().flatten().map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// As text without quotes; lists joined by semicolons, times in RFC 3339, nothing for what is not known.
    pub fn plain(self, row: usize) -> String {
        match self {
            Self::Times(_) => self.time(row).map(super::rfc3339).unwrap_or_default(),
            Self::Lists(_) => self.list(row).join(";"),
            Self::Flags(_) => self.flag(row).map(|flag| flag.to_string()).unwrap_or_default(),
            Self::Numbers(_) | Self::Small(_) => {
                self.number(row).map(|number| number.to_string()).unwrap_or_default()
            }
            _ => self.text(row).unwrap_or_default().to_owned(),
        }
    }

    /// A flag.
    pub fn flag(self, row: usize) -> Option<bool> {
        match self {
            Self::Flags(flags) if flags.is_valid(row) => Some(flags.value(row)),
            _ => None,
        }
    }

    /// Which of the few names a row has, for those who count by name; `None`: none.
    pub fn key(self, row: usize) -> Option<usize> {
        match self {
            Self::Names(keys, _) if keys.is_valid(row) => Some(keys.value(row) as usize),
            _ => None,
        }
    }

    /// The few names.
    pub fn names(self) -> Option<&'a StringArray> {
        match self {
            Self::Names(_, values) => Some(values),
            _ => None,
        }
    }
}

/// What is made of each name of a column, once for all batches of a file, which share their names.
#[derive(Debug)]
pub struct Memo<T> {
    names: Option<StringArray>,
    made: Vec<Option<T>>,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { names: None, made: Vec::new() }
    }
}

impl<T: Copy> Memo<T> {
    /// Before the rows of a batch: what was made of another file's names is forgotten.
    pub fn begin(&mut self, cells: Cells<'_>, rows: usize) {
        let Cells::Names(_, names) = cells else { return self.forget() };
        if self.names.as_ref().is_some_and(|known| is_same(known, names)) {
            return;
        }
        self.forget();
        // Of few rows it is made as they come.
        if rows * 8 >= names.len() {
            self.made.resize(names.len(), None);
            self.names = Some(names.clone());
        }
    }

    /// What is made of a row's name; `None`: it has none.
    pub fn of(&mut self, cells: Cells<'_>, row: usize, make: impl FnOnce(&str) -> T) -> Option<T> {
        let Some(made) = cells.key(row).and_then(|key| self.made.get_mut(key)) else {
            return cells.text(row).map(make);
        };
        match made {
            Some(made) => Some(*made),
            None => {
                *made = cells.text(row).map(make);
                *made
            }
        }
    }

    fn forget(&mut self) {
        self.names = None;
        self.made.clear();
    }
}

/// Whether both are the same memory, which stays so as long as either is there.
pub(crate) fn is_same(one: &StringArray, other: &StringArray) -> bool {
    one.len() == other.len()
        && std::ptr::eq(one.value_data().as_ptr(), other.value_data().as_ptr())
        && std::ptr::eq(one.value_offsets().as_ptr(), other.value_offsets().as_ptr())
}
