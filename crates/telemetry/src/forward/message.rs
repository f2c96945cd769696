//! What is forwarded, and how it lies in the spool.

use std::time::{Duration, SystemTime};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event.
    Event = 1,
    /// A flow record.
    Record = 2,
    /// An alert that fires.
    Firing = 3,
    /// An alert whose flow is over.
    Resolved = 4,
}

/// One thing to be forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub kind: Kind,
    /// Seconds of Unix time when it was made.
    pub time: u64,
    /// Its name, the same whenever it is sent: what receivers tell repeats by. 255 bytes at most.
    pub id: String,
    /// What is sent.
    pub body: Vec<u8>,
}

impl Message {
    /// A message of now.
    pub fn new(kind: Kind, id: String, body: Vec<u8>) -> Self {
        Self { kind, time: now(), id, body }
    }

    /// Since it was made.
    pub(super) fn age(&self) -> Duration {
        Duration::from_secs(now().saturating_sub(self.time))
    }

    /// Kind, time (8 bytes, little endian), length of the name, name, body.
    pub(super) fn encode(&self) -> Vec<u8> {
        let id = &self.id.as_bytes()[..self.id.len().min(usize::from(u8::MAX))];
        let mut bytes = Vec::with_capacity(10 + id.len() + self.body.len());
        bytes.push(self.kind as u8);
        bytes.extend(self.time.to_le_bytes());
        bytes.push(id.len() as u8);
        bytes.extend(id);
        bytes.extend(&self.body);
        bytes
    }

    /// The other way round; `None` if another version wrote it.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        let kind = [Kind::Event, Kind::Record, Kind::Firing, Kind::Resolved]
            .into_iter()
            .find(|&known| known as u8 == kind)?;
        let (time, rest) = rest.split_first_chunk()?;
        let (&length, rest) = rest.split_first()?;
        let (id, body) = rest.split_at_checked(usize::from(length))?;
        let id = std::str::from_utf8(id).ok()?.to_owned();
        Some(Self { kind, time: u64::from_le_bytes(*time), id, body: body.to_vec() })
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_had_again() {
        for kind in [Kind::Event, Kind::Record, Kind::Firing, Kind::Resolved] {
            let message = Message::new(kind, "d02d-1".to_owned(), b"{\"a\":1}".to_vec());
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
        let bytes = Message::new(Kind::Event, "id".to_owned(), Vec::new()).encode();
        for cut in 0..bytes.len() {
            assert_eq!(Message::decode(&bytes[..cut]), None);
        }
        assert_eq!(Message::decode(&[9; 64]), None);
    }
}
