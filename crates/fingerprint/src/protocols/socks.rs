//! SOCKS 4, 4a (the protocol's own memos) and 5 (RFC 1928, RFC 1929).
//!
//! Proof: a version 4 request, whole and alone, or a version 5 greeting with the server's choice among its methods. A
//! greeting of version 5 alone is three bytes or so: weak. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Socks,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Methods that clients offer at most.
const METHODS_MAX: u8 = 16;

/// RFC 1928, section 3: none of the client's methods is acceptable.
const REFUSED: u8 = 0xff;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.first == Speaker::Server && !exchange.midstream && !exchange.client.is_empty() {
        return Match::No;
    }
    let asked = exchange.client.bytes;
    weigh(
        exchange,
        |client| verdict(|| request(Text::new(client.bytes))),
        |server| verdict(|| reply(Text::new(server.bytes), asked)),
    )
}

fn request(mut text: Text<'_>) -> Step<Match> {
    if text.one(|byte| byte == 4 || byte == 5)? == 4 {
        // CONNECT or BIND, port, address, user; an address of 0.0.0.x announces a name (4a).
        text.one(|byte| byte == 1 || byte == 2)?;
        let port = [text.one(|_| true)?, text.one(|_| true)?];
        let mut address = [0; 4];
        for octet in &mut address {
            *octet = text.one(|_| true)?;
        }
        text.run(0, 255, is_text)?;
        text.literal(&[0])?;
        if address[..3] == [0; 3] && address[3] != 0 {
            text.run(1, 255, |byte| byte.is_ascii_graphic())?;
            text.literal(&[0])?;
        }
        return Ok(if port == [0, 0] { Match::No } else { Match::Yes(Proof::Structure) });
    }
    let count = text.one(|count| (1..=METHODS_MAX).contains(&count))?;
    let mut seen = [false; 256];
    for _ in 0..count {
        let method = text.one(|method| is_method(method) && !seen[usize::from(method)])?;
        seen[usize::from(method)] = true;
    }
    // What comes next is a request (RFC 1928, section 4) or a name and password (RFC 1929), unless a method of
    // another kind was offered, whose messages are its own affair.
    let others = usize::from(count) > usize::from(seen[0]) + usize::from(seen[2]);
    match next(text) {
        Ok(()) => Ok(Match::Yes(Proof::Structure)),
        Err(Match::No) if !others => Ok(Match::No),
        Err(_) => Ok(Match::Yes(Proof::Heuristic)),
    }
}

fn next(mut text: Text<'_>) -> Step<()> {
    if text.one(|byte| byte == 1 || byte == 5)? == 1 {
        let user = text.one(|length| length > 0)?;
        for _ in 0..user {
            text.one(is_text)?;
        }
        return text.one(|length| length > 0).map(drop);
    }
    text.one(|command| (1..=3).contains(&command))?;
    address(&mut text)
}

/// RFC 1928, sections 4 to 6: reserved, type, address, port.
fn address(text: &mut Text<'_>) -> Step<()> {
    text.literal(&[0])?;
    let length = match text.one(|kind| matches!(kind, 1 | 3 | 4))? {
        1 => 4,
        4 => 16,
        _ => usize::from(text.one(|length| length > 0)?),
    };
    for _ in 0..length + 2 {
        text.one(|_| true)?;
    }
    Ok(())
}

/// `asked`: what the client said.
fn reply(mut text: Text<'_>, asked: &[u8]) -> Step<Match> {
    match (text.one(|byte| byte == 0 || byte == 5)?, asked) {
        // Version 4: granted, or refused for one of three reasons, and eight bytes in all.
        (0, [4, ..]) => {
            text.one(|status| (0x5a..=0x5d).contains(&status))?;
            (0..6).try_for_each(|_| text.one(|_| true).map(drop))?;
            Ok(Match::Yes(Proof::Structure))
        }
        (5, [5, count, methods @ ..]) if methods.len() >= usize::from(*count) => {
            let offered = &methods[..usize::from(*count)];
            let method = text.one(|method| offered.contains(&method) || method == REFUSED)?;
            match answer(text, method) {
                Err(Match::No) => Ok(Match::No),
                _ => Ok(Match::Yes(Proof::Structure)),
            }
        }
        // The client was not seen: a choice proves itself by the reply to a request.
        (5, []) => {
            let method = text.one(|method| matches!(method, 0 | 2))?;
            answer(text, method).map(|()| Match::Yes(Proof::Structure))
        }
        (5, [5, ..]) => Ok(Match::Maybe),
        _ => Ok(Match::No),
    }
}

/// What a server says after it has chosen a method.
fn answer(mut text: Text<'_>, method: u8) -> Step<()> {
    match method {
        REFUSED => return if text.rest().is_empty() { Ok(()) } else { Err(Match::No) },
        0 => {}
        // RFC 1929, section 2: version 1 of the negotiation, and success; after a failure the server closes.
        2 => {
            text.literal(&[1])?;
            if text.one(|_| true)? != 0 {
                return Err(if text.rest().is_empty() { Match::Maybe } else { Match::No });
            }
        }
        _ => return Ok(()),
    }
    text.literal(&[5])?;
    text.one(|status| status <= 8)?;
    address(&mut text)
}

/// IANA's list of SOCKS methods, and those reserved for private use.
const fn is_method(method: u8) -> bool {
    matches!(method, 0..=9 | 0x80..=0xfe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn version_4() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"\x04\x01\0\x50\x5d\xb8\xd8\x22alice\0", Proof::Structure);
        tcp.client_proves(b"\x04\x01\0\x50\0\0\0\x01\0example.org\0", Proof::Structure);
        let granted = b"\0\x5a\0\0\0\0\0\0";
        assert_eq!(tcp.both(b"\x04\x01\0\x50\x5d\xb8\xd8\x22\0", granted), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(b"\x04\x01\0\x50\x5d\xb8\xd8\x22\0", b"\x05\0"), Match::No);
        assert_eq!(tcp.client(b"\x04\x03\0\x50"), Match::No);
        assert_eq!(tcp.client(b"\x04\x01\0\0\x5d\xb8\xd8\x22\0"), Match::No);
    }

    #[test]
    fn version_5() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"\x05\x01\0", Proof::Heuristic);
        tcp.client_proves(b"\x05\x02\0\x02", Proof::Heuristic);
        tcp.client_proves(b"\x05\x01\0\x05\x01\0\x03\x03abc\0\x50", Proof::Structure);
        let longest = [b"\x05\x01\0\x05\x01\0\x03\xff".as_slice(), &[b'a'; 255], b"\0\x50"].concat();
        tcp.client_proves(&longest, Proof::Structure);
        assert_eq!(tcp.both(b"\x05\x02\0\x02", b"\x05\x02"), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(b"\x05\x02\0\x02", b"\x05\xff"), Match::Yes(Proof::Structure));
        for other in [b"\x01\x02".as_slice(), b"\x05\x02", b"\x05\0\x01", b"\x05\xff\x01"] {
            assert_eq!(tcp.both(b"\x05\x01\0", other), Match::No, "{}", other.escape_ascii());
        }
        let with_password = b"\x05\x01\x02\x01\x05alice\x06secret";
        for (answer, result) in [
            (b"\x05\x02\x01\0".as_slice(), Match::Yes(Proof::Structure)),
            (b"\x05\x02\x01\x02", Match::Yes(Proof::Structure)),
            (b"\x05\x02\x01\x02\x05", Match::No),
            (b"\x05\x02\x02\0", Match::No),
        ] {
            assert_eq!(tcp.both(with_password, answer), result, "{}", answer.escape_ascii());
        }
        tcp.server_proves(b"\x05\0\x05\0\0\x01\x0a\0\0\x01\x1f\x90", Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"\x05\0".as_slice(), b"\x05\x02\0\0", b"\x05\x01\x20", b"\x05\x40", b"\x05\x01\0\x99"]
        {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"\0\x5a\0\0\0\0\0\0"), Match::No);
        tcp.refuses_noise(2000);
    }
}
