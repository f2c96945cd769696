//! Why a flow got its verdict, step by step, in plain words.

use std::fmt;

use crate::facts::Facts;
use crate::judgement::Judgement;
use crate::policy::Policy;

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// What the server port is for.
    Port,
    /// What the payload is, and what that means on this port.
    Seen,
    /// What the inventory says of an end.
    Host,
    /// Severity: where it starts, what raises or caps it.
    Severity,
    /// Severity: what the direction changes.
    Direction,
    /// An allow-list entry.
    Allow,
    /// The outcome.
    Verdict,
}

impl Topic {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Seen => "seen",
            Self::Host => "host",
            Self::Severity => "severity",
            Self::Direction => "direction",
            Self::Allow => "allow",
            Self::Verdict => "verdict",
        }
    }
}

/// One step on the way to a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub topic: Topic,
    /// A sentence without a full stop.
    pub text: String,
}

/// The steps to a verdict in the order in which they were taken, by the very code that judges. `Display` gives one
/// line a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// In order; the last one is the outcome.
    pub steps: Vec<Step>,
    /// The outcome.
    pub judgement: Judgement,
}

impl Policy {
    /// Judges the flow and says how.
    pub fn explain(&self, facts: &Facts) -> Explanation {
        let mut steps = Vec::new();
        let judgement = self.decide(facts, &mut steps);
        Explanation { steps, judgement }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{:<9}  {}", step.topic.name(), step.text))
    }
}

/// Takes down what was decided, or does not.
pub(crate) trait Notes {
    /// `text` is called only if the note is wanted.
    fn note(&mut self, topic: Topic, text: impl FnOnce() -> String);
}

/// Takes nothing down: the packet path.
pub(crate) struct Silent;

impl Notes for Silent {
    fn note(&mut self, _: Topic, _: impl FnOnce() -> String) {}
}

impl Notes for Vec<Step> {
    fn note(&mut self, topic: Topic, text: impl FnOnce() -> String) {
        self.push(Step { topic, text: text() });
    }
}
