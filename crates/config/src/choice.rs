//! Settings that are one of a few words.

/// One of a few words.
pub(crate) trait Choice: Sized + Copy + 'static {
    /// What it is, with article, for messages: "a severity".
    const WHAT: &'static str;

    /// Every value.
    fn all() -> &'static [Self];

    /// The word for it.
    fn word(self) -> &'static str;
}

/// Declares the values, their words and what each means.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident ($what:literal) { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The word for it in the configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::choice::Choice for $name {
            const WHAT: &'static str = $what;

            fn all() -> &'static [Self] {
                &[$(Self::$variant,)*]
            }

            fn word(self) -> &'static str {
                self.name()
            }
        }
    };
}

pub(crate) use choice;

impl Choice for offport_policy::Severity {
    const WHAT: &'static str = "a severity";

    fn all() -> &'static [Self] {
        Self::ALL
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Choice for offport_policy::Verdict {
    const WHAT: &'static str = "a verdict";

    fn all() -> &'static [Self] {
        Self::ALL
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Choice for offport_fingerprint::Proof {
    const WHAT: &'static str = "a strength";

    fn all() -> &'static [Self] {
        &[Self::Heuristic, Self::Banner, Self::Structure]
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Choice for offport_fingerprint::signature::Spoken {
    const WHAT: &'static str = "a side";

    fn all() -> &'static [Self] {
        &[Self::Client, Self::Server, Self::Either]
    }

    fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Either => "either",
        }
    }
}

impl Choice for offport_fingerprint::signature::ByteOrder {
    const WHAT: &'static str = "a byte order";

    fn all() -> &'static [Self] {
        &[Self::Big, Self::Little]
    }

    fn word(self) -> &'static str {
        match self {
            Self::Big => "big",
            Self::Little => "little",
        }
    }
}

impl Choice for offport_fingerprint::signature::Counts {
    const WHAT: &'static str = "what a length can count";

    fn all() -> &'static [Self] {
        &[Self::Message, Self::Rest]
    }

    fn word(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Rest => "rest",
        }
    }
}

impl Choice for offport_wire::Transport {
    const WHAT: &'static str = "a transport";

    fn all() -> &'static [Self] {
        &[Self::TCP, Self::UDP, Self::SCTP]
    }

    fn word(self) -> &'static str {
        self.name().unwrap_or_default()
    }
}
