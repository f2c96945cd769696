//! ws-discovery: Web Services Dynamic Discovery: OASIS WS-Discovery 1.1, sections 2.5 and 5; the version of 2005; SOAP
//! over UDP 1.1.
//!
//! Proof: a SOAP envelope that names the namespace of one of the versions.

use memchr::memmem;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::WsDiscovery,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| matches!(byte, b'<' | UTF8_MARK | b' ' | b'\t' | b'\r' | b'\n'))]],
    stream: &[],
    check,
};

/// The first byte of a byte order mark.
const UTF8_MARK: u8 = 0xef;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(side: &Side<'_>) -> Match {
    const NAMESPACES: [&[u8]; 2] = [b"/ws/2005/04/discovery", b"/ws-dd/ns/discovery/2009/01"];
    let bytes = side.first_datagram();
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let holds = |words: &[u8]| memmem::find(text, words).is_some();
    let fits =
        text.starts_with(b"<") && holds(b"Envelope") && NAMESPACES.iter().any(|namespace| holds(namespace));
    if fits { Match::Yes(Proof::Banner) } else { Match::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn probes_and_matches() {
        let udp = Trial::udp(check);
        let probe = b"<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><soap:Header>";
        udp.client_proves(probe, Proof::Banner);
        udp.server_proves(
            b"<s:Envelope xmlns:a=\"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01\">",
            Proof::Banner,
        );
        for other in [
            b"<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\">".as_slice(),
            b"<34>1 Envelope http://schemas.xmlsoap.org/ws/2005/",
            b"Envelope /ws/2005/04/discovery",
        ] {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(udp.both(probe, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
