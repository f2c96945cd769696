//! TCP connection states, and why flows end.

/// How far a TCP connection (or SCTP association) got, as far as the packets show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TcpState {
    /// SYN (INIT) seen, no answer.
    SynSent = 0,
    /// SYN and SYN-ACK seen.
    SynReceived = 1,
    /// Handshake complete, or picked up midstream.
    Established = 2,
    /// FIN from one side.
    Closing = 3,
    /// FIN from both sides (SHUTDOWN COMPLETE).
    Closed = 4,
    /// RST (ABORT) seen.
    Reset = 5,
}

impl TcpState {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::SynSent,
            1 => Self::SynReceived,
            3 => Self::Closing,
            4 => Self::Closed,
            5 => Self::Reset,
            _ => Self::Established,
        }
    }

    /// Nothing more is expected of it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }
}

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Closed by both sides.
    Fin,
    /// Reset.
    Rst,
    /// No packet for the idle timeout.
    Idle,
    /// The table was full.
    Evicted,
    /// [`crate::Tracker::finish`].
    Shutdown,
}
