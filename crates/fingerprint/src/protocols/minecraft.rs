//! minecraft: the Java edition of the game.
//!
//! Specification: Minecraft Wiki (wiki.vg), "Java Edition protocol": packet format, handshaking, status, and "Server List
//! Ping" for the legacy ping. A handshake proves it: lengths that agree, an address, and the next state; so does the
//! status that answers it.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Minecraft,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client && !exchange.midstream;
    weigh(exchange, handshake, |message| answer(message, asked))
}

/// A number of seven bits an octet, least first: its value, and the octets it took.
fn varint(scan: &mut Scan<'_>) -> Step<(u32, usize)> {
    let mut value = 0;
    for octets in 1..=5 {
        let octet = scan.u8()?;
        value |= u32::from(octet & 0x7f) << (7 * (octets - 1));
        if octet & 0x80 == 0 {
            return Ok((value, octets as usize));
        }
    }
    Err(Stop::Wrong)
}

fn handshake(message: Message<'_>) -> Step<Proof> {
    /// Ping, payload 1, plugin message, and the channel's name in UTF-16.
    const LEGACY: &[u8] = b"\xfe\x01\xfa\0\x0b\0M\0C\0|\0P\0i\0n\0g\0H\0o\0s\0t";
    /// An address this long is no accident.
    const ADDRESS_ENOUGH: usize = 6;
    let mut scan = message.scan();
    if scan.rest().first() == Some(&LEGACY[0]) {
        scan.expect(LEGACY)?;
        return Ok(Proof::Banner);
    }
    let (length, octets) = varint(&mut scan)?;
    require(octets <= 2 && (8..=1100).contains(&length))?;
    scan.expect(&[0])?;
    let (_, version) = varint(&mut scan)?;
    let (address, octets) = varint(&mut scan)?;
    let address = address as usize;
    // What is left: port and next state.
    require(address > 0 && 1 + version + octets + address + 2 + 1 == length as usize)?;
    let text = scan.part(address)?;
    // Mod loaders and proxies append data behind zeros.
    require(text.rest().first().is_none_or(u8::is_ascii_graphic))?;
    require(text.rest().iter().all(|&byte| byte == 0 || byte >= 0x20 && byte != 0x7f))?;
    if !text.is_whole() {
        // Too long for what is kept: the lengths agree.
        return if message.spent { Ok(Proof::Heuristic) } else { Err(Stop::Short) };
    }
    scan.skip(2)?;
    // Status, login, transfer.
    scan.u8_if(|state| (1..=3).contains(&state))?;
    Ok(if address >= ADDRESS_ENOUGH { Proof::Structure } else { Proof::Heuristic })
}

/// The status, or the reason of a refusal, in JSON; or the next packet of a login.
fn answer(message: Message<'_>, asked: bool) -> Step<Proof> {
    const LOGIN_LAST: u8 = 5;
    /// To the legacy ping.
    const KICK: u8 = 0xff;
    let mut scan = message.scan();
    if scan.rest().first() == Some(&KICK) {
        scan.skip(1)?;
        scan.be(2, 3..=256)?;
        // The paragraph sign and a one, in UTF-16.
        scan.expect(b"\0\xa7\x001\0\0")?;
        return Ok(Proof::Structure);
    }
    let (length, octets) = varint(&mut scan)?;
    require(octets <= 3 && length >= 2)?;
    let id = scan.u8_if(|id| id <= LOGIN_LAST)?;
    if id > 0 {
        return login(&mut scan, id, length, asked);
    }
    let (text, octets) = varint(&mut scan)?;
    require(1 + octets + text as usize == length as usize)?;
    scan.expect(b"{\"")?;
    Ok(Proof::Structure)
}

/// What a server sends to one that logs in: most of it says too little without the handshake.
fn login(scan: &mut Scan<'_>, id: u8, length: u32, asked: bool) -> Step<Proof> {
    const ENCRYPTION: u8 = 1;
    const SUCCESS: u8 = 2;
    const COMPRESSION: u8 = 3;
    const PLUGIN: u8 = 4;
    match id {
        ENCRYPTION => {
            // The server's name, which is empty by now; a public key in DER.
            let (name, _) = varint(scan)?;
            require(name <= 20)?;
            scan.skip(name as usize)?;
            let (key, _) = varint(scan)?;
            require((90..=600).contains(&key))?;
            scan.expect(&[0x30])?;
            Ok(Proof::Structure)
        }
        SUCCESS => {
            // The player's id, once in text, and name.
            if scan.rest().first() == Some(&36) {
                scan.skip(1)?;
                let text = scan.take(36)?;
                require(text.iter().all(|&byte| byte.is_ascii_hexdigit() || byte == b'-'))?;
            } else {
                scan.skip(16)?;
            }
            let name = usize::from(scan.u8_if(|length| (1..=16).contains(&length))?);
            let name = scan.take(name)?;
            require(asked && name.iter().all(u8::is_ascii_graphic))?;
            Err(Stop::Short)
        }
        COMPRESSION => {
            let (_, octets) = varint(scan)?;
            require(asked && 1 + octets == length as usize)?;
            Err(Stop::Short)
        }
        PLUGIN if asked => varint(scan).and_then(|_| identifier(scan)),
        _ => require(asked).and_then(|()| identifier(scan)),
    }
}

/// `namespace:value`, as far as it is there.
fn identifier(scan: &mut Scan<'_>) -> Step<Proof> {
    let (length, _) = varint(scan)?;
    require((3..=64).contains(&length))?;
    let text = scan.part(length as usize)?;
    let fits = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b':' | b'.' | b'/' | b'-');
    require(text.rest().iter().all(fits))?;
    Err(Stop::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn handshake_of(version: &[u8], address: &[u8], state: u8) -> Vec<u8> {
        let body = [&[0][..], version, &[address.len() as u8], address, &[0x63, 0xdd, state]].concat();
        [&[body.len() as u8][..], &body].concat()
    }

    #[test]
    fn handshakes() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&handshake_of(&[0xfb, 0x05], b"mc.example.org", 1), Proof::Structure);
        tcp.client_proves(&handshake_of(&[47], b"192.0.2.1\0FML\0", 2), Proof::Structure);
        tcp.client_proves(&handshake_of(&[0xff, 0xff, 0xff, 0xff, 0x0f], b"abc", 1), Proof::Heuristic);
        tcp.client_proves(b"\xfe\x01\xfa\0\x0b\0M\0C\0|\0P\0i\0n\0g\0H\0o\0s\0t\0\x19", Proof::Banner);
    }

    #[test]
    fn answers() {
        let tcp = Trial::tcp(check);
        let status = b"\x1a\0\x18{\"version\":{\"name\":\"1\"}}";
        tcp.server_proves(status, Proof::Structure);
        tcp.server_proves(b"\xff\0\x20\0\xa7\x001\0\0\x001\x002\x007", Proof::Structure);
        let login = handshake_of(&[47], b"192.0.2.1", 2);
        assert_eq!(tcp.both(&login, b"\x03\x03\x80\x02"), Match::Yes(Proof::Structure));
        assert_eq!(tcp.server(b"\x03\x03\x80\x02"), Match::No);
        tcp.server_proves(b"\x80\x02\x01\0\xa2\x01\x30\x81\x9f", Proof::Structure);
        let joined = [&[0x18, 2][..], &[7; 16], b"\x05alice\0"].concat();
        for answer in [&joined[..], b"\x17\x04\x01\x14velocity:player_info"] {
            assert_eq!(tcp.both(&login, answer), Match::Yes(Proof::Structure));
            assert_eq!(tcp.server(answer), Match::No);
        }
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let handshake = handshake_of(&[0xfb, 0x05], b"mc.example.org", 1);
        for (at, value) in [(0, 23), (1, 1), (4, 13), (5, 1), (21, 4), (21, 0)] {
            let mut wrong = handshake.clone();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(&handshake, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
