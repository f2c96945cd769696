//! Port and host expectations to verdict and severity.
//!
//! A [`Policy`] is built once from its configuration [`Sections`] and then only read: [`Policy::judge`] takes the
//! facts of one flow and answers with the verdict, the severity and the reasons for both, without allocating;
//! [`Policy::explain`] takes the same steps aloud.

mod allow;
mod explain;
mod facts;
mod judge;
mod judgement;
mod policy;
mod port_table;
mod ports;
mod prefix;
mod sections;

pub use explain::{Explanation, Step, Topic};
pub use facts::{Facts, Seen};
pub use judgement::{Judgement, NetworkDirection, Reason, Reasons, RuleId, Severity, Verdict};
pub use policy::{Policy, TooManyRules};
pub use sections::{AllowRule, HostRule, PortRange, PortRule, Sections, Severities};
