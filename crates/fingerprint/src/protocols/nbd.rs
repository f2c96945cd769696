//! nbd: the Network Block Device protocol.
//!
//! Specification: NetworkBlockDevice/nbd, `doc/proto.md` (oldstyle, newstyle and fixed newstyle negotiation). The server opens with
//! two magic numbers, which prove it; so do the client's flags and the magic of its first option.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Nbd,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const OPTION_MAGIC: &[u8] = b"IHAVEOPT";
const OLDSTYLE_MAGIC: &[u8] = &[0, 0, 0x42, 0x02, 0x81, 0x86, 0x12, 0x53];
const REQUEST_MAGIC: &[u8] = &[0x25, 0x60, 0x95, 0x13];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"NBDMAGIC")?;
    let mut oldstyle = scan;
    scan.expect(OPTION_MAGIC).or_else(|stop| match oldstyle.expect(OLDSTYLE_MAGIC) {
        Err(Stop::Wrong) => Err(stop),
        old => old,
    })?;
    Ok(Proof::Banner)
}

/// Flags, of which two are defined, and an option; of the oldstyle negotiation, a request at once.
fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.rest().first() == Some(&REQUEST_MAGIC[0]) {
        scan.expect(REQUEST_MAGIC)?;
        // Flags and type.
        scan.be(2, 0..=0x3f)?;
        scan.be(2, 0..=8)?;
        return Ok(Proof::Banner);
    }
    scan.be(4, 0..=3)?;
    scan.expect(OPTION_MAGIC)?;
    Ok(Proof::Banner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const NEW: &[u8] = b"NBDMAGICIHAVEOPT\0\x03";

    #[test]
    fn negotiations() {
        let tcp = Trial::tcp(check);
        let option = b"\0\0\0\x03IHAVEOPT\0\0\0\x07";
        tcp.server_proves(NEW, Proof::Banner);
        tcp.server_proves(b"NBDMAGIC\0\0\x42\x02\x81\x86\x12\x53\0\0\0\0", Proof::Banner);
        tcp.client_proves(option, Proof::Banner);
        tcp.client_proves(b"\x25\x60\x95\x13\0\0\0\0\0\0\0\0\0\0\0\x01", Proof::Banner);
        assert_eq!(Talk::tcp().server(NEW).client(option).ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.server(b"NBDMAGICIHAVENOT"), Match::No);
        assert_eq!(tcp.server(b"NBDMAGIC\0\0\x42\x03"), Match::No);
        assert_eq!(tcp.client(b"\0\0\0\x04IHAVEOPT"), Match::No);
        assert_eq!(tcp.client(b"\0\0\0\x03IHAVENOT"), Match::No);
        assert_eq!(Talk::tcp().server(NEW).client(b"raw").ask(check), Match::No);
        tcp.refuses_noise(100_000);
    }
}
