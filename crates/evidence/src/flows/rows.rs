//! Flow records, row by row, into Arrow's columns.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;

use super::columns::{COLUMNS, Cell, Kind, Row, SCHEMA};

/// Rows that are not a batch yet.
pub(crate) struct Rows {
    columns: Vec<Builder>,
    len: usize,
}

enum Builder {
    Time(TimestampMicrosecondBuilder),
    Number(Int64Builder),
    Small(Int32Builder),
    Name(StringDictionaryBuilder<Int32Type>),
    Text(StringBuilder),
    List(ListBuilder<StringBuilder>),
    Flag(BooleanBuilder),
}

impl Rows {
    pub(crate) fn new() -> Self {
        Self { columns: COLUMNS.iter().map(|column| Builder::new(column.kind)).collect(), len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, row: &Row<'_>) {
        for (builder, column) in self.columns.iter_mut().zip(COLUMNS.iter()) {
            builder.push(column.cell(row));
        }
        self.len += 1;
    }

    /// What was pushed since the last call.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.len = 0;
        RecordBatch::try_new(SCHEMA.clone(), self.columns.iter_mut().map(Builder::finish).collect())
    }
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Number => Self::Number(Int64Builder::new()),
            Kind::Small => Self::Small(Int32Builder::new()),
            Kind::Name => Self::Name(StringDictionaryBuilder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::List => Self::List(ListBuilder::new(StringBuilder::new())),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    /// What does not fit the column is null: a column's cells are of its kind, which a test holds.
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Time(to), Cell::Number(value)) => to.append_value(value),
            (Self::Number(to), Cell::Number(value)) => to.append_value(value),
            (Self::Small(to), Cell::Number(value)) => to.append_option(i32::try_from(value).ok()),
            (Self::Name(to), Cell::Text(text)) => to.append_value(text),
            (Self::Text(to), Cell::Text(text)) => to.append_value(text),
            (Self::List(to), Cell::List(values)) => {
                values.into_iter().for_each(|value| to.values().append_value(value));
                to.append(true);
            }
            (Self::Flag(to), Cell::Flag(value)) => to.append_value(value),
            (builder, _) => builder.push_null(),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Time(to) => to.append_null(),
            Self::Number(to) => to.append_null(),
            Self::Small(to) => to.append_null(),
            Self::Name(to) => to.append_null(),
            Self::Text(to) => to.append_null(),
            Self::List(to) => to.append(false),
            Self::Flag(to) => to.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(from) => Arc::new(from.finish()),
            Self::Number(from) => Arc::new(from.finish()),
            Self::Small(from) => Arc::new(from.finish()),
            Self::Name(from) => Arc::new(from.finish()),
            Self::Text(from) => Arc::new(from.finish()),
            Self::List(from) => Arc::new(from.finish()),
            Self::Flag(from) => Arc::new(from.finish()),
        }
    }
}
