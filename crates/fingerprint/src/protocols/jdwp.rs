//! jdwp: the Java Debug Wire Protocol.
//!
//! Specification: Oracle, "Java Debug Wire Protocol" (start up). The debugger sends fourteen bytes, the virtual machine
//! repeats them.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Jdwp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, handshake, handshake)
}

fn handshake(message: Message<'_>) -> Step<Proof> {
    message.scan().expect(b"JDWP-Handshake")?;
    Ok(Proof::Banner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn the_handshake() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"JDWP-Handshake", Proof::Banner);
        tcp.server_proves(b"JDWP-Handshake\0\0\0\x29", Proof::Banner);
        assert_eq!(tcp.client(b"JDWP-Handshaka"), Match::No);
        assert_eq!(tcp.both(b"JDWP-Handshake", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
