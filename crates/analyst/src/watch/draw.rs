//! The screen, drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Sparkline, Table, TableState};

use super::moment::Moment;
use super::screen::{Page, Screen};
use super::text::{PAIR_HEADER, pair_cells, verdict_cells};
use crate::number::{date_time, short, span};
use crate::terminal::clean;

const KEYS: &str = "↑ ↓ choose   Enter latest session   c client   s server   q end";
const PAGE_KEYS: &str = "↑ ↓ PgUp PgDn scroll   Esc back   q end";
/// Columns of a pair, those that matter most first: the last make room where it is narrow.
const PRIORITY: [usize; 10] = [0, 1, 2, 4, 6, 7, 9, 3, 8, 5];
/// Rows of the verdicts' table at most, so that pairs have room.
const VERDICTS: usize = 8;

pub(super) fn draw(frame: &mut Frame<'_>, screen: &mut Screen) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(2), Constraint::Fill(1), Constraint::Length(1)])
            .areas(frame.area());
    let keys = if screen.page.is_some() { PAGE_KEYS } else { KEYS };
    let keys = if screen.waits { "the store is asked …" } else { keys };
    frame.render_widget(Line::styled(keys, Modifier::DIM), foot);
    heading(frame, head, &screen.moment);
    screen.height = usize::from(body.height);
    match &screen.page {
        Some(page) => text(frame, body, page),
        None => overview(frame, body, &screen.moment, screen.row()),
    }
}

fn heading(frame: &mut Frame<'_>, area: Rect, moment: &Moment) {
    let sensor = moment.sensor();
    let style = if sensor.is_unwell() { Style::from(Color::Yellow) } else { Style::new() };
    let time = Line::from(vec![
        Span::styled("offport watch", Modifier::BOLD),
        Span::raw(format!("   {} UTC", date_time(moment.time))),
    ]);
    let lines = vec![time, Line::styled(clean(&sensor.headline()), style)];
    frame.render_widget(Paragraph::new(lines), area);
}

fn overview(frame: &mut Frame<'_>, area: Rect, moment: &Moment, chosen: Option<usize>) {
    let verdicts = moment.verdicts();
    let shown = verdicts.len().clamp(1, VERDICTS) as u16;
    // The curve is the first to make room.
    let curve = if area.height >= shown + 14 && !moment.health.rates.is_empty() { 5 } else { 0 };
    let [rates, table, pairs] =
        Layout::vertical([Constraint::Length(curve), Constraint::Length(shown + 2), Constraint::Fill(1)])
            .areas(area);
    if curve > 0 {
        packets(frame, rates, moment);
    }
    let last = format!("last {}", span(moment.last));
    let header = Row::new(["Verdict", "Per s", &last, "Flagged", "Bytes"]).style(Modifier::DIM);
    let rows = verdicts.iter().take(VERDICTS).map(|row| {
        let style = if row.flagged > 0 { Style::from(Color::Red) } else { Style::new() };
        let [name, numbers @ ..] = verdict_cells(row);
        let numbers = numbers.map(|number| Line::raw(number).right_aligned());
        Row::new(std::iter::once(Line::raw(name)).chain(numbers)).style(style)
    });
    let widths = [14, 8, 14, 10, 10].map(Constraint::Length);
    frame.render_widget(Table::new(rows, widths).header(header), table);
    flagged(frame, pairs, moment, chosen);
}

/// Packets per second, as far back as the width reaches.
fn packets(frame: &mut Frame<'_>, area: Rect, moment: &Moment) {
    let [title, curve, _] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    let width = usize::from(curve.width);
    let rates = &moment.health.rates;
    let shown: Vec<u64> =
        rates.iter().skip(rates.len().saturating_sub(width)).map(|rate| rate.packets as u64).collect();
    let most = shown.iter().copied().max().unwrap_or_default();
    let title_text = format!("Packets per second, at most {}", short(most as f64));
    frame.render_widget(Line::styled(title_text, Modifier::DIM), title);
    frame.render_widget(Sparkline::default().data(shown).max(most.max(1)), curve);
}

fn flagged(frame: &mut Frame<'_>, area: Rect, moment: &Moment, chosen: Option<usize>) {
    let [title, list] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let text = match (&moment.store, moment.pairs_total()) {
        (Err(why), _) => Line::styled(clean(why), Color::Red),
        (Ok(_), 0) => Line::raw(format!("Nothing was flagged in the last {}.", span(moment.last))),
        (Ok(_), total) => Line::styled(
            format!("Flagged pairs: {} of {total}, the worst first", moment.pairs().len()),
            Modifier::BOLD,
        ),
    };
    frame.render_widget(text, title);
    let cells: Vec<_> = moment.pairs().iter().map(pair_cells).collect();
    let columns = columns(&cells, area.width);
    let widths: Vec<_> = columns.iter().map(|&(_, width)| Constraint::Length(width)).collect();
    let header = Row::new(columns.iter().map(|&(column, _)| PAIR_HEADER[column])).style(Modifier::DIM);
    let rows = cells.iter().map(|cells| {
        let style = if cells[5] == "high" { Style::from(Color::Red) } else { Style::from(Color::Yellow) };
        let line = |&(column, _): &(usize, u16)| {
            let line = Line::raw(cells[column].as_str());
            if (6..9).contains(&column) { line.right_aligned() } else { line }
        };
        Row::new(columns.iter().map(line).collect::<Vec<_>>()).style(style)
    });
    let table = Table::new(rows, widths).header(header).row_highlight_style(Modifier::REVERSED);
    frame.render_stateful_widget(table, list, &mut TableState::new().with_selected(chosen));
}

/// The columns that fit, from left to right, and how wide they are.
fn columns(cells: &[[String; 10]], width: u16) -> Vec<(usize, u16)> {
    let mut left = usize::from(width);
    let mut columns = Vec::new();
    for column in PRIORITY {
        let widest = cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default();
        let needed = widest.max(PAIR_HEADER[column].len());
        let Some(rest) = left.checked_sub(needed) else { break };
        columns.push((column, needed as u16));
        // A space between two.
        left = rest.saturating_sub(1);
    }
    columns.sort_unstable();
    columns
}

fn text(frame: &mut Frame<'_>, area: Rect, page: &Page) {
    let lines: Vec<_> = page.lines.iter().skip(page.top).map(|line| Line::raw(line.as_str())).collect();
    frame.render_widget(Paragraph::new(lines), area);
}
