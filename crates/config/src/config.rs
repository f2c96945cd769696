//! The whole file.

use std::path::PathBuf;

use offport_fingerprint::Protocol;
use offport_policy::{Policy, Sections as PolicySections};
use offport_wire::Timestamp;
use toml::de::DeTable;

use crate::parse::{optional_path, section};
use crate::policy;
use crate::problem::{Level, Problem};
use crate::reader::{Problems, Table};
use crate::section::Section;
use crate::sections::{
    Alertmanager, Capture, Events, Fingerprint, Flow, Http, Log, Metrics, Nats, Privileges, Records, Sensor,
    Shunt, Store, StoreFlows, StorePackets, StoreUpload, Syslog, SyslogTransport, Timeouts,
};

/// `config/offport.toml`: every key with its default and what it does.
pub const DEFAULT_FILE: &str = include_str!("../../../config/offport.toml");

/// All settings. A section or key that the file leaves out has its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `[sensor]`
    pub sensor: Sensor,
    /// `[capture]`
    pub capture: Capture,
    /// `[flow]`
    pub flow: Flow,
    /// `[fingerprint]`
    pub fingerprint: Fingerprint,
    /// `[shunt]`
    pub shunt: Shunt,
    /// `[policy]`
    pub policy: PolicySections,
    /// `[events]`
    pub events: Events,
    /// `[records]`
    pub records: Records,
    /// `[store]`
    pub store: Store,
    /// `[nats]`
    pub nats: Nats,
    /// `[alertmanager]`
    pub alertmanager: Alertmanager,
    /// `[syslog]`
    pub syslog: Syslog,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[http]`
    pub http: Http,
    /// `[log]`
    pub log: Log,
    /// `[privileges]`
    pub privileges: Privileges,
}

/// What came of reading a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The settings; `None` if there is an error among the problems.
    pub config: Option<Config>,
    /// Errors and warnings, in the order of the file.
    pub problems: Vec<Problem>,
}

impl Config {
    /// Reads a file's text. Errors only; [`Config::check`] gives warnings too.
    ///
    /// # Errors
    /// Every error of the file, in its order.
    pub fn load_str(text: &str) -> Result<Self, Vec<Problem>> {
        let Checked { config, problems } = Self::check(text, Timestamp::ZERO);
        config.ok_or_else(|| problems.into_iter().filter(|problem| problem.level == Level::Error).collect())
    }

    /// Reads a file's text and names everything that is wrong with it. `now` tells which allow-list entries have
    /// expired.
    pub fn check(text: &str, now: Timestamp) -> Checked {
        Self::check_with(text, now, &[])
    }

    /// As [`Config::check`], where `own` protocols may be named beside those that are built in.
    pub fn check_with(text: &str, now: Timestamp, own: &[Protocol]) -> Checked {
        let mut problems = Problems::new(text, now, own);
        let (document, syntax) = DeTable::parse_recoverable(text);
        problems.add_syntax(&syntax);
        // What recovery makes of a broken file would only raise problems that are none.
        let config = if syntax.is_empty() {
            Self::read(&Table::root(&document), &mut problems)
        } else {
            Self::default()
        };
        let problems = problems.into_list();
        let usable = problems.iter().all(|problem| problem.level < Level::Error);
        Checked { config: usable.then_some(config), problems }
    }

    /// `fingerprint.signatures`, before anything else is read: what it names may be named elsewhere in the file.
    pub(crate) fn signature_folder(text: &str) -> Option<PathBuf> {
        let (document, _) = DeTable::parse_recoverable(text);
        let mut unheard = Problems::new(text, Timestamp::ZERO, &[]);
        Table::root(&document).child("fingerprint")?.read("signatures", &mut unheard, optional_path)?
    }

    fn read(root: &Table<'_>, problems: &mut Problems<'_>) -> Self {
        root.only(&TABLES, elsewhere(""), problems);
        let config = Self {
            sensor: root.read("sensor", problems, section).unwrap_or_default(),
            capture: root.read("capture", problems, section).unwrap_or_default(),
            flow: root.read("flow", problems, section).unwrap_or_default(),
            fingerprint: root.read("fingerprint", problems, section).unwrap_or_default(),
            shunt: root.read("shunt", problems, section).unwrap_or_default(),
            policy: root.read("policy", problems, policy::read).unwrap_or_default(),
            events: root.read("events", problems, section).unwrap_or_default(),
            records: root.read("records", problems, section).unwrap_or_default(),
            store: root.read("store", problems, section).unwrap_or_default(),
            nats: root.read("nats", problems, section).unwrap_or_default(),
            alertmanager: root.read("alertmanager", problems, section).unwrap_or_default(),
            syslog: root.read("syslog", problems, section).unwrap_or_default(),
            metrics: root.read("metrics", problems, section).unwrap_or_default(),
            http: root.read("http", problems, section).unwrap_or_default(),
            log: root.read("log", problems, section).unwrap_or_default(),
            privileges: root.read("privileges", problems, section).unwrap_or_default(),
        };
        config.contradictions(root, problems);
        config
    }

    /// Settings that are right each by itself, but not together.
    fn contradictions(&self, root: &Table<'_>, problems: &mut Problems<'_>) {
        let mut report = |level, table: &str, name: &str, message: String, remedy: &str| {
            let at = root.child(table).and_then(|table| table.value(name)).map_or(0, |value| value.at.start);
            problems.add(level, at, &format!("{table}.{name}"), message, remedy);
        };
        let Capture { workers, cores, .. } = &self.capture;
        if *workers > 0 && !cores.is_empty() && cores.len() != usize::from(*workers) {
            let message = format!("{} cores for {workers} workers", cores.len());
            report(
                Level::Error,
                "capture",
                "cores",
                message,
                "name one core per worker, or leave one of the two out",
            );
        }
        if self.events.enabled && self.records.enabled && self.events.path == self.records.path {
            let message = "the same file as records.path".to_owned();
            report(Level::Error, "events", "path", message, "give each a file of its own");
        }
        let spools = [
            ("nats", self.nats.enabled, &self.nats.spool),
            ("alertmanager", self.alertmanager.enabled, &self.alertmanager.spool),
            (
                "syslog",
                self.syslog.enabled && self.syslog.transport == SyslogTransport::Tcp,
                &self.syslog.spool,
            ),
        ];
        for (at, (table, enabled, spool)) in spools.iter().enumerate() {
            let same = |(_, other_enabled, other): &&(&str, bool, &Option<PathBuf>)| {
                *enabled && *other_enabled && spool.is_some() && other == spool
            };
            if let Some((other, ..)) = spools[..at].iter().find(same) {
                let message = format!("the same folder as {other}.spool");
                report(Level::Error, table, "spool", message, "give each a folder of its own");
            }
        }
        if self.nats.token.is_some() && self.nats.credentials.is_some() {
            let message = "a token beside credentials".to_owned();
            report(Level::Error, "nats", "token", message, "a server takes one of them: remove the other");
        }
        let Alertmanager { enabled: alerts, hold, .. } = self.alertmanager;
        if alerts && hold <= self.events.suppress {
            let message = format!("{hold:?} is not more than events.suppress: alerts end between repeats");
            report(Level::Warning, "alertmanager", "hold", message, "make it longer than events.suppress");
        }
        if self.http.enabled && !self.http.listen.ip().is_loopback() {
            let message = "metrics can be read from the network, without encryption or password".to_owned();
            let remedy = "listen on 127.0.0.1, or see that a firewall lets only Prometheus in";
            report(Level::Warning, "http", "listen", message, remedy);
        }
        if Policy::new(&self.policy).is_err() {
            let message = format!("more than {} port, host and allow entries together", Policy::MAX_RULES);
            report(Level::Error, "policy", "host", message, "join hosts into networks");
        }
    }
}

impl Config {
    /// What is in force once another configuration has been read anew: its policy, signatures, and where events and records go; what
    /// else there is takes a restart, as [`restarts_for`](Self::restarts_for) says of the two.
    #[must_use]
    pub fn reloaded(&self, read: &Self) -> Self {
        let (events, records) = (read.events.clone(), read.records.clone());
        Self {
            fingerprint: read.fingerprint.clone(),
            policy: read.policy.clone(),
            events: Events {
                min_severity: self.events.min_severity,
                suppress: self.events.suppress,
                suppress_entries: self.events.suppress_entries,
                rate: self.events.rate,
                ..events
            },
            records: Records { descriptions: self.records.descriptions, ..records },
            nats: read.nats.clone(),
            alertmanager: read.alertmanager.clone(),
            syslog: read.syslog.clone(),
            ..self.clone()
        }
    }

    /// The tables in which another configuration says what takes a restart. `[policy]` and `[fingerprint]` never do.
    pub fn restarts_for(&self, other: &Self) -> Vec<&'static str> {
        let Self {
            sensor,
            capture,
            flow,
            fingerprint: _,
            policy: _,
            shunt,
            events,
            records,
            store,
            nats,
            alertmanager,
            syslog,
            metrics,
            http,
            log,
            privileges,
        } = self;
        let differ = [
            ("sensor", *sensor != other.sensor),
            ("capture", *capture != other.capture),
            ("flow", *flow != other.flow),
            ("shunt", *shunt != other.shunt),
            ("events", *events != other.events),
            ("records", *records != other.records),
            ("store", *store != other.store),
            ("nats", *nats != other.nats),
            ("alertmanager", *alertmanager != other.alertmanager),
            ("syslog", *syslog != other.syslog),
            ("metrics", *metrics != other.metrics),
            ("http", *http != other.http),
            ("log", *log != other.log),
            ("privileges", *privileges != other.privileges),
        ];
        differ.into_iter().filter(|(_, differs)| *differs).map(|(table, _)| table).collect()
    }
}

/// The tables of the file.
const TABLES: [&str; 16] = [
    "sensor",
    "capture",
    "flow",
    "fingerprint",
    "shunt",
    "policy",
    "events",
    "records",
    "store",
    "nats",
    "alertmanager",
    "syslog",
    "metrics",
    "http",
    "log",
    "privileges",
];

/// Every table with its keys.
pub(crate) fn schema() -> Vec<(&'static str, &'static [&'static str])> {
    fn of<S: Section>() -> (&'static str, &'static [&'static str]) {
        (S::NAME, S::KEYS)
    }
    let mut tables = vec![
        of::<Sensor>(),
        of::<Capture>(),
        of::<Flow>(),
        of::<Timeouts>(),
        of::<Fingerprint>(),
        of::<Shunt>(),
        of::<Events>(),
        of::<Records>(),
        of::<Store>(),
        of::<StorePackets>(),
        of::<StoreFlows>(),
        of::<StoreUpload>(),
    ];
    tables.extend([of::<Nats>(), of::<Alertmanager>(), of::<Syslog>()]);
    tables.extend([of::<Metrics>(), of::<Http>(), of::<Log>(), of::<Privileges>()]);
    tables.extend(policy::TABLES);
    tables
}

/// The only other table than `own` that has a key of that name.
pub(crate) fn elsewhere(own: &'static str) -> impl Fn(&str) -> Option<&'static str> {
    move |key| {
        let tables = schema();
        let mut having = tables.iter().filter(|(table, keys)| *table != own && keys.contains(&key));
        let (table, _) = having.next()?;
        having.next().is_none().then_some(*table)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use toml::de::DeValue;

    use super::*;

    /// The default file with its examples in force: "#" without a space is what hides them.
    fn with_examples() -> String {
        let uncover = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        DEFAULT_FILE.lines().map(uncover).collect::<Vec<_>>().join("\n")
    }

    fn keys_of(table: &DeTable<'_>, name: &str, keys: &mut BTreeSet<String>) {
        for (key, value) in table {
            let path =
                if name.is_empty() { key.get_ref().to_string() } else { format!("{name}.{}", key.get_ref()) };
            match value.get_ref() {
                DeValue::Table(table) => keys_of(table, &path, keys),
                DeValue::Array(items) => {
                    for item in items.iter() {
                        if let DeValue::Table(table) = item.get_ref() {
                            keys_of(table, &path, keys);
                        }
                    }
                }
                _ => {}
            }
            keys.insert(path);
        }
    }

    fn keys_in(text: &str) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        keys_of(DeTable::parse(text).unwrap().get_ref(), "", &mut keys);
        keys
    }

    #[test]
    fn the_default_file_is_the_default() {
        let Checked { config, problems } = Config::check(DEFAULT_FILE, Timestamp::ZERO);
        assert_eq!(problems, []);
        assert_eq!(config, Some(Config::default()));
        assert_eq!(Config::load_str(""), Ok(Config::default()));
    }

    #[test]
    fn the_examples_of_the_default_file_work() {
        let Checked { config, problems } = Config::check(&with_examples(), Timestamp::ZERO);
        assert_eq!(problems, []);
        let policy = config.unwrap().policy;
        assert_eq!((policy.ports.len(), policy.hosts.len(), policy.allow.len()), (1, 3, 1));
        Policy::new(&policy).unwrap();
    }

    #[test]
    fn every_key_stands_in_the_default_file() {
        let (set, shown) = (keys_in(DEFAULT_FILE), keys_in(&with_examples()));
        let tables = ["policy.port", "policy.host", "policy.allow"];
        for (table, keys) in schema() {
            for key in keys {
                let key = format!("{table}.{key}");
                let examples_only = tables.iter().any(|table| key.starts_with(table));
                let keys = if examples_only { &shown } else { &set };
                assert!(keys.contains(&key), "{key} is missing in config/offport.toml");
            }
        }
    }

    #[test]
    fn a_reload_takes_what_needs_no_restart_and_names_the_rest() {
        let read = |text: &str| Config::load_str(text).unwrap();
        let start = read("[events]\nrate = 5\n[records]\ndescriptions = 9\n[capture]\nbatch = 8");
        let sinks = "[events]\npath = \"/e\"\nformat = \"eve\"\nrate = 5\n[records]\nenabled = false\ndescriptions = 9\n\
             [nats]\nenabled = true\n[alertmanager]\nenabled = true\n[syslog]\nenabled = true\n\
             [policy]\nlarge_output = 1\n[fingerprint]\nsignatures = \"s\"\n[capture]\nbatch = 8";
        let (next, wanted) = (start.reloaded(&read(sinks)), read(sinks));
        assert_eq!(next, wanted);
        assert!(next.restarts_for(&wanted).is_empty());

        let wanted = read("[events]\npath = \"/e\"\n[capture]\nbatch = 16");
        let next = start.reloaded(&wanted);
        assert_eq!(next.restarts_for(&wanted), ["capture", "events", "records"]);
        assert_eq!((next.events.rate, next.events.path.as_path()), (5, std::path::Path::new("/e")));
        assert_eq!((next.records.descriptions, next.capture.batch), (9, start.capture.batch));
    }

    #[test]
    fn the_schema_lists_every_table() {
        let tables: BTreeSet<&str> =
            schema().iter().map(|(table, _)| table.split('.').next().unwrap_or_default()).collect();
        assert_eq!(tables, TABLES.into_iter().collect());
    }
}
