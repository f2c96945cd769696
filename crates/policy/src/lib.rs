//! Port and host expectations to verdict and severity.
//!
//! A [`Policy`] is built once from its configuration sections and then only read: [`Policy::judge`] takes the
//! facts of one flow and answers with the verdict, the severity and the reasons for both, without allocating.

mod facts;
mod judgement;

pub use facts::{Facts, Seen};
pub use judgement::{Judgement, NetworkDirection, Reason, Reasons, RuleId, Severity, Verdict};
