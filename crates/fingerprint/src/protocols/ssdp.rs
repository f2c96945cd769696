//! SSDP: UPnP Device Architecture 2.0, section 1: HTTP start lines in datagrams.
//!
//! Proof: `M-SEARCH * HTTP/1.1`, `NOTIFY * HTTP/1.1`, or the `HTTP/1.1 200 OK` that answers a search. Each datagram is whole.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports, weigh};
use crate::start_line::{self, RequestLine, Version};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Ssdp, transports: Transports::UDP, check };

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
