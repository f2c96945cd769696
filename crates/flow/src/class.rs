//! Classes of flows: each has one idle timeout and one list, oldest first.

use offport_wire::Transport;

use crate::config::Timeouts;
use crate::entry::{Hot, Stage};
use crate::state::TcpState;
use crate::table::COARSE;

/// What a flow's idle timeout and its place in the order of eviction depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// TCP, SCTP: handshake not complete, no payload.
    HalfOpen,
    /// TCP, SCTP: payload, but only one side was ever heard.
    OneSided,
    /// TCP, SCTP: open, both sides heard.
    Established,
    /// TCP, SCTP: closed by both sides or reset.
    Over,
    /// UDP: only one side was ever heard.
    Unanswered,
    /// UDP: both sides heard.
    Datagram,
    /// ICMP and protocols without ports.
    Other,
    /// TCP, SCTP, flagged.
    FlaggedOpen,
    /// TCP, SCTP, flagged, closed by both sides or reset.
    FlaggedOver,
    /// UDP, flagged.
    FlaggedDatagram,
}

impl Class {
    pub(crate) const ALL: [Self; 10] = [
        Self::HalfOpen,
        Self::OneSided,
        Self::Established,
        Self::Over,
        Self::Unanswered,
        Self::Datagram,
        Self::Other,
        Self::FlaggedOpen,
        Self::FlaggedOver,
        Self::FlaggedDatagram,
    ];

    pub(crate) fn of<K>(hot: &Hot<K>) -> Self {
        match hot.transport() {
            Transport::TCP | Transport::SCTP => match (hot.state().is_over(), hot.flagged()) {
                (true, true) => Self::FlaggedOver,
                (true, false) => Self::Over,
                (false, true) => Self::FlaggedOpen,
                (false, false) => Self::of_open(hot),
            },
            Transport::UDP if hot.flagged() => Self::FlaggedDatagram,
            Transport::UDP if hot.answered() => Self::Datagram,
            Transport::UDP => Self::Unanswered,
            _ => Self::Other,
        }
    }

    fn of_open<K>(hot: &Hot<K>) -> Self {
        let handshake = matches!(hot.state(), TcpState::SynSent | TcpState::SynReceived);
        match (hot.answered(), hot.stage() != Stage::Silent) {
            (true, _) if !handshake => Self::Established,
            (false, true) => Self::OneSided,
            _ => Self::HalfOpen,
        }
    }
}

/// Timeouts in microseconds, by class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    by_class: [u64; Class::ALL.len()],
    /// The binary logarithm of how exactly each class's list is in order; see [`Idle::step`].
    shifts: [u32; Class::ALL.len()],
    /// The shortest timeout: what the packet path compares with first.
    pub(crate) shortest: u64,
}

impl Idle {
    pub(crate) fn new(timeouts: &Timeouts) -> Self {
        let by_class = Class::ALL.map(|class| {
            let timeout = match class {
                Class::HalfOpen => timeouts.half_open,
                Class::OneSided | Class::Established | Class::FlaggedOpen => timeouts.established,
                Class::Over | Class::FlaggedOver => timeouts.closed,
                Class::Unanswered | Class::Datagram | Class::FlaggedDatagram => timeouts.udp,
                Class::Other => timeouts.other,
            };
            u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX).max(1)
        });
        let shortest = by_class.iter().copied().min().unwrap_or(1);
        // An eighth to a sixteenth of the timeout, so that a flow with few packets moves seldom; a second at least.
        let shifts = by_class.map(|timeout| (timeout / 8).max(COARSE).ilog2());
        Self { by_class, shifts, shortest }
    }

    /// The step of a class's list that a time falls into: a flow moves to the end of the list at most once per step.
    #[inline]
    pub(crate) fn step(&self, class: Class, time: u64) -> u64 {
        time >> self.shifts[class as usize]
    }

    pub(crate) fn of(&self, class: Class) -> u64 {
        self.by_class[class as usize]
    }
}
