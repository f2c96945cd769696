//! edonkey: eDonkey2000 with eMule's extensions, and the Kademlia network of eMule.
//!
//! Specification: hydranode.com, "eDonkey2000 Protocol"; Kulbak and Bickson, "The eMule Protocol Specification", sections
//! 2 and 6; eMule's source for Kademlia. Over TCP the messages of a login or hello prove it: protocol, length, type, and a
//! list of tags; over UDP lengths and counts that agree. Obfuscated connections are random to an observer.

use offport_wire::Transport;

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Edonkey,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, EDONKEY | KADEMLIA))]],
    stream: &[],
    check,
};

const EDONKEY: u8 = 0xe3;
const EMULE: u8 = 0xc5;
const KADEMLIA: u8 = 0xe4;

const HASH_LEN: usize = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        let answer = weigh(exchange, datagram, datagram);
        let (client, server) = (exchange.client.first_datagram(), exchange.server.first_datagram());
        return if answer == Match::Yes(Proof::Heuristic) && is_search(client, server) {
            Match::Yes(Proof::Structure)
        } else {
            answer
        };
    }
    weigh(exchange, stream, stream)
}

fn stream(message: Message<'_>) -> Step<Proof> {
    const HELLO: u8 = 0x01;
    const HELLO_ANSWER: u8 = 0x4c;
    const SERVER_MESSAGE: u8 = 0x38;
    const ID_CHANGE: u8 = 0x40;
    const EMULE_INFO: u8 = 0x01;
    const EMULE_INFO_ANSWER: u8 = 0x02;
    let mut scan = message.scan();
    let protocol = scan.u8_if(|protocol| matches!(protocol, EDONKEY | EMULE))?;
    let length = scan.le(4, 1..=2048)?;
    match (protocol, scan.u8()?) {
        // To a peer, whose hash follows its length, or to a server.
        (EDONKEY, HELLO) => {
            let hello = scan.rest().first() == Some(&(HASH_LEN as u8));
            login(&mut scan.clone()).or_else(|stop| match login_behind(&mut scan, hello) {
                Err(Stop::Wrong) => Err(stop),
                step => step,
            })
        }
        (EDONKEY, HELLO_ANSWER) => login(&mut scan),
        (EDONKEY, SERVER_MESSAGE) => {
            let text = length.checked_sub(3).ok_or(Stop::Wrong)?;
            scan.le(2, text..=text)?;
            scan.u8_if(|first| first >= 0x20)?;
            Ok(Proof::Structure)
        }
        // A client's number; newer servers add flags and addresses.
        (EDONKEY, ID_CHANGE) if matches!(length, 5 | 9 | 13 | 17 | 21) => {
            scan.le(4, 1..=0xffff_ffff)?;
            Ok(Proof::Heuristic)
        }
        (EMULE, EMULE_INFO | EMULE_INFO_ANSWER) => {
            scan.skip(2)?;
            tags(&mut scan)
        }
        _ => Err(Stop::Wrong),
    }
}

fn login_behind(scan: &mut Scan<'_>, hello: bool) -> Step<Proof> {
    if scan.is_empty() {
        return Err(Stop::Short);
    }
    require(hello)?;
    scan.skip(1)?;
    login(scan)
}

/// A user's hash, number and port, then tags.
fn login(scan: &mut Scan<'_>) -> Step<Proof> {
    scan.skip(HASH_LEN + 4 + 2)?;
    tags(scan)
}

/// A count, and the first tag: a type, and a name of one byte, which newer types imply.
fn tags(scan: &mut Scan<'_>) -> Step<Proof> {
    const NEW: u8 = 0x80;
    scan.le(4, 1..=32)?;
    let kind = scan.u8_if(|kind| matches!(kind & !NEW, 1..=11) || (NEW..=NEW + 0x30).contains(&kind))?;
    if kind & NEW == 0 {
        scan.expect(&[1, 0])?;
    }
    Ok(Proof::Structure)
}

fn datagram(message: Message<'_>) -> Step<Proof> {
    const STATUS_REQUEST: u8 = 0x96;
    const STATUS: u8 = 0x97;
    const BOOTSTRAP: u8 = 0x09;
    const HELLO: u8 = 0x11;
    const HELLO_ANSWER: u8 = 0x19;
    const CONTACT_LEN: usize = 25;
    let mut scan = message.scan();
    match (scan.u8()?, scan.u8()?) {
        // A challenge of eMule's: random below, fixed above.
        (EDONKEY, kind @ (STATUS_REQUEST | STATUS)) => {
            require(if kind == STATUS { message.total >= 14 } else { message.total == 6 })?;
            scan.skip(2)?;
            scan.expect(&[0xaa, 0x55])?;
            Ok(Proof::Structure)
        }
        (KADEMLIA, SEARCH) => {
            require(message.total == SEARCH_LEN)?;
            // How many contacts are wanted: for storing, for finding a value, for finding a node.
            scan.u8_if(|wanted| matches!(wanted, 2 | 4 | 11))?;
            Ok(Proof::Heuristic)
        }
        (KADEMLIA, FOUND) => {
            scan.skip(HASH_LEN)?;
            let contacts = usize::from(scan.u8_if(|count| (1..=32).contains(&count))?);
            require(message.total == 2 + HASH_LEN + 1 + CONTACT_LEN * contacts)?;
            scan.skip(CONTACT_LEN - 1)?;
            scan.u8_if(is_kademlia_version)?;
            Ok(Proof::Heuristic)
        }
        (KADEMLIA, BOOTSTRAP) => {
            scan.skip(HASH_LEN + 2)?;
            scan.u8_if(is_kademlia_version)?;
            let contacts = scan.le(2, 1..=32)? as usize;
            require(message.total == 2 + HASH_LEN + 2 + 1 + 2 + CONTACT_LEN * contacts)?;
            Ok(Proof::Structure)
        }
        (KADEMLIA, HELLO | HELLO_ANSWER) => {
            const PLAIN_LEN: usize = 2 + HASH_LEN + 2 + 1 + 1;
            scan.skip(HASH_LEN + 2)?;
            scan.u8_if(is_kademlia_version)?;
            let tags = scan.u8_if(|tags| tags <= 4)?;
            // Each tag has a type, a name of one byte behind its length, and a value.
            let least = PLAIN_LEN + usize::from(tags) * 5;
            require(message.total >= least && message.total <= PLAIN_LEN + usize::from(tags) * 8)?;
            if tags == 0 {
                return Ok(Proof::Heuristic);
            }
            scan.u8_if(|kind| matches!(kind, 3 | 8 | 9 | 11))?;
            scan.expect(&[1, 0])?;
            Ok(Proof::Structure)
        }
        _ => Err(Stop::Wrong),
    }
}

const SEARCH: u8 = 0x21;
const SEARCH_LEN: usize = 2 + 1 + 2 * HASH_LEN;
const FOUND: u8 = 0x29;

const fn is_kademlia_version(version: u8) -> bool {
    matches!(version, 1..=15)
}

/// A search and what answers it, in either direction: the target is the same.
fn is_search(client: &[u8], server: &[u8]) -> bool {
    let answers = |search: &[u8], found: &[u8]| {
        let target = search.get(3..3 + HASH_LEN);
        search.get(1) == Some(&SEARCH)
            && found.get(1) == Some(&FOUND)
            && target.is_some()
            && target == found.get(2..2 + HASH_LEN)
    };
    answers(client, server) || answers(server, client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, random_yeses};
    use crate::trial::Trial;

    fn frame(protocol: u8, body: &[u8]) -> Vec<u8> {
        [&[protocol][..], &(body.len() as u32).to_le_bytes(), body].concat()
    }

    fn login_of(head: &[u8], tag: &[u8]) -> Vec<u8> {
        [head, &Noise::new(5).bytes(16), &[1, 2, 3, 4, 0x36, 0x12, 1, 0, 0, 0], tag].concat()
    }

    const NICK: &[u8] = b"\x02\x01\0\x01\x05\0alice";

    #[test]
    fn logins_and_hellos_over_tcp() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(&frame(0xe3, &login_of(&[1], NICK)), Proof::Structure);
        tcp.client_proves(&frame(0xe3, &login_of(&[1, 16], NICK)), Proof::Structure);
        tcp.server_proves(&frame(0xe3, &login_of(&[0x4c], b"\x95\x01alice")), Proof::Structure);
        tcp.server_proves(&frame(0xe3, b"\x38\x05\0hello"), Proof::Structure);
        tcp.server_proves(&frame(0xe3, b"\x40\x01\x02\x03\x04"), Proof::Heuristic);
        tcp.client_proves(&frame(0xc5, b"\x01\x60\x01\x01\0\0\0\x03\x01\0\x20\x01\0\0\0"), Proof::Structure);
    }

    #[test]
    fn queries_over_udp() {
        let udp = Trial::udp(check);
        udp.client_proves(b"\xe3\x96\x12\x34\xaa\x55", Proof::Structure);
        udp.server_proves(b"\xe3\x97\x12\x34\xaa\x55\x01\0\0\0\x02\0\0\0", Proof::Structure);
        let search = [&[0xe4, 0x21, 4][..], &[7; 16], &[8; 16]].concat();
        let mut found = [&[0xe4, 0x29][..], &[7; 16], &[1], &[9; 24], &[8]].concat();
        udp.client_proves(&search, Proof::Heuristic);
        udp.server_proves(&found, Proof::Heuristic);
        assert_eq!(udp.both(&search, &found), Match::Yes(Proof::Structure));
        found[2] = 0;
        assert_eq!(udp.both(&search, &found), Match::Yes(Proof::Heuristic));
        let hello = [&[0xe4, 0x11][..], &[7; 16], b"\x36\x12\x08\x01\x09\x01\0\xf2\x07"].concat();
        udp.client_proves(&hello, Proof::Structure);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        let hello = frame(0xe3, &login_of(&[1, 16], NICK));
        for (at, value) in [(0, 0xe2), (3, 1), (5, 2), (32, 1), (33, 0x70), (34, 9)] {
            let mut wrong = hello.clone();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        assert_eq!(tcp.both(&hello, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
