//! The skeleton of a section: its keys, their defaults and how each is read, in one place.

use crate::reader::{Problems, Table};

/// A table with a fixed set of keys.
pub(crate) trait Section: Default {
    /// Its name with its tables: `flow.timeouts`.
    const NAME: &'static str;
    /// Its keys.
    const KEYS: &'static [&'static str];

    /// What is absent or wrong keeps its default; what is wrong is reported.
    fn read(table: &Table<'_>, problems: &mut Problems<'_>) -> Self;
}

/// Declares a section: per key its documentation, type, default and parser.
macro_rules! section {
    (
        $(#[$meta:meta])*
        $name:ident ($path:literal) {
            $($(#[$doc:meta])* $key:ident: $type:ty = $default:expr, $parser:expr;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$doc])* pub $key: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::section::Section for $name {
            const NAME: &'static str = $path;
            const KEYS: &'static [&'static str] = &[$(stringify!($key),)*];

            fn read(
                table: &$crate::reader::Table<'_>,
                problems: &mut $crate::reader::Problems<'_>,
            ) -> Self {
                table.only(Self::KEYS, $crate::config::elsewhere(Self::NAME), problems);
                let mut section = Self::default();
                $(if let Some(value) = table.read(stringify!($key), problems, $parser) {
                    section.$key = value;
                })*
                section
            }
        }
    };
}

pub(crate) use section;
