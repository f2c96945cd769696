//! What the user sees and chose, and what keys do. Nothing here touches a terminal.

use std::net::IpAddr;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::moment::Moment;
use crate::desk::pairs::Pair;

/// The screen's state.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) moment: Moment,
    /// The pair that was chosen: it stays so where the list changes its order.
    chosen: Option<Pair>,
    /// A page in front of the overview.
    pub(super) page: Option<Page>,
    /// A question that is being answered.
    pub(super) waits: bool,
    /// Lines of the page that fit; known once it was drawn.
    pub(super) height: usize,
}

/// An answer, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) lines: Vec<String>,
    /// The first line shown.
    pub(super) top: usize,
}

/// What is asked of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The latest session of a pair.
    Session(Pair),
    /// A host's summary.
    Host(IpAddr),
}

/// What a key leads to, beyond the screen's own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    Leave,
    Ask(Lookup),
}

impl Screen {
    pub(super) fn new(moment: Moment) -> Self {
        Self { moment, chosen: None, page: None, waits: false, height: 0 }
    }

    /// Where the chosen pair is in the list.
    pub(super) fn row(&self) -> Option<usize> {
        let pairs = self.moment.pairs();
        let chosen = self.chosen.as_ref();
        let at = chosen.and_then(|chosen| pairs.iter().position(|(pair, _)| pair == chosen));
        at.or_else(|| (!pairs.is_empty()).then_some(0))
    }

    fn pair(&self) -> Option<&Pair> {
        let pairs = self.moment.pairs();
        self.row().and_then(|row| pairs.get(row)).map(|(pair, _)| pair)
    }

    /// Shows an answer.
    pub(super) fn open(&mut self, text: &str) {
        self.waits = false;
        self.page = Some(Page { lines: text.lines().map(str::to_owned).collect(), top: 0 });
    }

    /// A key was pressed.
    pub(super) fn key(&mut self, key: KeyEvent) -> Next {
        if key.kind == KeyEventKind::Release {
            return Next::Stay;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => return Next::Leave,
            KeyCode::Char(_) if control => return Next::Stay,
            KeyCode::Char('q') => return Next::Leave,
            _ => {}
        }
        if let Some(page) = &mut self.page {
            let most = page.lines.len().saturating_sub(self.height);
            match key.code {
                KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => self.page = None,
                code => page.top = moved(page.top, self.height, code).min(most),
            }
            return Next::Stay;
        }
        let lookup = match key.code {
            KeyCode::Enter | KeyCode::Right => self.pair().cloned().map(Lookup::Session),
            KeyCode::Char('c') => self.pair().map(|pair| Lookup::Host(pair.source)),
            KeyCode::Char('s') => self.pair().map(|pair| Lookup::Host(pair.destination)),
            code => {
                if let Some(row) = self.row() {
                    let pairs = self.moment.pairs();
                    self.chosen = Some(pairs[moved(row, 10, code).min(pairs.len() - 1)].0.clone());
                }
                None
            }
        };
        match lookup {
            Some(lookup) if !self.waits => {
                self.waits = true;
                Next::Ask(lookup)
            }
            _ => Next::Stay,
        }
    }
}

/// Where a key leads from a line; `page` lines are a page.
fn moved(line: usize, page: usize, code: KeyCode) -> usize {
    match code {
        KeyCode::Up | KeyCode::Char('k') => line.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => line + 1,
        KeyCode::PageUp => line.saturating_sub(page.max(1)),
        KeyCode::PageDown | KeyCode::Char(' ') => line + page.max(1),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => usize::MAX,
        _ => line,
    }
}
