//! What a terminal shows: width, colour, tables, messages.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use comfy_table::{Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width};

/// Width of text that goes to a pipe or a file, if `COLUMNS` does not say otherwise.
const PIPE_WIDTH: u16 = 100;
/// Narrower than this, tables fall apart.
const MIN_WIDTH: u16 = 40;

/// Prints a message to standard error. Text of captures and file names may hold anything: see [`clean`].
#[expect(clippy::print_stderr, reason = "the one place that does")]
pub(crate) fn complain(message: &str) {
    eprintln!("offport: {}", clean(message));
}

/// How text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) width: u16,
    pub(crate) colour: bool,
}

impl Style {
    /// For text that goes to standard output, or to standard error.
    pub(crate) fn detect(stderr: bool) -> Self {
        let terminal = if stderr { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        // https://no-color.org: set and not empty.
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let columns = std::env::var("COLUMNS").ok().and_then(|value| value.parse().ok());
        let width = match columns {
            Some(columns) => columns,
            None if terminal => terminal_width(stderr).filter(|&width| width > 0).unwrap_or(PIPE_WIDTH),
            None => PIPE_WIDTH,
        };
        Self { width: width.max(MIN_WIDTH), colour: terminal && !no_colour }
    }

    /// `text` in a colour (SGR parameters), or as it is.
    pub(crate) fn paint(self, sgr: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A heading.
    pub(crate) fn heading(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// A table that fits the width. The first column is text, the others are numbers, unless `texts` names them.
    pub(crate) fn table(self, header: &[&str], texts: &[usize], rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        // Colours and width are decided here, not by what comfy-table finds.
        table.force_no_tty();
        if self.colour {
            table.enforce_styling();
        }
        table.load_preset(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.width);
        table.set_header(header.iter().map(|&name| {
            let cell = Cell::new(name);
            if self.colour { cell.fg(Color::DarkGrey) } else { cell }
        }));
        table.add_rows(rows);
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((if at == 0 { 2 } else { 1 }, 1));
            if at > 0 && !texts.contains(&at) {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::ContentWidth);
            } else if at == 0 {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(15)));
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// `text` cut to the width, after an indent of `indent`.
    pub(crate) fn fit(self, text: &str, indent: usize) -> String {
        cut(text, usize::from(self.width).saturating_sub(indent))
    }
}

/// Control characters escaped: what a capture or a file name holds must not reach the terminal as a command.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => cleaned.push('\n'),
            // Bidirectional overrides can make one address look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => cleaned.extend(character.escape_unicode()),
            _ if character.is_control() => cleaned.extend(character.escape_default()),
            _ => cleaned.push(character),
        }
    }
    cleaned
}

/// Standard error, for a summary whose place on standard output is taken.
pub(crate) fn to_stderr(text: &str) -> io::Result<()> {
    io::stderr().write_all(text.as_bytes())
}

/// At most `width` characters, the last of them an ellipsis if there were more.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

fn terminal_width(stderr: bool) -> Option<u16> {
    let mut table = Table::new();
    if stderr {
        table.use_stderr();
    }
    table.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(clean("a\x1b[31mb\u{202e}c\r\td\ne"), "a\\u{1b}[31mb\\u{202e}c\\r\\td\ne");
    }

    #[test]
    fn cut_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("abc", 0), "…");
    }

    #[test]
    fn tables_fit() {
        let rows =
            vec![vec!["2001:db8:1111:2222:3333:4444:5555:6666".to_owned(), "12,345".into(), "9 B".into()]];
        let plain = Style { width: 40, colour: false };
        let text = plain.table(&["Host", "Flows", "Up"], &[], rows.clone());
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(!text.contains('\x1b'));
        assert!(
            Style { width: 40, colour: true }.table(&["Host", "Flows", "Up"], &[], rows).contains('\x1b')
        );
    }
}
