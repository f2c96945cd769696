//! `[privileges]`: what the sensor gives up once it has started.

use crate::parse::{choice, optional_text};
use crate::section::section;
use crate::sections::Want;

section! {
    /// Who it is, and what it may do.
    Privileges ("privileges") {
        /// Started as root, it becomes this user; `None`: `offport`, if there is one.
        user: Option<String> = None, optional_text;
        /// Capabilities, Landlock and seccomp: all but what is needed is given up.
        sandbox: Want = Want::Auto, choice;
    }
}
