//! The columns of flow records: the fields of the JSON record with `_` for `.`, in its order. What `@timestamp` says is `event_start`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use offport_engine::{Action, Endpoint, FlowRecord};
use offport_fingerprint::{Description, Field, Kind as FieldKind, Value};
use offport_policy::{Severity, Verdict};
use offport_wire::Timestamp;

/// What a worker does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `observer_name`, and the partition.
    pub sensor: String,
    /// `observer_ingress_interface_name`, by interface index; empty: it has none.
    pub interfaces: Vec<String>,
    /// `log_file_path`: the capture file, offline.
    pub log_file: Option<String>,
}

/// What a row is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) names: &'a Names,
    pub(crate) record: &'a FlowRecord,
    pub(crate) description: &'a Description,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Microseconds since the Unix epoch, UTC.
    Time,
    /// 64 bits.
    Number,
    /// 32 bits.
    Small,
    /// Text that is one of few.
    Name,
    /// Any text.
    Text,
    /// Texts.
    List,
    /// Whether.
    Flag,
}

/// A value.
pub(crate) enum Cell<'a> {
    Null,
    Number(i64),
    Text(Cow<'a, str>),
    List(Vec<&'a str>),
    Flag(bool),
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// As in the JSON record: `source.ip`.
    pub(crate) field: &'static str,
    /// `source_ip`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) of: Of,
}

/// Where its values come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Record(OfRecord),
    Description(Field),
}

/// All columns.
pub(crate) static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let described = Field::ALL.iter().map(|&field| {
        let kind = match field.kind() {
            FieldKind::Text => Kind::Text,
            FieldKind::Number => Kind::Number,
            FieldKind::List => Kind::List,
            FieldKind::Flag => Kind::Flag,
        };
        (field.name(), kind, Of::Description(field))
    });
    let record = RECORD.iter().map(|&(field, kind, of)| (field, kind, Of::Record(of)));
    let column = |(field, kind, of): (&'static str, _, _)| Column {
        field,
        name: field.replace('.', "_").leak(),
        kind,
        of,
    };
    record.chain(described).map(column).collect()
});

/// All fields, and what their columns are called.
pub fn fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    COLUMNS.iter().map(|column| (column.field, column.name))
}

/// Their types, as Arrow has them.
pub(crate) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field =
        |column: &Column| ArrowField::new(column.name, column.kind.arrow(), !ALWAYS.contains(&column.field));
    let fields: Vec<_> = COLUMNS.iter().map(field).collect();
    Arc::new(Schema::new(fields))
});

/// Columns in which every row has a value: a reader need not ask which.
const ALWAYS: [&str; 17] = [
    "event.start",
    "event.end",
    "event.duration",
    "event.action",
    "event.reason",
    "source.ip",
    "source.bytes",
    "source.packets",
    "destination.ip",
    "destination.bytes",
    "destination.packets",
    "network.type",
    "network.iana_number",
    "network.bytes",
    "network.packets",
    "offport.flow_id",
    "offport.worker",
];

type OfRecord = for<'a> fn(&Row<'a>) -> Cell<'a>;

const RECORD: &[(&str, Kind, OfRecord)] = &[
    ("event.start", Kind::Time, |row| time(row.record.start)),
    ("event.end", Kind::Time, |row| time(row.record.end)),
    ("event.duration", Kind::Number, |row| {
        Cell::Number(i64::try_from(row.record.end.since(row.record.start).as_nanos()).unwrap_or(i64::MAX))
    }),
    ("event.action", Kind::Name, |row| name(action(row.record.action))),
    ("event.reason", Kind::Name, |row| name(row.record.reason.name())),
    ("source.ip", Kind::Name, |row| ip(row.record.client.ip)),
    ("source.port", Kind::Small, |row| port(row, &row.record.client)),
    ("source.bytes", Kind::Number, |row| number(row.record.client.bytes)),
    ("source.packets", Kind::Number, |row| number(row.record.client.packets)),
    ("source.mac", Kind::Name, |row| mac(row.record.client.mac)),
    ("destination.ip", Kind::Name, |row| ip(row.record.server.ip)),
    ("destination.port", Kind::Small, |row| port(row, &row.record.server)),
    ("destination.bytes", Kind::Number, |row| number(row.record.server.bytes)),
    ("destination.packets", Kind::Number, |row| number(row.record.server.packets)),
    ("destination.mac", Kind::Name, |row| mac(row.record.server.mac)),
    ("network.type", Kind::Name, |row| name(if row.record.client.ip.is_ipv4() { "ipv4" } else { "ipv6" })),
    ("network.iana_number", Kind::Name, |row| Cell::Text(row.record.transport.0.to_string().into())),
    ("network.transport", Kind::Name, |row| some_name(row.record.transport.name())),
    ("network.protocol", Kind::Name, |row| {
        some_name(row.record.protocol.map(|(protocol, _)| protocol.name()))
    }),
    ("network.direction", Kind::Name, |row| {
        some_name(row.record.judgement.map(|judgement| judgement.direction.name()))
    }),
    ("network.community_id", Kind::Text, |row| text(row.record.community_id())),
    ("network.bytes", Kind::Number, |row| number(row.record.client.bytes + row.record.server.bytes)),
    ("network.packets", Kind::Number, |row| number(row.record.client.packets + row.record.server.packets)),
    ("network.vlan.id", Kind::Name, |row| text(row.record.vlan.map(|id| id.to_string()))),
    ("network.inner.vlan.id", Kind::Name, |row| text(row.record.inner_vlan.map(|id| id.to_string()))),
    ("tunnel.type", Kind::Name, |row| some_name(row.record.tunnel.map(|tunnel| tunnel.kind.name()))),
    ("tunnel.id", Kind::Name, |row| {
        text(row.record.tunnel.and_then(|tunnel| tunnel.id).map(|id| id.to_string()))
    }),
    ("tunnel.source.ip", Kind::Name, |row| {
        row.record.tunnel.and_then(|tunnel| tunnel.source).map_or(Cell::Null, ip)
    }),
    ("tunnel.destination.ip", Kind::Name, |row| {
        row.record.tunnel.and_then(|tunnel| tunnel.destination).map_or(Cell::Null, ip)
    }),
    ("observer.name", Kind::Name, |row| given(&row.names.sensor)),
    ("observer.ingress.interface.name", Kind::Name, |row| {
        row.names.interfaces.get(usize::from(row.record.interface)).map_or(Cell::Null, |name| given(name))
    }),
    ("log.file.path", Kind::Name, |row| row.names.log_file.as_deref().map_or(Cell::Null, given)),
    ("offport.flow_id", Kind::Text, |row| Cell::Text(row.record.id().to_string().into())),
    ("offport.verdict", Kind::Name, |row| {
        some_name(row.record.judgement.map(|judgement| judgement.verdict.name()))
    }),
    ("offport.severity", Kind::Name, |row| {
        let severity = row.record.judgement.map(|judgement| judgement.severity);
        some_name(severity.filter(|&severity| severity != Severity::None).map(|severity| severity.name()))
    }),
    ("offport.expected", Kind::List, |row| {
        list(
            row.record
                .judgement
                .iter()
                .flat_map(|judgement| judgement.expected.iter())
                .map(|protocol| protocol.name()),
        )
    }),
    ("offport.reasons", Kind::List, |row| {
        list(
            row.record
                .judgement
                .iter()
                .flat_map(|judgement| judgement.reasons.iter())
                .map(|reason| reason.name()),
        )
    }),
    ("offport.proof", Kind::Name, |row| some_name(row.record.protocol.map(|(_, proof)| proof.name()))),
    ("offport.breach", Kind::Name, |row| some_name(row.record.breach.map(|breach| breach.name()))),
    ("offport.decided_after", Kind::Small, |row| {
        let decided = row.record.judgement.filter(|judgement| judgement.verdict != Verdict::Undecided);
        decided.map_or(Cell::Null, |_| Cell::Number(row.record.decided_after.into()))
    }),
    ("offport.tcp.state", Kind::Name, |row| some_name(row.record.tcp.map(|tcp| tcp.state.name()))),
    ("offport.tcp.midstream", Kind::Flag, |row| {
        row.record.tcp.map_or(Cell::Null, |tcp| Cell::Flag(tcp.midstream))
    }),
    ("offport.tcp.subflow", Kind::Flag, |row| match row.record.tcp {
        Some(tcp) if tcp.subflow => Cell::Flag(true),
        _ => Cell::Null,
    }),
    ("offport.tcp.retransmitted", Kind::Number, |row| {
        row.record.tcp.map_or(Cell::Null, |tcp| number(tcp.retransmitted.into()))
    }),
    ("offport.tcp.out_of_order", Kind::Number, |row| {
        row.record.tcp.map_or(Cell::Null, |tcp| number(tcp.out_of_order.into()))
    }),
    ("offport.icmp_errors", Kind::Number, |row| not_zero(row.record.icmp_errors.into())),
    ("offport.shunted.bytes", Kind::Number, |row| match row.record.shunted_packets {
        0 => Cell::Null,
        _ => number(row.record.shunted_bytes),
    }),
    ("offport.shunted.packets", Kind::Number, |row| not_zero(row.record.shunted_packets)),
    ("offport.worker", Kind::Small, |row| number(row.record.worker.into())),
];

impl Kind {
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Number => DataType::Int64,
            Self::Small => DataType::Int32,
            Self::Name => DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()),
            Self::Text => DataType::Utf8,
            Self::List => DataType::List(Arc::new(ArrowField::new("item", DataType::Utf8, true))),
            Self::Flag => DataType::Boolean,
        }
    }
}

impl Column {
    pub(crate) fn cell<'a>(&self, row: &Row<'a>) -> Cell<'a> {
        match self.of {
            Of::Record(of) => of(row),
            Of::Description(field) => match row.description.get(field) {
                None => Cell::Null,
                Some(Value::Text(text)) => Cell::Text(text.into()),
                Some(Value::Number(value)) => number(*value),
                Some(Value::List(values)) => Cell::List(values.iter().map(String::as_str).collect()),
                Some(Value::Flag) => Cell::Flag(true),
            },
        }
    }
}

const fn action(action: Action) -> &'static str {
    match action {
        Action::End => "flow_end",
        Action::Interim => "flow_interim",
    }
}

fn time<'a>(time: Timestamp) -> Cell<'a> {
    Cell::Number((time.as_nanos() / 1_000) as i64)
}

fn number<'a>(value: u64) -> Cell<'a> {
    Cell::Number(i64::try_from(value).unwrap_or(i64::MAX))
}

fn not_zero<'a>(value: u64) -> Cell<'a> {
    if value == 0 { Cell::Null } else { number(value) }
}

fn name<'a>(name: &'static str) -> Cell<'a> {
    Cell::Text(name.into())
}

fn some_name<'a>(some: Option<&'static str>) -> Cell<'a> {
    some.map_or(Cell::Null, name)
}

fn text<'a>(text: Option<String>) -> Cell<'a> {
    text.map_or(Cell::Null, |text| Cell::Text(text.into()))
}

/// Nothing is ever an empty string.
fn given(text: &str) -> Cell<'_> {
    if text.is_empty() { Cell::Null } else { Cell::Text(text.into()) }
}

fn ip<'a>(ip: IpAddr) -> Cell<'a> {
    Cell::Text(ip.to_string().into())
}

fn port<'a>(row: &Row<'a>, end: &Endpoint) -> Cell<'a> {
    match row.record.transport.has_ports() {
        true => Cell::Number(end.port.into()),
        false => Cell::Null,
    }
}

/// As the Elastic Common Schema has it (RFC 7042).
fn mac<'a>(mac: Option<[u8; 6]>) -> Cell<'a> {
    let text = mac.map(|[a, b, c, d, e, f]| format!("{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{f:02X}"));
    text.map_or(Cell::Null, |text| Cell::Text(text.into()))
}

/// An empty list is absent.
fn list<'a>(values: impl Iterator<Item = &'static str>) -> Cell<'a> {
    match values.collect::<Vec<_>>() {
        empty if empty.is_empty() => Cell::Null,
        values => Cell::List(values),
    }
}
