//! What flows said when they began, until their last record is written.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use offport_engine::{Action, Event, FlowName, FlowRecord};
use offport_fingerprint::Description;

static NOTHING: Description = Description::NONE;

/// Descriptions by flow. So many at most: the oldest makes room.
#[derive(Debug)]
pub struct Descriptions {
    by_flow: HashMap<FlowName, (u64, Description)>,
    /// Flows in the order in which they came.
    order: BTreeMap<u64, FlowName>,
    next: u64,
    capacity: usize,
    dropped: u64,
}

impl Descriptions {
    /// Room for `capacity` flows; 0: nothing is kept, and nothing counted as dropped.
    pub fn new(capacity: usize) -> Self {
        Self { by_flow: HashMap::new(), order: BTreeMap::new(), next: 0, capacity, dropped: 0 }
    }

    /// A flow has begun with this.
    pub fn insert(&mut self, flow: FlowName, description: Description) {
        if description.is_empty() || self.capacity == 0 {
            return;
        }
        let at = self.next;
        self.next += 1;
        if let Some((before, _)) = self.by_flow.insert(flow, (at, description)) {
            self.order.remove(&before);
        }
        self.order.insert(at, flow);
        if self.order.len() > self.capacity
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.by_flow.remove(&oldest);
            self.dropped += 1;
        }
    }

    /// Of the flow of a record or an event; an empty one if nothing is known.
    pub fn of(&self, record: &FlowRecord) -> &Description {
        let known = record.flow().and_then(|flow| self.by_flow.get(&flow));
        known.map_or(&NOTHING, |(_, description)| description)
    }

    /// Of the flow of an event: what is known of it, or else what the event's own payload says.
    pub fn of_event(&self, event: &Event) -> Cow<'_, Description> {
        match self.of(&event.record) {
            unknown if unknown.is_empty() => Cow::Owned(event.describe()),
            known => Cow::Borrowed(known),
        }
    }

    /// A record was written: after the last of its flow, the description is forgotten.
    pub fn written(&mut self, record: &FlowRecord) {
        if record.action == Action::End
            && let Some((at, _)) = record.flow().and_then(|flow| self.by_flow.remove(&flow))
        {
            self.order.remove(&at);
        }
    }

    /// Flows whose description is kept.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Descriptions that made room: the records of their flows are without.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use offport_engine::{EndReason, Endpoint, EventPhase, Head, Opening};
    use offport_fingerprint::{Field, Proof, Protocol, Value};
    use offport_wire::{Domain, Timestamp, Transport};

    use super::*;

    fn record(port: u16, action: Action) -> FlowRecord {
        let end = |ip: &str, port| Endpoint {
            ip: ip.parse().unwrap(),
            port,
            mac: None,
            packets: 1,
            bytes: 60,
            payload: 8,
        };
        FlowRecord {
            action,
            reason: EndReason::Fin,
            start: Timestamp::from_nanos(7),
            end: Timestamp::from_nanos(8),
            transport: Transport::TCP,
            client: end("192.0.2.9", port),
            server: end("192.0.2.1", 5900),
            domain: Domain::NONE,
            vlan: None,
            inner_vlan: None,
            tunnel: None,
            protocol: None,
            judgement: None,
            breach: None,
            decided_after: 0,
            tcp: None,
            icmp_errors: 0,
            shunted_packets: 0,
            shunted_bytes: 0,
            interface: 0,
            worker: 0,
        }
    }

    fn opening(port: u16) -> (FlowName, Description) {
        let flow = record(port, Action::End).flow().unwrap();
        let server = Head::new(b"RFB 003.008\n");
        let opening = Opening { flow, protocol: Protocol::Vnc, client: Head::EMPTY, server };
        (flow, opening.describe())
    }

    fn add(descriptions: &mut Descriptions, port: u16) {
        let (flow, description) = opening(port);
        descriptions.insert(flow, description);
    }

    #[test]
    fn a_description_stays_until_the_last_record() {
        let mut descriptions = Descriptions::new(8);
        add(&mut descriptions, 1);
        for action in [Action::Interim, Action::Interim, Action::End] {
            let record = record(1, action);
            let version = Value::Text("003.008".to_owned());
            assert_eq!(descriptions.of(&record).get(Field::VncVersion), Some(&version));
            descriptions.written(&record);
        }
        assert!(descriptions.is_empty() && descriptions.of(&record(1, Action::End)).is_empty());
        assert_eq!(descriptions.dropped(), 0);
    }

    #[test]
    fn an_event_is_described_by_its_flow_or_by_itself() {
        let mut descriptions = Descriptions::new(8);
        let protocol = Some((Protocol::Ssh, Proof::Banner));
        let record = FlowRecord { protocol, ..record(1, Action::Interim) };
        let client = Head::new(b"SSH-2.0-x\r\n");
        let event = Event { phase: EventPhase::Flagged, record, client, server: Head::EMPTY, repeats: 0 };
        let fields = |descriptions: &Descriptions| -> Vec<Field> {
            descriptions.of_event(&event).iter().map(|(field, _)| field).collect()
        };
        assert_eq!(fields(&descriptions), [Field::SshClient]);
        add(&mut descriptions, 1);
        assert_eq!(fields(&descriptions), [Field::VncVersion]);
    }

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let mut descriptions = Descriptions::new(2);
        (1..=2).for_each(|port| add(&mut descriptions, port));
        descriptions.written(&record(1, Action::End));
        (3..=4).for_each(|port| add(&mut descriptions, port));
        let known = |port| !descriptions.of(&record(port, Action::End)).is_empty();
        assert_eq!([1, 2, 3, 4].map(known), [false, false, true, true]);
        assert_eq!((descriptions.len(), descriptions.dropped()), (2, 1));
    }

    #[test]
    fn a_flow_takes_one_place_and_nothing_takes_none() {
        let mut descriptions = Descriptions::new(2);
        (0..5).for_each(|_| add(&mut descriptions, 1));
        descriptions.insert(opening(2).0, Description::NONE);
        assert_eq!((descriptions.len(), descriptions.dropped()), (1, 0));
        let mut none = Descriptions::new(0);
        add(&mut none, 1);
        assert_eq!((none.len(), none.dropped()), (0, 0));
    }
}
