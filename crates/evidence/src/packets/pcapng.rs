//! The blocks of pcapng that the store is made of (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-05.html>), in the byte order
//! of this machine.

/// Section header (section 4.1), interface description (4.2), enhanced packet (4.3).
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const MAGIC: u32 = 0x1a2b_3c4d;
/// Section 3.5: a free text; of an interface its name, and the resolution of its times.
const COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const SHB_USERAPPL: u16 = 4;
/// 10⁻⁹ seconds.
const NANOSECONDS: u8 = 9;
/// LINKTYPE_ETHERNET.
const ETHERNET: u16 = 1;

/// Bytes of a packet's block before its data, and behind data and options.
pub(crate) const PACKET_HEAD: usize = 28;
const PACKET_TAIL: usize = 4;
/// Longer packets are not kept: IP packets have at most 64 KiB, and their tags and tunnels some bytes.
pub(crate) const MAX_PACKET: usize = 128 * 1024;

/// A packet as it lies in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPacket<'a> {
    /// Which of the section's interfaces it came in by.
    pub interface: u32,
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Length on the wire.
    pub wire_len: u32,
    /// From the link header on.
    pub bytes: &'a [u8],
}

/// Bytes that a packet without options takes.
pub(crate) const fn packet_len(bytes: usize) -> usize {
    PACKET_HEAD + bytes.next_multiple_of(4) + PACKET_TAIL
}

/// The head of a file: a section and its interfaces, all of Ethernet.
pub(crate) fn head(interfaces: &[String]) -> Vec<u8> {
    let mut head = Vec::new();
    block(&mut head, SECTION, |body| {
        body.extend(MAGIC.to_ne_bytes());
        body.extend(1_u16.to_ne_bytes());
        body.extend(0_u16.to_ne_bytes());
        // Section length: not told.
        body.extend(u64::MAX.to_ne_bytes());
        option(body, SHB_USERAPPL, concat!("offport ", env!("CARGO_PKG_VERSION")).as_bytes());
        end_of_options(body);
    });
    for name in interfaces {
        block(&mut head, INTERFACE, |body| {
            body.extend(ETHERNET.to_ne_bytes());
            body.extend(0_u16.to_ne_bytes());
            // Snapshot length: no limit.
            body.extend(0_u32.to_ne_bytes());
            option(body, IF_NAME, name.as_bytes());
            option(body, IF_TSRESOL, &[NANOSECONDS]);
            end_of_options(body);
        });
    }
    head
}

/// Writes a packet where there are [`packet_len`] bytes for it.
pub(crate) fn write_packet(to: &mut [u8], packet: &StoredPacket<'_>) {
    let (head, rest) = to.split_at_mut(PACKET_HEAD);
    let (bytes, tail) = rest.split_at_mut(packet.bytes.len());
    let words = [
        PACKET,
        packet_len(packet.bytes.len()) as u32,
        packet.interface,
        (packet.time >> 32) as u32,
        packet.time as u32,
        packet.bytes.len() as u32,
        packet.wire_len,
    ];
    for (place, word) in head.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes.copy_from_slice(packet.bytes);
    let (padding, len) = tail.split_at_mut(tail.len() - PACKET_TAIL);
    padding.fill(0);
    len.copy_from_slice(&words[1].to_ne_bytes());
}

/// Appends a packet.
pub(crate) fn push_packet(to: &mut Vec<u8>, packet: &StoredPacket<'_>) {
    let at = to.len();
    to.resize(at + packet_len(packet.bytes.len()), 0);
    write_packet(&mut to[at..], packet);
}

/// When the packet came whose block begins `bytes`. They are of [`write_packet`].
pub(crate) fn time(bytes: &[u8]) -> u64 {
    packet_time(bytes).unwrap_or_default()
}

fn packet_time(bytes: &[u8]) -> Option<u64> {
    Some(u64::from(word_at(bytes, 12)?) << 32 | u64::from(word_at(bytes, 16)?))
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Appends a packet with a comment.
pub(crate) fn push_commented(to: &mut Vec<u8>, packet: &StoredPacket<'_>, comment: &str) {
    block(to, PACKET, |body| {
        let words = [packet.interface, (packet.time >> 32) as u32, packet.time as u32];
        words.iter().for_each(|word| body.extend(word.to_ne_bytes()));
        body.extend((packet.bytes.len() as u32).to_ne_bytes());
        body.extend(packet.wire_len.to_ne_bytes());
        padded(body, packet.bytes);
        option(body, COMMENT, comment.as_bytes());
        end_of_options(body);
    });
}

/// The packet whose block begins `bytes`. `None`: none does, or it is not all there.
pub(crate) fn packet(bytes: &[u8]) -> Option<StoredPacket<'_>> {
    let word = |at| word_at(bytes, at);
    let (kind, len) = (word(0)?, word(4)? as usize);
    let captured = word(20)? as usize;
    if kind != PACKET || captured > MAX_PACKET || len < packet_len(captured) || word(len - 4)? as usize != len
    {
        return None;
    }
    Some(StoredPacket {
        interface: word(8)?,
        time: packet_time(bytes)?,
        wire_len: word(24)?,
        bytes: bytes.get(PACKET_HEAD..PACKET_HEAD + captured)?,
    })
}

/// Length of the block of a packet, by its first bytes.
pub(crate) fn packet_block_len(head: &[u8]) -> Option<usize> {
    let word = |at| word_at(head, at);
    let len = word(4)? as usize;
    (word(0)? == PACKET && len <= packet_len(MAX_PACKET) && len >= packet_len(0)).then_some(len)
}

/// Interface names, in order, and the length of a file's head.
pub(crate) fn interfaces(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let word = |at| word_at(bytes, at);
    if word(0)? != SECTION || word(8)? != MAGIC {
        return None;
    }
    let mut at = word(4)? as usize;
    let mut names = Vec::new();
    while word(at) == Some(INTERFACE) {
        let len = word(at + 4)? as usize;
        let options = bytes.get(at + 16..(at + len).checked_sub(4)?)?;
        let name =
            options.get(4..)?.get(..usize::from(u16::from_ne_bytes(*options.get(2..)?.first_chunk()?)))?;
        let is_name = u16::from_ne_bytes(*options.first_chunk()?) == IF_NAME;
        names.push(if is_name { String::from_utf8_lossy(name).into_owned() } else { String::new() });
        at += len;
    }
    Some((names, at))
}

fn block(to: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.extend(kind.to_ne_bytes());
    to.extend([0; 4]);
    body(to);
    let len = (to.len() - start + 4) as u32;
    to.extend(len.to_ne_bytes());
    to[start + 4..start + 8].copy_from_slice(&len.to_ne_bytes());
}

fn option(to: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    to.extend(code.to_ne_bytes());
    to.extend((value.len() as u16).to_ne_bytes());
    padded(to, value);
}

fn end_of_options(to: &mut Vec<u8>) {
    to.extend([0; 4]);
}

fn padded(to: &mut Vec<u8>, value: &[u8]) {
    to.extend_from_slice(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_they_were_written() {
        for len in 0..9 {
            let bytes = vec![7; len];
            let stored = StoredPacket { interface: 1, time: 1 << 60 | 5, wire_len: 99, bytes: &bytes };
            let mut plain = vec![9; packet_len(len)];
            write_packet(&mut plain, &stored);
            let mut appended = vec![1];
            push_packet(&mut appended, &stored);
            assert_eq!(appended[1..], plain);
            assert_eq!(time(&plain), stored.time);
            let mut commented = Vec::new();
            push_commented(&mut commented, &stored, "ab");
            for block in [&plain, &commented] {
                assert_eq!(packet(block), Some(stored));
                assert_eq!(packet_block_len(block), Some(block.len()));
                for cut in 0..block.len() {
                    assert_eq!(packet(&block[..cut]), None, "{cut} of {}", block.len());
                }
            }
        }
    }

    #[test]
    fn the_head_names_the_interfaces() {
        let names = ["eth1".to_owned(), "".to_owned(), "wlan-12345".to_owned()];
        let head = head(&names);
        assert_eq!(interfaces(&head), Some((names.to_vec(), head.len())));
        assert_eq!(interfaces(&head[1..]), None);
    }
}
