//! mssql-browser: the SQL Server Resolution Protocol of SQL Server Browser.
//!
//! Specification: MS-SQLR (formerly MC-SQLR), section 2.2. A response proves it: its size, and `ServerName;`. A request for
//! one instance is plausible; those that ask for all are one byte, and need their response.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::MssqlBrowser,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, BROADCAST | UNICAST | INSTANCE | RESPONSE | DAC))]],
    stream: &[],
    check,
};

const BROADCAST: u8 = 2;
const UNICAST: u8 = 3;
const INSTANCE: u8 = 4;
const RESPONSE: u8 = 5;
const DAC: u8 = 0x0f;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, request, response)
}

fn request(message: Message<'_>) -> Step<Proof> {
    const NAME_MAX: usize = 32;
    let mut scan = message.scan();
    match scan.u8()? {
        // All instances: whether it is one is for the response to say.
        BROADCAST | UNICAST if message.total == 1 => return Err(Stop::Short),
        INSTANCE => {}
        // The dedicated administrator connection, version 1.
        DAC => scan.expect(&[1])?,
        _ => return Err(Stop::Wrong),
    }
    // A name, ended by NUL; some clients leave that out.
    let name = scan.rest().strip_suffix(&[0]).unwrap_or(scan.rest());
    require(scan.is_whole() && (3..=NAME_MAX).contains(&name.len()))?;
    require(
        name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'-')),
    )?;
    Ok(Proof::Heuristic)
}

fn response(message: Message<'_>) -> Step<Proof> {
    const HEADER: u64 = 3;
    let mut scan = message.scan();
    scan.expect(&[RESPONSE])?;
    // Of the dedicated connection: size 6, version 1, port.
    if message.total == 6 {
        scan.expect(&[6, 0, 1])?;
        return scan.le(2, 1..=0xffff).map(|_| Proof::Heuristic);
    }
    let size = (message.total as u64).saturating_sub(HEADER);
    scan.le(2, size..=size)?;
    scan.expect(b"ServerName;")?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Talk, random_yeses};
    use crate::trial::Trial;

    fn response_of(text: &[u8]) -> Vec<u8> {
        [&[5, text.len() as u8, 0][..], text].concat()
    }

    const TEXT: &[u8] =
        b"ServerName;DB1;InstanceName;SQLEXPRESS;IsClustered;No;Version;15.0.2000.5;tcp;1433;;";

    #[test]
    fn requests_and_responses() {
        let udp = Trial::udp(check);
        udp.server_proves(&response_of(TEXT), Proof::Structure);
        udp.client_proves(b"\x04SQLEXPRESS\0", Proof::Heuristic);
        udp.client_proves(b"\x0f\x01SQLEXPRESS\0", Proof::Heuristic);
        assert_eq!(udp.client(&[3]), Match::Maybe);
        assert_eq!(udp.both(&[3], &response_of(TEXT)), Match::Yes(Proof::Structure));
        assert_eq!(udp.both(b"\x0f\x01MSSQL\0", b"\x05\x06\0\x01\x9a\x05"), Match::Yes(Proof::Heuristic));
        let long = [&b"\x05\x4c\x04"[..], &TEXT.repeat(14)[..1100]].concat();
        assert_eq!(Talk::udp().server(&long).ask(check), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let mut size = response_of(TEXT);
        size[1] += 1;
        assert_eq!(udp.server(&size), Match::No);
        assert_eq!(udp.server(&response_of(b"Servername;DB1;;")), Match::No);
        assert_eq!(udp.client(b"\x03\x03"), Match::No);
        assert_eq!(udp.client(b"\x04SQL EXPRESS\0"), Match::No);
        assert_eq!(udp.client(b"\x0f\x02SQLEXPRESS\0"), Match::No);
        assert_eq!(udp.both(&[3], b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
