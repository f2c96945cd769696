//! Bars: one SVG for each unit of a part.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plotters::prelude::*;

use super::row::Row;
use super::table::number;

const WIDTH: u32 = 960;
const BAR: i32 = 22;
const TEXT: i32 = 420;
const TOP: i32 = 56;

/// Writes the plots of all rows beside the results; returns their paths.
///
/// # Errors
/// A file cannot be written.
pub fn write(rows: &[Row], folder: &Path, stem: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut groups: Vec<(&str, &str, Vec<&Row>)> = Vec::new();
    for row in rows.iter().filter(|row| row.median.is_some_and(f64::is_finite)) {
        match groups.iter_mut().find(|(part, unit, _)| *part == row.part && *unit == row.unit) {
            Some((_, _, rows)) => rows.push(row),
            None => groups.push((&row.part, &row.unit, vec![row])),
        }
    }
    let mut paths = Vec::new();
    for (part, unit, rows) in groups.into_iter().filter(|(_, _, rows)| rows.len() > 1) {
        let name: String = format!("{part} {unit}")
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .collect();
        let path = folder.join(format!("{stem}-{}.svg", name.trim_matches('-').replace("--", "-")));
        bars(&path, &format!("{part}, {unit}"), &rows)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}

fn bars(path: &Path, title: &str, rows: &[&Row]) -> Result<(), Box<dyn std::error::Error>> {
    let height = TOP + BAR * rows.len() as i32 + 16;
    let root = SVGBackend::new(path, (WIDTH, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (16, 16), ("sans-serif", 20).into_font()))?;
    let most = rows.iter().filter_map(|row| row.median).fold(f64::MIN_POSITIVE, f64::max);
    let room = f64::from(WIDTH as i32 - TEXT - 90);
    for (place, row) in rows.iter().enumerate() {
        let median = row.median.unwrap_or(0.0);
        let y = TOP + BAR * place as i32;
        let end = TEXT + (median / most * room) as i32;
        let missed = row.targets.iter().any(|target| target.holds == Some(false));
        let colour = if missed { RGBColor(190, 70, 50) } else { RGBColor(50, 110, 170) };
        root.draw(&Text::new(row.case.clone(), (16, y + 2), ("sans-serif", 14).into_font()))?;
        root.draw(&Rectangle::new([(TEXT, y), (end.max(TEXT + 1), y + BAR - 6)], colour.filled()))?;
        root.draw(&Text::new(number(median), (end + 6, y + 2), ("sans-serif", 14).into_font()))?;
        if let Some(spread) = row.spread {
            let half = (spread / 2.0 * median / most * room) as i32;
            let middle = y + (BAR - 6) / 2;
            root.draw(&PathElement::new([(end - half, middle), (end + half, middle)], BLACK))?;
        }
    }
    root.present()?;
    Ok(())
}
