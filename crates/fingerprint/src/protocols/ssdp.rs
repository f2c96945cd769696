//! SSDP: UPnP Device Architecture 2.0, section 1: HTTP start lines in datagrams.
//!
//! Proof: `M-SEARCH * HTTP/1.1`, `NOTIFY * HTTP/1.1`, or the `HTTP/1.1 200 OK` that answers a search. Each datagram is whole.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::start_line::{self, RequestLine, Version};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ssdp,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| matches!(byte, b'H' | b'h' | b'M' | b'N'))]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(side: &Side<'_>) -> Match {
    let answer = message(side.first_datagram());
    if answer == Match::Maybe { Match::No } else { answer }
}

fn message(bytes: &[u8]) -> Match {
    verdict(|| {
        let mut text = Text::new(bytes);
        if start_line::status(&mut Text::new(bytes), b"HTTP").is_ok() {
            return Ok(Match::Yes(Proof::Banner));
        }
        let line = RequestLine::read(&mut text)?;
        let announces = line.method == b"M-SEARCH" || line.method == b"NOTIFY";
        let http = matches!(line.version, Version::Is(name, _) if name.eq_ignore_ascii_case(b"HTTP"));
        Ok(if announces && http { Match::Yes(Proof::Banner) } else { Match::No })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const SEARCH: &[u8] =
        b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n";

    #[test]
    fn searches_announcements_and_answers() {
        let udp = Trial::udp(check);
        assert_eq!(udp.client(SEARCH), Match::Yes(Proof::Banner));
        assert_eq!(udp.client(b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\n\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(udp.client(b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(udp.both(SEARCH, b"HTTP/1.1 200 OK\r\n\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for other in [
            b"M-SEARCH * HT".as_slice(),
            b"GET / HTTP/1.1\r\n\r\n",
            b"NOTIFY sip:a@b SIP/2.0\r\n",
            b"M-SEARCH *\r\n",
        ] {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(udp.both(SEARCH, b"\x01"), Match::No);
        udp.refuses_noise(2000);
    }
}
