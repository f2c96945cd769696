//! QUIC: RFC 9000, section 17 (packet formats), RFC 9001 (Initial protection), RFC 9369 (version 2), RFC 8999 (what all
//! versions share); the drafts from 21 on; Google QUIC (`gquic.rs`).
//!
//! From the client, an Initial whose protection lifts, with the keys that its own connection id gives, to frames
//! that an Initial may hold. From the server, the same once the client's connection id is known; alone, a long
//! header whose version and lengths agree, a version negotiation or a Retry. An Initial that does not open is
//! plausible if its length is the datagram's: its keys may hang on a connection id that was not seen. Packets with a short header are
//! random to an observer and prove nothing.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::gquic;
use crate::name::Protocol;
use crate::probe::{LENGTH, Match, Probe, Sides, Transports};
use crate::quic_frames::{are_initial_frames, varint};
use crate::quic_initial::{Flavour, Layout, PLAINTEXT_MAX, flavour, is_first_of_version, open};
use crate::reader::Reader;

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Quic,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[
        // A long header: the length of the first id, behind a version that is known, or in a datagram that a client may begin
        // with.
        &[(0, is_long), (1, is_of_version), (5, |length| length <= CONNECTION_ID_MAX)],
        &[(0, is_long), (5, |length| length <= CONNECTION_ID_MAX), (LENGTH, |length| length == u8::MAX)],
        // Google's: behind its version, and behind its public flags.
        &[(0, is_long), (1, |byte| byte == b'Q'), (5, gquic::are_id_lengths)],
        &[(0, gquic::is_version_first), (1, |byte| byte == b'Q')],
        &[(0, gquic::is_version_behind_id), (9, |byte| byte == b'Q')],
        &[(0, gquic::is_reset), (1, |byte| byte == b'P')],
        &[(0, gquic::is_reset), (9, |byte| byte == b'P')],
        &[(0, gquic::is_bare)],
    ],
    stream: &[],
    check,
};

const fn is_long(first: u8) -> bool {
    first >= 0x80
}

/// The first byte of a version that is known, of a version negotiation (zero), or of one that forces it.
fn is_of_version(byte: u8) -> bool {
    byte == 0 || is_reserved(u32::from_be_bytes([byte, 0x0a, 0x0a, 0x0a])) || is_first_of_version(byte)
}

/// RFC 9000, section 17.2: connection ids have at most 20 bytes.
const CONNECTION_ID_MAX: u8 = 20;

/// RFC 9000, section 14.1: datagrams with a client's Initial are at least this long.
const INITIAL_DATAGRAM_MIN: u32 = 1200;

/// RFC 9000, section 17.2.5, of a Retry.
const INTEGRITY_TAG_LEN: usize = 16;

fn check(exchange: &Exchange<'_>) -> Match {
    let client = long_header(&exchange.client);
    let from_client = examine(&exchange.client, Speaker::Client, client.as_ref(), None);
    let from_server =
        examine(&exchange.server, Speaker::Server, long_header(&exchange.server).as_ref(), client.as_ref());
    let opening = match exchange.first {
        Speaker::Client => from_client,
        Speaker::Server => from_server,
    };
    if opening == Finding::Opaque && !exchange.midstream {
        return Match::No;
    }
    match (from_client, from_server) {
        (Finding::Refused, _) | (_, Finding::Refused) => Match::No,
        (Finding::Proven(client), Finding::Proven(server)) => Match::Yes(client.max(server)),
        // To a version that is not known, a version negotiation or the ids echoed are the answer.
        (Finding::Proven(proof), _) | (_, Finding::Proven(proof)) => Match::Yes(proof),
        (Finding::Possible, Finding::Silent) | (Finding::Silent, Finding::Possible) => Match::Maybe,
        _ => Match::No,
    }
}

/// What the first datagram of one side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// There is none.
    Silent,
    /// It may be a packet with a short header: neither for nor against.
    Opaque,
    /// A long header of a version that is not known.
    Possible,
    Proven(Proof),
    Refused,
}

/// What all versions share of a long header (RFC 8999, section 5.1).
#[derive(Clone, Copy, Debug)]
struct LongHeader<'a> {
    first: u8,
    version: u32,
    dcid: &'a [u8],
    scid: &'a [u8],
    /// What follows, as far as it was kept.
    rest: &'a [u8],
}

impl LongHeader<'_> {
    const fn packet_type(&self) -> u8 {
        self.first >> 4 & 3
    }

    const fn has_fixed_bit(&self) -> bool {
        self.first & 0x40 != 0
    }
}

fn long_header<'a>(side: &Side<'a>) -> Option<LongHeader<'a>> {
    let mut reader = Reader::new(side.first_datagram());
    let first = reader.u8().filter(|first| first & 0x80 != 0)?;
    let version = reader.u32_be()?;
    let mut connection_id = || {
        let len = reader.u8().filter(|&len| len <= CONNECTION_ID_MAX)?;
        reader.take(usize::from(len))
    };
    Some(LongHeader { first, version, dcid: connection_id()?, scid: connection_id()?, rest: reader.rest() })
}

/// The version that a side's first datagram names, Google's first ones included.
pub(crate) fn version_of(side: &Side<'_>) -> Option<u32> {
    let (flags, rest) = side.first_datagram().split_first()?;
    // Google's public flags say that a version stands behind the connection id of eight bytes.
    let at = match flags {
        0x80.. => 0,
        _ if flags & 0x09 == 0x09 => 8,
        _ => return None,
    };
    let version = u32::from_be_bytes(*rest.get(at..)?.first_chunk()?);
    (version != 0 && (at == 0 || gquic::is_version(version))).then_some(version)
}

/// The frames, as far as kept, of the Initial packet that the client's first datagram begins with.
pub(crate) fn open_initial<'p>(
    side: &Side<'_>,
    speaker: Speaker,
    plaintext: &'p mut [u8; PLAINTEXT_MAX],
) -> Option<&'p [u8]> {
    let header = long_header(side)?;
    let flavour = flavour(header.version)?;
    if header.packet_type() != flavour.initial_type || flavour.google_frames {
        return None;
    }
    let layout = initial_layout(side, speaker, &header)?;
    let (frames, len) = open(&flavour, header.dcid, speaker, side.first_datagram(), layout, plaintext)?;
    are_initial_frames(frames, len, speaker, false).then_some(frames)
}

fn examine(
    side: &Side<'_>,
    speaker: Speaker,
    header: Option<&LongHeader<'_>>,
    peer: Option<&LongHeader<'_>>,
) -> Finding {
    let datagram = side.first_datagram();
    let Some(&first) = datagram.first() else { return Finding::Silent };
    if first & 0x80 == 0 {
        return match gquic::proof(datagram) {
            Some(proof) => Finding::Proven(proof),
            None => Finding::Opaque,
        };
    }
    if let Some((version, rest)) = datagram.get(1..).and_then(|rest| rest.split_first_chunk())
        && gquic::is_version(u32::from_be_bytes(*version))
    {
        return gquic::long_header_proof(rest).map_or(Finding::Refused, Finding::Proven);
    }
    let Some(header) = header else { return Finding::Refused };
    if header.version == 0 {
        return if speaker == Speaker::Server { negotiation(side, header, peer) } else { Finding::Refused };
    }
    let Some(flavour) = flavour(header.version) else { return unknown_version(side, speaker, header, peer) };
    if header.packet_type() == flavour.initial_type {
        return initial(side, speaker, header, &flavour, peer);
    }
    // Version 2 turns the types by one (RFC 9369, section 3.2): 0-RTT, Handshake, Retry follow the Initial.
    match header.packet_type().wrapping_sub(flavour.initial_type) & 3 {
        3 if speaker == Speaker::Server => retry(side, header, peer),
        3 => Finding::Refused,
        _ => body(side, header, &mut Reader::new(header.rest))
            .map_or(Finding::Refused, |_| Finding::Proven(Proof::Heuristic)),
    }
}

/// RFC 9000, section 17.2.2.
#[inline(never)]
fn initial(
    side: &Side<'_>,
    speaker: Speaker,
    header: &LongHeader<'_>,
    flavour: &Flavour,
    peer: Option<&LongHeader<'_>>,
) -> Finding {
    let Some(layout) = initial_layout(side, speaker, header) else { return Finding::Refused };
    let original_dcid = match speaker {
        Speaker::Client => header.dcid,
        Speaker::Server => match peer {
            Some(peer) if peer.scid != header.dcid => return Finding::Refused,
            Some(peer) => peer.dcid,
            None => return Finding::Proven(Proof::Banner),
        },
    };
    if layout.number_at + 20 > side.first_datagram().len() {
        // A long token left no room for the sample.
        return Finding::Proven(Proof::Banner);
    }
    let mut plaintext = [0; PLAINTEXT_MAX];
    match open(flavour, original_dcid, speaker, side.first_datagram(), layout, &mut plaintext) {
        Some((frames, payload_len))
            if are_initial_frames(frames, payload_len, speaker, flavour.google_frames) =>
        {
            Finding::Proven(Proof::Structure)
        }
        // Known version, type, ids, token and length: more than 50 bits that agree.
        _ if layout.end == side.first_len as usize => Finding::Proven(Proof::Heuristic),
        _ => Finding::Refused,
    }
}

/// Token and length of an Initial, in their bounds.
fn initial_layout(side: &Side<'_>, speaker: Speaker, header: &LongHeader<'_>) -> Option<Layout> {
    let mut reader = Reader::new(header.rest);
    let token_len = varint(&mut reader)?;
    // RFC 9000, section 17.2.2: a server's Initial has no token.
    if !header.has_fixed_bit() || speaker == Speaker::Server && token_len != 0 {
        return None;
    }
    if token_len > reader.len() as u64 {
        // Cut inside the token.
        let beyond = token_len < u64::from(side.first_len);
        return beyond
            .then_some(Layout { number_at: side.first_datagram().len(), end: side.first_len as usize });
    }
    reader.take(usize::try_from(token_len).ok()?)?;
    body(side, header, &mut reader)
}

/// Length, packet number and payload: the end of an Initial, 0-RTT or Handshake packet.
fn body(side: &Side<'_>, header: &LongHeader<'_>, reader: &mut Reader<'_>) -> Option<Layout> {
    let length = varint(reader)?;
    let number_at = side.first_datagram().len() - reader.len();
    let end = u64::try_from(number_at).ok()?.checked_add(length)?;
    // At least a packet number, one byte and a tag (RFC 9001, section 5.4.2: enough to sample).
    let fits = header.has_fixed_bit() && length >= 20 && end <= u64::from(side.first_len);
    fits.then_some(Layout { number_at, end: usize::try_from(end).ok()? })
}

/// RFC 9000, section 17.2.5: a token, then an integrity tag.
fn retry(side: &Side<'_>, header: &LongHeader<'_>, peer: Option<&LongHeader<'_>>) -> Finding {
    let fits = header.has_fixed_bit() && header.rest.len() > INTEGRITY_TAG_LEN && !side.first_is_cut();
    let answers = peer.is_none_or(|peer| peer.scid == header.dcid);
    if fits && answers { Finding::Proven(Proof::Banner) } else { Finding::Refused }
}

/// RFC 8999, section 6: the ids of the client's packet the other way round, then a list of versions.
fn negotiation(side: &Side<'_>, header: &LongHeader<'_>, peer: Option<&LongHeader<'_>>) -> Finding {
    let (versions, odd) = header.rest.as_chunks();
    if versions.is_empty() || !odd.is_empty() || side.first_is_cut() {
        return Finding::Refused;
    }
    // Without an id there is nothing that a client could know its packet by.
    if header.dcid.is_empty() && header.scid.is_empty() {
        return Finding::Refused;
    }
    match peer {
        Some(peer) if peer.scid == header.dcid && peer.dcid == header.scid => {
            Finding::Proven(Proof::Structure)
        }
        Some(_) => Finding::Refused,
        None if versions.iter().any(|&version| is_known(u32::from_be_bytes(version))) => {
            Finding::Proven(Proof::Banner)
        }
        // The client's packet may have been overtaken, and shows whose ids these are.
        None => Finding::Possible,
    }
}

/// A version that is not known, or one that is reserved to force a version negotiation (RFC 9000, section 15).
fn unknown_version(
    side: &Side<'_>,
    speaker: Speaker,
    header: &LongHeader<'_>,
    peer: Option<&LongHeader<'_>>,
) -> Finding {
    match speaker {
        Speaker::Client => match initial_layout(side, speaker, header) {
            Some(_) if !is_first_initial(side, header) => Finding::Refused,
            Some(_) if is_reserved(header.version) => Finding::Proven(Proof::Banner),
            Some(_) => Finding::Possible,
            None => Finding::Refused,
        },
        Speaker::Server => match peer {
            Some(peer)
                if peer.version == header.version && peer.scid == header.dcid && !peer.scid.is_empty() =>
            {
                Finding::Proven(Proof::Structure)
            }
            None if !header.rest.is_empty() && side.first_len >= INITIAL_DATAGRAM_MIN => Finding::Possible,
            _ => Finding::Refused,
        },
    }
}

/// The bounds of a client's first packet in the versions so far: RFC 9000, sections 7.2 and 14.1; RFC 9369, section 3.2.
fn is_first_initial(side: &Side<'_>, header: &LongHeader<'_>) -> bool {
    side.first_len >= INITIAL_DATAGRAM_MIN && header.dcid.len() >= 8 && header.packet_type() <= 1
}

fn is_known(version: u32) -> bool {
    flavour(version).is_some() || gquic::is_version(version) || is_reserved(version)
}

/// RFC 9000, section 15: versions of the form `0x?a?a?a?a`.
const fn is_reserved(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, random_yeses};

    /// RFC 9001, appendix A.2: the beginning of a packet of 1200 bytes.
    pub(crate) const V1_CLIENT: &str = "\
        c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c\
        0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad67500cadb8e7378c\
        8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711b39343fa028cea7f7fb5ff89\
        eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae812154682e9cf012f9021a6f0be17ddd0c208\
        4dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e\
        610ac8b7ec3faf6ad760b7bad1db4ba3485e8a94dc250ae3fdb41ed15fb6a8e5eba0fc3dd60bc8e30c5c4287e53805db\
        059ae0648db2f64264ed5e39be2e20d82df566da8dd5998ccabdae053060ae6c7b4378e846d29f37ed7b4ea9ec5d82e7\
        961b7f25a9323851f681d582363aa5f89937f5a67258bf63ad6f1a0b1d96dbd4faddfcefc5266ba6611722395c906556\
        be52afe3f565636ad1b17d508b73d8743eeb524be22b3dcbc2c7468d54119c7468449a13d8e3b95811a198f3491de3e7\
        fe942b330407abf82a4ed7c1b311663ac69890f4157015853d91e923037c227a33cdd5ec281ca3f79c44546b9d90ca00";
    /// RFC 9001, appendix A.3.
    const V1_SERVER: &str = "\
        cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb3\
        8cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84\
        022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee";
    /// RFC 9001, appendix A.4.
    const V1_RETRY: &str = "\
        ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba";
    /// RFC 9369, appendix A.2: the beginning of a packet of 1200 bytes.
    pub(crate) const V2_CLIENT: &str = "\
        d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c\
        96058bdbfb127cdfcbf903388e99ad049f9a3dd4425ae4d0992cfff18ecf0fdb5a842d09747052f17ac2053d21f57c5d\
        250f2c4f0e0202b70785b7946e992e58a59ac52dea6774d4f03b55545243cf1a12834e3f249a78d395e0d18f4d766004\
        f1a2674802a747eaa901c3f10cda5500cb9122faa9f1df66c392079a1b40f0de1c6054196a11cbea40afb6ef5253cd68\
        18f6625efce3b6def6ba7e4b37a40f7732e093daa7d52190935b8da58976ff3312ae50b187c1433c0f028edcc4c2838b\
        6a9bfc226ca4b4530e7a4ccee1bfa2a3d396ae5a3fb512384b2fdd851f784a65e03f2c4fbe11a53c7777c023462239dd\
        6f7521a3f6c7d5dd3ec9b3f233773d4b46d23cc375eb198c63301c21801f6520bcfb7966fc49b393f0061d974a2706df\
        8c4a9449f11d7f3d2dcbb90c6b877045636e7c0c0fe4eb0f697545460c806910d2c355f1d253bc9d2452aaa549e27a1f\
        ac7cf4ed77f322e8fa894b6a83810a34b361901751a6f5eb65a0326e07de7c1216ccce2d0193f958bb3850a833f7ae43\
        2b65bc5a53975c155aa4bcb4f7b2c4e54df16efaf6ddea94e2c50b4cd1dfe06017e0e9d02900cffe1935e0491d77ffb4";
    /// RFC 9369, appendix A.3.
    const V2_SERVER: &str = "\
        dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf872630\
        17915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2\
        c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140";
    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// The packet at its full length; what stands behind the bound is never read.
    pub(crate) fn datagram(hex: &str) -> Vec<u8> {
        let mut bytes = bytes(hex);
        bytes.resize(1200, 0);
        bytes
    }

    const STRUCTURE: Match = Match::Yes(Proof::Structure);
    const BANNER: Match = Match::Yes(Proof::Banner);

    #[test]
    fn the_sample_packets_of_both_versions_open() {
        for (client, server) in [(V1_CLIENT, V1_SERVER), (V2_CLIENT, V2_SERVER)] {
            let (client, server) = (datagram(client), bytes(server));
            assert_eq!(Talk::udp().client(&client).ask(check), STRUCTURE);
            assert_eq!(Talk::udp().client(&client).server(&server).ask(check), STRUCTURE);
            assert_eq!(Talk::udp().server(&server).ask(check), BANNER);
        }
    }

    #[test]
    fn the_servers_packet_needs_the_clients_id() {
        let mut server = bytes(V1_SERVER);
        server[40] ^= 0xff;
        // A changed byte at the end of the sample changes the mask, and so the packet number.
        server[30] ^= 0xff;
        let client = datagram(V1_CLIENT);
        server.push(0);
        assert_eq!(Talk::udp().client(&client).server(&server).ask(check), Match::No);
    }

    #[test]
    fn a_long_header_over_junk_is_no_initial() {
        let mut noise = Noise::new(9);
        let yes = (0..20_000)
            .filter(|_| {
                let mut packet = bytes(&V1_CLIENT[..36]);
                packet[6..14].copy_from_slice(&noise.next().to_be_bytes());
                packet.extend(noise.bytes(1183));
                Talk::udp().client(&packet).ask(check) != Match::No
            })
            .count();
        assert!(yes <= 2, "{yes}");
    }

    #[test]
    fn an_initial_of_the_right_length_that_does_not_open_is_plausible() {
        let packet = [bytes(&V1_CLIENT[..36]), vec![0; 1182]].concat();
        assert_eq!(Talk::udp().client(&packet).ask(check), Match::Yes(Proof::Heuristic));
        for (offset, value) in [(0, 0x80), (1, 9), (5, 21), (14, 9), (15, 0x7f), (17, 0x9d)] {
            let mut wrong = packet.clone();
            wrong[offset] = value;
            assert_ne!(Talk::udp().client(&wrong).ask(check), Match::Yes(Proof::Heuristic), "{offset}");
        }
    }

    #[test]
    fn retry_and_version_negotiation() {
        let client = datagram(V1_CLIENT);
        assert_eq!(Talk::udp().client(&client).server(&bytes(V1_RETRY)).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().server(&bytes(V1_RETRY)).ask(check), BANNER);
        let ids = [&[0][..], &[8], &client[6..14]].concat();
        let negotiation = [&[0x80, 0, 0, 0, 0][..], &ids, &[0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf]].concat();
        assert_eq!(Talk::udp().server(&negotiation).ask(check), BANNER);
        let mut future = client.clone();
        future[1..5].copy_from_slice(&[0, 0, 0, 9]);
        assert_eq!(Talk::udp().client(&future).ask(check), Match::Maybe);
        assert_eq!(Talk::udp().client(&future).server(&negotiation).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&future).server(b"raw").ask(check), Match::No);
        let unheard = [&[0x80, 0, 0, 0, 0][..], &ids, &[0, 0, 0, 9]].concat();
        assert_eq!(Talk::udp().server(&unheard).ask(check), Match::Maybe);
        assert_eq!(Talk::udp().server(&unheard).client(&future).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().server(&unheard).client(b"\xc0raw").ask(check), Match::No);
        let nobodys = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!(Talk::udp().server(&nobodys).ask(check), Match::No);
        let mut reserved = client;
        reserved[1..5].copy_from_slice(&[0x1a, 0x2a, 0x3a, 0x4a]);
        assert_eq!(Talk::udp().client(&reserved).ask(check), BANNER);
    }

    #[test]
    fn google_quic() {
        let hello = |flags: u8, version: &[u8]| {
            [
                &[flags][..],
                &[7; 8],
                version,
                &[1],
                &[0x5a; 12],
                b"\xa0\x01\x04\x00CHLO\x18\0\0\0PAD\0",
                &[0; 1000],
            ]
            .concat()
        };
        assert_eq!(Talk::udp().client(&hello(0x0d, b"Q035")).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&hello(0x09, b"Q043")).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&hello(0x09, b"X043")).ask(check), Match::No);
        let rejection = [
            &[0x08][..],
            &[7; 8],
            &[1],
            &[0x5a; 12],
            b"\x40\x01\x03\xa5\x01\x00\x06\x00\xa0\x01\x02\x5bREJ\0\x07\0\0\0",
            &[0; 600],
        ]
        .concat();
        assert_eq!(Talk::udp().server(&rejection).ask(check), BANNER);
        let negotiation = [&[0x09][..], &[7; 8], b"Q046Q043Q039"].concat();
        assert_eq!(Talk::udp().server(&negotiation).ask(check), STRUCTURE);
        let long = [
            b"\xc3Q046\x50",
            &[7; 8][..],
            &[0, 0, 0, 1],
            &[0x5a; 12],
            b"\xa0\x01\x04\x00CHLO\x19\0\0\0",
            &[0; 1000],
        ]
        .concat();
        assert_eq!(Talk::udp().client(&long).ask(check), STRUCTURE);
    }

    #[test]
    fn short_headers_prove_nothing() {
        let short = [&[0x45][..], &Noise::new(5).bytes(60)].concat();
        assert_eq!(Talk::udp().client(&short).server(&short).midstream().ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
