//! wow: the logon of World of Warcraft, and the world behind it. The protocol is unpublished: its packets are as the game's
//! client and the open implementations of its servers agree: the logon challenge, the reconnect challenge and the answers of
//! the realm; the words that both sides begin a connection to the world with, since 4.0.
//!
//! The client's challenge proves it by structure: a command, a size, the game's name, platform and language, and the length
//! of the account, which is what is left. The server's answer by its generator and the lengths of SRP6. The words prove it too.

use crate::answer::Proof;
use crate::exchange::{Exchange, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Wow,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

const LOGON: u8 = 0;
const RECONNECT: u8 = 2;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client;
    weigh(
        exchange,
        |message| words(message, b"CLIENT TO SERVER").or_else(|stop| otherwise(stop, challenge(message))),
        |message| words(message, b"SERVER TO CLIENT").or_else(|stop| otherwise(stop, answer(message, asked))),
    )
}

/// What a second reading says where the first one stopped.
fn otherwise(first: Stop, second: Step<Proof>) -> Step<Proof> {
    if second == Err(Stop::Wrong) { Err(first) } else { second }
}

/// Behind their length, of either byte order, which later versions leave out.
fn words(message: Message<'_>, direction: &[u8]) -> Step<Proof> {
    const WORDS: &[u8] = b"WORLD OF WARCRAFT CONNECTION - ";
    const LONGEST: u8 = 64;
    let mut scan = message.scan();
    if !scan.rest().starts_with(&WORDS[..1]) {
        let low = scan.u8_if(|low| low <= LONGEST)?;
        scan.u8_if(|high| (1..=LONGEST).contains(&(low | high)) && (low == 0 || high == 0))?;
    }
    scan.expect(WORDS)?;
    scan.expect(direction)?;
    Ok(Proof::Banner)
}

fn challenge(message: Message<'_>) -> Step<Proof> {
    const PROTOCOL_LAST: u8 = 9;
    /// From the game's name to the account's length.
    const FIXED: u64 = 30;
    const ACCOUNT: std::ops::RangeInclusive<u64> = FIXED + 1..=FIXED + 64;
    let mut scan = message.scan();
    scan.u8_if(|command| matches!(command, LOGON | RECONNECT))?;
    scan.u8_if(|protocol| protocol <= PROTOCOL_LAST)?;
    let size = scan.le(2, ACCOUNT)?;
    // Words of four bytes are sent in the order of a little-endian machine, the name excepted.
    scan.expect(b"WoW\0")?;
    // Three parts of the version, build.
    scan.skip(3 + 2)?;
    for _platform_and_system in 0..2 {
        for _ in 0..4 {
            scan.u8_if(|byte| byte == 0 || byte.is_ascii_alphanumeric())?;
        }
    }
    for _language in 0..4 {
        scan.u8_if(|byte| byte.is_ascii_alphabetic())?;
    }
    // Time zone, address.
    scan.skip(4 + 4)?;
    scan.expect(&[(size - FIXED) as u8])?;
    Ok(Proof::Structure)
}

/// `asked` if a challenge went before, which has to prove an answer that says too little.
fn answer(message: Message<'_>, asked: bool) -> Step<Proof> {
    const LONGEST_KEY: u8 = 32;
    const RESULT_LAST: u8 = 0x20;
    let mut scan = message.scan();
    let command = scan.u8_if(|command| command == LOGON || (command == RECONNECT && asked))?;
    if command == LOGON {
        scan.expect(&[0])?;
    }
    let result = scan.u8_if(|result| result == 0 || (result <= RESULT_LAST && asked))?;
    if command == RECONNECT || result != 0 {
        return Err(Stop::Short);
    }
    // The server's public key; generator and prime, each behind its length.
    scan.skip(32)?;
    scan.expect(&[1])?;
    scan.u8_if(|generator| (2..=LONGEST_KEY).contains(&generator))?;
    scan.expect(&[LONGEST_KEY])?;
    Ok(Proof::Structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const CHALLENGE: &[u8] =
        b"\0\x08\x22\0WoW\0\x03\x03\x05\x34\x3068x\0niW\0SUne\x3c\0\0\0\xc0\0\x02\x01\x04USER";

    fn answered() -> Vec<u8> {
        [&[0, 0, 0][..], &[0x5a; 32], &[1, 7, 32], &[0xb7; 32], &[0x11; 32], &[0; 17]].concat()
    }

    #[test]
    fn logons_and_their_answers() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(CHALLENGE, Proof::Structure);
        tcp.server_proves(&answered(), Proof::Structure);
        assert_eq!(tcp.both(CHALLENGE, &answered()), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(CHALLENGE, &[0, 0, 4]), Match::Yes(Proof::Structure), "an unknown account");
        let mut again = CHALLENGE.to_vec();
        again[0] = RECONNECT;
        tcp.client_proves(&again, Proof::Structure);
        assert_eq!(tcp.both(&again, &[2, 0, 9, 9]), Match::Yes(Proof::Structure));
    }

    #[test]
    fn the_world_and_its_clients_say_who_they_are() {
        let tcp = Trial::tcp(check);
        let (greeted, answered) = (
            b"0\0WORLD OF WARCRAFT CONNECTION - SERVER TO CLIENT\0",
            b"0\0WORLD OF WARCRAFT CONNECTION - CLIENT TO SERVER\0",
        );
        tcp.server_proves(greeted, Proof::Banner);
        tcp.client_proves(answered, Proof::Banner);
        tcp.server_proves(b"\0\x30WORLD OF WARCRAFT CONNECTION - SERVER TO CLIENT\0", Proof::Banner);
        tcp.server_proves(b"WORLD OF WARCRAFT CONNECTION - SERVER TO CLIENT - V2\n", Proof::Banner);
        assert_eq!(tcp.server(answered), Match::No);
        assert_eq!(tcp.server(b"0\x01WORLD"), Match::No);
        assert_eq!(tcp.server(b"0\0WORLDS"), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for (at, value) in
            [(0, 1), (1, 77), (2, 0x23), (3, 1), (4, b'w'), (7, b'!'), (13, 1), (17, b'-'), (33, 5)]
        {
            let mut wrong = CHALLENGE.to_vec();
            wrong[at] = value;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {at}");
        }
        let mut generator = answered();
        generator[37] = 31;
        assert_eq!(tcp.server(&generator), Match::No);
        assert_eq!(tcp.server(&[0, 0, 4]), Match::No, "nobody asked");
        assert_eq!(tcp.server(&[2, 0, 9, 9]), Match::No, "nobody asked");
        assert_eq!(tcp.both(CHALLENGE, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
