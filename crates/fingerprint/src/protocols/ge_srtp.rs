//! ge-srtp: GE's Service Request Transport Protocol.
//!
//! The protocol is unpublished. Sources: GE Fanuc GFK-1541 (TCP/IP Ethernet Communications for the Series 90), which names
//! the services; G. Denton et al., "Leveraging the SRTP protocol for over-the-network memory acquisition of a GE
//! Fanuc Series 90-30", Digital Investigation 22 (2017), tables 1 to 4; and open implementations, which agree on these
//! fields of the header of 56 bytes: type, message type, mailbox, number of packets. A service request or its reply
//! proves it; the opening, of zeros, settles nothing.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::GeSrtp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Where controllers listen.
const PORT: u16 = 18_245;

const HEADER: usize = 56;
/// Types of packet: opening and its reply, service request and its reply.
const OPEN: u8 = 0;
const OPENED: u8 = 1;
const REQUEST: u8 = 2;
const REPLY: u8 = 3;

fn check(exchange: &Exchange<'_>) -> Match {
    let patient = exchange.server_port == PORT;
    weigh(exchange, |message| client(message, patient), server)
}

/// `patient`: zeros may be an opening. Elsewhere they are what raw data is padded with.
fn client(message: Message<'_>, patient: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if patient && scan.rest().first() == Some(&OPEN) {
        scan.expect(&[0; HEADER])?;
    }
    scan.expect(&[REQUEST, 0])?;
    // Sequence, and the length of what follows the header.
    scan.skip(2 + 2)?;
    scan.skip(20)?;
    service(&mut scan, |kind| matches!(kind, 0xc0 | 0x80))?;
    // From the sender's mailbox to one of the service request processor.
    scan.skip(4)?;
    scan.skip(1)?;
    scan.expect(&[0x0e, 0, 0])?;
    numbered(&mut scan)?;
    Ok(Proof::Structure)
}

fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    if scan.rest().first() == Some(&OPENED) {
        scan.expect(&[OPENED, 0, 0, 0, 0, 0, 0, 0])?;
        scan.skip(HEADER - 8)?;
    }
    scan.expect(&[REPLY, 0])?;
    scan.skip(2 + 2)?;
    scan.skip(20)?;
    service(&mut scan, |kind| matches!(kind, 0xd4 | 0x94 | 0xd1))?;
    scan.skip(4 + 4)?;
    numbered(&mut scan)?;
    Ok(Proof::Structure)
}

/// Seconds, minutes and hours, reserved, sequence, message type.
fn service(scan: &mut Scan<'_>, is_kind: impl Fn(u8) -> bool) -> Step<()> {
    scan.u8_if(|seconds| seconds < 60)?;
    scan.u8_if(|minutes| minutes < 60)?;
    scan.u8_if(|hours| hours < 24)?;
    scan.expect(&[0])?;
    scan.skip(1)?;
    scan.u8_if(is_kind).map(drop)
}

/// The packet's number, from one, and their total.
fn numbered(scan: &mut Scan<'_>) -> Step<()> {
    const MOST: u8 = 32;
    let number = scan.u8_if(|number| (1..=MOST).contains(&number))?;
    let total = scan.u8()?;
    require((number..=MOST).contains(&total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    /// A header: type, message type, and mailboxes.
    fn header(kind: u8, message: u8, destination: [u8; 4]) -> Vec<u8> {
        let mut header = vec![0; HEADER];
        header[0] = kind;
        header[2] = 5;
        header[9] = 1;
        header[17] = 1;
        header[26..29].copy_from_slice(&[59, 30, 14]);
        header[30] = 5;
        header[31] = message;
        header[36..40].copy_from_slice(&destination);
        header[40..44].copy_from_slice(&[1, 1, 4, 8]);
        header
    }

    fn opened() -> Vec<u8> {
        let mut opened = vec![0; HEADER];
        opened[0] = OPENED;
        opened[8] = 0x0f;
        opened
    }

    #[test]
    fn an_opening_and_its_requests() {
        let tcp = Trial::tcp(check).port(PORT);
        assert_eq!(Trial::tcp(check).client(&[0; 8]), Match::No);
        let request = header(REQUEST, 0xc0, [0x10, 0x0e, 0, 0]);
        let reply = header(REPLY, 0xd4, [0x20, 0x5a, 0, 0]);
        assert_eq!(tcp.client(&[0; HEADER]), Match::Maybe);
        assert_eq!(tcp.both(&[0; HEADER], &opened()), Match::Maybe);
        tcp.client_proves(&[&[0; HEADER][..], &request].concat(), Proof::Structure);
        tcp.client_proves(&request, Proof::Structure);
        tcp.server_proves(&[opened(), reply.clone()].concat(), Proof::Structure);
        tcp.server_proves(&header(REPLY, 0xd1, [0; 4]), Proof::Structure);
        assert_eq!(Trial::tcp(check).midstream().both(&request, &reply), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&[0; HEADER + 1]), Match::No);
        assert_eq!(tcp.client(&[&[0; HEADER - 1][..], &[2]].concat()), Match::No);
        for (offset, value) in [(1, 1), (26, 60), (28, 24), (29, 1), (31, 0xd4), (37, 0), (40, 0), (41, 0)] {
            let mut wrong = header(REQUEST, 0xc0, [0x10, 0x0e, 0, 0]);
            wrong[offset] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.server(&header(REQUEST, 0xc0, [0x10, 0x0e, 0, 0])), Match::No);
        assert_eq!(tcp.both(&[0; HEADER], b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
