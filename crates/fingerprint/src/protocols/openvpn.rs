//! OpenVPN: "OpenVPN Wire Protocol" (draft of the project), and `ssl_pkt.h` for the packets; over TCP behind a length.
//!
//! A session opens with a hard reset: an opcode, a session id, then, by the way that the control channel is protected,
//! an HMAC and a replay id (`tls-auth`), a replay id and encryption (`tls-crypt`), or neither. The client's first
//! packet acknowledges nothing and has number zero; the server's answers with the client's session id. Packets
//! that only carry data are random to an observer and prove nothing.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::scan::{Scan, Step, Stop, require};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Openvpn,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, CLIENT_V1 | SERVER_V1 | CLIENT_V2 | SERVER_V2 | CLIENT_V3))]],
    stream: &[],
    check,
};

/// Opcodes, with key id zero, as a hard reset has it.
const CLIENT_V1: u8 = 1 << 3;
const SERVER_V1: u8 = 2 << 3;
const CLIENT_V2: u8 = 7 << 3;
const SERVER_V2: u8 = 8 << 3;
const CLIENT_V3: u8 = 10 << 3;

const SESSION_ID_LEN: usize = 8;
/// Replay protection: a packet id and a time.
const REPLAY_LEN: usize = 8;
/// HMAC sizes of `tls-auth`: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
const HMAC_LENS: [usize; 6] = [16, 20, 28, 32, 48, 64];
/// `tls-crypt`: its HMAC is SHA-256's.
const TLS_CRYPT_TAG_LEN: usize = 32;

/// Behind the protection: an empty acknowledgement list and the packet's number.
const CLIENT_TAIL_LEN: usize = 5;
/// One acknowledgement and whose it is, and the packet's number.
const SERVER_TAIL_LEN: usize = 17;

/// A control packet is never longer than a datagram of this size on the wire.
const PACKET_MAX: u64 = 2048;

fn check(exchange: &Exchange<'_>) -> Match {
    let datagram = exchange.transport == Transport::UDP;
    let of = |side: &Side<'_>, reset: fn(&mut Scan<'_>, usize) -> Step<()>| {
        let mut scan = Scan::new(if datagram { side.first_datagram() } else { side.bytes });
        let step = match datagram {
            true => Ok(side.first_len as usize),
            false => scan.be(2, 1..=PACKET_MAX).map(|length| length as usize),
        };
        match step.and_then(|length| reset(&mut scan, length)) {
            Ok(()) => Match::Yes(Proof::Structure),
            Err(Stop::Short) if !datagram && !side.closed => Match::Maybe,
            Err(_) => Match::No,
        }
    };
    weigh(exchange, |side| of(side, client_reset), |side| of(side, server_reset))
}

/// The client's first packet.
fn client_reset(scan: &mut Scan<'_>, length: usize) -> Step<()> {
    let opcode = scan.u8_if(|opcode| matches!(opcode, CLIENT_V1 | CLIENT_V2 | CLIENT_V3))?;
    require(length >= 1 + SESSION_ID_LEN + CLIENT_TAIL_LEN)?;
    session_id(scan)?;
    let protection = length - (1 + SESSION_ID_LEN + CLIENT_TAIL_LEN);
    if opcode == CLIENT_V3 {
        // `tls-crypt-v2` wraps the client's key behind the packet.
        require(protection > REPLAY_LEN + TLS_CRYPT_TAG_LEN)?;
        return replay_id(scan);
    }
    let tail = [0; CLIENT_TAIL_LEN];
    protected(scan, protection, |scan| scan.expect(&tail))
}

/// The server's answer.
fn server_reset(scan: &mut Scan<'_>, length: usize) -> Step<()> {
    scan.u8_if(|opcode| matches!(opcode, SERVER_V1 | SERVER_V2))?;
    require(length >= 1 + SESSION_ID_LEN + CLIENT_TAIL_LEN)?;
    session_id(scan)?;
    // Behind `tls-crypt` a server may append a few bytes of early negotiation.
    let tail = if length < 1 + SESSION_ID_LEN + SERVER_TAIL_LEN { CLIENT_TAIL_LEN } else { SERVER_TAIL_LEN };
    let protection = length - (1 + SESSION_ID_LEN + tail);
    protected(scan, protection, |scan| {
        if tail == CLIENT_TAIL_LEN {
            return scan.expect(&[0; CLIENT_TAIL_LEN]);
        }
        // One packet acknowledged, number zero; the client's session id; number zero.
        scan.expect(&[1, 0, 0, 0, 0])?;
        session_id(scan)?;
        scan.expect(&[0; 4])
    })
}

/// What stands between the session id and the tail, by its length; the tail in the clear if it is.
fn protected(scan: &mut Scan<'_>, protection: usize, tail: impl Fn(&mut Scan<'_>) -> Step<()>) -> Step<()> {
    const EARLY_NEGOTIATION_MAX: usize = 64;
    let in_the_clear = match protection {
        0 => tail(&mut scan.clone()),
        _ if HMAC_LENS.contains(&protection.wrapping_sub(REPLAY_LEN)) => {
            let mut ahead = *scan;
            ahead
                .skip(protection - REPLAY_LEN)
                .and_then(|()| replay_id(&mut ahead))
                .and_then(|()| tail(&mut ahead))
        }
        _ => Err(Stop::Wrong),
    };
    let crypt = REPLAY_LEN + TLS_CRYPT_TAG_LEN;
    let encrypted = if (crypt..=crypt + EARLY_NEGOTIATION_MAX).contains(&protection) {
        let mut ahead = *scan;
        replay_id(&mut ahead).and_then(|()| ahead.skip(TLS_CRYPT_TAG_LEN))
    } else {
        Err(Stop::Wrong)
    };
    match (in_the_clear, encrypted) {
        (Ok(()), _) | (_, Ok(())) => Ok(()),
        (Err(Stop::Short), _) | (_, Err(Stop::Short)) => Err(Stop::Short),
        _ => Err(Stop::Wrong),
    }
}

fn session_id(scan: &mut Scan<'_>) -> Step<()> {
    scan.take(SESSION_ID_LEN).and_then(|id| require(id != [0; SESSION_ID_LEN]))
}

/// The packet id of one of the first packets, and a time, which is any where the sender has no clock.
fn replay_id(scan: &mut Scan<'_>) -> Step<()> {
    const FIRST_IDS: u32 = 64;
    let id = scan.u32_be()?;
    // Early negotiation marks the top byte (`EARLY_NEG_START`), and may set flags below it.
    let count = if matches!(id >> 24, 0x0a | 0x0f) { id & 0xffff } else { id };
    require(count <= FIRST_IDS)?;
    scan.skip(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, assert_every_prefix_goes_on, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);
    const CLIENT_ID: &[u8] = b"CLIENTID";
    const SERVER_ID: &[u8] = b"SERVERID";
    const REPLAY: [u8; 8] = [0, 0, 0, 1, 0x65, 0, 0, 0];

    fn plain(opcode: u8, id: &[u8], protection: &[u8], tail: &[u8]) -> Vec<u8> {
        [&[opcode][..], id, protection, tail].concat()
    }

    fn server_tail() -> Vec<u8> {
        [&[1, 0, 0, 0, 0][..], CLIENT_ID, &[0; 4]].concat()
    }

    fn on_tcp(packet: &[u8]) -> Vec<u8> {
        [&(packet.len() as u16).to_be_bytes(), packet].concat()
    }

    #[test]
    fn without_protection_and_with_tls_auth() {
        for hmac in [None, Some(16), Some(20), Some(32), Some(64)] {
            let protection = hmac.map_or(vec![], |len| [vec![0xa5; len], REPLAY.to_vec()].concat());
            let client = plain(CLIENT_V2, CLIENT_ID, &protection, &[0; 5]);
            let server = plain(SERVER_V2, SERVER_ID, &protection, &server_tail());
            assert_eq!(Talk::udp().client(&client).ask(check), YES);
            assert_eq!(Talk::udp().client(&client).server(&server).ask(check), YES);
            assert_eq!(Talk::udp().server(&server).ask(check), YES);
            assert_every_prefix_goes_on(&on_tcp(&client), check);
        }
    }

    #[test]
    fn with_tls_crypt() {
        let protection = [&REPLAY[..], &[0xa5; 32]].concat();
        let client = plain(CLIENT_V2, CLIENT_ID, &protection, &[0xee; 5]);
        let server = plain(SERVER_V2, SERVER_ID, &protection, &[0xee; 17]);
        assert_eq!(Talk::udp().client(&client).server(&server).ask(check), YES);
        assert_every_prefix_goes_on(&on_tcp(&client), check);
        let early = [&[0x0a, 1, 0, 1, 0x65, 0, 0, 0][..], &[0xa5; 32], &[0xee; 300]].concat();
        let version_2 = plain(CLIENT_V3, CLIENT_ID, &early, &[0xee; 5]);
        let server = plain(SERVER_V2, SERVER_ID, &early[..46], &[0xee; 17]);
        assert_eq!(Talk::udp().client(&version_2).server(&server).ask(check), YES);
        assert_every_prefix_goes_on(&on_tcp(&version_2), check);
    }

    #[test]
    fn near_misses() {
        let client = plain(CLIENT_V2, CLIENT_ID, &[], &[0; 5]);
        assert_eq!(Talk::udp().client(&client[..13]).ask(check), Match::No);
        assert_eq!(
            Talk::udp().client(&plain(CLIENT_V2, CLIENT_ID, &[], &[0, 0, 0, 0, 1])).ask(check),
            Match::No
        );
        assert_eq!(Talk::udp().client(&client).server(b"raw data").ask(check), Match::No);
        let data = [&[0x48, 0, 0, 1][..], &Noise::new(7).bytes(100)].concat();
        assert_eq!(Talk::udp().client(&data).ask(check), Match::No);
        assert_eq!(Talk::tcp().client(b"GET / HTTP/1.1\r\n").ask(check), Match::No);
        let junk = [&[0, 54, CLIENT_V2][..], &Noise::new(7).bytes(53)].concat();
        assert_eq!(Talk::tcp().client(&junk).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
