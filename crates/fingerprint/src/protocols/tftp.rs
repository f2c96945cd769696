//! TFTP: RFC 1350, section 5; options RFC 2347.
//!
//! A request proves itself: an opcode, a file name and one of three modes, each ended by a zero byte, then options in
//! pairs. The transfer runs between new ports (section 4), so a flow may start with the answer: a first block and its
//! acknowledgement prove each other, an option acknowledgement and either of them too.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Tftp,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == 0)]],
    stream: &[],
    check,
};

const RRQ: u16 = 1;
const WRQ: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

/// RFC 2348: the largest block.
const BLOCK_MAX: usize = 65464;

fn check(exchange: &Exchange<'_>) -> Match {
    let (client, server) = (packet(&exchange.client), packet(&exchange.server));
    match (client, server) {
        (Packet::Other, _) | (_, Packet::Other) => Match::No,
        (Packet::Request, _) | (_, Packet::Request) => Match::Yes(Proof::Structure),
        // An error ends a transfer that may have begun on another port.
        (Packet::Error, _) | (_, Packet::Error) => Match::Yes(Proof::Heuristic),
        (Packet::Silent, _) | (_, Packet::Silent) => Match::Maybe,
        (Packet::Data | Packet::Options, Packet::Ack | Packet::Data)
        | (Packet::Ack | Packet::Data, Packet::Data | Packet::Options)
            if client != server =>
        {
            Match::Yes(Proof::Structure)
        }
        _ => Match::No,
    }
}

/// The first datagram of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packet {
    Silent,
    Request,
    /// The first block.
    Data,
    /// Of the first block, or, of a request to write, of block zero.
    Ack,
    Options,
    Error,
    /// Nothing that starts a transfer.
    Other,
}

fn packet(side: &Side<'_>) -> Packet {
    if side.is_empty() {
        return Packet::Silent;
    }
    let cut = side.first_is_cut();
    parse(side.first_datagram(), side.first_len as usize)
        .filter(|&packet| packet == Packet::Data || !cut)
        .unwrap_or(Packet::Other)
}

fn parse(datagram: &[u8], len: usize) -> Option<Packet> {
    let mut reader = Reader::new(datagram);
    match reader.u16_be()? {
        RRQ | WRQ => {
            let name = text(&mut reader)?;
            let mode = text(&mut reader)?;
            let is_mode =
                [&b"octet"[..], b"netascii", b"mail"].iter().any(|known| mode.eq_ignore_ascii_case(known));
            (!name.is_empty() && is_mode && are_options(&mut reader)).then_some(Packet::Request)
        }
        DATA => reader.u16_be().filter(|&block| block == 1 && len <= 4 + BLOCK_MAX).map(|_| Packet::Data),
        ACK => reader.u16_be().filter(|&block| block <= 1 && len == 4).map(|_| Packet::Ack),
        OACK => (reader.len() > 0 && are_options(&mut reader)).then_some(Packet::Options),
        ERROR => {
            let code = reader.u16_be()?;
            let message = text(&mut reader)?;
            (code <= 8 && message.len() >= 4 && reader.len() == 0).then_some(Packet::Error)
        }
        _ => None,
    }
}

/// Names and values to the end of the datagram (RFC 2347); nothing is fine too.
fn are_options(reader: &mut Reader<'_>) -> bool {
    while reader.len() > 0 {
        let pair = text(reader).zip(text(reader));
        if pair.is_none_or(|(name, _)| name.is_empty()) {
            return false;
        }
    }
    true
}

/// Text up to a zero byte: ASCII by the RFC, the file system's encoding in practice, but no control characters.
fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let end = reader.rest().iter().position(|&byte| byte == 0)?;
    let text = reader.take(end)?;
    reader.take(1)?;
    text.iter().all(|&byte| byte >= b' ' && byte != 0x7f).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};

    const STRUCTURE: Match = Match::Yes(Proof::Structure);

    #[test]
    fn requests() {
        for request in [
            &b"\0\x01firmware.bin\0octet\0"[..],
            b"\0\x02upload.txt\0NETASCII\0",
            b"\0\x01boot/pxelinux.0\0octet\0tsize\x000\0blksize\x001408\0",
        ] {
            assert_eq!(Talk::udp().client(request).ask(check), STRUCTURE);
        }
        assert_eq!(Talk::udp().client(b"\0\x01a\0octet\0").server(b"\0\x03\0\x01data").ask(check), STRUCTURE);
        assert_eq!(
            Talk::udp().client(b"\0\x01a\0octet\0").server(b"\0\x05\0\x01File not found\0").ask(check),
            STRUCTURE
        );
    }

    #[test]
    fn a_transfer_on_its_own_ports() {
        let block = [&b"\0\x03\0\x01"[..], &[0x5a; 512]].concat();
        assert_eq!(Talk::udp().client(&block).ask(check), Match::Maybe);
        assert_eq!(Talk::udp().client(&block).server(b"\0\x04\0\x01").ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&block).server(b"\0\x04\0\x07").ask(check), Match::No);
        let options = b"\0\x06blksize\x001408\0";
        assert_eq!(Talk::udp().client(options).server(b"\0\x04\0\0").ask(check), STRUCTURE);
    }

    #[test]
    fn near_misses() {
        assert_eq!(Talk::udp().client(b"\0\x01file\0binary\0").ask(check), Match::No);
        assert_eq!(Talk::udp().client(b"\0\x01file\0octet").ask(check), Match::No);
        assert_eq!(Talk::udp().client(b"\0\x01file\0octet\0tail").ask(check), Match::No);
        assert_eq!(Talk::udp().client(b"\0\x01\0octet\0").ask(check), Match::No);
        assert_eq!(Talk::udp().client(b"\0\x01f\0octet\0").server(b"raw data").ask(check), Match::No);
        assert_eq!(Talk::udp().client(b"\0\x03\0\x09data").ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
