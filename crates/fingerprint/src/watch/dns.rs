//! DNS: messages that are whole, each side in its part, answers to what was asked, and names that carry no data.
//!
//! RFC 1035, section 4; over TCP behind a length (RFC 7766, section 8). Messages may be lost or not be seen, and clients
//! and servers make mistakes: one odd message proves nothing, and an answer is held only against a question that was
//! seen under its id (RFC 5452, section 9.1).
//!
//! Tunnels (iodine, dnscat2, dns2tcp and their like) put data into names below a domain of their own, no name twice, and take their
//! own from the answers. So do, in small, services that look something up by its digest. A digest fits in one label
//! of 63 bytes, and addresses are asked for by labels of one to three: a name counts here if its long labels hold
//! more than one label can, without pattern. Of an answer, its size counts, and its type: one that a client chooses who wants data.

use super::cursor::HEAD;
use super::{Breach, Piece, Step};
use crate::dns_message::{HEADER_LEN, Header, Walk, walk};
use crate::exchange::{Exchange, Speaker};
use crate::protocols::dns::{is_ordinary, is_possible};

/// Bytes of a message that are looked at.
const LOOKED_AT: usize = 512;
/// DNS Stateful Operations (RFC 8490): messages of another form.
const DSO: u16 = 6;
/// Malformed datagrams that make a breach: one can be a corrupted packet. A stream has lost its framing with the first.
const MALFORMED: u8 = 2;
/// Messages from the wrong side, or with the wrong question, that make a breach: some devices reflect what they are sent.
const ODD: u8 = 3;
/// Questions that are remembered.
const ASKED: usize = 8;
/// Names with data that make a tunnel; they are half of all that were asked at least.
const NAMES: u8 = 24;
/// The least bytes that the long labels of such a name hold: more than one label can (RFC 1035, section 2.3.4).
const CARRIED: usize = 64;
/// A long label. Hexadecimal of less than eight bytes is no data worth a name.
const LONG: usize = 16;
/// The least length of an answer with data: what blocklists and digests are answered with is shorter.
const LOADED: usize = 200;

const TYPE_CNAME: u16 = 5;
const TYPE_NULL: u16 = 10;
const TYPE_TXT: u16 = 16;
/// For private use (RFC 6895, section 3.1).
const TYPE_PRIVATE: std::ops::RangeInclusive<u16> = 65_280..=65_534;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dns {
    /// Both sides serve, and ask: their ports are the same.
    peers: bool,
    is_stream: bool,
    asked: [Asked; ASKED],
    next: u8,
    malformed: u8,
    misplaced: u8,
    mismatched: u8,
    matched: u8,
    up: Load,
    down: Load,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    id: u16,
    /// 0: nothing.
    name: u32,
}

impl Dns {
    pub(super) fn of(exchange: &Exchange<'_>) -> Self {
        let is_stream = exchange.transport != offport_wire::Transport::UDP;
        Self { peers: exchange.client_port == exchange.server_port, is_stream, ..Self::default() }
    }

    /// A datagram, or what stands next in a stream.
    pub(super) fn read(&mut self, piece: &Piece<'_>, head: &[u8]) -> Step {
        let (bytes, len) = match self.is_stream {
            false => (head, piece.len as usize),
            true => {
                let Some((prefix, bytes)) = head.split_first_chunk() else { return Step::More };
                let len = usize::from(u16::from_be_bytes(*prefix));
                if bytes.len() < len && head.len() < HEAD {
                    return Step::More;
                }
                (&bytes[..bytes.len().min(len)], len)
            }
        };
        let bytes = &bytes[..bytes.len().min(LOOKED_AT)];
        match self.message(piece.speaker, bytes, len) {
            Some(step) => step,
            None => Step::Took(2 + len as u64),
        }
    }

    /// `None`: nothing is wrong with it.
    fn message(&mut self, speaker: Speaker, bytes: &[u8], len: usize) -> Option<Step> {
        if len < HEADER_LEN && !self.is_stream {
            // Too little for any judgement.
            return None;
        }
        let header = match walk(bytes, len) {
            Walk::Malformed => return self.is_malformed(),
            Walk::Short(header) => header,
            Walk::Broken(message) if !is_ordinary(&message.header) => return self.is_malformed(),
            Walk::Broken(message) | Walk::Valid(message) => message.header,
        };
        if header.opcode() == DSO {
            return Some(Step::Enough);
        }
        if !is_possible(&header) && !is_ordinary(&header) {
            return self.is_malformed();
        }
        let asks = !header.is_response();
        if !self.peers && asks != (speaker == Speaker::Client) {
            self.misplaced = self.misplaced.saturating_add(1);
            return (self.misplaced >= ODD).then_some(Step::Broken(Breach::DnsRole));
        }
        let question = Question::read(&header, bytes)?;
        let breach = if asks { self.ask(&header, &question) } else { self.answer(&header, &question, len) };
        breach.map(Step::Broken)
    }

    fn is_malformed(&mut self) -> Option<Step> {
        self.malformed = self.malformed.saturating_add(1);
        let enough = self.is_stream || self.malformed >= MALFORMED;
        enough.then_some(Step::Broken(Breach::DnsMessage))
    }

    fn ask(&mut self, header: &Header, question: &Question<'_>) -> Option<Breach> {
        if let Some(slot) = self.asked.get_mut(usize::from(self.next)) {
            *slot = Asked { id: header.id, name: question.hash };
            self.next = (self.next + 1) % ASKED as u8;
        }
        self.up.note(question, question.carries());
        (!self.peers && self.up.is_tunnel()).then_some(Breach::DnsTunnel)
    }

    fn answer(&mut self, header: &Header, question: &Question<'_>, len: usize) -> Option<Breach> {
        let mut asked = self.asked.iter().filter(|asked| asked.name != 0 && asked.id == header.id).peekable();
        if asked.peek().is_some() {
            let same = asked.any(|asked| asked.name == question.hash);
            let count = if same { &mut self.matched } else { &mut self.mismatched };
            *count = count.saturating_add(1);
        }
        if self.mismatched >= ODD && self.mismatched > self.matched {
            return Some(Breach::DnsAnswer);
        }
        let has_data = matches!(question.kind, TYPE_CNAME | TYPE_NULL | TYPE_TXT)
            || TYPE_PRIVATE.contains(&question.kind);
        self.down.note(question, has_data && header.answers > 0 && len >= LOADED);
        (!self.peers && self.down.is_tunnel()).then_some(Breach::DnsTunnel)
    }
}

/// Names with data, below one domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    domain: u32,
    /// A filter of names: what is in it twice is not counted, and neither is a name that falls together with another.
    seen: [u64; 4],
    count: u8,
    /// Names with data or without.
    all: u8,
}

impl Load {
    fn note(&mut self, question: &Question<'_>, carries: bool) {
        self.all = self.all.saturating_add(1);
        if !carries {
            return;
        }
        let bit = question.hash % 256;
        let Some(word) = self.seen.get_mut(bit as usize / 64) else { return };
        let is_new = *word & 1 << (bit % 64) == 0;
        *word |= 1 << (bit % 64);
        if self.count == 0 {
            self.domain = question.domain;
        }
        // The domain that most of them are below stays.
        match question.domain == self.domain {
            true => self.count = self.count.saturating_add(is_new.into()),
            false => self.count -= 1,
        }
    }

    const fn is_tunnel(&self) -> bool {
        self.count >= NAMES && self.count >= self.all / 2
    }
}

/// The only question of a message.
#[derive(Clone, Copy, Debug)]
struct Question<'a> {
    /// Labels left of the domain, in wire form.
    labels: &'a [u8],
    /// Of the name, letters in either case the same; never 0.
    hash: u32,
    /// Of its last two labels: what can be registered, or a suffix under which that is done.
    domain: u32,
    kind: u16,
}

impl<'a> Question<'a> {
    fn read(header: &Header, bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.get(HEADER_LEN..).filter(|_| header.questions == 1)?;
        // Where the last labels begin; the latest last.
        let mut starts = [0, 0];
        let mut at = 0;
        loop {
            match usize::from(*rest.get(at)?) {
                0 => break,
                length @ 1..=63 => {
                    starts = [starts[1], at];
                    at += 1 + length;
                }
                _ => return None,
            }
        }
        let (name, domain) = (rest.get(..at)?, rest.get(starts[0]..at)?);
        let kind = rest.get(at + 1..)?.first_chunk()?;
        Some(Self {
            labels: rest.get(..starts[0])?,
            hash: hash(name),
            domain: hash(domain),
            kind: u16::from_be_bytes(*kind),
        })
    }

    /// Whether its name is long and without pattern.
    fn carries(&self) -> bool {
        if self.labels.len() <= CARRIED {
            return false;
        }
        let mut counts = [0u8; 64];
        let mut total = 0usize;
        let mut rest = self.labels;
        while let Some((&length, behind)) = rest.split_first() {
            let Some((label, after)) = behind.split_at_checked(length.into()) else { return false };
            rest = after;
            if label.len() < LONG {
                continue;
            }
            total += label.len();
            for byte in label {
                let count = &mut counts[usize::from(byte % 64)];
                *count = count.saturating_add(1);
            }
        }
        // How likely two bytes of it are the same: 1 in 16 of hexadecimal digits, 1 in 32 of base32.
        let pairs: usize =
            counts.iter().map(|&count| usize::from(count) * usize::from(count.max(1) - 1)).sum();
        total >= CARRIED && pairs * 10 <= total * (total - 1)
    }
}

/// FNV-1a of letters in lower case; never 0.
fn hash(name: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    name.iter().fold(0x811c_9dc5, step).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::alone::Alone;
    use super::super::tests::{NOTHING_YET, breaks, holds};
    use super::super::{Broken, Heard};
    use super::*;
    use crate::dns_message::build::{header, name, on_tcp, question, record};
    use crate::exchange::Speaker::{Client, Server};
    use crate::name::Protocol;
    use crate::talk::Noise;

    fn query(id: u16, dotted: &str, kind: u16) -> Vec<u8> {
        [header(id, 0x0100, [1, 0, 0, 1]), question(&name(dotted), kind, 1), record(&[0], 41, 1232, &[])]
            .concat()
    }

    fn reply(id: u16, dotted: &str, kind: u16, data: &[u8]) -> Vec<u8> {
        [
            header(id, 0x8180, [1, 1, 0, 0]),
            question(&name(dotted), kind, 1),
            record(&[0xc0, 12], kind, 1, data),
        ]
        .concat()
    }

    /// What comes of datagrams, between these ports.
    fn exchanged(ports: (u16, u16), datagrams: &[(Speaker, Vec<u8>)]) -> Heard {
        let exchange = Exchange {
            transport: offport_wire::Transport::UDP,
            client_port: ports.0,
            server_port: ports.1,
            ..NOTHING_YET
        };
        let (mut watch, _) = Alone::of(Protocol::Dns, &exchange).unwrap();
        for (speaker, bytes) in datagrams {
            let piece =
                Piece { speaker: *speaker, offset: 0, bytes, len: bytes.len() as u32, acked: Some(0) };
            let heard = watch.hear(piece);
            if heard != Heard::GoOn {
                return heard;
            }
        }
        Heard::GoOn
    }

    fn heard(datagrams: &[(Speaker, Vec<u8>)]) -> Heard {
        exchanged((40_000, 53), datagrams)
    }

    const fn broken(breach: Breach) -> Heard {
        Heard::Broken(Broken { breach, at: 0 })
    }

    fn hexadecimal(noise: &mut Noise, len: usize) -> String {
        noise.bytes(len).iter().map(|byte| char::from(b"0123456789abcdef"[usize::from(byte % 16)])).collect()
    }

    /// As dnscat2 and its like ask: labels of hexadecimal digits.
    fn tunnel(count: u16) -> Vec<(Speaker, Vec<u8>)> {
        let mut noise = Noise::new(1);
        let mut label = || hexadecimal(&mut noise, 60);
        (0..count)
            .map(|id| (Client, query(id, &format!("{}.{}.t.example.com", label(), label()), 15)))
            .collect()
    }

    /// As iodine answers: short names, none twice, with NULL or TXT.
    fn download(count: u16, kind: u16, len: usize) -> Vec<(Speaker, Vec<u8>)> {
        let strings = |bytes: Vec<u8>| match kind {
            TYPE_TXT => [&[bytes.len() as u8], &bytes[..]].concat(),
            _ => bytes,
        };
        let ask = |id| format!("p{id:05}.t.example.com");
        (0..count)
            .flat_map(|id| {
                let data = strings(Noise::new(id.into()).bytes(len));
                [(Client, query(id, &ask(id), kind)), (Server, reply(id, &ask(id), kind, &data))]
            })
            .collect()
    }

    #[test]
    fn names_with_data() {
        assert_eq!(heard(&tunnel(23)), Heard::GoOn);
        assert_eq!(heard(&tunnel(25)), broken(Breach::DnsTunnel));
        // The same name again and again is an impatient client's.
        let again: Vec<_> = (0..100).map(|_| tunnel(1).remove(0)).collect();
        assert_eq!(heard(&again), Heard::GoOn);
        // Among servers, one flow is everyone's.
        assert_eq!(exchanged((53, 53), &tunnel(60)), Heard::GoOn);
        // Amid many others they are few.
        let others = (0..80).map(|id| (Client, query(id, &format!("h{id}.example.net"), 1)));
        let mixed: Vec<_> = others.chain(tunnel(30)).collect();
        assert_eq!(heard(&mixed), Heard::GoOn);
    }

    #[test]
    fn answers_with_data() {
        for kind in [TYPE_NULL, TYPE_TXT, 65_399] {
            assert_eq!(heard(&download(30, kind, 240)), broken(Breach::DnsTunnel), "{kind}");
            assert_eq!(heard(&download(20, kind, 240)), Heard::GoOn, "{kind}");
            assert_eq!(heard(&download(30, kind, 60)), Heard::GoOn, "{kind}");
        }
        // Signed, these are long.
        assert_eq!(heard(&download(60, 46, 240)), Heard::GoOn);
    }

    #[test]
    fn long_names_that_are_looked_up_in_good_faith() {
        let nibbles = |n: u32| format!("{n:08x}").chars().flat_map(|c| [c, '.']).collect::<String>();
        let digest = |n: u32| hexadecimal(&mut Noise::new(u64::from(n)), 32);
        let ask: [&dyn Fn(u32) -> String; 8] = [
            &|n| format!("{}{}ip6.arpa", nibbles(n), "0.".repeat(24)),
            &|n| format!("{}{}zen.dnsbl.example", nibbles(n), "0.".repeat(24)),
            &|n| format!("{}.1.168.192.dnsbl.example", n % 256),
            &|n| format!("0.0.0.0.1.0.0.4e.{}.avqs.example.com", &digest(n)[..26]),
            &|n| format!("{}.3.1a.{}.sxl.example.net", digest(n), n),
            &|n| format!("{}{}.hash.example.org", digest(n), &digest(n + 1)[..31]),
            &|n| format!("internal-service-{n:016}.eu-central-1.elb.example.com"),
            &|n| format!("e{n}.dsce9.akamaiedge.example.net"),
        ];
        for (index, ask) in ask.iter().enumerate() {
            let asked: Vec<_> = (0..120).map(|n| (Client, query(n as u16, &ask(n), 16))).collect();
            assert_eq!(heard(&asked), Heard::GoOn, "{index}");
        }
        // Keys of mail servers are long, and few below one domain.
        let key = [&[250][..], &[b'k'; 250]].concat();
        let keys: Vec<_> = (0..100)
            .flat_map(|n| {
                let ask = format!("s._domainkey.example{n}.org");
                [(Client, query(n, &ask, 16)), (Server, reply(n, &ask, 16, &key))]
            })
            .collect();
        assert_eq!(heard(&keys), Heard::GoOn);
    }

    #[test]
    fn datagrams_that_are_no_messages() {
        let first = (Client, query(1, "www.example.com", 1));
        for speaker in [Client, Server] {
            for raw in
                [Noise::new(2).bytes(400), Noise::new(3).bytes(40), b"id,name,card\n17,someone\n".to_vec()]
            {
                let once = [first.clone(), (speaker, raw.clone())];
                assert_eq!(heard(&once), Heard::GoOn);
                let twice = [first.clone(), (speaker, raw.clone()), (speaker, raw)];
                assert_eq!(heard(&twice), broken(Breach::DnsMessage));
            }
        }
    }

    #[test]
    fn each_side_in_its_part() {
        let replies: Vec<_> = (0..3).map(|id| (Client, reply(id, "a.example", 1, &[192, 0, 2, 1]))).collect();
        assert_eq!(heard(&replies), broken(Breach::DnsRole));
        assert_eq!(heard(&replies[1..]), Heard::GoOn);
        assert_eq!(exchanged((53, 53), &replies), Heard::GoOn);
        let reflected: Vec<_> = (0..3).map(|id| (Server, query(id, "a.example", 1))).collect();
        assert_eq!(heard(&reflected), broken(Breach::DnsRole));
    }

    #[test]
    fn answers_to_other_questions() {
        let turn = |id, asked: &str, answered: &str| {
            [(Client, query(id, asked, 1)), (Server, reply(id, answered, 1, &[192, 0, 2, 1]))]
        };
        let many = |answered: &str| (0..6).flat_map(|id| turn(id, "a.example", answered)).collect::<Vec<_>>();
        assert_eq!(heard(&many("b.example")), broken(Breach::DnsAnswer));
        // Letters in the other case are the same (RFC 4343).
        assert_eq!(heard(&many("A.exAMPle")), Heard::GoOn);
        // What was not seen to be asked is no wrong answer.
        let unasked: Vec<_> =
            many("b.example").into_iter().filter(|(speaker, _)| *speaker == Server).collect();
        assert_eq!(heard(&unasked), Heard::GoOn);
    }

    #[test]
    fn messages_in_a_stream() {
        let stream = |messages: Vec<(Speaker, Vec<u8>)>| {
            messages.into_iter().map(|(speaker, bytes)| (speaker, on_tcp(&bytes))).collect::<Vec<_>>()
        };
        let asked: Vec<_> = (0..12)
            .flat_map(|id| {
                let ask = format!("{id}.a-rather-long-name-that-goes-on-and-on-and-on.example.com");
                [(Client, query(id, &ask, 28)), (Server, reply(id, &ask, 28, &[0; 16]))]
            })
            .collect();
        holds(Protocol::Dns, &stream(asked.clone()));
        let mut raw = stream(asked);
        raw.push((Server, Noise::new(4).bytes(500)));
        breaks(Protocol::Dns, &raw, Breach::DnsMessage);
        let said = stream(tunnel(30));
        for size in [1_460, 536] {
            let heard = super::super::tests::watch(Protocol::Dns, &said, size);
            assert!(matches!(heard, Heard::Broken(Broken { breach: Breach::DnsTunnel, .. })), "{heard:?}");
        }
    }

    #[test]
    fn random_bytes_are_without_pattern_and_words_repeat() {
        let mut noise = Noise::new(5);
        let carries = |dotted: &str| {
            let bytes = query(1, dotted, 1);
            let header = crate::dns_message::header_so_far(&bytes);
            Question::read(&header, &bytes).is_some_and(|question| question.carries())
        };
        for _ in 0..20_000 {
            let label = |noise: &mut Noise, len| hexadecimal(noise, len);
            assert!(carries(&format!("{}.{}.example.com", label(&mut noise, 40), label(&mut noise, 40))));
        }
        assert!(!carries(&format!("{}.{}.example.com", "0a".repeat(30), "0a".repeat(30))));
        assert!(!carries(&format!("{}.{}", hexadecimal(&mut noise, 60), hexadecimal(&mut noise, 60))));
    }
}
