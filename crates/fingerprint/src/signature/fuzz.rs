//! Any signatures over any exchange.

use std::sync::LazyLock;

use offport_wire::Transport;

use super::condition::Condition;
use super::length::{ByteOrder, Counts, Length, LengthField};
use super::pattern::Pattern;
use super::set::{Draft, Signatures};
use super::signature::{Parts, Signature, Spoken};
use crate::exchange::{Exchange, Speaker};
use crate::name::ProtocolSet;
use crate::probe::Match;

/// One signature for each [`RECORD`] bytes, up to four; what cannot be one is left out.
pub(crate) fn draft(data: &[u8]) -> (Draft, &[u8]) {
    let [count, data @ ..] = data else { return (Draft::default(), data) };
    let (records, rest) = data.split_at(data.len().min(usize::from(count % 5) * RECORD));
    let signatures: Vec<Signature> = records
        .chunks_exact(RECORD)
        .zip(["a", "ssh", "b", "c"])
        .filter_map(|(record, name)| Signature::new(parts(record, name)?).ok())
        .collect();
    (Draft::new(signatures).unwrap_or_default(), rest)
}

const RECORD: usize = 12;

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let texts = [r"[0-9]{2}", r"(?s).*\xff\xfe", r"(GET|PUT) /", r"a+b", r"(?s)\x00..[a-z]"];
    texts.iter().filter_map(|text| Pattern::new(text).ok()).collect()
});

fn parts(record: &[u8], name: &str) -> Option<Parts> {
    let &[kinds, port, offset, len, a, b, c, d, mask, pattern, length, max] = record else { return None };
    let bytes = [a & mask, b, c, d];
    let bytes = bytes.get(..usize::from(len % 5))?;
    let masks = [mask, 0xff, 0xff, 0xff];
    let mut conditions = Vec::new();
    if !bytes.is_empty() {
        conditions.push(Condition::bytes(usize::from(offset % 8), bytes, masks.get(..bytes.len())).ok()?);
    }
    if let Some(pattern) = PATTERNS.get(usize::from(pattern % 8)) {
        conditions.push(Condition::pattern(usize::from(offset / 8 % 8), pattern.clone()).ok()?);
    }
    let transports = match kinds & 3 {
        0 => vec![Transport::TCP],
        1 => vec![Transport::UDP],
        2 => vec![Transport::TCP, Transport::UDP],
        _ => vec![Transport::SCTP],
    };
    let field = LengthField {
        offset: usize::from(length % 16),
        width: 1 + usize::from(length / 16 % 4),
        order: if kinds & 16 == 0 { ByteOrder::Big } else { ByteOrder::Little },
        counts: if kinds & 32 == 0 { Counts::Rest } else { Counts::Message },
        plus: 0,
    };
    let stream = kinds & 3 != 1;
    let length = match kinds >> 6 {
        0 => Length::new(max.into(), None, None, stream).ok(),
        1 => Length::new(1, Some(max.into()), Some(field), stream).ok(),
        _ => None,
    };
    Some(Parts {
        name: name.to_owned(),
        transports,
        spoken: [Spoken::Client, Spoken::Server, Spoken::Either].get(usize::from(kinds >> 2 & 3)).copied()?,
        conditions,
        length,
        ports: if port == 0 { Vec::new() } else { vec![u16::from(port)..=u16::from(port) * 4] },
        strength: None,
    })
}

/// What each signature says of each side. A contradiction is final, and so is a proof.
#[derive(Default)]
pub(crate) struct Said(Vec<Match>);

impl Said {
    pub(crate) fn hear(&mut self, set: &Signatures, exchange: &Exchange<'_>) {
        let sides = [&exchange.client, &exchange.server];
        let signatures = set.iter().flat_map(|(_, signature)| sides.map(|side| (signature, side)));
        let now: Vec<Match> = signatures
            .map(|(signature, side)| match side.is_empty() {
                true => Match::Maybe,
                false => signature.check(side, exchange.transport),
            })
            .collect();
        for (before, now) in self.0.iter().zip(&now) {
            assert!(*before == Match::Maybe || before == now, "{before:?} became {now:?}: {exchange:?}");
        }
        self.0 = now;
    }
}

/// Which signatures are asked makes no difference.
pub(crate) fn is_asked_soundly(set: &Signatures, exchange: &Exchange<'_>) -> bool {
    let mut every = ProtocolSet::EMPTY;
    for (protocol, signature) in set.iter() {
        for (side, speaker) in [(&exchange.client, Speaker::Client), (&exchange.server, Speaker::Server)] {
            let role = match signature.spoken() {
                Spoken::Client => speaker == Speaker::Client,
                Spoken::Server => speaker == Speaker::Server,
                Spoken::Either => true,
            };
            let here = signature.transports().contains(&exchange.transport) && !side.is_empty();
            if (role || exchange.midstream) && here && signature.check(side, exchange.transport) != Match::No
            {
                every.insert(protocol);
            }
        }
    }
    set.candidates(exchange) == every
}
