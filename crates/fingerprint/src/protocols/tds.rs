//! tds: Tabular Data Stream, as Microsoft SQL Server and Sybase speak it.
//!
//! Specifications: \[MS-TDS\] sections 2.2.1 to 2.2.3 (packets), 2.2.6.4 (LOGIN7), 2.2.6.5 (PRELOGIN) and 2.2.7 (tokens); the
//! TDS 5.0 Functional Specification, "Login Record". A packet proves it: header, and in it an option table
//! whose first entry points just behind the table, a login whose lengths agree, or tokens. The header of a client's
//! first packet, with every field at its usual value, is an attempt over what contradicts.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Tds,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const SQL_BATCH: u8 = 1;
const LOGIN: u8 = 2;
const RPC: u8 = 3;
const RESPONSE: u8 = 4;
const TRANSACTION: u8 = 14;
const LOGIN7: u8 = 16;
const PRELOGIN: u8 = 18;

const HEADER: usize = 8;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh(exchange, |message| client(message, midstream), server)
}

/// A packet header (section 2.2.3.1): the type, and the content of this packet with its length.
fn packet<'a>(scan: &mut Scan<'a>, kinds: &[u8]) -> Step<(u8, Scan<'a>, usize)> {
    // End of message, ignore, reset connection with and without its transaction.
    const STATUS: u8 = 0x1b;
    // The largest size that can be negotiated.
    const LENGTH: std::ops::RangeInclusive<u64> = HEADER as u64 + 1..=32_767;
    let kind = scan.u8_if(|kind| kinds.contains(&kind))?;
    scan.u8_if(|status| status & !STATUS == 0)?;
    let length = scan.be(2, LENGTH)? as usize - HEADER;
    // The process id is the server's to fill in; the packet number counts from 0 or 1.
    scan.skip(2)?;
    scan.skip(1)?;
    scan.expect(&[0])?;
    Ok((kind, scan.part(length)?, length))
}

fn client(message: Message<'_>, midstream: bool) -> Step<Proof> {
    match request(message, midstream) {
        // The old login record is not the same everywhere.
        Err(Stop::Wrong) if has_usual_header(message.bytes) && message.bytes.first() == Some(&LOGIN) => {
            Ok(Proof::Heuristic)
        }
        Err(Stop::Wrong) if has_usual_header(message.bytes) => Ok(Proof::Attempt),
        answer => answer,
    }
}

/// The header of a first packet: no server process yet, number 1; a login record of TDS 4.2 and 5.0 fills a packet of
/// 512 bytes.
fn has_usual_header(bytes: &[u8]) -> bool {
    const END: u8 = 1;
    match bytes.first_chunk() {
        Some([PRELOGIN | LOGIN7, END, high, low, 0, 0, 1, 0]) => {
            (HEADER + 1..0x1000).contains(&usize::from(u16::from_be_bytes([*high, *low])))
        }
        Some(header) => *header == [LOGIN, 0, 2, 0, 0, 0, 1, 0] || *header == [LOGIN, END, 2, 0, 0, 0, 1, 0],
        None => false,
    }
}

fn request(message: Message<'_>, midstream: bool) -> Step<Proof> {
    let mut scan = message.scan();
    let kinds: &[u8] = match midstream {
        true => &[SQL_BATCH, LOGIN, RPC, TRANSACTION, LOGIN7, PRELOGIN],
        false => &[LOGIN, LOGIN7, PRELOGIN],
    };
    let (kind, mut content, length) = packet(&mut scan, kinds)?;
    match kind {
        PRELOGIN => options(&mut content, length),
        LOGIN7 => login7(&mut content, length),
        LOGIN => login(&mut content, length),
        _ => all_headers(&mut content, length),
    }
}

fn server(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let (_, mut content, length) = packet(&mut scan, &[RESPONSE])?;
    // A prelogin is answered by a packet of type response that holds options (section 2.2.6.5).
    if content.rest().first() == Some(&0) {
        options(&mut content, length)
    } else {
        tokens(&mut content, length)
    }
}

/// The option table of a prelogin: the version comes first and lies just behind the table.
fn options(content: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const TERMINATOR: u8 = 0xff;
    const ENTRY: usize = 5;
    // Encryption, instance, thread, MARS, trace, federation, nonce, and what may still come.
    const LAST_OPTION: u8 = 0x10;
    content.expect(&[0])?;
    let table = content.be(2, ENTRY as u64 + 1..=length as u64)? as usize;
    require((table - 1).is_multiple_of(ENTRY))?;
    content.expect(&[0, 6])?;
    for _ in 1..(table - 1) / ENTRY {
        content.u8_if(|option| (1..=LAST_OPTION).contains(&option))?;
        let offset = content.be(2, 0..=length as u64)? as usize;
        content.be(2, 0..=(length - offset) as u64)?;
    }
    content.expect(&[TERMINATOR])?;
    Ok(Proof::Structure)
}

/// LOGIN7: its length, a TDS version of 7.x, sizes; then offsets and lengths, of which the first names the
/// client's host just behind the fixed part or nowhere.
fn login7(content: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const FIXED: u64 = 94;
    // A login can be longer than this packet.
    content.le(4, FIXED.max(length as u64)..=128 * 1024)?;
    content.skip(3)?;
    content.u8_if(|major| (0x70..=0x7f).contains(&major))?;
    content.le(4, 0..=32_767)?;
    Ok(Proof::Structure)
}

/// The login record of TDS 4.2 and 5.0: names in fixed fields, each with its length, then how the client stores
/// numbers.
fn login(content: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const NAME: usize = 30;
    require(length >= 4 * (NAME + 1) + 6)?;
    // Host, user, password, process.
    for _ in 0..4 {
        let name = content.take(NAME)?;
        let used = usize::from(content.u8_if(|used| usize::from(used) <= NAME)?);
        require(name[used..].iter().all(|&byte| byte == 0))?;
    }
    // Order of 2-byte and 4-byte integers, character set, floats, dates.
    content.u8_if(|order| matches!(order, 2 | 3))?;
    content.u8_if(|order| matches!(order, 0 | 1))?;
    content.u8_if(|charset| matches!(charset, 6 | 7))?;
    content.u8_if(|floats| matches!(floats, 4 | 5 | 10 | 11))?;
    Ok(Proof::Structure)
}

/// ALL_HEADERS (section 2.2.5.3) in front of a request: total length, then the transaction descriptor.
fn all_headers(content: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const TRANSACTION_DESCRIPTOR: u64 = 2;
    let total = content.le(4, 22..=length as u64)?;
    content.le(4, 18..=total - 4)?;
    content.le(2, TRANSACTION_DESCRIPTOR..=TRANSACTION_DESCRIPTOR)?;
    Ok(Proof::Structure)
}

/// The tokens of a response (section 2.2.7): two that chain, or one that fills the packet, prove it; the beginning of
/// one that fits is plausible.
fn tokens(content: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const PLAUSIBLE: usize = 8;
    let mut room = length;
    let plausible = content.len() >= PLAUSIBLE;
    for seen in 0..2 {
        if room == 0 {
            break;
        }
        match token(content, &mut room) {
            Ok(()) => {}
            Err(Stop::Short) if seen > 0 || plausible => return Ok(Proof::Heuristic),
            Err(stop) => return Err(stop),
        }
    }
    Ok(Proof::Structure)
}

/// Steps over one token.
fn token(content: &mut Scan<'_>, room: &mut usize) -> Step<()> {
    const COLUMNS: u8 = 0x81;
    const ROW: u8 = 0xd1;
    const NULL_BITMAP_ROW: u8 = 0xd2;
    const RETURN_STATUS: u8 = 0x79;
    const MOST_COLUMNS: u64 = 4096;
    let size = match content.u8()? {
        // How long these are depends on the columns: the rest of the packet is theirs.
        COLUMNS => {
            content.le(2, 1..=MOST_COLUMNS)?;
            return Err(Stop::Short);
        }
        ROW | NULL_BITMAP_ROW => return Err(Stop::Short),
        // DONE, DONEPROC, DONEINPROC: status, command, a row count of 4 bytes before TDS 7.2, of 8 since.
        0xfd..=0xff => match *room {
            9 => 8,
            _ => 12,
        },
        RETURN_STATUS => 4,
        // ERROR, INFO, LOGINACK, ENVCHANGE, ORDER, SSPI; of TDS 5 also capabilities and the extended error.
        0xa9..=0xab | 0xad | 0xe2 | 0xe3 | 0xe5 | 0xed => {
            let size = content.le(2, 1..=room.saturating_sub(3) as u64)? as usize;
            *room -= 2;
            size
        }
        _ => return Err(Stop::Wrong),
    };
    *room = room.checked_sub(1 + size).ok_or(Stop::Wrong)?;
    content.skip(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn packet_of(kind: u8, content: &[u8]) -> Vec<u8> {
        let mut packet =
            vec![kind, 1, ((content.len() + HEADER) >> 8) as u8, (content.len() + HEADER) as u8, 0, 0, 1, 0];
        packet.extend(content);
        packet
    }

    const OPTIONS: &[u8] = &[0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 4, 0, 23, 0, 1, 0xff, 11, 0, 12, 56, 0, 0, 0, 1];

    fn login7_of(major: u8) -> Vec<u8> {
        let mut content = vec![104, 0, 0, 0, 4, 0, 0, major, 0, 0x10, 0, 0];
        content.resize(104, 0);
        content
    }

    #[test]
    fn prelogins() {
        Trial::tcp(check).client_proves(&packet_of(PRELOGIN, OPTIONS), Proof::Structure);
        Trial::tcp(check).server_proves(&packet_of(RESPONSE, OPTIONS), Proof::Structure);
    }

    #[test]
    fn logins() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&packet_of(LOGIN7, &login7_of(0x74)), Proof::Structure);
        let mut record = vec![0; 504];
        record[31..33].copy_from_slice(b"sa");
        record[61] = 2;
        record[124..128].copy_from_slice(&[3, 1, 6, 10]);
        tcp.client_proves(&packet_of(LOGIN, &record), Proof::Structure);
    }

    #[test]
    fn responses() {
        let tcp = Trial::tcp(check);
        let done = [0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let change = [&[0xe3, 4, 0, 1, 1, b'm', 0][..], &done].concat();
        tcp.server_proves(&packet_of(RESPONSE, &change), Proof::Structure);
        tcp.server_proves(&packet_of(RESPONSE, &done), Proof::Structure);
        let batch = [22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b's', 0];
        tcp.midstream().client_proves(&packet_of(SQL_BATCH, &batch), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let mut table = OPTIONS.to_vec();
        table[2] = 17;
        for packet in [
            packet_of(PRELOGIN, &table),
            packet_of(LOGIN7, &login7_of(0x24)),
            packet_of(LOGIN, &[0; 504]),
            packet_of(LOGIN, &[1; 504]),
        ] {
            tcp.client_proves(&packet, if packet[0] == LOGIN { Proof::Heuristic } else { Proof::Attempt });
            for (offset, value) in [(0, 17), (1, 0x24), (4, 9), (6, 7), (7, 1)] {
                let mut header = packet.clone();
                header[offset] = value;
                assert_eq!(tcp.client(&header), Match::No, "{offset}: {header:02x?}");
            }
        }
        assert_eq!(tcp.client(&[PRELOGIN, 1, 0, 0, 0, 0, 1, 0, 0]), Match::No);
        assert_eq!(tcp.client(&packet_of(LOGIN, &[1; 300])), Match::No);
        assert_eq!(tcp.server(&packet_of(RESPONSE, &[0x55; 40])), Match::No);
        assert_eq!(tcp.both(&packet_of(PRELOGIN, OPTIONS), b"220 ready\r\n"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::tcp(check).midstream().refuses_noise(100_000);
    }
}
