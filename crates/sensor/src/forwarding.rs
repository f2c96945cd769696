//! From events and records to what is sent to other machines: which forwarder gets what.

use anyhow::Context as _;
use offport_config::{Config, SyslogText, SyslogTransport};
use offport_engine::{Event, FlowRecord};
use offport_telemetry::forward::{
    AlertTimes, Alertmanager, Alerts, Facility, Forwarder, Header, Kind, Message, Nats, NatsServer, Road,
    Settings, Syslog,
};
use offport_telemetry::human;

/// The forwarders that are on.
pub(crate) struct Forwarding {
    nats: Option<Forwarder>,
    /// NATS takes flow records too.
    records: bool,
    alertmanager: Option<(Forwarder, Alerts)>,
    syslog: Option<(Forwarder, Header, SyslogText)>,
    /// Of the next message: with a flow's id it is a name that no other message has.
    number: u64,
}

impl Forwarding {
    /// Whether flow records are forwarded.
    pub(crate) const fn wants_records(config: &Config) -> bool {
        config.nats.enabled && config.nats.records_subject.is_some()
    }

    /// None yet.
    const fn none() -> Self {
        Self { nats: None, records: false, alertmanager: None, syslog: None, number: 0 }
    }

    /// Starts the threads. `sensor` is the name that the sensor goes by.
    pub(crate) fn start(config: &Config, sensor: Option<&str>) -> anyhow::Result<Self> {
        let mut forwarding = Self::none();
        forwarding.change(&Config::default(), config, sensor)?;
        Ok(forwarding)
    }

    /// From one configuration to another. What has been handed over is sent as it was to be, or waits in its spool.
    pub(crate) fn change(&mut self, from: &Config, to: &Config, sensor: Option<&str>) -> anyhow::Result<()> {
        if from.nats != to.nats {
            Forwarder::change(&mut self.nats, to.nats.enabled.then(|| nats(to)))
                .context("nats: its thread cannot be started")?;
        }
        self.records = Self::wants_records(to);
        if from.alertmanager != to.alertmanager {
            // What fires, and is not heard of any more, ends in Alertmanager by itself.
            let (url, hold) = (to.alertmanager.generator_url.clone(), to.alertmanager.hold);
            let mut forwarder = self.alertmanager.take().map(|(forwarder, _)| forwarder);
            Forwarder::change(&mut forwarder, to.alertmanager.enabled.then(|| alertmanager(to)))
                .context("alertmanager: its thread cannot be started")?;
            let alerts = || Alerts::new(sensor.map(str::to_owned), url, hold);
            self.alertmanager = forwarder.map(|forwarder| (forwarder, alerts()));
        }
        if from.syslog != to.syslog {
            let mut forwarder = self.syslog.take().map(|(forwarder, ..)| forwarder);
            Forwarder::change(&mut forwarder, to.syslog.enabled.then(|| syslog(to)))
                .context("syslog: its thread cannot be started")?;
            let header = Header::new(Facility(to.syslog.facility as u8), sensor);
            self.syslog = forwarder.map(|forwarder| (forwarder, header, to.syslog.message));
        }
        Ok(())
    }

    /// Whether events are to be had as ECS JSON.
    pub(crate) fn takes_json(&self) -> bool {
        self.nats.is_some() || self.syslog.as_ref().is_some_and(|(.., text)| *text == SyslogText::Json)
    }

    /// Whether records are to be had as ECS JSON.
    pub(crate) const fn takes_records(&self) -> bool {
        self.records
    }

    /// Forwards an event; `json` is the ECS line if that [is wanted](Self::takes_json).
    pub(crate) fn event(&mut self, event: &Event, json: &[u8]) {
        if let Some(nats) = &self.nats {
            self.number += 1;
            nats.send(message(Kind::Event, &event.record, self.number, json.to_vec()));
        }
        if let Some((alertmanager, alerts)) = &mut self.alertmanager {
            alerts.event(event).into_iter().for_each(|message| alertmanager.send(message));
        }
        if let Some((syslog, header, text)) = &self.syslog {
            let line = match text {
                SyslogText::Sentence => header.line(event, human::sentence(&event.record).as_bytes()),
                SyslogText::Json => header.line(event, json),
            };
            self.number += 1;
            syslog.send(message(Kind::Event, &event.record, self.number, line));
        }
    }

    /// A flow goes on or is over: what fires because of it has to know.
    pub(crate) fn heard_of(&mut self, record: &FlowRecord) {
        if let Some((alertmanager, alerts)) = &mut self.alertmanager
            && let Some(message) = alerts.record(record)
        {
            alertmanager.send(message);
        }
    }

    /// Forwards a flow record, if that is wanted; `json` is its line.
    pub(crate) fn record(&mut self, record: &FlowRecord, json: &[u8]) {
        if let Some(nats) = self.nats.as_ref().filter(|_| self.records) {
            self.number += 1;
            nats.send(message(Kind::Record, record, self.number, json.to_vec()));
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Forwarder> {
        let alertmanager = self.alertmanager.as_ref().map(|(forwarder, _)| forwarder);
        let syslog = self.syslog.as_ref().map(|(forwarder, ..)| forwarder);
        [self.nats.as_ref(), alertmanager, syslog].into_iter().flatten()
    }

    /// Nothing more comes. Each sends what is left, all at the same time, as long as its `drain` says.
    pub(crate) fn end(&mut self) {
        let alertmanager = self.alertmanager.as_mut().map(|(forwarder, _)| forwarder);
        let syslog = self.syslog.as_mut().map(|(forwarder, ..)| forwarder);
        let mut all: Vec<_> = [self.nats.as_mut(), alertmanager, syslog].into_iter().flatten().collect();
        all.iter_mut().for_each(|forwarder| forwarder.close());
        all.iter_mut().for_each(|forwarder| forwarder.join());
    }
}

fn message(kind: Kind, record: &FlowRecord, number: u64, body: Vec<u8>) -> Message {
    Message::new(kind, format!("{}-{number}", record.id()), body)
}

fn nats(config: &Config) -> (Settings, Nats) {
    let nats = &config.nats;
    let server = NatsServer {
        url: nats.url.clone(),
        subject: nats.subject.clone(),
        records_subject: nats.records_subject.clone().unwrap_or_default(),
        stream: nats.stream.clone(),
        token: nats.token.clone(),
        credentials: nats.credentials.clone(),
        ca: nats.ca.clone(),
        timeout: nats.timeout,
    };
    let settings =
        Settings { name: "nats", spool: nats.spool.clone(), budget: nats.spool_size, drain: nats.drain };
    (settings, Nats::new(server))
}

fn alertmanager(config: &Config) -> (Settings, Alertmanager) {
    let to = &config.alertmanager;
    let times = AlertTimes { resend: to.resend, hold: to.hold, expire: to.expire };
    let courier = Alertmanager::new(&to.url, to.authorization.clone(), to.ca.clone(), to.timeout, times);
    let settings =
        Settings { name: "alertmanager", spool: to.spool.clone(), budget: to.spool_size, drain: to.drain };
    (settings, courier)
}

fn syslog(config: &Config) -> (Settings, Syslog) {
    let to = &config.syslog;
    let (road, spool) = match to.transport {
        SyslogTransport::Unix => (Road::Unix(to.path.clone()), None),
        SyslogTransport::Udp => (Road::Udp(to.server.clone()), None),
        SyslogTransport::Tcp => (Road::Tcp(to.server.clone()), to.spool.clone()),
    };
    let settings = Settings { name: "syslog", spool, budget: to.spool_size, drain: to.drain };
    (settings, Syslog::new(road, to.timeout))
}
