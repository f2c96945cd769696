//! Telnet: RFC 854 (commands), RFC 855 (options).
//!
//! Proof: a side that opens with an option negotiation, `IAC WILL|WONT|DO|DONT option` or a whole subnegotiation, with an
//! option that exists, and goes on with commands or text. A server that only prompts proves no more than its words do.
//! Either side may begin; the other may answer with plain text.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Telnet,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
/// No terminal's name or environment is longer (RFC 1091, RFC 1572).
const LONGEST: usize = 256;

fn check(exchange: &Exchange<'_>) -> Match {
    let answer = |side: &Side<'_>, spoke: Speaker| match negotiation(side) {
        // The one who answers may type at once: what it types is data of the NVT.
        Match::No if exchange.first != spoke && !exchange.midstream && is_typed(side) => Match::Maybe,
        Match::No if spoke == Speaker::Server => prompt(side),
        answer => answer,
    };
    weigh(exchange, |client| answer(client, Speaker::Client), |server| answer(server, Speaker::Server))
}

fn negotiation(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.one(|byte| byte == IAC)?;
        let command = text.one(|byte| (SB..=254).contains(&byte))?;
        text.one(is_option)?;
        if command == SB {
            subnegotiation(&mut text)?;
        }
        match text.peek() {
            Ok(IAC) => another(text)?,
            Ok(_) if !is_said(text.rest()) => return Err(Match::No),
            _ => {}
        }
        Ok(Match::Yes(Proof::Banner))
    })
}

/// Up to `IAC SE`; IAC itself is doubled (RFC 855).
fn subnegotiation(text: &mut Text<'_>) -> Step<()> {
    for _ in 0..LONGEST {
        if text.one(|_| true)? == IAC && text.one(|byte| matches!(byte, SE | IAC))? == SE {
            return Ok(());
        }
    }
    Err(Match::No)
}

/// The start of a greeting or prompt: ASCII, or UTF-8, without controls that no printer has.
fn is_said(bytes: &[u8]) -> bool {
    let bytes = &bytes[..bytes.len().min(16)];
    let bytes = &bytes[..bytes.iter().position(|&byte| byte == IAC).unwrap_or(bytes.len())];
    let whole = std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    whole && bytes.iter().all(|&byte| matches!(byte, 0 | 7..=13 | 27 | 0x20..=0x7e | 0x80..))
}

/// What follows the first negotiation with another IAC must be a command too, as far as it is there.
fn another(mut text: Text<'_>) -> Step<()> {
    let mut next = || -> Step<()> {
        text.one(|byte| byte == IAC)?;
        let command = text.one(|byte| byte >= 236)?;
        if (SB..=254).contains(&command) {
            text.one(is_option)?;
        }
        Ok(())
    };
    next().or_else(|ended| if ended == Match::Maybe { Ok(()) } else { Err(ended) })
}

/// Data of the NVT, or a command that negotiates nothing.
fn is_typed(side: &Side<'_>) -> bool {
    let commanded = match side.bytes {
        [IAC, command, ..] => matches!(command, 236..=249 | 255),
        _ => true,
    };
    commanded && side.bytes.iter().take(16).all(|&byte| is_nvt(byte))
}

/// The options of IANA's telnet registry, and those that terminals and games use (MSDP, MSSP, MCCP, MXP, ZMP, GMCP).
const fn is_option(byte: u8) -> bool {
    matches!(byte, 0..=49 | 69 | 70 | 85 | 86 | 90 | 91 | 93 | 138..=140 | 200 | 201 | 255)
}

/// A server without negotiation: nothing but its prompt.
fn prompt(side: &Side<'_>) -> Match {
    const PROMPTS: &[&[u8]] = &[b"login:", b"Username:", b"User Access Verification"];
    verdict(|| {
        let blank = side.bytes.iter().take(8).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let mut text = Text::new(&side.bytes[blank..]);
        text.any_word(PROMPTS)?;
        Ok(Match::Yes(Proof::Heuristic))
    })
}

/// RFC 854: what the network virtual terminal's keyboard and printer exchange, in any charset, and IAC itself.
const fn is_nvt(byte: u8) -> bool {
    matches!(byte, 0 | 3 | 4 | 7..=13 | 21 | 27 | 0x20..=0xff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn negotiations_from_either_side() {
        let tcp = Trial::tcp(check);
        for negotiation in [
            b"\xff\xfd\x18".as_slice(),
            b"\xff\xfb\x01\xff\xfb\x03\r\nlogin: ",
            b"\xff\xfa\x18\x01\xff\xf0",
            b"\xff\xfa\x27\x01\xff\xff\xff\xf0\xff\xfd\x18",
            b"\xff\xfd\xc9",
        ] {
            tcp.server_proves(negotiation, Proof::Banner);
            tcp.client_proves(negotiation, Proof::Banner);
        }
    }

    #[test]
    fn the_one_who_answers_may_type() {
        let greeted = Talk::tcp().server(b"\xff\xfd\x18");
        assert_eq!(greeted.clone().client(b"root\r\0").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"\xff\xf6").ask(check), Match::Yes(Proof::Banner));
        assert_eq!(greeted.clone().client(b"\xff\xfb\x77").ask(check), Match::No);
        assert_eq!(greeted.client(b"\x16\x03\x01").ask(check), Match::No);
        // A negotiation that goes wrong is no typing.
        let answered = Talk::tcp().client(b"x").server(b"\xff\xfb\x01\xff\0");
        assert_eq!(answered.ask(check), Match::No);
    }

    #[test]
    fn a_prompt_without_negotiation() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"\r\nlogin: ", Proof::Heuristic);
        tcp.server_proves(b"\r\n\r\nUser Access Verification\r\n", Proof::Heuristic);
        assert_eq!(tcp.server(b"Welcome\r\n"), Match::No);
        assert_eq!(tcp.client(b"login: "), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"\xff\xd8\xff\xe0".as_slice(),
            b"\xff\xfd\x40",
            b"\xff\xfd\x18\xff\x01",
            b"\xff\xfb\x03\xff\xfb\x77",
            b"\xff\xff",
            // A subnegotiation that is none, or has no end; what no one would print.
            b"\xff\xfa\x18\x01\xff\xf1",
            &[&[0xff, 0xfa, 0], &[0; 300][..]].concat(),
            b"\xff\xfd\x18\x01\x02",
            b"\xff\xfd\x18ab\xc3\x28",
        ] {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
