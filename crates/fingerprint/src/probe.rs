//! The skeleton that every protocol file fills in.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;

/// The transports that a protocol runs over: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transports(u8);

impl Transports {
    pub(crate) const TCP: Self = Self(1);
    pub(crate) const UDP: Self = Self(2);
    pub(crate) const SCTP: Self = Self(4);
    pub(crate) const TCP_UDP: Self = Self(1 | 2);

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What one probe says of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// These bytes cannot be this protocol.
    No,
    /// Nothing speaks against it, too little speaks for it: more bytes could settle it. A probe answers
    /// this only while the bytes so far are a prefix of something that it would accept.
    Maybe,
    /// It is this protocol.
    Yes(Proof),
}

/// One protocol's probe.
pub(crate) struct Probe {
    pub(crate) protocol: Protocol,
    pub(crate) transports: Transports,
    pub(crate) check: fn(&Exchange<'_>) -> Match,
}
