//! openwire: the wire protocol of Apache ActiveMQ: "OpenWire Version 2 Specification", WireFormatInfo, which both peers send
//! first and never marshal tightly.
//!
//! Proven from either side by structure: a size, the type, the magic, a version, and properties that fill what the size says.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Openwire,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, wire_format_info, wire_format_info)
}

fn wire_format_info(message: Message<'_>) -> Step<Proof> {
    const WIRE_FORMAT_INFO: u8 = 1;
    /// Type, magic, version, and whether there are properties.
    const FIXED: u64 = 1 + 8 + 4 + 1;
    const LARGEST: u64 = 0xffff;
    const PROPERTIES_SIZE: u64 = 4;
    let mut scan = message.scan();
    let size = scan.be(4, FIXED..=LARGEST)?;
    scan.expect(&[WIRE_FORMAT_INFO])?;
    scan.expect(b"ActiveMQ")?;
    scan.be(4, 1..=99)?;
    let room = size - FIXED;
    let has_properties = scan.u8_if(|there| there == u8::from(room > 0))? == 1;
    if has_properties {
        let properties = room.saturating_sub(PROPERTIES_SIZE);
        scan.be(4, properties..=properties)?;
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const INFO: &[u8] =
        b"\0\0\0\x2b\x01ActiveMQ\0\0\0\x0c\x01\0\0\0\x19\0\0\0\x01\0\x12TcpNoDelayEnabled\x01\x01";

    #[test]
    fn either_peer_says_what_it_speaks() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(INFO, Proof::Structure);
        tcp.server_proves(INFO, Proof::Structure);
        tcp.client_proves(b"\0\0\0\x0e\x01ActiveMQ\0\0\0\x01\0", Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, 1), (3, 0x2a), (4, 2), (5, b'a'), (15, 1), (16, 0), (17, 0), (21, 0x18)] {
            let mut wrong = INFO.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(INFO, b"AMQP\0\x01\0\0"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
