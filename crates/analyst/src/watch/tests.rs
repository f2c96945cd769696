//! The screen as it is drawn and used, without a terminal.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use offport_config::Config;
use offport_wire::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::moment::{Moment, State};
use super::screen::{Lookup, Next, Screen};
use super::{draw, text};
use crate::desk::overview::Overview;
use crate::desk::pairs::{Flagged, Pair};
use crate::desk::place::Place;
use crate::desk::slices::Slices;
use crate::desk::tally::{Flow, Names, Sum as _};
use crate::live::exposition::Metrics;
use crate::live::scrape::{Health, Scrape};
use crate::terminal::Style;

const NOW: Timestamp = Timestamp::from_nanos(1_764_270_000_000_000_000);

fn pair(host: u8, verdict: &str) -> Pair {
    Pair {
        source: [10, 0, 0, host].into(),
        destination: IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x1234]),
        port: Some(80),
        transport: Some("tcp".to_owned()),
        protocol: None,
        verdict: Some(verdict.to_owned()),
    }
}

fn health() -> Health {
    let text = "offport_build_info 1\noffport_packets_received_total{worker=\"0\"} 10\n\
                offport_flows_judged_total{verdict=\"mismatch\",transport=\"tcp\"} 3\n\
                offport_flows_judged_total{verdict=\"displaced\",transport=\"tcp\"} 0\n";
    Health {
        target: Some("http://127.0.0.1:10217".to_owned()),
        latest: Some(Scrape::new(Metrics::parse(text)).into()),
        rates: (0..500)
            .map(|number| crate::live::scrape::Rate { packets: f64::from(number), ..Default::default() })
            .collect(),
        ..Health::default()
    }
}

fn moment(hosts: &[u8]) -> Moment {
    let names = Names::default();
    let mut slices = Slices::new((Timestamp::ZERO, NOW), 1);
    let flow = Flow {
        start: NOW,
        end: NOW,
        source: [10, 0, 0, 1].into(),
        destination: [10, 0, 0, 2].into(),
        source_port: Some(40_000),
        port: Some(80),
        transport: names.number("tcp"),
        protocol: 0,
        verdict: names.number("unrecognised"),
        severity: 4,
        up: 2_000_000,
        down: 1,
    };
    slices.add(&flow);
    let flagged = Flagged { flows: 1, worst: 4, up: 2_000_000, down: 1, last: NOW };
    let pairs: Vec<_> = hosts.iter().map(|&host| (pair(host, "unrecognised"), flagged.clone())).collect();
    let overview = Overview { slices: slices.named(&names), pairs_total: pairs.len() + 7, pairs };
    Moment { time: NOW, last: Duration::from_secs(3_600), store: Ok(overview), health: health() }
}

fn drawn(screen: &mut Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(frame, screen)).unwrap();
    terminal.backend().to_string()
}

fn press(screen: &mut Screen, code: KeyCode) -> Next {
    screen.key(KeyEvent::new(code, KeyModifiers::NONE))
}

#[test]
fn a_screen_has_the_verdicts_the_pairs_and_the_rates() {
    let mut screen = Screen::new(moment(&[1, 2]));
    let text = drawn(&mut screen, 120, 30);
    for part in [
        "ready ·",
        "unrecognised",
        "mismatch",
        "2.0 MB",
        "10.0.0.1",
        "2001:db8::1234",
        "80/tcp",
        "2 of 9",
        "Packets per second, at most 499",
        "█",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("displaced"), "a verdict that nobody has");
    let plain = text::text(Style { width: 80, colour: false }, &screen.moment);
    assert!(
        plain.contains("10.0.0.1 >") && plain.contains("2001:db8::1234") && plain.contains("unrecognised "),
        "no address is cut:\n{plain}"
    );
    // The narrower, the less; what counts most stays.
    let text = drawn(&mut screen, 60, 12);
    for part in ["10.0.0.1", "2001:db8::1234", "80/tcp", "unrecognised"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("Severity") && !text.contains('█'));
}

#[test]
fn any_size_can_be_drawn() {
    for page in [None, Some("one\ntwo\nthree")] {
        let mut screen = Screen::new(moment(&[1, 2, 3]));
        if let Some(text) = page {
            screen.open(text);
        }
        for width in [1, 2, 13, 40, 80, 300] {
            for height in [1, 2, 3, 5, 9, 24, 100] {
                drawn(&mut screen, width, height);
            }
        }
    }
}

#[test]
fn keys_choose_ask_and_leave() {
    let mut screen = Screen::new(moment(&[1, 2, 3]));
    assert_eq!(screen.row(), Some(0));
    assert_eq!(press(&mut screen, KeyCode::Down), Next::Stay);
    assert_eq!(screen.row(), Some(1));
    // The list changes: what was chosen stays chosen.
    screen.moment = moment(&[3, 1, 2]);
    assert_eq!(screen.row(), Some(2));
    assert_eq!(press(&mut screen, KeyCode::End), Next::Stay);
    assert_eq!(press(&mut screen, KeyCode::Down), Next::Stay);
    assert_eq!(screen.row(), Some(2));
    let session = Lookup::Session(pair(2, "unrecognised"));
    assert_eq!(press(&mut screen, KeyCode::Enter), Next::Ask(session));
    assert_eq!(press(&mut screen, KeyCode::Char('c')), Next::Stay, "one question at a time");
    drawn(&mut screen, 80, 10);
    screen.open(&"line\n".repeat(100));
    assert_eq!(press(&mut screen, KeyCode::End), Next::Stay);
    assert_eq!(screen.page.as_ref().map(|page| page.top), Some(93), "three of the ten lines are taken");
    assert_eq!(press(&mut screen, KeyCode::Esc), Next::Stay);
    assert_eq!(screen.page, None);
    assert_eq!(press(&mut screen, KeyCode::Char('c')), Next::Ask(Lookup::Host([10, 0, 0, 2].into())));
    screen.open("");
    assert_eq!(press(&mut screen, KeyCode::Char('q')), Next::Leave);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.key(interrupt), Next::Leave);
    // Nothing to choose from.
    let mut screen = Screen::new(moment(&[]));
    for code in [KeyCode::Down, KeyCode::Enter, KeyCode::Char('s'), KeyCode::PageUp] {
        assert_eq!(press(&mut screen, code), Next::Stay);
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let place = Place { folder: Path::new("/nonexistent").to_owned(), config: Config::default() };
    let last = Duration::from_secs(60);
    let gone = Health {
        target: Some("http://x:1".to_owned()),
        failed: Some("refused".to_owned()),
        ..Health::default()
    };
    let moment = Moment::new(&place, last, 5, gone);
    let why = moment.nothing().unwrap();
    assert!(
        why.contains("/nonexistent: no store is there") && why.contains("the sensor at http://x:1: refused"),
        "{why}"
    );
    assert_eq!(moment.sensor().state, State::NotReached);
    assert!(
        Moment::new(&place, last, 5, Health::default()).nothing().unwrap().contains("no sensor is asked")
    );
    // One of both is enough; what is missing is said in its place.
    let moment = Moment::new(&place, last, 5, health());
    assert_eq!(moment.nothing(), None);
    let style = Style { width: 100, colour: false };
    for shown in [text::text(style, &moment), drawn(&mut Screen::new(moment.clone()), 120, 30)] {
        assert!(shown.contains("/nonexistent: no store is there") && shown.contains("mismatch"), "{shown}");
    }
    assert_eq!(serde_json::to_value(moment.document()).unwrap()["verdicts"][0]["verdict"], "mismatch");
}
