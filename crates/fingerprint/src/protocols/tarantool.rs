//! tarantool: Tarantool's binary protocol (IPROTO) and its console.
//!
//! Specification: Tarantool documentation, "Binary protocol", greeting message and request header. The server speaks first:
//! its name, a version and the kind of session prove it. A client's request alone, a MessagePack length and a
//! header of request type and sync, is plausible.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::scan::{Scan, Step, Stop, require};
use crate::text::{Text, is_ascii_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Tarantool,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let greeted = !exchange.midstream && exchange.first == Speaker::Server;
    weigh(exchange, |side| if greeted { request(side).or(typed(side)) } else { request(side) }, greeting)
}

fn greeting(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"Tarantool ")?;
        text.clone().one(|byte| byte.is_ascii_digit())?;
        text.run(3, 40, |byte| byte.is_ascii_graphic())?;
        text.literal(b" (")?;
        text.any_word(&[b"Binary)", b"Lua console)"])?;
        Ok(Match::Yes(Proof::Banner))
    })
}

/// To a console, lines of Lua.
fn typed(side: &Side<'_>) -> Match {
    let is_typed = side.bytes.iter().all(|&byte| is_ascii_text(byte) || matches!(byte, b'\r' | b'\n'));
    if is_typed { Match::Maybe } else { Match::No }
}

fn request(side: &Side<'_>) -> Match {
    match header(&mut Scan::new(side.bytes)) {
        Ok(()) => Match::Yes(Proof::Heuristic),
        Err(Stop::Short) => Match::Maybe,
        Err(Stop::Wrong) => Match::No,
    }
}

fn header(scan: &mut Scan<'_>) -> Step<()> {
    const UINT32: u8 = 0xce;
    const SYNC: u8 = 1;
    // Connectors write the length as an unsigned number of 32 bits.
    scan.expect(&[UINT32])?;
    scan.be(4, 5..=0x0fff_ffff)?;
    // Type and sync, perhaps the schema's version or a stream; in this order, by all connectors.
    scan.u8_if(|map| matches!(map, 0x82..=0x84))?;
    scan.expect(&[0])?;
    // Requests of data, then SQL, streams and watchers; ping and id.
    scan.u8_if(|kind| matches!(kind, 1..=17 | 64..=77))?;
    scan.expect(&[SYNC])?;
    let sync = scan.u8()?;
    require(sync < 0x80 || matches!(sync, 0xcc..=0xcf))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const GREETING: &[u8] = b"Tarantool 2.10.4 (Binary) 14b6d0b2-8a0c-4a4a-9dd4-5ce9bc2c6a2b   \n";
    const PING: &[u8] = b"\xce\0\0\0\x05\x82\0\x40\x01\x07";

    #[test]
    fn greetings_and_requests() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(GREETING, Proof::Banner);
        tcp.server_proves(b"Tarantool 1.6.8-525-ga571ac0 (Binary) ", Proof::Banner);
        tcp.server_proves(b"Tarantool 2.10.4 (Lua console)\ntype 'help'", Proof::Banner);
        tcp.client_proves(PING, Proof::Heuristic);
        tcp.client_proves(b"\xce\0\0\0\x1b\x82\0\x01\x01\xce\0\0\0\x02\x86\x10", Proof::Heuristic);
        assert_eq!(Talk::tcp().server(GREETING).client(PING).ask(check), Match::Yes(Proof::Banner));
        assert_eq!(Talk::tcp().server(GREETING).client(b"box.cfg\n").ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        assert_eq!(tcp.server(b"Tarantool is down\n"), Match::No);
        assert_eq!(tcp.server(b"Tarantool 2.10.4 (Text)"), Match::No);
        assert_eq!(tcp.client(b"\xce\0\0\0\x05\x82\0\x20"), Match::No);
        assert_eq!(tcp.client(b"box.cfg\n"), Match::No);
        assert_eq!(Talk::tcp().server(GREETING).client(&[0xde, 0xad]).ask(check), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
