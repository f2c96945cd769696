//! ica: Citrix's Independent Computing Architecture, and the Common Gateway Protocol that carries it.
//!
//! Specification: unpublished. Both sides of an ICA connection open with six bytes, `7F 7F 'ICA' 00`, which the server
//! repeats; the gateway protocol opens with a length and `CGP/01`.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ica,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, opening, opening)
}

fn opening(message: Message<'_>) -> Step<Proof> {
    message.scan().expect_one_of(&[b"\x7f\x7fICA\0", b"\x1aCGP/01"])?;
    Ok(Proof::Banner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn openings() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"\x7f\x7fICA\0", Proof::Banner);
        tcp.server_proves(b"\x7f\x7fICA\0\x7f\x7fICA\0", Proof::Banner);
        tcp.client_proves(b"\x1aCGP/01\0\0", Proof::Banner);
        assert_eq!(tcp.client(b"\x7fELF"), Match::No);
        assert_eq!(tcp.client(b"\x7f\x7fICB\0"), Match::No);
        assert_eq!(tcp.both(b"\x7f\x7fICA\0", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
