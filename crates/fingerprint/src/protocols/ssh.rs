//! SSH: RFC 4253, section 4.2 (identification string) and section 6 (binary packet), SSH 1.x alike.
//!
//! Proof: either side's `SSH-protoversion-`. What follows must fit: a line of text, then, in version 2, a packet
//! whose first message can open a key exchange. Lines of text that a server may send before its identification
//! (section 4.2) are let through only where the client has said that it speaks SSH, and on SSH's own port: nothing
//! else tells them from any other text.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::reader::Reader;
use crate::text::{Text, is_ascii_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ssh,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// RFC 4253, section 6.1: every implementation takes packets of 35,000 bytes; more is for none of those that open.
const PACKET_MAX: u32 = 35_000;

const PORT: u16 = 22;

/// Text that a server may send before its identification when nobody has asked: as long as an identification may be
/// (section 4.2).
const UNASKED_MAX: usize = 255;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client && !exchange.midstream;
    let may_explain = asked || exchange.server_port == PORT && !exchange.midstream;
    weigh(exchange, identification, |server| match identification(server) {
        Match::No if may_explain => behind_words(server, asked),
        answer => answer,
    })
}

/// A server's identification behind lines of text, or a refusal in nothing but text: "Exceeded MaxStartups", "Not allowed
/// at this time". Of a server that was not asked it takes little, in lines that end as the specification has it.
fn behind_words(server: &Side<'_>, asked: bool) -> Match {
    let mut text = Text::new(server.bytes);
    loop {
        let rest = text.rest();
        if rest.starts_with(b"SSH-") {
            return identification(&Side { bytes: rest, ..*server });
        }
        let line = text.line(is_ascii_text);
        let read = server.bytes.len() - text.rest().len();
        match line {
            Err(Match::Maybe) if asked || server.bytes.len() <= UNASKED_MAX => return Match::Maybe,
            Ok(_) if asked || read <= UNASKED_MAX && server.bytes[..read].ends_with(b"\r\n") => {}
            _ => return Match::No,
        }
    }
}

fn identification(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"SSH-")?;
        let major = text.one(|byte| matches!(byte, b'1' | b'2'))?;
        text.literal(b".")?;
        text.run(1, 2, |byte| byte.is_ascii_digit())?;
        text.literal(b"-")?;
        // NUL must not be sent (section 4.2), and old devices pad with it.
        Ok(match text.line(|byte| is_ascii_text(byte) || byte == 0) {
            Ok(_) if major == b'2' && !opens(text.rest()) => Match::No,
            Ok(_) | Err(Match::Maybe) => Match::Yes(Proof::Banner),
            Err(_) => Match::No,
        })
    })
}

/// Whether what follows the identification can be a first packet, as far as it is there. Text is let through: it is
/// how servers explain that they go no further.
fn opens(bytes: &[u8]) -> bool {
    // SSH_MSG_DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, KEXINIT, and messages of a guessed method (30 to 49).
    let fits = || -> Option<bool> {
        let mut packet = Reader::new(bytes);
        let length = packet.u32_be()?;
        let padding = packet.u8()?;
        let sized = (5..=PACKET_MAX).contains(&length) && padding >= 4 && u32::from(padding) < length;
        Some(sized && packet.u8().is_none_or(|message| matches!(message, 1..=4 | 20 | 30..=49)))
    };
    fits().unwrap_or(true) || is_words(bytes)
}

fn is_words(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| is_ascii_text(byte) || byte == b'\r' || byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const KEXINIT: &[u8] = b"\0\0\x05\xdc\x04\x14";

    #[test]
    fn identifications_from_either_side() {
        let tcp = Trial::tcp(check);
        for line in [
            b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n".as_slice(),
            b"SSH-2.0-dropbear_2022.83\r\n",
            b"SSH-1.99-Cisco-1.25\n",
            b"SSH-1.5-1.2.27\n\0\0\x01\x0b",
            b"SSH-2.0-\r\n",
            b"SSH-2.0-x\0\0\0",
        ] {
            tcp.client_proves(line, Proof::Banner);
            tcp.server_proves(line, Proof::Banner);
        }
        let with_packet = [b"SSH-2.0-x\r\n".as_slice(), KEXINIT].concat();
        tcp.client_proves(&with_packet, Proof::Banner);
        assert_eq!(tcp.both(&with_packet, b"SSH-2.0-y\r\n"), Match::Yes(Proof::Banner));
    }

    #[test]
    fn refusals_in_plain_text() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.both(b"SSH-2.0-x\r\n", b"Exceeded MaxStartups\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.server(b"SSH-2.0-x\r\nProtocol mismatch.\n"), Match::Yes(Proof::Banner));
        assert_eq!(tcp.server(b"Exceeded MaxStartups\r\n"), Match::No);
        let refused = Talk::tcp().port(PORT).server(b"Exceeded MaxStartups\r\n");
        assert_eq!(refused.ask(check), Match::Maybe);
        assert_eq!(refused.client(b"SSH-2.0-x\r\n").ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn lines_before_the_identification() {
        let on_its_port = |bytes: &[u8]| Talk::tcp().port(PORT).server(bytes).ask(check);
        assert_eq!(on_its_port(b"No strangers.\r\n"), Match::Maybe);
        assert_eq!(on_its_port(b"No strangers.\r\n\r\nSSH-2.0-x\r\n"), Match::Yes(Proof::Banner));
        assert_eq!(on_its_port(b"No strangers.\r\nSSH-2.0-x\r\n\xde\xad\xbe\xef\x01"), Match::No);
        assert_eq!(on_its_port(b"17,alice,alice@example.org\n"), Match::No);
        assert_eq!(on_its_port(&[b'a'; 300]), Match::No);
        assert_eq!(on_its_port(b"a\r\n\x01"), Match::No);
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.server(b"No strangers.\r\nSSH-2.0-x\r\n"), Match::No);
        let asked = tcp.both(b"SSH-2.0-x\r\n", b"No strangers.\nSSH-2.0-y\r\n\0\0\x05\xdc\x04\x14");
        assert_eq!(asked, Match::Yes(Proof::Banner));
    }

    #[test]
    fn what_starts_like_it_and_breaks_its_rules() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.client(b"SSH-2.0-x\x01\x02"), Match::No);
        assert_eq!(tcp.client(b"SSH-2.0-x\r\n\xde\xad\xbe\xef\x01\x02"), Match::No);
        assert_eq!(tcp.client(b"SSH-2.0-x\r\n\0\0\x05\xdc\x04\x15"), Match::No);
        assert_eq!(tcp.both(b"SSH-2.0-x\r\n", b"\x01\x02\x03"), Match::No);
        assert_eq!(tcp.client(b"SSH-3.0-x\r\n"), Match::No);
        assert_eq!(tcp.client(b"ssh-2.0-x\r\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
