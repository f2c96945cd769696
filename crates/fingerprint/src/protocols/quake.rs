//! quake: the connectionless messages of id Software's engines and the games built on them.
//!
//! Specification: id Software, source of Quake II and Quake III Arena, and "QuakeWorld Master and Server protocol".
//! Four bytes of ones and a command or answer in words prove it, from either side; Doom 3's have two.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Quake,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| byte == 0xff)]],
    stream: &[],
    check,
};

const WORDS: &[&[u8]] = &[
    b"getstatus",
    b"getinfo",
    b"getchallenge",
    b"getservers",
    b"getserversExt",
    b"getserversResponse",
    b"getserversExtResponse",
    b"statusResponse",
    b"infoResponse",
    b"challengeResponse",
    b"connectResponse",
    b"connect",
    b"disconnect",
    b"heartbeat",
    b"rcon",
    b"print",
    b"status",
    b"info",
    b"getmotd",
    b"motd",
    b"getKeyAuthorize",
    b"ipAuthorize",
    b"keyAuthorize",
    b"client_connect",
    b"challenge",
    b"echo",
    b"ping",
    b"ack",
];

/// Of Doom 3, behind two bytes of ones.
const SHORT_WORDS: &[&[u8]] = &[b"getInfo", b"infoResponse"];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, packet, packet)
}

fn packet(message: Message<'_>) -> Step<Proof> {
    let (text, words) = match message.bytes {
        [0xff, 0xff, 0xff, 0xff, text @ ..] => (text, WORDS),
        [0xff, 0xff, text @ ..] => (text, SHORT_WORDS),
        _ => return Err(Stop::Wrong),
    };
    let end = text.iter().position(|&byte| !byte.is_ascii_alphabetic() && byte != b'_').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    // Arguments behind a space, a list behind a backslash, lines.
    let ends = matches!(rest.first(), None | Some(b' ' | b'\n' | b'\r' | b'\t' | b'\\' | b'/' | b';' | 0));
    // Valve's games ask for a challenge of theirs.
    let of_steam = word == b"getchallenge" && rest.starts_with(b" steam");
    if ends && !of_steam && words.contains(&word) { Ok(Proof::Banner) } else { Err(Stop::Wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn commands_and_answers() {
        let udp = Trial::udp(check);
        for command in [
            b"\xff\xff\xff\xffgetstatus\n".as_slice(),
            b"\xff\xff\xff\xffgetinfo xxx",
            b"\xff\xff\xff\xffgetservers 68 empty full",
            b"\xff\xff\xff\xffconnect \"\\cl_anonymous\\0\"",
            b"\xff\xff\xff\xffstatus\n\0",
            b"\xff\xffgetInfo\0\0\0\0\0",
        ] {
            udp.client_proves(command, Proof::Banner);
        }
        for answer in [
            b"\xff\xff\xff\xffstatusResponse\n\\version\\x".as_slice(),
            b"\xff\xff\xff\xffgetserversResponse\\\x7f\0\0\x01\x6d\x38\\EOT",
            b"\xff\xff\xff\xffprint\nBad rconpassword.\n",
            b"\xff\xff\xff\xffdisconnect",
        ] {
            udp.server_proves(answer, Proof::Banner);
        }
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        for other in [
            b"\xff\xff\xff\xffTSource Engine Query\0".as_slice(),
            b"\xff\xff\xff\xffgetchallenge steam\n",
            b"\xff\xff\xff\xffgetstatuses\n",
            b"\xff\xff\xff\xff",
            b"\xff\xff\xffgetstatus\n",
            b"getstatus\n",
            &[0xff; 40],
        ] {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(udp.both(b"\xff\xff\xff\xffgetstatus\n", b"raw"), Match::No);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
