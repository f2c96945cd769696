//! A frame of the spool: length and CRC-32, four bytes each, little endian, then the payload.
//!
//! The checksum covers the length too, so that a run of zeroes, which a crash can leave behind, is no frame.

/// Bytes before the payload.
pub(super) const HEADER: usize = 8;
/// The longest payload. A length beyond it is damage.
pub(super) const MAX_PAYLOAD: usize = 1 << 20;

/// The payload as a frame; `None` if it is too long for one.
pub(super) fn frame(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend(length);
    bytes.extend(checksum(length, payload).to_le_bytes());
    bytes.extend(payload);
    Some(bytes)
}

/// The payload of the frame at the start of `bytes`; `None` if there is no whole and sound one.
pub(super) fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*length) as usize;
    let payload = rest.get(..count).filter(|_| count <= MAX_PAYLOAD)?;
    (checksum(*length, payload) == u32::from_le_bytes(*sum)).then_some(payload)
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_framed_is_had_again() {
        for payload_ in [&b""[..], b"x", &[7; 5000]] {
            let mut bytes = frame(payload_).unwrap();
            bytes.extend(b"what follows");
            assert_eq!(payload(&bytes), Some(payload_));
        }
        assert_eq!(frame(&vec![0; MAX_PAYLOAD + 1]), None);
    }

    #[test]
    fn neither_a_part_nor_a_changed_bit_is_a_frame() {
        let bytes = frame(b"twelve bytes").unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(payload(&bytes[..cut]), None, "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(payload(&changed), None, "bit {bit}");
        }
        assert_eq!(payload(&[0; 64]), None);
    }
}
