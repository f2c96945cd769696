//! ndmp: the Network Data Management Protocol, versions 2 to 4.
//!
//! Specification: NDMP version 4 (ndmp.org), sections 3 (headers) and 4.1 (connect interface), in the record marks of
//! RFC 5531. Proven from either side: the server's notification of the connection, or the client's opening of it, with
//! lengths that fit. ONC RPC, which shares the mark, has a program where the message's code is.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ndmp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const LAST_FRAGMENT: u64 = 1 << 31;
const HEADER_LEN: u64 = 24;
const NOTIFY_CONNECTION_STATUS: u64 = 0x502;
const CONNECT_OPEN: u64 = 0x900;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(
        exchange,
        |message| request(message, CONNECT_OPEN),
        |message| request(message, NOTIFY_CONNECTION_STATUS),
    )
}

fn request(message: Message<'_>, code: u64) -> Step<Proof> {
    let mut scan = message.scan();
    let length = scan.be(4, LAST_FRAGMENT + HEADER_LEN + 4..=LAST_FRAGMENT + 1024)? & !LAST_FRAGMENT;
    // Sequence number and time.
    scan.skip(4 + 4)?;
    // A request; its code; no reply, no error.
    scan.expect(&[0; 4])?;
    scan.be(4, code..=code)?;
    scan.expect(&[0; 8])?;
    if code == CONNECT_OPEN {
        require(length == HEADER_LEN + 4)?;
    } else {
        // Connected, shut down or refused; the version; a reason in words.
        scan.be(4, 0..=2)?;
    }
    scan.be(4, 1..=4)?;
    if code == NOTIFY_CONNECTION_STATUS {
        let room = length.saturating_sub(HEADER_LEN + 12);
        scan.be(4, 0..=room)?;
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn record(words: &[u32]) -> Vec<u8> {
        let mark = 0x8000_0000 | (4 * words.len() as u32);
        [&[mark], words].concat().iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn a_connection_is_notified_and_opened() {
        let tcp = Trial::tcp(check);
        let notified = record(&[1, 1_700_000_000, 0, 0x502, 0, 0, 0, 4, 0]);
        let opened = record(&[1, 1_700_000_001, 0, 0x900, 0, 0, 4]);
        tcp.server_proves(&notified, Proof::Structure);
        tcp.server_proves(&record(&[1, 0, 0, 0x502, 0, 0, 2, 4, 4, 0x6675_6c6c]), Proof::Structure);
        tcp.client_proves(&opened, Proof::Structure);
        assert_eq!(tcp.both(&opened, &notified), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        // A call of ONC RPC: xid, call, RPC version, program, version, procedure, credentials.
        let call = record(&[0x1234, 0, 2, 100_003, 3, 0, 0, 0, 0, 0]);
        assert_eq!(tcp.client(&call), Match::No);
        assert_eq!(tcp.client(&record(&[1, 1, 1, 0x900, 0, 0, 4])), Match::No);
        assert_eq!(tcp.client(&record(&[1, 1, 0, 0x900, 0, 0, 9])), Match::No);
        assert_eq!(tcp.server(&record(&[1, 1, 0, 0x502, 0, 0, 0, 4, 9])), Match::No);
        tcp.refuses_noise(100_000);
    }
}
