//! nsq: NSQ's protocols, of nsqd (V2) and nsqlookupd (V1).
//!
//! Specification: NSQ, "TCP Protocol Spec". The client opens with two spaces, `V` and a digit, then commands on lines:
//! the magic and a command prove it. Of the server a frame does: its size agrees with what it says.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Nsq,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

/// Commands, up to their line's end or first argument.
const COMMANDS: [&[u8]; 13] = [
    b"IDENTIFY\n",
    b"SUB ",
    b"PUB ",
    b"MPUB ",
    b"DPUB ",
    b"RDY ",
    b"FIN ",
    b"REQ ",
    b"AUTH\n",
    b"NOP\n",
    b"PING\n",
    b"REGISTER ",
    b"UNREGISTER ",
];

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

fn client(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    scan.expect(b"  V")?;
    scan.u8_if(|version| matches!(version, b'1' | b'2'))?;
    let command = scan.rest();
    if COMMANDS.iter().any(|known| command.starts_with(known)) {
        return Ok(Proof::Banner);
    }
    require(COMMANDS.iter().any(|known| known.starts_with(command)))?;
    Err(Stop::Short)
}

/// Size, then, of nsqd, the type of frame; then `OK`, a heartbeat, or JSON; or an error's name.
fn server(message: Message<'_>) -> Step<Proof> {
    const LARGEST: u64 = 0x10_0000;
    let mut scan = message.scan();
    let size = scan.be(4, 2..=LARGEST)?;
    if scan.rest().first().is_none_or(|&first| first != 0) {
        return lookup(&mut scan, size);
    }
    require(size >= 6)?;
    if scan.be(4, 0..=1)? == 1 {
        scan.expect(b"E_")?;
        return Ok(Proof::Structure);
    }
    match size {
        6 => scan.expect(b"OK")?,
        15 => scan.expect(b"_heartbeat_")?,
        _ => scan.expect(b"{\"")?,
    }
    Ok(Proof::Structure)
}

/// nsqlookupd answers without a type.
fn lookup(scan: &mut Scan<'_>, size: u64) -> Step<Proof> {
    match scan.u8_if(|first| matches!(first, b'O' | b'E' | b'{'))? {
        b'O' => {
            require(size == 2)?;
            scan.expect(b"K")?;
            Ok(Proof::Banner)
        }
        b'E' => scan.expect(b"_").map(|()| Proof::Heuristic),
        _ => scan.expect(b"\"").map(|()| Proof::Heuristic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const OPEN: &[u8] = b"  V2IDENTIFY\n\0\0\0\x02{}";

    #[test]
    fn commands_and_frames() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(OPEN, Proof::Banner);
        tcp.client_proves(b"  V2SUB topic channel\n", Proof::Banner);
        tcp.client_proves(b"  V1PING\n", Proof::Banner);
        tcp.server_proves(b"\0\0\0\x06\0\0\0\0OK", Proof::Structure);
        tcp.server_proves(b"\0\0\0\x0f\0\0\0\0_heartbeat_", Proof::Structure);
        tcp.server_proves(b"\0\0\x01\x20\0\0\0\0{\"max_rdy_count\":2500", Proof::Structure);
        tcp.server_proves(b"\0\0\0\x0d\0\0\0\x01E_INVALID", Proof::Structure);
        tcp.server_proves(b"\0\0\0\x02OK", Proof::Banner);
        assert_eq!(tcp.both(OPEN, b"\0\0\0\x06\0\0\0\0OK"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [b"  V3IDENTIFY\n".as_slice(), b"  V2 is out\n", b" V2IDENTIFY\n", b"  V2identify\n"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"\0\0\0\x07\0\0\0\0OK"), Match::No);
        assert_eq!(tcp.server(b"\0\0\0\x06\0\0\0\x02OK"), Match::No);
        assert_eq!(tcp.both(OPEN, b"HTTP/1.1 400"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
