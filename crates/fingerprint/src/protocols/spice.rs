//! spice: the remote display protocol SPICE.
//!
//! Specification: spice-space.org, "Spice protocol" (link messages). Both sides open with `REDQ`, a version, and the
//! size of a message whose offset of capabilities fits.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Spice,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, client, server)
}

/// Magic, major and minor version, and the size of what follows, which is at least this.
fn header<'a>(message: Message<'a>, least: u64) -> Step<(crate::scan::Scan<'a>, u64)> {
    let mut scan = message.scan();
    scan.expect(b"REDQ")?;
    scan.le(4, 1..=2)?;
    scan.le(4, 0..=255)?;
    let size = scan.le(4, least..=4096)?;
    Ok((scan, size))
}

fn client(message: Message<'_>) -> Step<Proof> {
    const LINK_LEN: u64 = 18;
    /// Main, display, inputs, cursor, playback, record, tunnel, smartcard, USB redirection, port, WebDAV.
    const CHANNEL_LAST: u8 = 11;
    let (mut scan, size) = header(message, LINK_LEN)?;
    scan.skip(4)?;
    scan.u8_if(|channel| (1..=CHANNEL_LAST).contains(&channel))?;
    scan.skip(1)?;
    capabilities(&mut scan, size, LINK_LEN)
}

fn server(message: Message<'_>) -> Step<Proof> {
    const PUBLIC_KEY_LEN: usize = 162;
    const REPLY_LEN: u64 = 178;
    let (mut scan, size) = header(message, 4)?;
    // An error may be all there is.
    if scan.le(4, 0..=64)? != 0 && size < REPLY_LEN {
        return Ok(Proof::Structure);
    }
    require(size >= REPLY_LEN)?;
    scan.skip(PUBLIC_KEY_LEN)?;
    capabilities(&mut scan, size, REPLY_LEN)
}

/// Counts of common and channel capabilities, words that fill the message from an offset on.
fn capabilities(scan: &mut crate::scan::Scan<'_>, size: u64, offset: u64) -> Step<Proof> {
    let room = (size - offset) / 4;
    let common = scan.le(4, 0..=room)?;
    let own = scan.le(4, 0..=room.checked_sub(common).ok_or(Stop::Wrong)?)?;
    if common + own > 0 {
        scan.le(4, offset..=offset)?;
    }
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn link(body: &[u8]) -> Vec<u8> {
        let mut message = b"REDQ\x02\0\0\0\x02\0\0\0".to_vec();
        message.extend((body.len() as u32).to_le_bytes());
        message.extend(body);
        message
    }

    fn request() -> Vec<u8> {
        link(b"\0\0\0\0\x01\0\x01\0\0\0\x01\0\0\0\x12\0\0\0\x0d\0\0\0\x0f\0\0\0")
    }

    fn reply() -> Vec<u8> {
        let key = [0x30; 162];
        link(&[b"\0\0\0\0".as_slice(), &key, b"\x01\0\0\0\0\0\0\0\xb2\0\0\0\x0b\0\0\0"].concat())
    }

    #[test]
    fn links_of_both_sides() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&request(), Proof::Structure);
        tcp.server_proves(&reply(), Proof::Structure);
        tcp.server_proves(&link(b"\x05\0\0\0"), Proof::Structure);
        assert_eq!(tcp.both(&request(), &reply()), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in [(3, b'X'), (4, 3), (12, 3), (20, 0), (20, 40), (22, 9), (30, 1)] {
            let mut wrong = request();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(&request(), b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
