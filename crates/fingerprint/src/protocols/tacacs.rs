//! tacacs: TACACS+: RFC 8907, section 4.1.
//!
//! The body is obfuscated; the header proves it: version, type, a sequence number of one from the client and two from the
//! server, flags, and a length with zeros above it.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Tacacs,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| header(message, 1), |message| header(message, 2))
}

fn header(message: Message<'_>, sequence: u8) -> Step<Proof> {
    /// Major version 12, minor version 0 or 1.
    const VERSIONS: [u8; 2] = [0xc0, 0xc1];
    /// Unencrypted, single connection.
    const FLAGS: u8 = 0x01 | 0x04;
    let mut scan = message.scan();
    scan.u8_if(|version| VERSIONS.contains(&version))?;
    // Authentication, authorization, accounting.
    scan.u8_if(|kind| (1..=3).contains(&kind))?;
    scan.expect(&[sequence])?;
    scan.u8_if(|flags| flags & !FLAGS == 0)?;
    scan.skip(4)?;
    scan.be(4, 5..=0xffff)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn headers_of_both_sides() {
        let tcp = Trial::tcp(check);
        let start = b"\xc0\x01\x01\0\xde\xad\xbe\xef\0\0\0\x25\x12\x34";
        let reply = b"\xc0\x01\x02\x04\xde\xad\xbe\xef\0\0\0\x10\x12\x34";
        tcp.client_proves(start, Proof::Structure);
        tcp.client_proves(b"\xc1\x01\x01\x05\x01\x02\x03\x04\0\0\0\x20", Proof::Structure);
        tcp.server_proves(reply, Proof::Structure);
        assert_eq!(tcp.both(start, reply), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(start, start), Match::No);
        assert_eq!(tcp.clone().midstream().client(reply), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, 0xd0), (1, 4), (2, 0), (3, 2), (8, 1), (11, 4)] {
            let mut wrong = *b"\xc0\x01\x01\0\xde\xad\xbe\xef\0\0\0\x25";
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        tcp.refuses_noise(100_000);
    }
}
