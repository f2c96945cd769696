//! `[sensor]`.

use crate::parse::optional_text;
use crate::section::section;

section! {
    /// Who is watching.
    Sensor ("sensor") {
        /// `observer.name` of everything that goes out; `None`: the host's name.
        name: Option<String> = None, optional_text;
    }
}
