//! DTLS: RFC 6347 (1.0, 1.2) and RFC 9147 (1.3), section 4 of each; handshake messages in RFC 6347, section 4.2.2.
//!
//! Proven from either side by structure: records whose type, version, epoch and length agree, one after the other to
//! the end of the datagram, and in the clear epoch handshake fragments that fit their messages and hellos that
//! fill theirs. Encrypted records alone prove by their chain.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dtls,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| (CHANGE_CIPHER_SPEC..=ACK).contains(&byte))]],
    stream: &[],
    check,
};

/// Record types (RFC 6347, section 4.1; RFC 6520; RFC 9147, section 4.1; RFC 9146).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
const WITH_CONNECTION_ID: u8 = 25;
const ACK: u8 = 26;

/// Handshake types (RFC 5246, section 7.4; RFC 6347, section 4.3.2).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// The longest record: 2^14 bytes and what encryption adds (RFC 6347, section 4.1; RFC 5246, section 6.2.3).
const RECORD_MAX: u64 = (1 << 14) + 2048;

/// A certificate chain may be long, but not this long.
const HANDSHAKE_MAX: u64 = 1 << 18;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, flight, flight)
}

/// The records of a datagram, as far as they were kept.
fn flight(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    record(&mut scan)?;
    while let Some(&next) = scan.rest().first() {
        // A record under 1.3's encryption, or with a connection id: the unified header may leave the length out
        // (RFC 9147, section 4), and that of 1.2 starts behind an id of unknown length (RFC 9146, section 4).
        if next & 0xe0 == 0x20 || next == WITH_CONNECTION_ID {
            break;
        }
        match record(&mut scan) {
            Ok(()) => {}
            // The bound cut the datagram inside a later record.
            Err(Stop::Short) => break,
            Err(Stop::Wrong) => return Err(Stop::Wrong),
        }
    }
    Ok(Proof::Structure)
}

fn record(scan: &mut Scan<'_>) -> Step<()> {
    let kind = scan.u8_if(|kind| (CHANGE_CIPHER_SPEC..=ACK).contains(&kind))?;
    let version = scan.u16_be()?;
    require(is_version(version))?;
    let epoch = scan.u16_be()?;
    scan.skip(6)?;
    let length = scan.be(2, 1..=RECORD_MAX)? as usize;
    let mut content = scan.part(length)?;
    let in_the_clear = epoch == 0;
    let step = match kind {
        HANDSHAKE if in_the_clear => handshake(&mut content),
        CHANGE_CIPHER_SPEC if in_the_clear => content.expect(&[1]),
        ALERT if in_the_clear => {
            require(length == 2).and_then(|()| content.u8_if(|level| level == 1 || level == 2)).map(drop)
        }
        APPLICATION_DATA => require(!in_the_clear),
        HEARTBEAT if in_the_clear => content.u8_if(|kind| kind == 1 || kind == 2).map(drop),
        _ => Ok(()),
    };
    match step {
        // Only the last content that was kept can run short.
        Err(Stop::Short) => Ok(()),
        step => step,
    }
}

/// 1.0 and 1.2 (1.3 says 1.2), and OpenSSL's name for the draft that Cisco AnyConnect still speaks.
const fn is_version(version: u16) -> bool {
    matches!(version, 0xfeff | 0xfefd | 0xfefc | 0x0100)
}

/// Fragments of handshake messages, to the end of the record.
fn handshake(content: &mut Scan<'_>) -> Step<()> {
    while !content.is_empty() {
        let kind = content.u8_if(|kind| kind <= 26 || kind == 67)?;
        let length = content.be(3, 0..=HANDSHAKE_MAX)?;
        let _sequence = content.u16_be()?;
        let offset = content.be(3, 0..=length)?;
        let fragment_length = content.be(3, 0..=length - offset)?;
        let mut body = content.part(fragment_length as usize)?;
        if offset == 0 && fragment_length == length {
            match hello(kind, length, &mut body) {
                Err(Stop::Wrong) => return Err(Stop::Wrong),
                Ok(()) | Err(Stop::Short) => {}
            }
        }
    }
    Ok(())
}

fn hello(kind: u8, length: u64, body: &mut Scan<'_>) -> Step<()> {
    if !matches!(kind, CLIENT_HELLO | SERVER_HELLO | HELLO_VERIFY_REQUEST) {
        return Ok(());
    }
    require(is_version(body.u16_be()?))?;
    if kind == HELLO_VERIFY_REQUEST {
        let cookie = body.u8()?;
        return require(u64::from(cookie) + 3 == length);
    }
    body.skip(32)?;
    let session_id = body.u8_if(|len| len <= 32)?;
    body.skip(usize::from(session_id))?;
    if kind == CLIENT_HELLO {
        let cookie = body.u8()?;
        body.skip(usize::from(cookie))?;
        let suites = body.be(2, 2..=length)?;
        require(suites % 2 == 0)?;
        body.skip(suites as usize)?;
        let compressions = body.u8_if(|count| count > 0)?;
        return body.skip(usize::from(compressions));
    }
    // The cipher suite, then the compression method: none, or DEFLATE.
    body.skip(2)?;
    body.u8_if(|method| method <= 1).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, random_yeses};

    const YES: Match = Match::Yes(Proof::Structure);

    fn record(kind: u8, version: u16, epoch: u16, content: &[u8]) -> Vec<u8> {
        let version = version.to_be_bytes();
        [&[kind][..], &version, &epoch.to_be_bytes(), &[0; 6], &(content.len() as u16).to_be_bytes(), content]
            .concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&[kind][..], &length[1..], &[0; 2], &[0; 3], &length[1..], body].concat()
    }

    fn client_hello(cookie: &[u8]) -> Vec<u8> {
        let cookie = [&[cookie.len() as u8][..], cookie].concat();
        message(
            1,
            &[&[0xfe, 0xfd][..], &[7; 32], &[0], &cookie, &[0, 4, 0xc0, 0x2b, 0x13, 0x01], &[1, 0]].concat(),
        )
    }

    #[test]
    fn hellos_of_both_sides() {
        let verify = message(3, &[&[0xfe, 0xff, 20][..], &[9; 20]].concat());
        let server = message(2, &[&[0xfe, 0xfd][..], &[7; 32], &[0], &[0xc0, 0x2b, 0], &[0, 0]].concat());
        for version in [0xfeff, 0xfefd, 0x0100] {
            let hello = record(22, version, 0, &client_hello(&[]));
            assert_eq!(Talk::udp().client(&hello).ask(check), YES);
            assert_eq!(Talk::udp().client(&hello).server(&record(22, version, 0, &verify)).ask(check), YES);
            assert_eq!(Talk::udp().server(&record(22, version, 0, &server)).ask(check), YES);
        }
        assert_eq!(Talk::udp().client(&record(22, 0xfefd, 0, &client_hello(&[3; 64]))).ask(check), YES);
    }

    #[test]
    fn a_flight_in_one_datagram_also_beyond_the_bound() {
        let server = message(2, &[&[0xfe, 0xfd][..], &[7; 32], &[0], &[0xc0, 0x2b, 0], &[0, 0]].concat());
        let certificate = message(11, &[5; 900]);
        let flight = [record(22, 0xfefd, 0, &server), record(22, 0xfefd, 0, &certificate)].concat();
        assert_eq!(Talk::udp().server(&flight).ask(check), YES);
        let both_in_one = record(22, 0xfefd, 0, &[server, certificate].concat());
        assert_eq!(Talk::udp().server(&both_in_one).ask(check), YES);
    }

    #[test]
    fn encrypted_records_prove_by_their_chain() {
        let data = [record(23, 0xfefd, 1, &[8; 40]), record(23, 0xfefd, 1, &[8; 60])].concat();
        assert_eq!(Talk::udp().client(&data).midstream().ask(check), YES);
        assert_eq!(Talk::udp().client(&data[..data.len() - 1]).ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        let hello = record(22, 0xfefd, 0, &client_hello(&[]));
        let mut junk = record(22, 0xfefd, 0, &Noise::new(1).bytes(120));
        assert_eq!(Talk::udp().client(&junk).ask(check), Match::No);
        junk = record(23, 0xfefd, 0, &[1; 30]);
        assert_eq!(Talk::udp().client(&junk).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&[&hello[..], b"tail"].concat()).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&hello).server(b"something else").ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
