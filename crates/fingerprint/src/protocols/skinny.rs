//! skinny: Cisco's Skinny Client Control Protocol (SCCP). The protocol is unpublished: its header and its messages are as Cisco's
//! phones and call managers and the open implementations of both agree.
//!
//! Proven from either side by structure: two headers whose lengths, versions and ids agree, or the name of a device where a
//! station registers. One message that is not a keep-alive is plausible.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Skinny,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[
        (2, |length| length == 0),
        (3, |length| length == 0),
        (5, |version| version == 0),
        (6, |version| version == 0),
    ],
    check,
};

const KEEP_ALIVE: u16 = 0x0000;
const REGISTER: u16 = 0x0001;
const REGISTER_TOKEN: u16 = 0x0029;
/// Of the protocol's variant for analogue gateways.
const GATEWAY_TOKEN: u16 = 0x8000;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |message| messages(message, from_station), |message| messages(message, from_manager))
}

fn from_station(id: u16) -> bool {
    matches!(id, KEEP_ALIVE..=0x005f | 0x0159..=0x015f | GATEWAY_TOKEN)
}

fn from_manager(id: u16) -> bool {
    matches!(id, 0x0081..=0x0158 | 0x8100 | 0x8101)
}

fn messages(message: Message<'_>, known: fn(u16) -> bool) -> Step<Proof> {
    let mut scan = message.scan();
    let (id, mut body, length) = header(&mut scan, known)?;
    if matches!(id, REGISTER | REGISTER_TOKEN | GATEWAY_TOKEN) {
        require(length >= DEVICE_NAME)?;
        return device_name(&mut body);
    }
    require(id != KEEP_ALIVE || length <= KEEP_ALIVE_MAX)?;
    match header(&mut scan, known) {
        Ok(_) => Ok(Proof::Structure),
        Err(Stop::Short) if id != KEEP_ALIVE && body.is_whole() => Ok(Proof::Heuristic),
        Err(stop) => Err(stop),
    }
}

/// Some carry a number.
const KEEP_ALIVE_MAX: usize = 8;

/// Length, version, id; the body and its length.
fn header<'a>(scan: &mut Scan<'a>, known: fn(u16) -> bool) -> Step<(u16, Scan<'a>, usize)> {
    /// The id is counted, the length and the version are not.
    const ID: u64 = 4;
    const LONGEST: u64 = 4096;
    /// Zero in the beginning; a phone's protocol version since.
    const VERSION_LAST: u64 = 0x40;
    let length = (scan.le(4, ID..=LONGEST)? - ID) as usize;
    scan.le(4, 0..=VERSION_LAST)?;
    let id = scan.u16_le()?;
    require(known(id))?;
    scan.expect(&[0, 0])?;
    Ok((id, scan.part(length)?, length))
}

const DEVICE_NAME: usize = 16;

/// Letters, digits and dashes, then zeros.
fn device_name(body: &mut Scan<'_>) -> Step<Proof> {
    const SHORTEST: usize = 3;
    let name = body.take_up_to(DEVICE_NAME);
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    let (text, padding) = name.split_at(end);
    require(text.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)))?;
    require(padding.iter().all(|&byte| byte == 0))?;
    if name.len() < DEVICE_NAME {
        return Err(Stop::Short);
    }
    require(text.len() >= SHORTEST)?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn message(id: u16, body: &[u8]) -> Vec<u8> {
        let mut message = (body.len() as u32 + 4).to_le_bytes().to_vec();
        message.extend([0; 4]);
        message.extend(u32::from(id).to_le_bytes());
        message.extend(body);
        message
    }

    #[test]
    fn stations_register() {
        let tcp = Trial::tcp(check);
        let register = message(1, &[&b"SEP001122334455\0"[..], &[7; 20]].concat());
        let acknowledged = message(0x81, &[30, 0, 0, 0, b'M', b'/', b'D', b'/', b'Y', 0, 0, 0]);
        tcp.client_proves(&register, Proof::Structure);
        tcp.server_proves(&acknowledged, Proof::Heuristic);
        tcp.server_proves(&[&acknowledged[..], &message(0x9b, &[])].concat(), Proof::Structure);
        assert_eq!(tcp.both(&register, &acknowledged), Match::Yes(Proof::Structure));
    }

    #[test]
    fn one_keep_alive_says_nothing() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&message(0, &[])), Match::Maybe);
        tcp.client_proves(&message(0, &[]).repeat(2), Proof::Structure);
        tcp.client_proves(&[message(0, &[]), message(6, &[1, 0, 0, 0])].concat(), Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(&message(0, &[0; 12])), Match::No);
        let register = message(1, b"SEP001122334455\0");
        for (at, value) in [(0, 3), (2, 1), (4, 0x41), (8, 0x7f), (10, 1), (12, b' '), (14, 0), (27, b'!')] {
            let mut wrong = register.clone();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.server(&register), Match::No);
        assert_eq!(tcp.both(&register, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
