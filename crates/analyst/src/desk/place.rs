//! The store that a command reads, and which part of it.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use offport_config::Config;
use offport_evidence::flows::{Filter, FlowQuery, FlowStore};
use offport_evidence::packets::PacketStore;
use offport_fingerprint::Protocol;
use offport_wire::Timestamp;

use super::args::{FilterArgs, StoreArgs, TimeArgs};
use super::when::{Moment, Span, before};
use crate::settings::{load_config, now};
use crate::terminal;

/// What is looked at if no time is given.
const DEFAULT: Span = Span(std::time::Duration::from_secs(86_400));
/// Where a package or an administrator puts the sensor's configuration.
const CONFIG: &str = "/etc/offport/offport.toml";

/// A store, and the configuration that goes with it.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) config: Config,
}

impl Place {
    /// What the command line says. A store that is not there is an error: nothing found is something else.
    pub(crate) fn open(args: &StoreArgs) -> anyhow::Result<Self> {
        let place = Self::locate(args.store.as_deref(), args.config.as_deref())?;
        place.check()?;
        Ok(place)
    }

    /// Where the store is, or will be.
    pub(crate) fn locate(store: Option<&Path>, config: Option<&Path>) -> anyhow::Result<Self> {
        let usual = PathBuf::from(CONFIG);
        let path = config.map(Path::to_owned).or_else(|| usual.exists().then_some(usual));
        let config = match path {
            Some(path) => load_config(&path)?,
            None => Config::default(),
        };
        let folder = store.map_or_else(|| config.store.path.clone(), Path::to_owned);
        Ok(Self { folder, config })
    }

    /// Whether it is there.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let is_store = self.folder.join("flows").is_dir() || self.folder.join("packets").is_dir();
        ensure!(
            is_store,
            "{}: no store is there; --store names its folder, or -c the sensor's configuration (offportd writes it with [store] enabled)",
            self.folder.display()
        );
        Ok(())
    }

    pub(crate) fn flows(&self) -> FlowStore {
        FlowStore::new(&self.folder.join("flows"))
    }

    pub(crate) fn packets(&self) -> PacketStore {
        PacketStore::new(&self.folder.join("packets"))
    }
}

impl TimeArgs {
    /// From and to; a day up to now, if nothing was given.
    pub(crate) fn range(&self) -> anyhow::Result<(Timestamp, Timestamp)> {
        let to = self.until.map_or_else(now, |Moment(until)| until);
        let from = match (self.since, self.last) {
            (Some(Moment(since)), _) => since,
            (None, last) => before(to, last.unwrap_or(DEFAULT).0),
        };
        ensure!(from <= to, "the time ends before it begins: --since is after --until");
        Ok((from, to))
    }
}

impl FilterArgs {
    pub(crate) fn filter(&self) -> Filter {
        let severities = match self.flagged {
            true => vec!["medium".to_owned(), "high".to_owned()],
            false => self.severity.clone(),
        };
        Filter {
            hosts: self.host.clone(),
            others: Vec::new(),
            sources: self.source.clone(),
            destinations: self.destination.clone(),
            ports: self.port.clone(),
            transports: self.transport.clone(),
            protocols: self.protocol.clone(),
            verdicts: self.verdict.clone(),
            severities,
            directions: self.direction.clone(),
            min_bytes: self.min_bytes.unwrap_or_default(),
            ids: Default::default(),
        }
    }

    /// A name may be that of a signature of the operator's own, so it is no error.
    fn say_unknown_protocols(&self) {
        let is_known = |name: &str| name == "none" || Protocol::ALL.iter().any(|known| known.name() == name);
        for name in self.protocol.iter().filter(|name| !is_known(name)) {
            terminal::complain(&format!(
                "--protocol {name}: not built in (`offport protocols`); looked for as one of your own"
            ));
        }
    }

    pub(crate) fn query(&self, time: &TimeArgs) -> anyhow::Result<FlowQuery> {
        self.say_unknown_protocols();
        Ok(FlowQuery { time: Some(time.range()?), filter: self.filter() })
    }
}
