//! gearman: Gearman's binary protocol.
//!
//! Specification: gearman.org, "Gearman Protocol", binary packets. A header proves it: `\0REQ` or `\0RES`, a type of packet
//! that this side sends, and a size, zero for those without arguments. The administrative text protocol is not looked for.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Gearman,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| packet(message, true), |message| packet(message, false))
}

fn packet(message: Message<'_>, from_client: bool) -> Step<Proof> {
    const TYPE_LAST: u64 = 44;
    const LARGEST: u64 = 0x1000_0000;
    let mut scan = message.scan();
    scan.expect(if from_client { b"\0REQ" } else { b"\0RES" })?;
    let kind = scan.be(4, 1..=TYPE_LAST)?;
    let size = scan.be(4, 0..=LARGEST)?;
    require(match kind {
        // Reset abilities, pre-sleep, grab a job: nothing to say.
        3 | 4 | 9 | 30 | 39 => from_client && size == 0,
        // No-op, no job.
        6 | 10 => !from_client && size == 0,
        // Submissions and statuses; echo; what workers can do.
        1 | 2 | 7 | 15 | 16 | 18 | 21..=24 | 26 | 32..=38 | 41 | 42 => from_client,
        8 | 11 | 17 | 19 | 20 | 27 | 31 | 40 | 43 | 44 => !from_client,
        // A worker's reports, handed on to the client.
        12..=14 | 25 | 28 | 29 => true,
        _ => false,
    })?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn packets() {
        let tcp = Trial::tcp(check);
        let submit = b"\0REQ\0\0\0\x07\0\0\0\x0dreverse\0\0test";
        let created = b"\0RES\0\0\0\x08\0\0\0\x07H:lap:1";
        tcp.client_proves(submit, Proof::Structure);
        tcp.client_proves(b"\0REQ\0\0\0\x03\0\0\0\0", Proof::Structure);
        tcp.server_proves(created, Proof::Structure);
        assert_eq!(tcp.both(submit, created), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"\0RES\0\0\0\x08\0\0\0\x07"), Match::No);
        assert_eq!(tcp.client(b"\0REQ\0\0\0\x08\0\0\0\x07"), Match::No);
        assert_eq!(tcp.client(b"\0REQ\0\0\0\x04\0\0\0\x01"), Match::No);
        assert_eq!(tcp.client(b"\0REQ\0\0\x01"), Match::No);
        assert_eq!(tcp.both(b"\0REQ\0\0\0\x04\0\0\0\0", b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
