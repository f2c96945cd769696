//! The text by which people and programs hand a flow on.
//!
//! 20 digits of base 32 (Crockford's: no `i`, `l`, `o`, `u`), lower case: 11 for the microsecond of the flow's first packet, 9 for a
//! hash of its key. So ids sort by time, one tells by itself where to look for its flow, and whoever has a flow's
//! start and key can tell its id. It is the same whichever end is taken for the client.

use std::fmt;
use std::str::FromStr;

use crate::key::{Domain, FlowKey};
use crate::time::Timestamp;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TIME_DIGITS: u32 = 11;
const TAG_DIGITS: u32 = 9;
const LEN: usize = (TIME_DIGITS + TAG_DIGITS) as usize;
const TAG_BITS: u32 = TAG_DIGITS * 5;

/// A flow's id (`offport.flow_id`). In the order of the flows' starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId {
    micros: u64,
    tag: u64,
}

impl FlowId {
    /// Of the flow with this key whose first packet came then. What is below a microsecond does not count, nor do the ports
    /// of a transport that has none.
    pub fn new(start: Timestamp, key: &FlowKey) -> Self {
        let mut hash = Fnv::new();
        hash.add(&[key.transport().0]);
        let Domain(domain) = key.domain();
        hash.add(&domain.to_be_bytes());
        let has_ports = key.transport().has_ports();
        match key {
            FlowKey::V4(key) => hash.ends(
                [key.low_addr.to_be_bytes(), key.high_addr.to_be_bytes()],
                [key.low_port, key.high_port],
                has_ports,
            ),
            FlowKey::V6(key) => hash.ends(
                [key.low_addr.to_be_bytes(), key.high_addr.to_be_bytes()],
                [key.low_port, key.high_port],
                has_ports,
            ),
        }
        Self { micros: start.as_nanos() / 1_000, tag: hash.folded(TAG_BITS) }
    }

    /// The flow's first packet, to the microsecond.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_nanos(self.micros.saturating_mul(1_000))
    }

    /// A number for formats that have no room for the text: positive, below 2⁵³. Not quite as good at telling flows apart.
    pub const fn number(self) -> u64 {
        (self.micros.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.tag << 8) >> 11
    }

    /// The first that starts at `time` or later.
    pub const fn first_at(time: Timestamp) -> Self {
        Self { micros: time.as_nanos() / 1_000, tag: 0 }
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; LEN];
        let digits = |mut value: u64, text: &mut [u8]| {
            for place in text.iter_mut().rev() {
                *place = DIGITS[(value & 31) as usize];
                value >>= 5;
            }
        };
        let (time, tag) = text.split_at_mut(TIME_DIGITS as usize);
        digits(self.micros, time);
        digits(self.tag, tag);
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// Why a text is no flow id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFlowId {
    /// It does not have 20 characters.
    Length,
    /// This is no digit of base 32.
    Digit(char),
}

impl fmt::Display for BadFlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "a flow id has {LEN} letters and digits"),
            Self::Digit(digit) => write!(f, "{digit:?} stands in no flow id"),
        }
    }
}

impl std::error::Error for BadFlowId {}

impl FromStr for FlowId {
    type Err = BadFlowId;

    /// Capital letters, and letters that are easily taken for digits, are read as what is meant.
    fn from_str(text: &str) -> Result<Self, BadFlowId> {
        if text.chars().count() != LEN {
            return Err(BadFlowId::Length);
        }
        let mut value = 0_u128;
        for character in text.chars() {
            let meant = match character.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            };
            let digit = DIGITS.iter().position(|&digit| char::from(digit) == meant);
            value = value << 5 | digit.ok_or(BadFlowId::Digit(character))? as u128;
        }
        Ok(Self { micros: (value >> TAG_BITS) as u64, tag: value as u64 & ((1 << TAG_BITS) - 1) })
    }
}

/// FNV-1a of 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>): the same everywhere and for good.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn ends<const N: usize>(&mut self, addresses: [[u8; N]; 2], ports: [u16; 2], has_ports: bool) {
        for (address, port) in addresses.iter().zip(ports) {
            self.add(address);
            self.add(&if has_ports { port } else { 0 }.to_be_bytes());
        }
    }

    /// Fewer bits, as the authors recommend: the rest is folded in.
    const fn folded(&self, bits: u32) -> u64 {
        (self.0 >> bits ^ self.0) & ((1 << bits) - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::Transport;

    fn key(port: u16, transport: Transport) -> FlowKey {
        FlowKey::v4(([192, 0, 2, 1].into(), port), ([198, 51, 100, 7].into(), 80), transport, Domain::NONE).0
    }

    #[test]
    fn a_flow_has_one_id_for_good() {
        let start = Timestamp::from_nanos(1_764_000_000_123_456_789);
        let id = FlowId::new(start, &key(40_000, Transport::TCP));
        assert_eq!(id.to_string(), "1j4b50p88j082jmmb2h6");
        assert_eq!(id.start(), Timestamp::from_nanos(1_764_000_000_123_456_000));
        assert_ne!(id, FlowId::new(start, &key(40_001, Transport::TCP)));
        assert_ne!(id, FlowId::new(start, &key(40_000, Transport::UDP)));
        let ping = |id| FlowId::new(start, &key(id, Transport::ICMP));
        assert_eq!(ping(1), ping(2), "ICMP has no ports");
        assert!(id.number() < 1 << 53);
    }

    #[test]
    fn what_is_read_is_what_was_meant() {
        let id = "1j4b50p88j082jmmb2h6".parse::<FlowId>();
        assert_eq!("IJ4B5OP88JO82JMMB2H6".parse::<FlowId>(), id);
        assert_eq!("1j4b50p88j082jmmb2h".parse::<FlowId>(), Err(BadFlowId::Length));
        assert_eq!("1j4b50p88j082jmmb2hu".parse::<FlowId>(), Err(BadFlowId::Digit('u')));
        assert_eq!("1j4b50p88j082jmmb2hé".parse::<FlowId>(), Err(BadFlowId::Digit('é')));
    }

    proptest! {
        #[test]
        fn ids_are_read_as_they_were_written_and_sort_by_time(one: u64, other: u64, port: u16) {
            let [one, other] = [one, other].map(|nanos| FlowId::new(Timestamp::from_nanos(nanos), &key(port, Transport::TCP)));
            prop_assert_eq!(one.to_string().parse(), Ok(one));
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
            prop_assert!(FlowId::first_at(one.start()) <= one);
        }

        #[test]
        fn both_directions_have_one_id(client: (u32, u16), server: (u32, u16)) {
            let ends = |one: (u32, u16), other: (u32, u16)| {
                FlowKey::v4((one.0.into(), one.1), (other.0.into(), other.1), Transport::TCP, Domain::NONE).0
            };
            let id = |key| FlowId::new(Timestamp::ZERO, &key);
            prop_assert_eq!(id(ends(client, server)), id(ends(server, client)));
        }
    }
}
