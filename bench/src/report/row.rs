//! One line of the table.

use serde::{Deserialize, Serialize};

use crate::rounds::Series;

/// One case, and what was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// What belongs together in table and plot.
    pub part: String,
    /// What was measured.
    pub case: String,
    /// The median of the rounds; `None` when there is none, for the reason that `note` gives.
    pub median: Option<f64>,
    /// What it is a number of.
    pub unit: String,
    /// The range of the middle half of the rounds, as a part of the median.
    pub spread: Option<f64>,
    /// The same in other words, or why there is nothing.
    pub note: String,
    /// By how much of what.
    pub ratio: Option<(f64, String)>,
    /// What is asked for.
    pub targets: Vec<Target>,
}

/// What is asked for, and whether it holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    /// In words.
    pub words: String,
    /// `None`: the run proves nothing (`--quick`, or skipped).
    pub holds: Option<bool>,
}

impl Row {
    /// A median in a unit.
    pub fn new(part: impl Into<String>, case: impl Into<String>, series: &Series, unit: &str) -> Self {
        Self {
            part: part.into(),
            case: case.into(),
            median: Some(series.median()),
            unit: unit.to_owned(),
            spread: Some(series.spread()),
            ..Self::default()
        }
    }

    /// What could not be measured, and why: loudly, never with a number.
    pub fn skipped(part: impl Into<String>, case: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            case: case.into(),
            note: format!("SKIPPED: {}", why.into()),
            ..Self::default()
        }
    }

    /// Whether it is the row of something that could not be measured.
    pub fn is_skipped(&self) -> bool {
        self.note.starts_with("SKIPPED")
    }

    /// The same in other words.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Ratio, round by round, to another series.
    #[must_use]
    pub fn ratio(mut self, ratio: f64, to: &str) -> Self {
        self.ratio = Some((ratio, to.to_owned()));
        self
    }

    /// Asks for something; `claim` is whether this run may say so.
    #[must_use]
    pub fn target(mut self, words: impl Into<String>, holds: bool, claim: bool) -> Self {
        self.targets.push(Target { words: words.into(), holds: claim.then_some(holds) });
        self
    }
}
