//! Records into the columns of the store, column by column.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow_schema::ArrowError;
use offport_engine::community_id::community_id;
use offport_evidence::flows::schema;
use offport_policy::{Judgement, Severity};
use offport_wire::{Domain, FlowId, FlowKey, Timestamp, Transport};

use super::Plan;
use super::fake;
use super::hosts::Host;
use super::services::{Judgements, What};
use super::timeline::Record;

/// A file's rows; columns of which nothing is made up are null.
pub(crate) fn batch(
    plan: &Plan,
    judgements: &Judgements,
    sensor: u32,
    records: &[Record],
) -> Result<RecordBatch, ArrowError> {
    let make = Make { records, judgements, hosts: Host::count(plan.sensors), sensor };
    let schema = schema();
    let column = |field: &arrow_schema::FieldRef| match make.column(field.name())? {
        Some(column) => Ok(column),
        None => Ok(new_null_array(field.data_type(), records.len())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    RecordBatch::try_new(Arc::clone(&schema), columns)
}

struct Make<'a> {
    records: &'a [Record],
    judgements: &'a Judgements,
    hosts: usize,
    sensor: u32,
}

impl Make<'_> {
    fn column(&self, name: &str) -> Result<Option<ArrayRef>, ArrowError> {
        let packets = |bytes: u64| (bytes / 700 + u64::from(bytes > 0)) as i64;
        let is_tcp = |record: &Record| record.service.service().transport == Transport::TCP;
        let severity =
            |judgement: &Judgement| (judgement.severity != Severity::None).then(|| judgement.severity.name());
        Ok(Some(match name {
            "event_start" => self.times(|record| record.start),
            "event_end" => self.times(|record| record.end),
            "event_duration" => self.numbers(|record| Some((record.end - record.start) as i64 * 1_000)),
            "event_action" => self.few(2, |record| {
                Some((usize::from(record.is_over), ["flow_interim", "flow_end"][usize::from(record.is_over)]))
            })?,
            "event_reason" => self.few(4, |record| Some(reason(record)))?,
            "source_ip" => self.hosts(|record| record.client, |host| host.address().to_string())?,
            "destination_ip" => self.hosts(|record| record.server, |host| host.address().to_string())?,
            "source_mac" => self.hosts(|record| record.client, mac)?,
            "destination_mac" => self.hosts(|record| record.server, mac)?,
            "source_port" => self.small(|record| port(record, record.client_port)),
            "destination_port" => self.small(|record| port(record, record.service.service().port)),
            "source_bytes" => self.numbers(|record| Some(record.up as i64)),
            "destination_bytes" => self.numbers(|record| Some(record.down as i64)),
            "network_bytes" => self.numbers(|record| Some((record.up + record.down) as i64)),
            "source_packets" => self.numbers(|record| Some(packets(record.up))),
            "destination_packets" => self.numbers(|record| Some(packets(record.down))),
            "network_packets" => self.numbers(|record| Some(packets(record.up) + packets(record.down))),
            "network_type" => self.few(2, |record| {
                let is_v6 = usize::from(record.server.is_v6());
                Some((is_v6, ["ipv4", "ipv6"][is_v6]))
            })?,
            "network_iana_number" => self.few(256, |record| {
                let transport = record.service.service().transport;
                let number = match transport {
                    Transport::TCP => "6",
                    Transport::UDP => "17",
                    _ => "1",
                };
                Some((transport.0.into(), number))
            })?,
            "network_transport" => self.few(256, |record| {
                let transport = record.service.service().transport;
                Some((transport.0.into(), transport.name()?))
            })?,
            "network_protocol" => self.few(256, |record| match record.service.service().what {
                What::Spoken(protocol) => Some((protocol.index(), protocol.name())),
                _ => None,
            })?,
            "offport_proof" => self.few(1, |record| {
                matches!(record.service.service().what, What::Spoken(_)).then_some((0, "structure"))
            })?,
            "network_direction" => self.judged(|judgement| Some(judgement.direction.name()))?,
            "offport_verdict" => self.judged(|judgement| Some(judgement.verdict.name()))?,
            "offport_severity" => self.judged(severity)?,
            "offport_expected" => {
                self.lists(|judgement, add| judgement.expected.iter().for_each(|one| add(one.name())))
            }
            "offport_reasons" => {
                self.lists(|judgement, add| judgement.reasons.iter().for_each(|one| add(one.name())))
            }
            "network_community_id" => self.texts(|record, to| match community(record) {
                Some(id) => to.write_str(&id).map(|()| true),
                None => Ok(false),
            })?,
            "offport_flow_id" => self.texts(|record, to| write!(to, "{}", flow_id(record)).map(|()| true))?,
            "network_vlan_id" => {
                let vlan = |host: Host| format!("{}", 100 + host.0 % 8);
                self.hosts(|record| Host(record.server.0 % 8), vlan)?
            }
            "observer_name" => {
                let sensor = self.sensor + 1;
                self.hosts(|_| Host(0), |_| format!("tap-{sensor}"))?
            }
            "observer_ingress_interface_name" => self.few(2, |record| {
                let which = (record.number % 2) as usize;
                Some((which, ["eth1", "eth2"][which]))
            })?,
            "offport_decided_after" => self.small(|record| {
                (record.service.service().what != What::Silence).then_some(1 + (record.number % 2) as i32)
            }),
            "offport_tcp_state" => self.few(3, |record| is_tcp(record).then(|| state(record)))?,
            "offport_tcp_midstream" => {
                let mut flags = BooleanBuilder::with_capacity(self.records.len());
                self.records.iter().for_each(|record| flags.append_option(is_tcp(record).then_some(false)));
                Arc::new(flags.finish())
            }
            "offport_tcp_retransmitted" => {
                let some = |record: &Record| (record.number % 64 / 62) as i64;
                self.numbers(|record| is_tcp(record).then(|| some(record)))
            }
            "offport_tcp_out_of_order" => self.numbers(|record| is_tcp(record).then_some(0)),
            "offport_worker" => self.small(|record| Some((record.number % 4) as i32)),
            name if fake::TEXTS.contains(&name) => self.texts(|record, to| fake::text(name, record, to))?,
            _ => return Ok(None),
        }))
    }

    fn times(&self, of: impl Fn(&Record) -> u64) -> ArrayRef {
        let times = self.records.iter().map(|record| of(record) as i64);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    }

    fn numbers(&self, of: impl Fn(&Record) -> Option<i64>) -> ArrayRef {
        Arc::new(self.records.iter().map(of).collect::<Int64Array>())
    }

    fn small(&self, of: impl Fn(&Record) -> Option<i32>) -> ArrayRef {
        Arc::new(self.records.iter().map(of).collect::<Int32Array>())
    }

    /// Names with their numbers, which are below `limit`.
    fn few(
        &self,
        limit: usize,
        of: impl Fn(&Record) -> Option<(usize, &'static str)>,
    ) -> Result<ArrayRef, ArrowError> {
        let mut few = Few::new(limit, self.records.len());
        for record in self.records {
            match of(record) {
                Some((which, name)) => few.push(which, || name.to_owned()),
                None => few.keys.push(None),
            }
        }
        few.finish()
    }

    fn hosts(
        &self,
        of: impl Fn(&Record) -> Host,
        name: impl Fn(Host) -> String,
    ) -> Result<ArrayRef, ArrowError> {
        let mut few = Few::new(self.hosts, self.records.len());
        for host in self.records.iter().map(of) {
            few.push(host.0 as usize, || name(host));
        }
        few.finish()
    }

    fn judged(&self, of: impl Fn(&Judgement) -> Option<&'static str>) -> Result<ArrayRef, ArrowError> {
        let all = [
            offport_policy::Verdict::ALL.iter().map(|one| one.name()).collect::<Vec<_>>(),
            Severity::ALL.iter().map(|one| one.name()).collect(),
            offport_policy::NetworkDirection::ALL.iter().map(|one| one.name()).collect(),
        ]
        .concat();
        self.few(all.len(), |record| {
            let judgement = self.judgements.of(record.service, record.client, record.server)?;
            let name = of(judgement)?;
            Some((all.iter().position(|one| std::ptr::eq(*one, name) || *one == name)?, name))
        })
    }

    fn lists(&self, of: impl Fn(&Judgement, &mut dyn FnMut(&'static str))) -> ArrayRef {
        let mut lists = ListBuilder::with_capacity(StringBuilder::new(), self.records.len());
        for record in self.records {
            let mut is_empty = true;
            if let Some(judgement) = self.judgements.of(record.service, record.client, record.server) {
                of(judgement, &mut |name| {
                    lists.values().append_value(name);
                    is_empty = false;
                });
            }
            lists.append(!is_empty);
        }
        Arc::new(lists.finish())
    }

    fn texts(
        &self,
        of: impl Fn(&Record, &mut StringBuilder) -> Result<bool, std::fmt::Error>,
    ) -> Result<ArrayRef, ArrowError> {
        let mut texts = StringBuilder::with_capacity(self.records.len(), self.records.len() * 20);
        for record in self.records {
            match of(record, &mut texts) {
                Ok(true) => texts.append_value(""),
                Ok(false) => texts.append_null(),
                Err(error) => return Err(ArrowError::ExternalError(error.into())),
            }
        }
        Ok(Arc::new(texts.finish()))
    }
}

/// A column of names that repeat, each made when it is first needed.
struct Few {
    /// By its number, the name's place.
    places: Vec<i32>,
    names: Vec<String>,
    keys: Vec<Option<i32>>,
}

impl Few {
    fn new(limit: usize, rows: usize) -> Self {
        Self { places: vec![-1; limit], names: Vec::new(), keys: Vec::with_capacity(rows) }
    }

    fn push(&mut self, which: usize, name: impl FnOnce() -> String) {
        let Some(place) = self.places.get_mut(which) else { return self.keys.push(None) };
        if *place < 0 {
            *place = self.names.len() as i32;
            self.names.push(name());
        }
        self.keys.push(Some(*place));
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let names = Arc::new(StringArray::from(self.names));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(self.keys), names)?))
    }
}

fn port(record: &Record, port: u16) -> Option<i32> {
    record.service.service().transport.has_ports().then_some(port.into())
}

fn reason(record: &Record) -> (usize, &'static str) {
    match (record.is_over, record.service.service().transport) {
        (false, _) => (0, "active_timeout"),
        (true, Transport::TCP) if !record.number.is_multiple_of(8) => (1, "fin"),
        (true, Transport::TCP) => (2, "rst"),
        (true, _) => (3, "idle"),
    }
}

fn state(record: &Record) -> (usize, &'static str) {
    match reason(record) {
        (0, _) => (0, "established"),
        (1, _) => (1, "closed"),
        _ => (2, "reset"),
    }
}

fn mac(host: Host) -> String {
    let [_, a, b, c] = host.0.to_be_bytes();
    format!("02-00-00-{a:02X}-{b:02X}-{c:02X}")
}

fn flow_id(record: &Record) -> FlowId {
    let transport = record.service.service().transport;
    let [client, server] = [record.client, record.server].map(Host::address);
    let (from, to) = (record.client_port, record.service.service().port);
    let key = match (client, server) {
        (std::net::IpAddr::V6(client), std::net::IpAddr::V6(server)) => {
            FlowKey::v6((client, from), (server, to), transport, Domain::NONE).0
        }
        (std::net::IpAddr::V4(client), std::net::IpAddr::V4(server)) => {
            FlowKey::v4((client, from), (server, to), transport, Domain::NONE).0
        }
        _ => return FlowId::first_at(Timestamp::from_nanos(record.start * 1_000)),
    };
    FlowId::new(Timestamp::from_nanos(record.start * 1_000), &key)
}

fn community(record: &Record) -> Option<String> {
    let service = record.service.service();
    let [client, server] = [record.client, record.server].map(Host::address);
    let ends = ((client, record.client_port), (server, service.port));
    service.transport.has_ports().then(|| community_id(service.transport, ends.0, ends.1)).flatten()
}
