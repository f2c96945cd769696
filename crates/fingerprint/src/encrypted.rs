//! Payload that looks encrypted from its first byte on: Shadowsocks, obfs4, VMess and their like, BitTorrent's encryption.
//!
//! Such protocols are made to be told from nothing but random bytes, so none of them is named. What is left is that their
//! first payload is even: as many ones as zeros, and no text (Wu et al., "How the Great Firewall of China Detects and Blocks
//! Fully Encrypted Traffic", USENIX Security 2023, section 4). Compressed data looks alike.

use offport_wire::Transport;

use crate::exchange::Exchange;

/// Bytes that it takes to say: of 64 random ones the mean of ones in a byte leaves the bounds once in 1,500 times. And those
/// that are looked at.
const LEAST: usize = 64;
const MOST: usize = 128;
/// Ones in a byte, in the mean, in tenths: random bytes have four.
const ONES: std::ops::RangeInclusive<usize> = 34..=46;
/// Printable bytes of a hundred, at most: of random ones 37 are. No block of them is printable as a whole.
const PRINTABLE: usize = 50;
const BLOCK: usize = 16;

/// Whether all that was said looks encrypted: whoever has said enough to tell, and one has.
pub fn looks_encrypted(exchange: &Exchange<'_>) -> bool {
    let mut told = [&exchange.client, &exchange.server]
        .into_iter()
        .map(|side| if exchange.transport == Transport::UDP { side.first_datagram() } else { side.bytes })
        .filter(|bytes| bytes.len() >= LEAST)
        .peekable();
    told.peek().is_some() && told.all(is_even)
}

fn is_even(bytes: &[u8]) -> bool {
    let (blocks, _) = bytes[..bytes.len().min(MOST)].as_chunks::<BLOCK>();
    let (mut ones, mut printable) = (0, 0);
    for block in blocks {
        let count: u8 = block.iter().map(|byte| u8::from(matches!(byte, b' '..=b'~'))).sum();
        if usize::from(count) == BLOCK {
            return false;
        }
        printable += usize::from(count);
        ones += u128::from_ne_bytes(*block).count_ones() as usize;
    }
    let len = blocks.len() * BLOCK;
    len >= LEAST && ONES.contains(&(10 * ones / len)) && 100 * printable <= PRINTABLE * len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk};

    fn looks(talk: &Talk) -> bool {
        looks_encrypted(&talk.exchange())
    }

    #[test]
    fn random_bytes_of_any_length() {
        let mut noise = Noise::new(7);
        let missed = (0..10_000).filter(|n| !is_even(&noise.bytes(LEAST + n % 400))).count();
        assert!(missed <= 40, "{missed}");
    }

    #[test]
    fn what_is_no_cipher() {
        let numbers: Vec<u8> = (0..60_u32).flat_map(u32::to_be_bytes).collect();
        let base64 = b"QWxsIHRoYXQgaXMgc2FpZCBpcyBzYWlkIGluIGJhc2U2NCwgYW5kIHRoYXQgaXMgdGV4dC4uLi4uLg==";
        for bytes in [&numbers[..], base64, &[0; 100], &[0xff; 100], &b"SELECT * FROM customers; ".repeat(8)]
        {
            assert!(!is_even(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn both_sides_that_say_enough_must_look_so() {
        let mut noise = Noise::new(8);
        let (one, other) = (noise.bytes(100), noise.bytes(200));
        assert!(looks(&Talk::tcp().client(&one)));
        assert!(looks(&Talk::tcp().client(&one).server(&other)));
        assert!(looks(&Talk::tcp().client(&one).server(b"short")));
        assert!(!looks(&Talk::tcp().client(&one).server(&[b'a'; 100])));
        assert!(!looks(&Talk::tcp().client(&one[..LEAST - 1])));
        assert!(looks(&Talk::udp().client(&one)));
    }
}
