//! x11: the X Window System.
//!
//! Specification: X Consortium, "X Window System Protocol", version 11, chapter 8 and appendix B (connection setup). A
//! client's request proves it by byte order, version and the name of an authorization; the server's answer by version,
//! lengths and the formats that it announces.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::X11,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Big,
    Little,
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, answer)
}

fn number(scan: &mut Scan<'_>, order: Order, range: std::ops::RangeInclusive<u64>) -> Step<u64> {
    match order {
        Order::Big => scan.be(2, range),
        Order::Little => scan.le(2, range),
    }
}

fn request(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    let order =
        if scan.u8_if(|order| matches!(order, b'B' | b'l'))? == b'B' { Order::Big } else { Order::Little };
    scan.expect(&[0])?;
    number(&mut scan, order, 11..=11)?;
    number(&mut scan, order, 0..=0)?;
    let name = number(&mut scan, order, 0..=64)? as usize;
    number(&mut scan, order, 0..=1024)?;
    scan.expect(&[0; 2])?;
    let text = scan.rest().get(..name).unwrap_or(scan.rest());
    require(text.iter().all(u8::is_ascii_graphic))?;
    Ok(Proof::Structure)
}

/// In either byte order: what the client asked for may not have been seen.
fn answer(message: Message<'_>) -> Step<Proof> {
    match (answer_in(message, Order::Little), answer_in(message, Order::Big)) {
        (Ok(proof), _) | (_, Ok(proof)) => Ok(proof),
        (Err(Stop::Short), _) | (_, Err(Stop::Short)) => Err(Stop::Short),
        _ => Err(Stop::Wrong),
    }
}

fn answer_in(message: Message<'_>, order: Order) -> Step<Proof> {
    const FAILED: u8 = 0;
    const AUTHENTICATE: u8 = 2;
    let mut scan = message.scan();
    let status = scan.u8_if(|status| status <= AUTHENTICATE)?;
    if status == AUTHENTICATE {
        // Five unused bytes, words of a reason.
        scan.skip(5)?;
        number(&mut scan, order, 1..=64)?;
        return reason(&mut scan, 4);
    }
    let length = scan.u8()?;
    number(&mut scan, order, 11..=11)?;
    number(&mut scan, order, 0..=0)?;
    if status == FAILED {
        let words = u64::from(length).div_ceil(4);
        number(&mut scan, order, words..=words)?;
        return reason(&mut scan, usize::from(length));
    }
    number(&mut scan, order, 8..=0xffff)?;
    // Release, resource ids, motion buffer.
    scan.skip(16)?;
    number(&mut scan, order, 1..=256)?;
    number(&mut scan, order, 4096..=0xffff)?;
    // Screens and formats; orders of image bytes and bitmap bits; unit and padding of scan lines.
    scan.u8_if(|screens| (1..=16).contains(&screens))?;
    scan.u8_if(|formats| (1..=16).contains(&formats))?;
    scan.u8_if(|order| order <= 1)?;
    scan.u8_if(|order| order <= 1)?;
    scan.u8_if(|unit| matches!(unit, 8 | 16 | 32))?;
    scan.u8_if(|pad| matches!(pad, 8 | 16 | 32))?;
    Ok(Proof::Structure)
}

/// A few words, which may be shorter than this.
fn reason(scan: &mut Scan<'_>, length: usize) -> Step<Proof> {
    const ENOUGH: usize = 16;
    let text = scan.take(length.min(ENOUGH))?;
    let is_text = text.iter().all(|&byte| matches!(byte, b'\t' | b'\n' | 0x20..=0x7e));
    require(is_text && text.len() >= 4)?;
    Ok(if length >= 8 { Proof::Structure } else { Proof::Heuristic })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const LITTLE: &[u8] = b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\0abcdefghijklmnop";
    const BIG: &[u8] = b"B\0\0\x0b\0\0\0\0\0\0\0\0";

    fn success() -> Vec<u8> {
        let mut answer = b"\x01\0\x0b\0\0\0\xd5\x03".to_vec();
        answer.extend([0, 0x6c, 0xb8, 0, 0, 0, 0x40, 4, 0xff, 0xff, 0x1f, 0, 0, 1, 0, 0]);
        answer.extend(b"\x14\0\xff\xff\x01\x07\0\0\x20\x20\x08\xff\0\0\0\0The X.Org Foundation");
        answer
    }

    #[test]
    fn requests_in_both_orders() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(LITTLE, Proof::Structure);
        tcp.client_proves(BIG, Proof::Structure);
        tcp.client_proves(b"B\0\0\x0b\0\0\0\x12\0\x10\0\0MIT-MAGIC", Proof::Structure);
    }

    #[test]
    fn answers() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(&success(), Proof::Structure);
        tcp.server_proves(b"\0\x16\x0b\0\0\0\x06\0No protocol specified\n\0\0", Proof::Structure);
        tcp.server_proves(b"\0\x16\0\x0b\0\0\0\x06No protocol specified\n\0\0", Proof::Structure);
        assert_eq!(tcp.both(LITTLE, &success()), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(0, b'L'), (1, 1), (2, 10), (4, 1), (7, 1), (9, 9), (10, 1), (14, 0)] {
            let mut wrong = LITTLE.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        let mut unit = success();
        unit[32] = 9;
        assert_eq!(tcp.server(&unit), Match::No);
        assert_eq!(tcp.both(LITTLE, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
