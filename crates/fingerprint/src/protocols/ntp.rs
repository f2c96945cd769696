//! NTP: RFC 5905, section 7.3, and its forerunners; SNTP; control messages (RFC 9327), private messages (mode 7).
//!
//! Proven from either side by structure: a mode whose fields hold what a clock can have (stratum, poll, precision, root
//! delay and dispersion), and a length that header, extension fields and authenticator make up.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{LENGTH, Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ntp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        &[
            (0, |first| is_version(first) && has_time(first)),
            (1, is_stratum),
            (2, is_poll),
            (3, is_precision),
            (LENGTH, |length| length as usize >= HEADER_LEN),
        ],
        &[(0, |first| is_version(first) && first & 7 == 6 && first >> 6 == 0), (1, is_operation)],
        &[
            (0, |first| is_version(first) && first & 7 == 7),
            (2, is_implementation),
            (3, |request| request <= REQUEST_LAST),
            // Items of less than 4096 bytes.
            (6, |size| size < 0x10),
        ],
    ],
    stream: &[],
    check,
};

const HEADER_LEN: usize = 48;

const fn version(first: u8) -> u8 {
    first >> 3 & 7
}

const fn is_version(first: u8) -> bool {
    matches!(version(first), 1..=4)
}

/// Modes of time; RFC 1059 has no mode: version 1 leaves it zero.
const fn has_time(first: u8) -> bool {
    match first & 7 {
        0 => version(first) == 1,
        mode => mode <= 5,
    }
}

/// 16 stands for unsynchronised; a kiss-o'-death has 0 (RFC 5905, section 7.4).
const fn is_stratum(stratum: u8) -> bool {
    stratum <= 16
}

/// Seconds, as a power of two: up to 36 hours by section 7.3; chrony polls from 1/128 second to half a year.
fn is_poll(poll: u8) -> bool {
    (-7..=24).contains(&(poll as i8))
}

/// Seconds, as a power of two; 32 says nothing (draft-ietf-ntp-data-minimization, section 3).
fn is_precision(precision: u8) -> bool {
    (-32..=0).contains(&(precision as i8)) || precision == 32
}

/// RFC 9327, section 2: response, error, more, and an operation.
const fn is_operation(bits: u8) -> bool {
    matches!(bits & 0x1f, 0..=12 | 31)
}

/// Universal, and the two numbers of the implementations that there were.
const fn is_implementation(implementation: u8) -> bool {
    matches!(implementation, 0 | 2 | 3)
}

/// Mode 7: `ntp_request.h`.
const REQUEST_LAST: u8 = 47;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |client| message(client, true), |server| message(server, false))
}

fn message(message: Message<'_>, from_client: bool) -> Step<Proof> {
    let mut scan = message.scan();
    let first = scan.u8()?;
    require(is_version(first))?;
    match first & 7 {
        mode @ 0..=5 => require(has_time(first)).and_then(|()| time(&mut scan, mode)).and_then(|()| {
            require(is_trailer(version(first), message.total.saturating_sub(HEADER_LEN), &mut scan))
        })?,
        // Who asks does not answer; a response's fields hold almost anything.
        6 if control(&mut scan, first, message.total)? && from_client => return Ok(Proof::Heuristic),
        6 => {}
        _ => private(&mut scan, first, message.total)?,
    }
    Ok(Proof::Structure)
}

/// RFC 5905, section 7.3, figure 8, up to the end of the transmit timestamp.
fn time(scan: &mut Scan<'_>, mode: u8) -> Step<()> {
    const SERVER: u8 = 4;
    const BROADCAST: u8 = 5;
    scan.u8_if(is_stratum)?;
    scan.u8_if(is_poll)?;
    scan.u8_if(is_precision)?;
    // Fixed point, seconds above the binary point: the delay can be a little negative before version 4.
    let delay = scan.u32_be()? as i32;
    require((-0xffff..64 << 16).contains(&delay))?;
    require(scan.u32_be()? < 256 << 16)?;
    // Reference id, then the reference, origin and receive timestamps.
    scan.skip(4 + 3 * 8)?;
    let transmit = scan.take(8)?;
    require(transmit != [0; 8] || !matches!(mode, SERVER | BROADCAST))
}

/// What may follow the header: nothing, an authenticator, or extension fields and perhaps an authenticator.
fn is_trailer(version: u8, mut len: usize, scan: &mut Scan<'_>) -> bool {
    loop {
        match len {
            // None; a crypto-NAK; key id with MD5 or CMAC, SHA-1, SHA-256, SHA-512; MS-SNTP's extended form.
            0 | 4 | 20 | 24 | 36 | 68 | 72 => return true,
            // RFC 1305, appendix C: key id and DES checksum.
            12 => return version <= 3,
            _ if version < 4 => return false,
            _ => {}
        }
        // RFC 7822, section 3.
        let Ok(kind_and_length) = scan.take(4) else { return !scan.is_whole() };
        let field = usize::from(u16::from_be_bytes([kind_and_length[2], kind_and_length[3]]));
        if field < 16 || field % 4 != 0 || field > len {
            return false;
        }
        if scan.skip(field - 4).is_err() {
            return !scan.is_whole();
        }
        len -= field;
    }
}

/// RFC 9327, section 2: counted data, padded to words, and perhaps an authenticator. Whether it is a response.
fn control(scan: &mut Scan<'_>, first: u8, total: usize) -> Step<bool> {
    const LEN: usize = 12;
    require(first >> 6 == 0)?;
    let bits = scan.u8_if(is_operation)?;
    let is_response = bits & 0x80 != 0;
    scan.skip(2)?;
    let status = scan.u16_be()?;
    scan.skip(2)?;
    let offset = scan.u16_be()?;
    let count = usize::from(scan.u16_be()?);
    require(is_response || bits & 0x60 == 0 && status == 0 && offset == 0)?;
    let padded = LEN + count.next_multiple_of(4);
    let authenticators = [0, 20, 24];
    require(
        total == LEN + count || authenticators.iter().any(|authenticator| total == padded + authenticator),
    )?;
    Ok(is_response)
}

/// Mode 7, `struct req_pkt` and `resp_pkt` of the reference implementation (`ntp_request.h`): items of one size.
fn private(scan: &mut Scan<'_>, first: u8, total: usize) -> Step<()> {
    const LEN: usize = 8;
    /// A request's data area, and the lengths of requests: bare, with the area and perhaps an authenticator.
    const DATA_LENS: [usize; 2] = [40, 184];
    const REQUEST_LENS: [usize; 5] = [8, 48, 56, 192, 216];
    let is_response = first & 0x80 != 0;
    require(version(first) > 1)?;
    scan.skip(1)?;
    scan.u8_if(is_implementation)?;
    scan.u8_if(|request| request <= REQUEST_LAST)?;
    let (error_and_items, size) = (scan.u16_be()?, scan.u16_be()?);
    // Four bits before the size must be zero.
    require(size < 0x1000)?;
    let items = usize::from(error_and_items & 0xfff);
    let data = items * usize::from(size);
    if is_response {
        return require(total == LEN + data);
    }
    require(error_and_items < 0x1000 && (items == 0) == (size == 0) && LEN + data <= total)?;
    require(total == LEN + data || REQUEST_LENS.contains(&total))?;
    scan.take_up_to(data);
    let area = DATA_LENS.into_iter().rev().find(|area| LEN + area <= total).unwrap_or(0);
    require(scan.take_up_to(area.saturating_sub(data)).iter().all(|&byte| byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    fn reply() -> Vec<u8> {
        let mut packet = vec![0x24, 2, 6, 0xe9, 0, 0, 2, 0x10, 0, 0, 6, 0xaa, 192, 0, 2, 1];
        packet.extend([0xe0; 32]);
        packet
    }

    fn client() -> Vec<u8> {
        let mut packet = vec![0x23];
        packet.extend([0; 47]);
        packet
    }

    #[test]
    fn client_and_server() {
        assert_eq!(Talk::udp().client(&client()).ask(check), YES);
        assert_eq!(Talk::udp().client(&client()).server(&reply()).ask(check), YES);
        assert_eq!(Talk::udp().server(&reply()).ask(check), YES);
        let mut minimal = client();
        minimal[3] = 32;
        minimal[40..].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(Talk::udp().client(&minimal).ask(check), YES);
        let mut symmetric = reply();
        symmetric[0] = 0xd9;
        assert_eq!(Talk::udp().client(&symmetric).ask(check), YES);
        // Leap indicator 0 to 3, version 1 to 4; version 1 has no mode.
        for (leap, version) in (0..4).flat_map(|leap| (1..=4).map(move |version| (leap, version))) {
            let mut other = client();
            other[0] = leap << 6 | version << 3 | if version == 1 { 0 } else { 3 };
            assert_eq!(Talk::udp().client(&other).ask(check), YES, "{leap} {version}");
        }
    }

    #[test]
    fn authenticators_and_extension_fields() {
        for len in [4, 20, 24, 36, 72] {
            assert_eq!(Talk::udp().client(&[client(), vec![7; len]].concat()).ask(check), YES, "{len}");
        }
        let field = |kind: u16, len: u16| {
            [&kind.to_be_bytes()[..], &len.to_be_bytes(), &vec![3; usize::from(len) - 4]].concat()
        };
        let nts = [client(), field(0x0104, 36), field(0x0204, 104), field(0x0404, 40)].concat();
        assert_eq!(Talk::udp().client(&nts).ask(check), YES);
        let long = [client(), field(0x0104, 36), field(0x0204, 600)].concat();
        assert_eq!(Talk::udp().client(&long).ask(check), YES);
        assert_eq!(Talk::udp().client(&[client(), vec![7; 9]].concat()).ask(check), Match::No);
    }

    #[test]
    fn control_and_private_messages() {
        let read_variables = [0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let answer = [&[0x16, 0x82, 0, 1, 6, 0x15, 0, 0, 0, 0, 0, 11][..], b"version=\"4\"", &[0]].concat();
        assert_eq!(Talk::udp().client(&read_variables).server(&answer).ask(check), YES);
        assert_eq!(Talk::udp().client(&answer).ask(check), Match::Yes(Proof::Heuristic));
        let monlist = [0x17, 0, 3, 42, 0, 0, 0, 0];
        assert_eq!(Talk::udp().client(&[&monlist[..], &[0; 184]].concat()).ask(check), YES);
        assert_eq!(Talk::udp().client(&[&monlist[..], &[1; 184]].concat()).ask(check), Match::No);
        let items = [&[0xd7, 0, 3, 42, 0, 6, 0, 72][..], &[1; 432]].concat();
        assert_eq!(Talk::udp().client(&monlist).server(&items).ask(check), YES);
        assert_eq!(Talk::udp().server(&items[..items.len() - 1]).ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        let mut stratum = reply();
        stratum[1] = 17;
        assert_eq!(Talk::udp().server(&stratum).ask(check), Match::No);
        let mut no_time = reply();
        no_time[40..].fill(0);
        assert_eq!(Talk::udp().server(&no_time).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&client()[..40]).ask(check), Match::No);
        let mut tunnelled = client();
        tunnelled[1..].copy_from_slice(&Noise::new(4).bytes(47));
        assert_eq!(Talk::udp().client(&tunnelled).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(400_000, check), 0);
    }
}
