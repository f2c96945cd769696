//! Which rules there are.

use super::dialogue::{Dialogue, Service};
use super::dns::Dns;
use super::http::Http;
use super::ssh::Ssh;
use super::tls::Tls;
use super::{Breach, DataPort, Heard, Other, Piece};
use crate::exchange::Exchange;
use crate::name::Protocol;

/// Packets after which a flow has shown enough, without those that are passed over.
pub(super) const PACKETS: u16 = 64;
/// The same where it takes many to tell.
const MANY_PACKETS: u16 = 256;

/// What rules make of the bytes that stand next in a side's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// They are too few; never of as many as a [`super::cursor::HEAD`].
    More,
    /// So many are done with, one at least: also more than are there, to be passed over.
    Took(u64),
    /// Nothing more is to be looked at.
    Enough,
    /// A rule is broken.
    Broken(Breach),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    Tls(Tls),
    Http(Http),
    Ssh(Ssh),
    Dns(Dns),
    Dialogue(Dialogue),
}

impl Rules {
    pub(super) fn of(protocol: Protocol, exchange: &Exchange<'_>) -> Option<Self> {
        Some(match protocol {
            Protocol::Tls => Self::Tls(Tls::default()),
            Protocol::Http => Self::Http(Http::default()),
            Protocol::Ssh => Self::Ssh(Ssh::default()),
            Protocol::Dns => Self::Dns(Dns::of(exchange)),
            Protocol::Smtp => Self::Dialogue(Dialogue::of(Service::Smtp)),
            Protocol::Ftp => Self::Dialogue(Dialogue::of(Service::Ftp)),
            Protocol::Pop3 => Self::Dialogue(Dialogue::of(Service::Pop3)),
            Protocol::Imap => Self::Dialogue(Dialogue::of(Service::Imap)),
            _ => return None,
        })
    }

    /// Whether more is had of a flow than that it keeps to the rules, for as long as it goes on.
    pub(super) const fn names_data_ports(&self) -> bool {
        matches!(self, Self::Dialogue(dialogue) if dialogue.names_data_ports())
    }

    pub(super) const fn take_data_port(&mut self) -> Option<DataPort> {
        match self {
            Self::Dialogue(dialogue) => dialogue.take_data_port(),
            Self::Tls(_) | Self::Http(_) | Self::Ssh(_) | Self::Dns(_) => None,
        }
    }

    pub(super) const fn packets(&self) -> u16 {
        match self {
            Self::Dns(_) => MANY_PACKETS,
            _ => PACKETS,
        }
    }

    /// `other`: of what the other side has said until then.
    pub(super) fn read(&mut self, piece: &Piece<'_>, other: Other, head: &[u8]) -> Step {
        match self {
            Self::Tls(tls) => tls.read(piece.speaker, other, head),
            Self::Http(http) => http.read(piece.speaker, head),
            Self::Ssh(ssh) => ssh.read(piece.speaker, head),
            Self::Dns(dns) => dns.read(piece, head),
            Self::Dialogue(dialogue) => dialogue.read(piece.speaker, other, head),
        }
    }

    /// What is made of a flow that has kept to the rules for as long as it is watched.
    pub(super) fn at_last(&self, answered: bool) -> Heard {
        let breach = match self {
            Self::Tls(tls) => tls.at_last(answered),
            Self::Http(http) => http.at_last(answered),
            Self::Ssh(_) | Self::Dns(_) | Self::Dialogue(_) => None,
        };
        breach.map_or(Heard::Enough, |breach| Heard::Broken(super::Broken { breach, at: 0 }))
    }
}
