//! Opens the beginning of a QUIC Initial packet: RFC 9001, sections 5.2 to 5.4; RFC 9369, section 3.
//!
//! The keys follow from a connection id that travels in the clear, so anyone on the path can read an Initial. The
//! authentication tag stands at the end of a packet that the payload bound usually cuts: the frames that come out
//! are the proof instead.

use std::sync::LazyLock;

use aes::Aes128;
use aes::cipher::{Block, BlockEncrypt, KeyInit};
use hkdf::{Hkdf, HkdfExtract};
use sha2::Sha256;

use crate::exchange::Speaker;

/// The most plaintext that is opened: as much as a side's bytes usually hold.
pub(crate) const PLAINTEXT_MAX: usize = 512;

const BLOCK: usize = 16;
const TAG_LEN: usize = 16;

/// What a version changes about Initial packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flavour {
    salt: Salt,
    labels: Labels,
    /// The long packet type of an Initial: 0, or 1 in version 2.
    pub(crate) initial_type: u8,
    /// Google's versions carry frames of their own.
    pub(crate) google_frames: bool,
}

/// The labels of the key, the IV and the header key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Labels {
    key: &'static [u8],
    iv: &'static [u8],
    hp: &'static [u8],
}

const LABELS_V1: Labels = Labels { key: b"quic key", iv: b"quic iv", hp: b"quic hp" };
const LABELS_V2: Labels = Labels { key: b"quicv2 key", iv: b"quicv2 iv", hp: b"quicv2 hp" };

/// Whose salt: an index into [`SALTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Salt {
    V1,
    V2,
    V2Draft,
    Draft29,
    Draft23,
    Draft21,
    Q050,
    T050,
    T051,
}

const SALTS: [[u8; 20]; 9] = [
    // RFC 9001, section 5.2.
    hex20("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    // RFC 9369, section 3.3.1.
    hex20("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
    // draft-ietf-quic-v2-01, and draft-ietf-quic-tls-29, -23, -21, section 5.2 of each.
    hex20("a707c203a59b47184a1d62ca570406ea7ae3e5d3"),
    hex20("afbfec289993d24c9e9786f19c6111e04390a899"),
    hex20("c3eef712c72ebb5a11a7d2432bb46365bef9f502"),
    hex20("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a"),
    // Q050, T050, T051 (quiche, QuicVersion).
    hex20("504574efd066fe2f9d945cfcdbd3a7f0d3b56b45"),
    hex20("7ff579e5acd072915580304c43a2367c60488310"),
    hex20("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d"),
];

/// HKDF-Extract when it has taken a salt in, which is the same for every flow.
static SALTED: LazyLock<[HkdfExtract<Sha256>; SALTS.len()]> =
    LazyLock::new(|| SALTS.map(|salt| HkdfExtract::new(Some(&salt))));

const V1: Flavour = Flavour { salt: Salt::V1, labels: LABELS_V1, initial_type: 0, google_frames: false };
/// RFC 9369, section 3.2.
const V2: Flavour = Flavour { salt: Salt::V2, labels: LABELS_V2, initial_type: 1, google_frames: false };

const fn google(salt: Salt) -> Flavour {
    Flavour { salt, google_frames: true, ..V1 }
}

/// Versions whose salt is known, from the first to the last.
const VERSIONS: [(u32, u32, Flavour); 13] = [
    (1, 1, V1),
    (0x6b33_43cf, 0x6b33_43cf, V2),
    (0x709a_50c4, 0x709a_50c4, Flavour { salt: Salt::V2Draft, ..V2 }),
    (0xff00_0015, 0xff00_0016, Flavour { salt: Salt::Draft21, ..V1 }),
    (0xff00_0017, 0xff00_001c, Flavour { salt: Salt::Draft23, ..V1 }),
    (0xff00_001d, 0xff00_0020, Flavour { salt: Salt::Draft29, ..V1 }),
    (0xff00_0021, 0xff00_0022, V1),
    // mvfst numbers its own versions; the second and the third are draft 27.
    (0xface_b001, 0xface_b001, Flavour { salt: Salt::Draft21, ..V1 }),
    (0xface_b002, 0xface_b002, Flavour { salt: Salt::Draft23, ..V1 }),
    (0xface_b00e, 0xface_b00e, Flavour { salt: Salt::Draft23, ..V1 }),
    (0x5130_3530, 0x5130_3530, google(Salt::Q050)),
    (0x5430_3530, 0x5430_3530, google(Salt::T050)),
    (0x5430_3531, 0x5430_3531, google(Salt::T051)),
];

/// The Initial packets of a version; `None` where its salt is not known.
pub(crate) fn flavour(version: u32) -> Option<Flavour> {
    let is_it = |(first, last, _): &&(u32, u32, Flavour)| (*first..=*last).contains(&version);
    VERSIONS.iter().find(is_it).map(|(_, _, flavour)| *flavour)
}

/// Whether a version whose salt is known begins with this byte.
pub(crate) fn is_first_of_version(byte: u8) -> bool {
    VERSIONS.iter().any(|(first, _, _)| (first >> 24) as u8 == byte)
}

/// Where the parts of an Initial packet are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Offset of the packet number.
    pub(crate) number_at: usize,
    /// Offset behind the packet, tag included; may lie beyond the bytes that were kept.
    pub(crate) end: usize,
}

/// Opens what is there of the packet at the start of `bytes` into `plaintext`, and returns that much of it with the
/// length of the whole payload.
///
/// `None` if too little is there to lift the header protection, or if what it lifts to is not a packet.
pub(crate) fn open<'p>(
    flavour: &Flavour,
    original_dcid: &[u8],
    speaker: Speaker,
    bytes: &[u8],
    layout: Layout,
    plaintext: &'p mut [u8; PLAINTEXT_MAX],
) -> Option<(&'p [u8], usize)> {
    let keys = Keys::derive(flavour, original_dcid, speaker)?;
    let number_and_rest = bytes.get(layout.number_at..)?;
    let sample: [u8; BLOCK] = *number_and_rest.get(4..)?.first_chunk()?;
    let mask = keys.header.encrypted(sample);
    let first = bytes.first()? ^ (mask[0] & 0x0f);
    // RFC 9000, section 17.2: the reserved bits are zero under the protection.
    if first & 0x0c != 0 {
        return None;
    }
    let number_len = usize::from(first & 3) + 1;
    let mut nonce = keys.iv;
    let masked = number_and_rest.iter().zip(&mask[1..]).take(number_len);
    for (place, (byte, mask)) in nonce[12 - number_len..].iter_mut().zip(masked) {
        *place ^= byte ^ mask;
    }
    let start = layout.number_at + number_len;
    let payload_len = layout.end.checked_sub(start + TAG_LEN)?;
    let sealed = bytes.get(start..)?;
    let sealed = sealed.get(..payload_len.min(PLAINTEXT_MAX)).unwrap_or(sealed);
    let opened = plaintext.get_mut(..sealed.len())?;
    opened.copy_from_slice(sealed);
    let stream = keys.packet.stream(&nonce);
    for (block, key) in opened.chunks_mut(BLOCK).zip(stream) {
        xor(block, key.into());
    }
    Some((opened, payload_len))
}

/// Of a whole block at once, which most are.
fn xor(block: &mut [u8], key: [u8; BLOCK]) {
    match <&mut [u8; BLOCK]>::try_from(&mut *block) {
        Ok(whole) => *whole = (u128::from_ne_bytes(*whole) ^ u128::from_ne_bytes(key)).to_ne_bytes(),
        Err(_) => block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key),
    }
}

struct Keys {
    packet: BlockCipher,
    iv: [u8; 12],
    header: BlockCipher,
}

impl Keys {
    fn derive(flavour: &Flavour, original_dcid: &[u8], speaker: Speaker) -> Option<Self> {
        let mut initial = SALTED[flavour.salt as usize].clone();
        initial.input_ikm(original_dcid);
        let (_, initial) = initial.finalize();
        let side: &[u8] = match speaker {
            Speaker::Client => b"client in",
            Speaker::Server => b"server in",
        };
        let secret = Hkdf::<Sha256>::from_prk(&expand_label::<32>(&initial, side)?).ok()?;
        Some(Self {
            packet: BlockCipher::new(expand_label(&secret, flavour.labels.key)?),
            iv: expand_label(&secret, flavour.labels.iv)?,
            header: BlockCipher::new(expand_label(&secret, flavour.labels.hp)?),
        })
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
fn expand_label<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; N]> {
    const PREFIX: &[u8] = b"tls13 ";
    let mut out = [0; N];
    let length = (N as u16).to_be_bytes();
    let label_len = [(PREFIX.len() + label.len()) as u8];
    secret.expand_multi_info(&[&length, &label_len, PREFIX, label, &[0]], &mut out).ok()?;
    Some(out)
}

struct BlockCipher(Aes128);

impl BlockCipher {
    fn new(key: [u8; 16]) -> Self {
        Self(Aes128::new(&key.into()))
    }

    /// What a packet is encrypted with: counters, of which GCM spends the first on the tag (NIST SP 800-38D, section 7.1).
    fn stream(&self, nonce: &[u8; 12]) -> [Block<Aes128>; PLAINTEXT_MAX / BLOCK] {
        let mut counter = 1_u32;
        let mut blocks = [Block::<Aes128>::default(); PLAINTEXT_MAX / BLOCK];
        for block in &mut blocks {
            counter += 1;
            let (fixed, counted) = block.split_at_mut(nonce.len());
            fixed.copy_from_slice(nonce);
            counted.copy_from_slice(&counter.to_be_bytes());
        }
        // All at once: the processor works on several.
        self.0.encrypt_blocks(&mut blocks);
        blocks
    }

    fn encrypted(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Block::<Aes128>::from(block);
        self.0.encrypt_block(&mut block);
        block.into()
    }
}

const fn hex20(text: &str) -> [u8; 20] {
    const fn digit(byte: u8) -> u8 {
        match byte {
            b'0'..=b'9' => byte - b'0',
            _ => byte - b'a' + 10,
        }
    }
    let text = text.as_bytes();
    let mut out = [0; 20];
    let mut index = 0;
    while index < 20 {
        out[index] = digit(text[2 * index]) << 4 | digit(text[2 * index + 1]);
        index += 1;
    }
    out
}
