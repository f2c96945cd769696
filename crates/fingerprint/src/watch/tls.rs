//! TLS: the chain of records, the order of messages, and whether application data is encrypted.
//!
//! RFC 8446, sections 4, 4.2.10 (early data), 5.1, and appendix D.4; RFC 5246, sections 6.2 and 7.3. From its first
//! record on a side sends nothing but records. A server begins with its hello, or refuses by an alert. Until a
//! side has changed to ciphers its handshake messages can be read, and there are few kinds. A client has no keys for
//! application data before the server's hello, unless it resumes with early data. And what a cipher has made has
//! bytes of all kinds: text, zeros and most file formats have not.

use super::{Breach, FAIR, Other, Step, is_wordless};
use crate::exchange::Speaker;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const RECORD_HEADER: usize = 5;
const HANDSHAKE_HEADER: usize = 4;
/// The largest protected fragment (RFC 5246, section 6.2.3).
const MAX_FRAGMENT: u64 = (1 << 14) + 2048;
/// The largest handshake message that OpenSSL takes by default: a chain of certificates.
const MAX_MESSAGE: u64 = 1 << 18;
/// An alert under TLS 1.3: two bytes, the content type and the tag (RFC 8446, sections 5.2 and 6).
const SEALED_ALERT: u64 = 2 + 1 + 16;
/// Bytes in which a server may take its leave in the clear: more than the longest line of a reply (RFC 5321, section 4.5.3.1.5).
const FAREWELL: u16 = 1 << 10;
/// Records of application data of each side that are looked at.
const ENOUGH: u8 = 4;
/// Records of application data that a client may be ahead of the server's hello: early data (RFC 8446, section 4.2.10), and
/// the directions of a flow can come on two queues.
const AHEAD: u8 = 32;
/// The same in bytes: servers allow 16 KiB (RFC 8446, section 8.1, leaves it to them).
const AHEAD_BYTES: u64 = 128 << 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tls {
    sides: [Side; 2],
    /// The server's hello was seen.
    answered: bool,
    /// Bytes of application data that the client has sent ahead of it.
    ahead: u64,
    /// The client has sent an alert, or what may be one under TLS 1.3: it takes its leave.
    closing: bool,
    /// Bytes that a server has sent in the clear since it was left.
    farewell: u16,
    /// The server chose to encrypt nothing (RFC 5246, appendix A.5; RFC 9150).
    integrity_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Side {
    started: bool,
    /// Server: it speaks no TLS, and has said so.
    foreign: bool,
    /// From here on its handshake messages cannot be read.
    ciphered: bool,
    /// It has said that it changes to ciphers; before another hello that is without effect (RFC 8446, appendix D.4).
    changed: bool,
    /// Bytes left of a record of handshake messages that can be read.
    record: u64,
    /// Nothing of that record has been read.
    at_start: bool,
    /// Bytes left of a handshake message.
    message: u64,
    /// Records of application data so far.
    data: u8,
}

impl Tls {
    pub(super) fn read(&mut self, speaker: Speaker, other: Other, head: &[u8]) -> Step {
        let side = &self.sides[speaker as usize];
        match side.record {
            0 => self.record(speaker, other, head),
            _ => self.handshake(speaker, head),
        }
    }

    /// So many packets on, and the server has said nothing: the handshake was none.
    pub(super) fn at_last(&self, answered: bool) -> Option<Breach> {
        let alone = answered && !self.answered && self.sides[Speaker::Client as usize].data > 0;
        alone.then_some(Breach::TlsOrder)
    }

    fn record(&mut self, speaker: Speaker, other: Other, head: &[u8]) -> Step {
        let side = &mut self.sides[speaker as usize];
        if side.foreign {
            return foreign(head);
        }
        // SSL 2.0's hello, and all of SSL 2.0, has other records. It was identified by more than this.
        let is_client = speaker == Speaker::Client;
        if is_client && !side.started && head.first().is_some_and(|&byte| byte & 0x80 != 0) {
            return Step::Enough;
        }
        let Some(&[content, major, minor, high, low]) = head.first_chunk::<RECORD_HEADER>() else {
            return Step::More;
        };
        let length = u64::from(u16::from_be_bytes([high, low]));
        let is_version = (major == 3 && minor <= 4) || (major == 1 && minor == 1);
        let is_length = length <= MAX_FRAGMENT && (length > 0 || content == APPLICATION_DATA);
        if !is_version || !is_length || !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&content) {
            return match speaker {
                // It speaks no TLS: so it may say, or hang up.
                Speaker::Server if !side.started => {
                    let step = foreign(head);
                    side.foreign = matches!(step, Step::Took(_));
                    step
                }
                // It is left, and says in the clear what it was about to: Exim's "421 lost input connection".
                Speaker::Server if self.closing || other.went_on => {
                    let step = foreign(head);
                    if let Step::Took(count) = step {
                        self.farewell = self.farewell.saturating_add(count.try_into().unwrap_or(u16::MAX));
                    }
                    if self.farewell > FAREWELL { Step::Broken(Breach::TlsRecord) } else { step }
                }
                _ => Step::Broken(Breach::TlsRecord),
            };
        }
        let first = !std::mem::replace(&mut side.started, true);
        self.closing |=
            is_client && (content == ALERT || (content == APPLICATION_DATA && length <= SEALED_ALERT));
        match content {
            HANDSHAKE if !side.ciphered => {
                side.record = length;
                side.at_start = true;
                return Step::Took(RECORD_HEADER as u64);
            }
            // Refused, or a beginning that was made up: a side starts with its hello or an alert.
            _ if first && content != ALERT => return Step::Broken(Breach::TlsOrder),
            // Amid a message that can be read.
            _ if side.message > 0 && !side.ciphered && content != ALERT => {
                return Step::Broken(Breach::TlsOrder);
            }
            // Later ones are encrypted.
            CHANGE_CIPHER_SPEC if length != 1 && !side.ciphered => return Step::Broken(Breach::TlsRecord),
            CHANGE_CIPHER_SPEC => {
                side.changed = true;
                side.ciphered |= speaker == Speaker::Server || self.answered;
            }
            APPLICATION_DATA => return self.application_data(speaker, other.heard, length, head),
            _ => {}
        }
        Step::Took(RECORD_HEADER as u64 + length)
    }

    /// Handshake messages, one at a time or a part of one.
    fn handshake(&mut self, speaker: Speaker, head: &[u8]) -> Step {
        let side = &mut self.sides[speaker as usize];
        if side.message > 0 {
            let count = side.message.min(side.record);
            side.message -= count;
            side.record -= count;
            return Step::Took(count);
        }
        if side.record < HANDSHAKE_HEADER as u64 {
            // The header goes on in the next record: nobody does that without need.
            return Step::Enough;
        }
        let Some(&[kind, high, middle, low]) = head.first_chunk::<HANDSHAKE_HEADER>() else {
            return Step::More;
        };
        let at_start = side.at_start;
        let length = u64::from(u32::from_be_bytes([0, high, middle, low]));
        let is_hello = kind == CLIENT_HELLO && length + HANDSHAKE_HEADER as u64 == side.record;
        if side.changed && !is_hello {
            // The hello that it answers was not heard.
            side.ciphered = true;
            return Step::Took(std::mem::take(&mut side.record));
        }
        if length > MAX_MESSAGE || !is_message(kind, speaker) {
            // Lengths within a record may be wrong without the record's being so.
            if !at_start {
                return Step::Took(std::mem::take(&mut side.record));
            }
            return Step::Broken(Breach::TlsOrder);
        }
        match kind {
            CLIENT_HELLO => {}
            SERVER_HELLO => match chosen(head) {
                None => return Step::More,
                Some(suite) => {
                    self.answered = true;
                    self.integrity_only |= encrypts_nothing(suite);
                }
            },
            _ => {}
        }
        let side = &mut self.sides[speaker as usize];
        side.at_start = false;
        side.message = length;
        side.record -= HANDSHAKE_HEADER as u64;
        Step::Took(HANDSHAKE_HEADER as u64)
    }

    fn application_data(&mut self, speaker: Speaker, answered: bool, length: u64, head: &[u8]) -> Step {
        let side = &mut self.sides[speaker as usize];
        side.ciphered = true;
        side.data = side.data.saturating_add(1);
        let count = side.data;
        if speaker == Speaker::Client && !self.answered {
            self.ahead += length;
            if answered && (count > AHEAD || self.ahead > AHEAD_BYTES) {
                return Step::Broken(Breach::TlsOrder);
            }
        }
        let sample = head.get(RECORD_HEADER..).unwrap_or_default();
        let sample =
            sample.get(..sample.len().min(usize::try_from(length).unwrap_or(usize::MAX))).unwrap_or(sample);
        let is_told = self.answered || answered;
        if is_told && !self.integrity_only && is_plain(sample) {
            return Step::Broken(Breach::TlsPlaintext);
        }
        let enough = self.answered && self.sides.iter().any(|side| side.data >= ENOUGH);
        if enough { Step::Enough } else { Step::Took(RECORD_HEADER as u64 + length) }
    }
}

/// What a server says that speaks no TLS: text, as others greet or complain in, is passed over.
fn foreign(head: &[u8]) -> Step {
    match head.len() {
        _ if is_wordless(head) => Step::Broken(Breach::TlsRecord),
        ..FAIR => Step::More,
        _ => Step::Took(head.len() as u64),
    }
}

/// Handshake messages that are sent in the clear by a side (RFC 8446, section 4; RFC 5246, section 7.4; RFC 5077; RFC 6066;
/// RFC 4680).
const fn is_message(kind: u8, speaker: Speaker) -> bool {
    match speaker {
        Speaker::Client => matches!(kind, CLIENT_HELLO | 11 | 15 | 16 | 23),
        Speaker::Server => matches!(kind, 0 | SERVER_HELLO | 4 | 6 | 11..=14 | 22 | 23),
    }
}

/// The cipher suite of a ServerHello; `None` if the head does not reach there.
fn chosen(head: &[u8]) -> Option<u16> {
    // Header, version, random, session id.
    const ID: usize = HANDSHAKE_HEADER + 2 + 32;
    let id = usize::from(*head.get(ID)?).min(32);
    let suite = head.get(ID + 1 + id..)?.first_chunk()?;
    Some(u16::from_be_bytes(*suite))
}

/// Suites without encryption, by the TLS Cipher Suites registry.
const fn encrypts_nothing(suite: u16) -> bool {
    matches!(
        suite,
        0x0000..=0x0002
            | 0x002c..=0x002e
            | 0x003b
            | 0x00b0 | 0x00b1 | 0x00b4 | 0x00b5 | 0x00b8 | 0x00b9
            | 0xc001 | 0xc006 | 0xc00b | 0xc010 | 0xc015
            | 0xc039..=0xc03b
            | 0xc0b4 | 0xc0b5
    )
}

/// Whether so few values come up among 256 bytes (or half as many) that no cipher has made them. 256 random bytes have some
/// 162 values, with a standard deviation of 5; 128 have some 101, with one of 3: these are eight deviations below.
fn is_plain(sample: &[u8]) -> bool {
    let (sample, least) = match sample.len() {
        256.. => (&sample[..256], 120),
        128.. => (&sample[..128], 73),
        _ => return false,
    };
    let mut seen = [0u64; 4];
    for &byte in sample {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|bits| bits.count_ones()).sum::<u32>() < least
}

#[cfg(test)]
mod tests {
    use super::super::tests::{breaks, holds, silent};
    use super::super::{Broken, Heard, Piece};
    use super::{ALERT, APPLICATION_DATA, Breach, CLIENT_HELLO, HANDSHAKE, SERVER_HELLO, Speaker, is_plain};
    use crate::name::Protocol::Tls;
    use crate::talk::Noise;

    fn record(content: u8, body: &[u8]) -> Vec<u8> {
        [&[content, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
    }

    fn hello(kind: u8, suite: u16) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend(Noise::new(7).bytes(32));
        body.push(0);
        if kind == CLIENT_HELLO {
            body.extend([0, 2]);
        }
        body.extend(suite.to_be_bytes());
        body.extend([1, 0][..if kind == CLIENT_HELLO { 2 } else { 1 }].iter().rev());
        message(kind, &body)
    }

    fn sealed(seed: u64, len: usize) -> Vec<u8> {
        record(APPLICATION_DATA, &Noise::new(seed).bytes(len))
    }

    const CCS: &[u8] = b"\x14\x03\x03\0\x01\x01";

    use Speaker::{Client, Server};

    fn modern() -> Vec<(Speaker, Vec<u8>)> {
        vec![
            (Client, record(HANDSHAKE, &hello(CLIENT_HELLO, 0x1301))),
            (
                Server,
                [record(HANDSHAKE, &hello(SERVER_HELLO, 0x1301)), CCS.to_vec(), sealed(1, 2200)].concat(),
            ),
            (Client, [CCS.to_vec(), sealed(2, 74), sealed(3, 600)].concat()),
            (Server, (4..12).flat_map(|seed| sealed(seed, 4000)).collect()),
        ]
    }

    fn former() -> Vec<(Speaker, Vec<u8>)> {
        let certificate = message(11, &Noise::new(3).bytes(3000));
        let flight =
            [hello(SERVER_HELLO, 0xc02f), certificate, message(12, &[9; 300]), message(14, &[])].concat();
        let finished = record(HANDSHAKE, &Noise::new(5).bytes(40));
        vec![
            (Client, record(HANDSHAKE, &hello(CLIENT_HELLO, 0xc02f))),
            // A message that goes on in the next record.
            (Server, [record(HANDSHAKE, &flight[..1500]), record(HANDSHAKE, &flight[1500..])].concat()),
            (Client, [record(HANDSHAKE, &message(16, &[4; 66])), CCS.to_vec(), finished.clone()].concat()),
            (Server, [CCS.to_vec(), finished].concat()),
            (Client, sealed(6, 300)),
            (Server, (7..20).flat_map(|seed| sealed(seed, 1000)).collect()),
        ]
    }

    #[test]
    fn handshakes_of_both_kinds_and_what_follows() {
        holds(Tls, &modern());
        holds(Tls, &former());
        let mut retried = modern();
        retried.insert(1, (Server, record(HANDSHAKE, &hello(SERVER_HELLO, 0x1301))));
        retried.insert(2, (Client, [CCS.to_vec(), record(HANDSHAKE, &hello(CLIENT_HELLO, 0x1301))].concat()));
        holds(Tls, &retried);
    }

    #[test]
    fn a_server_that_refuses() {
        let mut refused = modern();
        refused.truncate(1);
        refused.push((Server, record(ALERT, &[2, 40])));
        holds(Tls, &refused);
    }

    #[test]
    fn a_server_that_is_left_ends_in_the_clear() {
        let words = b"421 server.example lost input connection\r\n".to_vec();
        for (handshake, leave) in
            [(&former()[..4], record(ALERT, &Noise::new(5).bytes(26))), (&modern()[..3], sealed(5, 19))]
        {
            let with = |more: &[(Speaker, Vec<u8>)]| [handshake, more].concat();
            let left = (Speaker::Client, leave);
            holds(Tls, &with(&[left.clone(), (Speaker::Server, words.clone())]));
            breaks(Tls, &with(&[(Speaker::Server, words.clone())]), Breach::TlsRecord);
            breaks(Tls, &with(&[left, (Speaker::Server, Noise::new(6).bytes(40))]), Breach::TlsRecord);
        }
    }

    /// As it does without an alert, by its FIN, or by what comes on a queue that is behind; in a few words.
    #[test]
    fn a_server_is_left_in_other_ways() {
        let line = b"421 server.example lost input connection\r\n";
        let hear = |acked: u64, words: &[u8]| {
            let mut watch = silent(Tls);
            let mut offsets = [0u64; 2];
            let mut last = Heard::GoOn;
            for (speaker, bytes) in
                modern()[..3].iter().map(|(speaker, bytes)| (*speaker, &bytes[..])).chain([(Server, words)])
            {
                assert_eq!(last, Heard::GoOn);
                let other = offsets[1 - speaker as usize];
                let acked = if bytes == words { other + acked } else { other };
                let offset = offsets[speaker as usize];
                last =
                    watch.hear(Piece { speaker, offset, bytes, len: bytes.len() as u32, acked: Some(acked) });
                offsets[speaker as usize] += bytes.len() as u64;
            }
            last
        };
        let broken = |heard| matches!(heard, Heard::Broken(Broken { breach: Breach::TlsRecord, .. }));
        assert_eq!(hear(1, line), Heard::GoOn);
        assert_eq!(hear(32, line), Heard::GoOn);
        assert!(broken(hear(0, line)));
        assert!(broken(hear(1, &line.repeat(26))));
        assert!(broken(hear(1, &Noise::new(6).bytes(40))));
    }

    #[test]
    fn early_data_comes_before_the_hello() {
        let mut resumed = modern();
        let early: Vec<u8> = (20..24).flat_map(|seed| sealed(seed, 900)).collect();
        resumed.insert(1, (Client, [CCS.to_vec(), early].concat()));
        holds(Tls, &resumed);
    }

    #[test]
    fn raw_data_behind_a_hello() {
        for raw in [Noise::new(9).bytes(400), b"id,name,card\n17,someone,4111\n".repeat(20), vec![0; 400]] {
            let mut said = modern();
            said.truncate(1);
            said.push((Client, raw));
            breaks(Tls, &said, Breach::TlsRecord);
        }
    }

    #[test]
    fn raw_data_in_records() {
        let mut said = modern();
        said.truncate(2);
        said.push((Client, record(APPLICATION_DATA, &b"id,name,card\n17,someone,4111\n".repeat(20))));
        breaks(Tls, &said, Breach::TlsPlaintext);
        said[2] = (Client, record(APPLICATION_DATA, &[0; 4000]));
        breaks(Tls, &said, Breach::TlsPlaintext);
        // Where that is what was agreed on.
        said[1] = (Server, record(HANDSHAKE, &hello(SERVER_HELLO, 0x003b)));
        holds(Tls, &said);
    }

    #[test]
    fn a_handshake_that_never_was() {
        let said = vec![
            (Client, record(HANDSHAKE, &hello(CLIENT_HELLO, 0x1301))),
            (Client, (0..20).flat_map(|seed| sealed(seed + 40, 16_000)).collect()),
        ];
        breaks(Tls, &said, Breach::TlsOrder);
        let said = vec![said[0].clone(), (Server, sealed(30, 500))];
        breaks(Tls, &said, Breach::TlsOrder);
        let said = vec![said[0].clone(), (Server, b"HTTP/1.1 200 OK\r\n\r\n".to_vec())];
        holds(Tls, &said);
        let said = vec![said[0].clone(), (Server, Noise::new(8).bytes(100))];
        breaks(Tls, &said, Breach::TlsRecord);
    }

    #[test]
    fn messages_of_the_other_side_or_of_none() {
        for kind in [SERVER_HELLO, 5, 8, 20, 99] {
            let said = [(Client, record(HANDSHAKE, &message(kind, &[0; 40])))];
            breaks(Tls, &said, Breach::TlsOrder);
        }
        let said = [modern()[0].clone(), (Server, record(HANDSHAKE, &message(16, &[0; 40])))];
        breaks(Tls, &said, Breach::TlsOrder);
    }

    #[test]
    fn ciphers_are_not_taken_for_plain() {
        let mut noise = Noise::new(0x5ea1);
        for round in 0..200_000 {
            assert!(!is_plain(&noise.bytes(128 + 128 * (round % 2))));
        }
        assert!(is_plain(&b"the quick brown fox jumps over the lazy dog 0123456789 ".repeat(5)));
    }
}
