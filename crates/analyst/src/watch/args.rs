//! What can be typed to `offport watch`.

use clap::Args;

use crate::desk::args::StoreArgs;
use crate::desk::when::Span;

pub(crate) const NOTES: &str = "\
Keys: up and down choose a pair, Enter shows its latest session, c and s the summary of its client and server,
Esc goes back, q ends. Where standard output is no terminal, it prints once, as with --once.

Exit codes: 0 ended by q, SIGINT or SIGTERM, or printed; 2 wrong usage; 3 neither store nor sensor could be read.";

/// `offport watch`.
#[derive(Debug, Args)]
pub struct Watch {
    #[command(flatten)]
    pub store: StoreArgs,
    /// The sensor's listener, for rates and health. Default: http.listen of the configuration.
    #[arg(long, value_name = "URL")]
    pub sensor: Option<String>,
    /// Verdicts and pairs of so much time up to now.
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    pub last: Span,
    /// How often it looks; 2s.
    #[arg(long, value_name = "SPAN", value_parser = every, conflicts_with = "once")]
    pub every: Option<Span>,
    /// Print once, as text (or with --json as one object), and end. Rates are those of one second.
    #[arg(long)]
    pub once: bool,
    /// Flagged pairs; 20 where they are printed, 200 on the screen, which scrolls.
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
}

fn every(text: &str) -> Result<Span, String> {
    match text.parse()? {
        Span(span) if span.is_zero() => Err("at least 1s".to_owned()),
        span => Ok(span),
    }
}
