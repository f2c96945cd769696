//! Verdict, severity, and why.

use offport_fingerprint::ProtocolSet;

macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$doc])* $variant,)* }

        impl $type {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Lower-case name, as in records, metrics and the configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Position in `ALL`.
            pub const fn index(self) -> usize {
                self as usize
            }

            /// The value of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

named! {
    /// What a flow with payload is, for its port and its hosts.
    Verdict {
        /// The protocol is one that the port is reserved for.
        Expected = "expected",
        /// Another known protocol on a reserved port.
        Mismatch = "mismatch",
        /// A reserved port carries no known protocol.
        Unrecognised = "unrecognised",
        /// Starts like the port's protocol, then breaks its rules.
        Imposter = "imposter",
        /// A host rule says that this host may not speak or serve this.
        Forbidden = "forbidden",
        /// A known service on a port that is reserved for nothing.
        Displaced = "displaced",
        /// An unknown protocol on an unreserved port.
        Unknown = "unknown",
        /// Too little payload to say.
        Undecided = "undecided",
    }
}

named! {
    /// How much it matters; ordered.
    Severity {
        /// Nothing to see.
        None = "none",
        /// Worth a statistic.
        Info = "info",
        /// Worth a look some day.
        Low = "low",
        /// Worth a look today.
        Medium = "medium",
        /// Worth a look now.
        High = "high",
    }
}

named! {
    /// Where a flow runs, by the home networks (`network.direction`). Seen from the client.
    NetworkDirection {
        /// From outside to a home network.
        Inbound = "inbound",
        /// From a home network to outside.
        Outbound = "outbound",
        /// Between home networks.
        Internal = "internal",
        /// Between networks that are not home.
        External = "external",
    }
}

named! {
    /// A short code in `offport.reasons`; `docs/verdicts.md` explains each.
    Reason {
        /// The port is reserved and this protocol is one that it is reserved for.
        PortExpects = "port_expects",
        /// The port is reserved for other protocols.
        PortReserved = "port_reserved",
        /// No known protocol starts like this payload.
        NoKnownProtocol = "no_known_protocol",
        /// The port is reserved for nothing.
        PortUnreserved = "port_unreserved",
        /// Too few payload bytes.
        TooLittlePayload = "too_little_payload",
        /// The flow's start was not seen: no alarm on a guess.
        Midstream = "midstream",
        /// The identification is a heuristic one.
        WeakProof = "weak_proof",
        /// The inventory forbids the client to speak this.
        ClientMayNotSpeak = "client_may_not_speak",
        /// The inventory forbids the server to serve this.
        ServerMayNotServe = "server_may_not_serve",
        /// An allow-list entry covers the flow.
        Allowed = "allowed",
        /// Leaves a home network: severity raised.
        LeavesHome = "leaves_home",
        /// Stays within home networks: severity lowered.
        StaysHome = "stays_home",
        /// Neither end is in a home network.
        NotHome = "not_home",
        /// A home host sent a lot of data out: severity raised.
        LargeOutput = "large_output",
        /// The port also carries protocols that offport cannot name: severity capped.
        PortOpen = "port_open",
        /// Not what the port is reserved for, but honest practice there: severity capped.
        PortTolerates = "port_tolerates",
        /// Starts like a protocol, then breaks its rules.
        BreaksRules = "breaks_rules",
        /// Encrypted, or compressed, from its first byte on.
        LooksEncrypted = "looks_encrypted",
        /// A subflow of a Multipath TCP connection, which may begin anywhere in its data: no alarm on a guess.
        Subflow = "subflow",
    }
}

const _: () = assert!(Reason::ALL.len() <= 32, "Reasons holds 32 bits");

/// A set of [`Reason`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(u32);

impl Reasons {
    /// Adds one.
    pub const fn insert(&mut self, reason: Reason) {
        self.0 |= 1 << reason.index();
    }

    /// Whether it is among them.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & 1 << reason.index() != 0
    }

    /// The reasons, in the order of [`Reason::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.iter().copied().filter(move |&reason| self.contains(reason))
    }
}

/// A named rule of the policy (a port, an inventory or an allow-list entry): `Policy::rule_name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleId(pub u16);

impl Verdict {
    /// Whether it accuses: what an analyst looks at.
    pub const fn is_alarm(self) -> bool {
        matches!(self, Self::Mismatch | Self::Unrecognised | Self::Imposter | Self::Forbidden)
    }
}

impl Severity {
    /// One step more; `high` stays.
    pub const fn raised(self) -> Self {
        match self {
            Self::None => Self::Info,
            Self::Info => Self::Low,
            Self::Low => Self::Medium,
            Self::Medium | Self::High => Self::High,
        }
    }

    /// One step less; `none` stays.
    pub const fn lowered(self) -> Self {
        match self {
            Self::None | Self::Info => Self::None,
            Self::Low => Self::Info,
            Self::Medium => Self::Low,
            Self::High => Self::Medium,
        }
    }
}

/// The outcome of judging one flow. Copyable: it travels inside flow records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Its severity, after all adjustments.
    pub severity: Severity,
    /// Why.
    pub reasons: Reasons,
    /// What the server port is reserved for; empty when it is not.
    pub expected: ProtocolSet,
    /// The rule that decided.
    pub rule: Option<RuleId>,
    /// Where the flow runs.
    pub direction: NetworkDirection,
}
