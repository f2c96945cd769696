//! fins: Omron's Factory Interface Network Service, over UDP and FINS/TCP.
//!
//! Specifications: Omron W227 (FINS Commands Reference Manual), the header and the command codes; W421 (Ethernet Units,
//! Construction of Applications), FINS/TCP. FINS/TCP is proven by its magic and a length that is the command's; over UDP a
//! command is whose parameters have the length that it prescribes, and a response without error. Others are plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Fins,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, is_control)]],
    stream: &[],
    check,
};

const RESPONSE: u8 = 0x40;
/// Up to and with the command code.
const HEADER: usize = 12;

/// The information control field: always the first bit; a response; no response wanted.
const fn is_control(byte: u8) -> bool {
    const ALWAYS: u8 = 0x80;
    const UNANSWERED: u8 = 0x01;
    byte & !(RESPONSE | UNANSWERED) == ALWAYS
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| either(message, true), |message| either(message, false))
}

fn either(message: Message<'_>, from_client: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if message.is_datagram() { frame(&mut scan, message.total) } else { stream(&mut scan, from_client) }
}

/// The frame of FINS/TCP: magic, length, command, error.
fn stream(scan: &mut Scan<'_>, from_client: bool) -> Step<Proof> {
    /// Command and error, which the length counts.
    const COUNTED: u64 = 8;
    const LAST_ERROR: u64 = 0x25;
    scan.expect(b"FINS")?;
    let length = scan.be(4, COUNTED..=COUNTED + 2012)?;
    let command = scan.be(4, 0..=6)?;
    scan.be(4, 0..=LAST_ERROR)?;
    match command {
        // Node addresses: the client's; both.
        0 => require(from_client && length == COUNTED + 4)?,
        1 => require(!from_client && length == COUNTED + 8)?,
        2 => {
            require(length >= COUNTED + HEADER as u64)?;
            scan.u8_if(is_control)?;
            scan.expect(&[0])?;
        }
        // An error, and the confirmation of a connection.
        3 | 6 => require(length == COUNTED)?,
        _ => return Err(Stop::Wrong),
    }
    Ok(Proof::Structure)
}

/// Header, command code, and parameters of `total`.
fn frame(scan: &mut Scan<'_>, total: usize) -> Step<Proof> {
    /// Networks are numbered up to this.
    const LAST_NETWORK: u8 = 0x7f;
    let control = scan.u8_if(is_control)?;
    scan.expect(&[0])?;
    // Gateways to pass.
    scan.u8_if(|count| count <= 7)?;
    for _ in 0..2 {
        scan.u8_if(|network| network <= LAST_NETWORK)?;
        scan.skip(2)?;
    }
    scan.skip(1)?;
    let command = scan.u16_be()?;
    let parameters = parameters(command).ok_or(Stop::Wrong)?;
    let length = total.checked_sub(HEADER).ok_or(Stop::Wrong)?;
    if control & RESPONSE != 0 {
        let end = scan.u16_be()?;
        return Ok(if end == 0 { Proof::Structure } else { Proof::Heuristic });
    }
    match parameters {
        Parameters::Fixed(wanted) => require(length == wanted).map(|()| Proof::Structure),
        Parameters::UpTo(most) => require(length <= most).map(|()| Proof::Heuristic),
        Parameters::AtLeast(least) => require(length >= least).map(|()| Proof::Heuristic),
    }
}

/// How long a command's parameters are.
enum Parameters {
    Fixed(usize),
    UpTo(usize),
    AtLeast(usize),
}

const fn parameters(command: u16) -> Option<Parameters> {
    use Parameters::{AtLeast, Fixed, UpTo};
    Some(match command {
        // Memory area: read, fill, transfer; write, read several.
        0x0101 => Fixed(6),
        0x0103 => Fixed(8),
        0x0105 => Fixed(10),
        0x0102 => AtLeast(7),
        0x0104 => AtLeast(4),
        // Parameter area and program area.
        0x0201 => Fixed(6),
        0x0203 => Fixed(8),
        0x0306 | 0x0308 => Fixed(8),
        0x0202 | 0x0307 => AtLeast(8),
        // Run, stop; data of the controller and its connections, status, cycle time.
        0x0401 | 0x0402 => UpTo(3),
        0x0501 => UpTo(1),
        0x0502 => Fixed(2),
        0x0601 => Fixed(0),
        0x0620 => Fixed(1),
        // Clock, messages, access right.
        0x0701 => Fixed(0),
        0x0702 => UpTo(7),
        0x0920 => Fixed(2),
        0x0c01..=0x0c03 => AtLeast(2),
        // Errors: clear, read and clear the log.
        0x2101 => Fixed(2),
        0x2102 => Fixed(4),
        0x2103 => Fixed(0),
        // Files, forced bits, and sockets.
        0x2201..=0x2208 | 0x220a..=0x220c | 0x2215 | 0x2220 | 0x2301 => AtLeast(2),
        0x2302 => Fixed(0),
        0x2701..=0x2704 | 0x2710..=0x2714 | 0x2720 | 0x2730 | 0x2750 | 0x2757 | 0x2760..=0x2767 => AtLeast(2),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn frame_of(control: u8, command: [u8; 2], parameters: &[u8]) -> Vec<u8> {
        let header = [control, 0, 2, 0, 10, 0, 0, 25, 0, 9];
        [&header[..], &command, parameters].concat()
    }

    fn framed(command: u8, data: &[u8]) -> Vec<u8> {
        let length = (8 + data.len() as u32).to_be_bytes();
        [b"FINS", &length[..], &[0, 0, 0, command, 0, 0, 0, 0], data].concat()
    }

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        let read = frame_of(0x80, [1, 1], &[0x82, 0, 100, 0, 0, 10]);
        udp.client_proves(&read, Proof::Structure);
        let answer = frame_of(0xc0, [1, 1], &[0, 0, 0x12, 0x34]);
        udp.server_proves(&answer, Proof::Structure);
        assert_eq!(udp.both(&read, &answer), Match::Yes(Proof::Structure));
        udp.client_proves(&frame_of(0x80, [5, 1], &[0]), Proof::Heuristic);
        udp.client_proves(&frame_of(0x81, [1, 2], &[0x82, 0, 100, 0, 0, 1, 5, 5]), Proof::Heuristic);
        udp.server_proves(&frame_of(0xc0, [1, 1], &[0x11, 3]), Proof::Heuristic);
    }

    #[test]
    fn streams() {
        let tcp = Trial::tcp(check);
        let hello = framed(0, &[0; 4]);
        tcp.client_proves(&hello, Proof::Structure);
        tcp.server_proves(&framed(1, &[0, 0, 0, 25, 0, 0, 0, 10]), Proof::Structure);
        let read = frame_of(0x80, [1, 1], &[0x82, 0, 100, 0, 0, 10]);
        tcp.client_proves(&framed(2, &read), Proof::Structure);
        assert_eq!(tcp.both(&hello, &framed(3, &[])), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let read = frame_of(0x80, [1, 1], &[0x82, 0, 100, 0, 0, 10]);
        for (offset, value) in [(0, 0x90), (1, 1), (2, 9), (3, 0x80), (6, 0x80), (10, 8), (11, 9)] {
            let mut wrong = read.clone();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(&read[..17]), Match::No);
        assert_eq!(udp.both(&read, b"raw data"), Match::No);
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"FINSbury"), Match::No);
        assert_eq!(tcp.client(&framed(1, &[0; 8])), Match::No, "a reply from the client");
        assert_eq!(tcp.client(&framed(0, &[0; 8])), Match::No);
        // RTP begins alike.
        assert_eq!(udp.client(&[0x80, 0, 0, 1, 0, 0, 0, 0xa0, 1, 2, 3, 4, 5, 6, 7, 8]), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
