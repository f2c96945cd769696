//! zabbix: Zabbix server, proxy, agent and sender.
//!
//! Specification: Zabbix manual, appendix "Header" (magic, flags, lengths) and "Passive and active agent checks" (3.0 and
//! later). The header proves it, from either side. Servers of old (3.0) ask a passive agent by a bare line, which the
//! agent's header answers.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::scan::{Scan, Step, Stop, require};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Zabbix,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const MAGIC: &[u8] = b"ZBXD";

/// What the keys of an agent's items begin with.
const KEYS: &[&[u8]] = &[b"agent.", b"kernel.", b"net.", b"proc.", b"system.", b"vfs.", b"vm.", b"web."];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |side| header(side).or(key(side)), header)
}

fn header(side: &Side<'_>) -> Match {
    match message(&mut Scan::new(side.bytes)) {
        Ok(()) => Match::Yes(Proof::Structure),
        Err(Stop::Short) => Match::Maybe,
        Err(Stop::Wrong) => Match::No,
    }
}

/// Magic, flags, length of the data, length before compression.
fn message(scan: &mut Scan<'_>) -> Step<()> {
    const PROTOCOL: u8 = 0x01;
    const COMPRESSED: u8 = 0x02;
    const LARGE: u8 = 0x04;
    /// The most that a peer takes, and of large packets.
    const MOST: u64 = 1 << 30;
    const MOST_LARGE: u64 = 16 << 30;
    scan.expect(MAGIC)?;
    let flags = scan.u8_if(|flags| flags & PROTOCOL != 0 && flags <= PROTOCOL | COMPRESSED | LARGE)?;
    let (width, most) = if flags & LARGE != 0 { (8, MOST_LARGE) } else { (4, MOST) };
    let length = scan.le(width, 0..=most)?;
    // Reserved: zero in the manuals up to 5.0, of which later ones say nothing.
    let plain = scan.le(width, 0..=most)?;
    require(flags & COMPRESSED == 0 || (length > 0 && plain > 0))
}

/// One line that begins as a key; it proves nothing.
fn key(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let start = text;
        text.any_word(KEYS)?;
        // Keys are in lower case.
        if start.rest()[..2].iter().any(u8::is_ascii_uppercase) {
            return Ok(Match::No);
        }
        text.line(is_text)?;
        Ok(if text.rest().is_empty() { Match::Maybe } else { Match::No })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const REQUEST: &[u8] = b"ZBXD\x01\x2b\0\0\0\0\0\0\0{\"request\":\"active checks\",\"host\":\"a\"}";

    #[test]
    fn headers_of_both_sides() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(REQUEST, Proof::Structure);
        tcp.server_proves(b"ZBXD\x01\x01\0\0\0\0\0\0\x001", Proof::Structure);
        tcp.client_proves(b"ZBXD\x03\x20\0\0\0\x80\0\0\0\x78\x9c", Proof::Structure);
        tcp.client_proves(b"ZBXD\x05\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0{", Proof::Structure);
    }

    #[test]
    fn bare_keys_need_the_answer() {
        let tcp = Trial::tcp(check);
        for key in [b"agent.ping\n".as_slice(), b"system.cpu.load[all,avg1]\n", b"vfs.fs.size[/,free]"] {
            assert_eq!(tcp.client(key), Match::Maybe);
            assert_eq!(tcp.both(key, b"ZBXD\x01\x01\0\0\0\0\0\0\x001"), Match::Yes(Proof::Structure));
            assert_eq!(tcp.both(key, b"1\n"), Match::No);
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"ZBXDx".as_slice(),
            b"ZBXD\x02",
            b"ZBXD\x09",
            b"ZBXD\x03\x2b\0\0\0\0\0\0\0",
            b"ZBXD\x01\x2b\0\0\x80",
            b"zbxd",
            b"agent.ping\nmore",
            b"agents\n",
            b"System.out\n",
            b"net.\x01",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(REQUEST, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
