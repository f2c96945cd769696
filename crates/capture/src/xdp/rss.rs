//! A symmetric RSS key: what `steering = "rss"` stands on.
//!
//! The Toeplitz hash gives both directions of a flow one value if the key repeats every 16 bits, since addresses
//! and ports then change places without moving a bit against it (Woo and Park, "Scalable TCP session monitoring with
//! symmetric receive-side scaling", 2012). The key of that paper is set where the card has another, read back, and
//! the old one is put back at the end; after `kill -9` it stays, which nothing but this sensor notices.

use std::io;

use super::error::CaptureError;
use super::{ethtool, interface};

/// The paper's pair of bytes: it spreads well.
const PAIR: [u8; 2] = [0x6d, 0x5a];

/// How a card spreads packets over its queues (`struct ethtool_rxfh`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rss {
    /// Empty where the driver has none, or shows none.
    pub key: Vec<u8>,
    /// `ETH_RSS_HASH_*`: bits; 0 where the driver does not say.
    pub function: u8,
    /// `RXH_XFRM_*`: bits.
    pub input_transform: u8,
}

/// `ETH_RSS_HASH_TOP`.
const TOEPLITZ: u8 = 1;
/// `RXH_XFRM_SYM_XOR`: the card itself makes its input symmetric.
const SYMMETRIC_XOR: u8 = 1;

impl Rss {
    /// Whether both directions of a flow come to one queue.
    pub(crate) fn is_symmetric(&self) -> bool {
        let Some((pair, rest)) = self.key.split_first_chunk::<2>() else { return false };
        let repeats = rest.len() >= 2 && rest.chunks(2).all(|other| pair.starts_with(other));
        self.is_toeplitz() && (repeats || self.input_transform & SYMMETRIC_XOR != 0)
    }

    const fn is_toeplitz(&self) -> bool {
        self.function == 0 || self.function & TOEPLITZ != 0
    }
}

/// A card whose key can be read and written.
pub(crate) trait Card {
    fn read(&self) -> io::Result<Rss>;
    fn write_key(&self, key: &[u8]) -> io::Result<()>;
}

/// The card behind an interface.
#[derive(Debug)]
pub(crate) struct Nic(String);

impl Card for Nic {
    fn read(&self) -> io::Result<Rss> {
        ethtool::rss(&self.0)
    }

    fn write_key(&self, key: &[u8]) -> io::Result<()> {
        ethtool::set_rss_key(&self.0, key)
    }
}

/// A card that is symmetric as long as this lives.
#[derive(Debug)]
pub(crate) struct Symmetric<C: Card> {
    card: C,
    /// The key that was there before.
    before: Option<Vec<u8>>,
}

impl Symmetric<Nic> {
    /// Makes an interface's card symmetric; one with a single queue needs nothing.
    pub(crate) fn ensure(name: &str) -> Result<Option<Self>, CaptureError> {
        if interface::receive_queues(name) == 1 {
            return Ok(None);
        }
        Self::make(Nic(name.to_owned())).map(Some).map_err(|problem| CaptureError::Rss {
            interface: name.to_owned(),
            driver: interface::driver(name),
            problem,
        })
    }
}

impl<C: Card> Symmetric<C> {
    /// The error is the reason why this card is not symmetric and cannot be made so.
    fn make(card: C) -> Result<Self, String> {
        let found = card.read().map_err(|error| format!("its hash settings cannot be read: {error}"))?;
        if found.key.is_empty() {
            return Err("it shows no hash key".to_owned());
        }
        if found.is_symmetric() {
            return Ok(Self { card, before: None });
        }
        if !found.is_toeplitz() {
            return Err("it does not use the Toeplitz hash".to_owned());
        }
        let key: Vec<u8> = PAIR.into_iter().cycle().take(found.key.len()).collect();
        card.write_key(&key).map_err(|error| format!("it does not take a symmetric key: {error}"))?;
        // From here on the old key goes back, whatever happens.
        let made = Self { card, before: Some(found.key) };
        match made.card.read() {
            Ok(now) if now.is_symmetric() => Ok(made),
            Ok(_) => Err("it took a symmetric key and still shows another".to_owned()),
            Err(error) => Err(format!("the key that was set cannot be read back: {error}")),
        }
    }
}

impl<C: Card> Drop for Symmetric<C> {
    fn drop(&mut self) {
        if let Some(key) = self.before.take() {
            // The interface may be gone, and its key with it.
            let _ = self.card.write_key(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Fake {
        rss: Rc<RefCell<Rss>>,
        deaf: bool,
        refuses: bool,
    }

    impl Fake {
        fn new(key: &[u8], function: u8) -> Self {
            let rss = Rss { key: key.to_vec(), function, input_transform: 0 };
            Self { rss: Rc::new(RefCell::new(rss)), ..Self::default() }
        }
    }

    impl Card for Fake {
        fn read(&self) -> io::Result<Rss> {
            Ok(self.rss.borrow().clone())
        }

        fn write_key(&self, key: &[u8]) -> io::Result<()> {
            if self.refuses {
                return Err(io::ErrorKind::Unsupported.into());
            }
            if !self.deaf {
                self.rss.borrow_mut().key = key.to_vec();
            }
            Ok(())
        }
    }

    /// Microsoft's sample key, which most drivers start with in parts, or a random one.
    const USUAL: [u8; 40] = [
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0,
        0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42,
        0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    ];

    /// The Toeplitz hash, bit by bit.
    fn toeplitz(key: &[u8], input: &[u8]) -> u32 {
        let bit = |bytes: &[u8], at: usize| u32::from(bytes[at / 8] >> (7 - at % 8) & 1);
        (0..input.len() * 8)
            .filter(|&at| bit(input, at) == 1)
            .fold(0, |hash, at| hash ^ (0..32).fold(0, |window, ahead| window << 1 | bit(key, at + ahead)))
    }

    #[test]
    fn the_key_that_is_set_hashes_both_directions_alike() {
        // Source and destination address, source and destination port: what the card hashes.
        let there = [66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6];
        let back = [161, 142, 100, 80, 66, 9, 149, 187, 0x06, 0xe6, 0x0a, 0xea];
        // The known answer of the usual key for this input.
        assert_eq!(toeplitz(&USUAL, &there), 0x51cc_c178);
        assert_ne!(toeplitz(&USUAL, &there), toeplitz(&USUAL, &back));
        let card = Fake::new(&USUAL, TOEPLITZ);
        let made = Symmetric::make(card.clone()).unwrap();
        let key = card.rss.borrow().key.clone();
        assert_eq!(key.len(), USUAL.len());
        assert_eq!(toeplitz(&key, &there), toeplitz(&key, &back));
        drop(made);
        assert_eq!(card.rss.borrow().key, USUAL, "put back");
    }

    #[test]
    fn a_symmetric_card_is_left_alone() {
        let card = Fake { refuses: true, ..Fake::new(&[0xbe, 0xef].repeat(26), TOEPLITZ) };
        assert!(Symmetric::make(card).is_ok());
        let card = Fake { refuses: true, ..Fake::new(&USUAL, TOEPLITZ) };
        card.rss.borrow_mut().input_transform = SYMMETRIC_XOR;
        assert!(Symmetric::make(card).is_ok());
    }

    #[test]
    fn a_card_that_cannot_says_why() {
        let why = |card: Fake| Symmetric::make(card).unwrap_err();
        assert!(why(Fake::new(&[], TOEPLITZ)).contains("no hash key"));
        assert!(why(Fake::new(&USUAL, 4)).contains("Toeplitz"));
        assert!(why(Fake { refuses: true, ..Fake::new(&USUAL, TOEPLITZ) }).contains("does not take"));
        let deaf = Fake { deaf: true, ..Fake::new(&USUAL, TOEPLITZ) };
        assert!(why(deaf.clone()).contains("still shows another"));
        assert_eq!(deaf.rss.borrow().key, USUAL);
    }

    #[test]
    fn only_a_whole_repetition_is_one() {
        let symmetric =
            |key: &[u8]| Rss { key: key.to_vec(), function: TOEPLITZ, input_transform: 0 }.is_symmetric();
        assert!(symmetric(&[1, 2, 1, 2, 1]));
        assert!(!symmetric(&[1, 2, 1, 2, 2]));
        assert!(!symmetric(&[1, 2]));
        assert!(!symmetric(&[]));
    }
}
