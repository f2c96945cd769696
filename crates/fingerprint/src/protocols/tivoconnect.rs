//! tivoconnect: beacons of TiVo machines: "TiVo Connect Automatic Machine Discovery Protocol Specification", revision 1.5.1,
//! sections on packets and on broadcast and connected discovery.
//!
//! Proven by its first line and lines of a name and a value, the whole datagram through. Over TCP a length precedes each.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Tivoconnect,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| byte.eq_ignore_ascii_case(&FIRST[0]))]],
    stream: &[],
    check,
};

/// Names are read without regard to case.
const FIRST: &[u8] = b"tivoconnect=";

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        weigh(exchange, datagram, datagram)
    } else {
        weigh(exchange, stream, stream)
    }
}

fn datagram(side: &Side<'_>) -> Match {
    match verdict(|| beacon(&mut Text::new(side.first_datagram()))) {
        // A datagram does not go on.
        Match::Maybe => Match::No,
        answer => answer,
    }
}

fn stream(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        // Shorter than 64 KiB, and not shorter than its first line.
        text.literal(&[0, 0])?;
        let high = text.one(|_| true)?;
        text.one(|low| high > 0 || usize::from(low) > FIRST.len())?;
        beacon(&mut text)
    })
}

fn beacon(text: &mut Text<'_>) -> Step<Match> {
    text.word(FIRST)?;
    text.run(1, 3, |byte| byte.is_ascii_digit())?;
    text.line(|_| false)?;
    // One more line, so that it says who.
    let name = text.run(1, 64, |byte| byte.is_ascii_alphanumeric() || b"_-/".contains(&byte))?;
    text.literal(b"=")?;
    text.one(is_text)?;
    Ok(if name.is_empty() { Match::No } else { Match::Yes(Proof::Banner) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const BEACON: &[u8] = b"tivoconnect=1\nmethod=broadcast\nplatform=pc/win-nt\nmachine=PC\nidentity={1}\n";

    #[test]
    fn beacons() {
        let udp = Trial::udp(check);
        udp.client_proves(BEACON, Proof::Banner);
        udp.client_proves(b"TiVoConnect=1\r\nMachine=a\r\n", Proof::Banner);
        let connected = [&[0, 0, 0, 75][..], BEACON].concat();
        let tcp = Trial::tcp(check);
        tcp.client_proves(&connected, Proof::Banner);
        tcp.server_proves(&connected, Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for wrong in [
            &b"tivoconnect"[..],
            b"tivoconnect=1",
            b"tivoconnect=x\na=b\n",
            b"tivoconnect=1\n=b\n",
            b"tivoconnect=1\na b\n",
        ] {
            assert_eq!(udp.client(wrong), Match::No, "{wrong:?}");
        }
        assert_eq!(Trial::tcp(check).client(BEACON), Match::No);
        assert_eq!(Trial::tcp(check).client(b"\0\0\0\x05tivo"), Match::No);
        assert_eq!(udp.both(BEACON, b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
