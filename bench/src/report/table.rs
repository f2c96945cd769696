//! The table, for eyes and for Markdown.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::row::Row;

const HEADINGS: [&str; 7] = ["case", "median", "spread", "that is", "ratio", "target", "holds"];

/// All rows, part by part.
pub fn text(rows: &[Row]) -> String {
    render(rows, presets::UTF8_BORDERS_ONLY)
}

/// The same as a Markdown table.
pub fn markdown(rows: &[Row]) -> String {
    render(rows, presets::ASCII_MARKDOWN)
}

fn render(rows: &[Row], preset: &str) -> String {
    let mut table = Table::new();
    table.load_preset(preset).set_content_arrangement(ContentArrangement::Disabled).set_header(HEADINGS);
    for column in 1..=2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut part = "";
    for row in rows {
        if row.part != part {
            part = &row.part;
            table.add_row([format!("**{part}**")]);
        }
        table.add_row(cells(row));
    }
    table.to_string()
}

fn cells(row: &Row) -> [String; 7] {
    let each = |of: &dyn Fn(&super::row::Target) -> String| {
        row.targets.iter().map(of).collect::<Vec<_>>().join("; ")
    };
    [
        row.case.clone(),
        row.median.map_or_else(|| "—".to_owned(), |median| format!("{} {}", number(median), row.unit)),
        row.spread.map_or_else(String::new, |spread| format!("{:.0} %", spread * 100.0)),
        row.note.clone(),
        row.ratio.as_ref().map_or_else(String::new, |(ratio, to)| format!("{} × {to}", number(*ratio))),
        each(&|target| target.words.clone()),
        each(&|target| match target.holds {
            Some(true) => "yes".to_owned(),
            Some(false) => "NO".to_owned(),
            None => "not claimed".to_owned(),
        }),
    ]
}

/// Three digits that mean something.
pub fn number(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        magnitude if magnitude >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
