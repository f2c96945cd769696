//! `offport watch`: verdicts, flagged pairs and rates in the terminal, as they come.
//!
//! One thread asks store and sensor, one draws and reads keys; questions about a session or a host have a thread each. None
//! waits for another, so that a key is answered while the store is read.

pub(crate) mod args;
mod draw;
mod moment;
mod screen;
mod text;

#[cfg(test)]
mod tests;

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::Context as _;
use offport_evidence::flows::{Filter, FlowQuery};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::desk::host::{HostReport, Question};
use crate::desk::pairs::Pair;
use crate::desk::place::Place;
use crate::desk::row::Latest;
use crate::desk::session::SessionReport;
use crate::desk::text as words;
use crate::desk::when::before;
use crate::exit::Exit;
use crate::live::scrape::{Sensor, Target};
use crate::output::Stdout;
use crate::run::Misuse;
use crate::settings::now;
use crate::terminal::{self, Style};
use moment::Moment;
use screen::{Lookup, Next, Screen};

/// How soon a key, or something new, is seen.
const TICK: Duration = Duration::from_millis(50);
/// Pairs that are printed, and on the screen, which scrolls.
const PAIRS: [usize; 2] = [20, 200];
/// How often it looks.
const EVERY: Duration = Duration::from_secs(2);
/// Packets of a session that are listed, and bytes of its first payloads that are shown.
const PACKETS: usize = 200;
const PAYLOAD: usize = 512;
/// Days that tell what is new of a host.
const COMPARED: Duration = Duration::from_secs(7 * 86_400);
/// Rows of each list of a summary.
const ROWS: usize = 10;

/// What the threads that ask have to say.
enum Update {
    Moment(Box<Moment>),
    Page(String),
    Stop,
}

/// Looks at store and sensor.
struct Watcher {
    place: Arc<Place>,
    sensor: Sensor,
    last: Duration,
    every: Duration,
    pairs: usize,
}

pub(crate) fn run(args: &args::Watch, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let place = Place::locate(args.store.store.as_deref(), args.store.config.as_deref())?;
    let target = match &args.sensor {
        Some(url) => Some(Target::new(url).map_err(Misuse)?),
        None => Target::configured(&place.config),
    };
    let asks = target.is_some();
    let is_terminal = std::io::stdout().is_terminal();
    let on_screen = is_terminal && !args.once && !args.store.json;
    if args.every.is_some() && !on_screen && !args.store.json {
        return Err(Misuse(
            "--every: standard output is no terminal, so it prints once; --json goes on".to_owned(),
        )
        .into());
    }
    let watcher = Watcher {
        place: Arc::new(place),
        sensor: Sensor::new(target),
        last: args.last.0,
        every: args.every.map_or(EVERY, |every| every.0),
        pairs: args.top.unwrap_or(PAIRS[usize::from(on_screen)]),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut first = runtime.block_on(watcher.look());
    if let Some(why) = first.nothing() {
        anyhow::bail!("{why}");
    }
    if on_screen {
        return show(watcher, runtime, first);
    }
    // Rates are between two looks.
    if asks && first.health.rates.is_empty() {
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            first = watcher.look().await;
        });
    }
    if !args.store.json {
        stdout.write_all(text::text(Style::detect(false), &first).as_bytes())?;
        return Ok(Exit::Clean);
    }
    runtime.block_on(async {
        let mut signals = signals()?;
        loop {
            serde_json::to_writer(&mut *stdout, &first.document())?;
            stdout.write_all(b"\n")?;
            stdout.flush()?;
            if args.once || ended(&mut signals, watcher.every).await {
                return Ok(Exit::Clean);
            }
            first = watcher.look().await;
        }
    })
}

impl Watcher {
    async fn look(&self) -> Moment {
        self.sensor.look().await;
        Moment::new(&self.place, self.last, self.pairs, self.sensor.health())
    }
}

fn signals() -> std::io::Result<[Signal; 2]> {
    Ok([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?])
}

/// Waits for so long; true: it was told to end.
async fn ended([interrupt, terminate]: &mut [Signal; 2], after: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(after) => false,
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
    }
}

/// On the terminal, until the user leaves.
fn show(watcher: Watcher, runtime: Runtime, first: Moment) -> anyhow::Result<Exit> {
    let (updates, received) = channel();
    let (place, last) = (Arc::clone(&watcher.place), watcher.last);
    let asker = updates.clone();
    // It ends with the program: a question that nobody waits for any more is of no use.
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || keep_asking(&watcher, &runtime, &asker))?;
    let mut terminal = ratatui::try_init().context("this terminal")?;
    let mut screen = Screen::new(first);
    let ended = interact(&mut terminal, &mut screen, &received, |lookup| {
        let (place, updates) = (Arc::clone(&place), updates.clone());
        let width = terminal_width();
        let ask = move || {
            let answer = answer(&place, last, &lookup, Style { width, colour: false });
            let text = answer.unwrap_or_else(|why| terminal::clean(&format!("{why:#}")));
            // Whoever asked may have left.
            let _ = updates.send(Update::Page(text));
        };
        std::thread::Builder::new().name("question".to_owned()).spawn(ask).map(drop)
    });
    // A terminal that is gone cannot be put back.
    let restored = ratatui::try_restore();
    ended?;
    restored.context("this terminal")?;
    Ok(Exit::Clean)
}

fn terminal_width() -> u16 {
    ratatui::crossterm::terminal::size().map_or(80, |(width, _)| width.max(40))
}

fn keep_asking(watcher: &Watcher, runtime: &Runtime, updates: &Sender<Update>) {
    runtime.block_on(async {
        let Ok(mut signals) = signals() else {
            let _ = updates.send(Update::Stop);
            return;
        };
        while !ended(&mut signals, watcher.every).await {
            if updates.send(Update::Moment(Box::new(watcher.look().await))).is_err() {
                return;
            }
        }
        let _ = updates.send(Update::Stop);
    });
}

fn interact(
    terminal: &mut DefaultTerminal,
    screen: &mut Screen,
    updates: &Receiver<Update>,
    mut ask: impl FnMut(Lookup) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    loop {
        terminal.draw(|frame| draw::draw(frame, screen)).context("this terminal")?;
        // Waits for a key, a new size, or news; whatever else has come meanwhile is taken at once.
        let mut changed = false;
        while !changed {
            if event::poll(TICK)? {
                if let Event::Key(key) = event::read()? {
                    match screen.key(key) {
                        Next::Leave => return Ok(()),
                        Next::Ask(lookup) => ask(lookup)?,
                        Next::Stay => {}
                    }
                }
                changed = true;
            }
            for update in updates.try_iter() {
                match update {
                    Update::Moment(moment) => screen.moment = *moment,
                    Update::Page(text) => screen.open(&text),
                    Update::Stop => return Ok(()),
                }
                changed = true;
            }
        }
    }
}

/// What the store knows, as text.
fn answer(place: &Place, last: Duration, lookup: &Lookup, style: Style) -> anyhow::Result<String> {
    let to = now();
    let time = (before(to, last), to);
    match lookup {
        Lookup::Host(host) => {
            let question = Question { host: *host, time, compare: COMPARED, top: ROWS };
            let report = HostReport::new(&place.flows(), &place.config, question)?;
            Ok(words::host(style, &report, ROWS))
        }
        Lookup::Session(pair) => {
            let latest = Latest { limit: 1, key: |row| row.end.as_nanos(), whole: false };
            let query = FlowQuery { time: Some(time), filter: of(pair) };
            let Some(row) = latest.find(&place.flows(), &query)?.pop() else {
                return Ok(format!("no session of this pair in the last {}", crate::number::span(last)));
            };
            let report = SessionReport::new(place, row.id, PACKETS)?;
            let report = report.with_context(|| format!("{}: no such session in the store", row.id))?;
            Ok(words::session(style, &report, PAYLOAD))
        }
    }
}

/// The flows of a pair.
fn of(pair: &Pair) -> Filter {
    Filter {
        sources: vec![pair.source.into()],
        destinations: vec![pair.destination.into()],
        ports: pair.port.into_iter().collect(),
        transports: pair.transport.iter().cloned().collect(),
        protocols: vec![pair.protocol.clone().unwrap_or_else(|| "none".to_owned())],
        verdicts: pair.verdict.iter().cloned().collect(),
        severities: vec!["medium".to_owned(), "high".to_owned()],
        ..Filter::default()
    }
}
