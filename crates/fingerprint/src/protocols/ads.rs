//! ads: Beckhoff's Automation Device Specification over AMS/TCP.
//!
//! Specification: Beckhoff Information System, "TwinCAT ADS/AMS Specification" (AMS/TCP packet, AMS header, ADS commands).
//! Two lengths that agree over the header, a command and state flags prove it, from either side: devices notify unasked.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ads,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// The AMS header, which the first length counts and the second does not.
const HEADER: u64 = 32;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    /// Far above what routers pass on.
    const MOST: u64 = 0x0100_0000;
    const RESPONSE: u8 = 0x01;
    const ADS_COMMAND: u8 = 0x04;
    const BROADCAST: u8 = 0x80;
    let mut scan = message.scan();
    scan.expect(&[0, 0])?;
    let length = scan.le(4, HEADER..=MOST)?;
    // Target and source: each a network id and a port.
    scan.skip(2 * (6 + 2))?;
    scan.le(2, 1..=9)?;
    let flags = scan.u8_if(|flags| flags & ADS_COMMAND != 0)?;
    scan.u8_if(|high| high & !BROADCAST == 0)?;
    scan.le(4, length - HEADER..=length - HEADER)?;
    let error = scan.u32_le()?;
    require(flags & RESPONSE != 0 || error == 0)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn packet_of(command: u8, flags: u8, error: u8, data: &[u8]) -> Vec<u8> {
        let (outer, inner) = (32 + data.len() as u32, data.len() as u32);
        let mut packet = vec![0, 0];
        packet.extend(outer.to_le_bytes());
        packet.extend([192, 0, 2, 1, 1, 1, 0x53, 3, 192, 0, 2, 9, 1, 1, 0x10, 0x80]);
        packet.extend([command, 0, flags, 0]);
        packet.extend(inner.to_le_bytes());
        packet.extend([error, 0, 0, 0, 7, 0, 0, 0]);
        packet.extend(data);
        packet
    }

    #[test]
    fn requests_responses_and_notifications() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&packet_of(2, 4, 0, &[5; 12]), Proof::Structure);
        tcp.client_proves(&packet_of(1, 4, 0, &[]), Proof::Structure);
        tcp.server_proves(&packet_of(2, 5, 0, &[0; 12]), Proof::Structure);
        tcp.server_proves(&packet_of(2, 5, 6, &[]), Proof::Structure);
        tcp.server_proves(&packet_of(8, 4, 0, &[1; 40]), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for offset in [0, 1, 2, 5, 22, 23, 24, 25, 26, 29, 30] {
            let mut wrong = packet_of(2, 4, 0, &[5; 12]);
            wrong[offset] ^= 0x34;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.client(&[0; 64]), Match::No);
        assert_eq!(tcp.both(&packet_of(1, 4, 0, &[]), b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
