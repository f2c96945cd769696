//! `[log]`: what the sensor says of itself.

use crate::choice::choice;
use crate::parse::{choice, words};
use crate::section::section;

choice! {
    /// How a log line is written.
    LogFormat ("a format") {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

section! {
    /// The sensor's own log, on standard error.
    Log ("log") {
        /// "error", "warn", "info", "debug" or "trace", also per module: "info,offport_capture=debug".
        level: String = "info".to_owned(), words;
        /// How a line is written.
        format: LogFormat = LogFormat::Text, choice;
    }
}
