//! cups-browsing: the broadcasts by which CUPS shared printers.
//!
//! Specification: "CUPS Browse Protocol" (cups.org, spec-browsing): type and state in hexadecimal, then the printer's URI.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::CupsBrowsing,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| byte.is_ascii_hexdigit())]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(side: &Side<'_>) -> Match {
    let answer = verdict(|| {
        let mut text = Text::new(side.first_datagram());
        text.run(1, 8, |byte| byte.is_ascii_hexdigit())?;
        text.literal(b" ")?;
        // Idle, processing, stopped.
        text.run(1, 8, |byte| byte.is_ascii_hexdigit())?;
        text.literal(b" ")?;
        text.any_word(&[b"ipps://", b"ipp://", b"https://", b"http://"])?;
        text.one(|byte| byte.is_ascii_graphic())?;
        Ok(Match::Yes(Proof::Banner))
    });
    if answer == Match::Maybe { Match::No } else { answer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn broadcasts() {
        let udp = Trial::udp(check);
        udp.client_proves(b"300c 3 ipp://host:631/printers/x \"Hall\" \"x\" \"HP\"\n", Proof::Banner);
        udp.client_proves(b"0 3 http://192.0.2.1:631/printers/x", Proof::Banner);
        for other in
            [b"300c 3 ftp://host/x".as_slice(), b"300c ipp://host", b"xyz 3 ipp://host", b"300c 3 ipp://"]
        {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
