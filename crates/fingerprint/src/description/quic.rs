//! QUIC: the client's hello in its Initial packet (RFC 9001, section 4; RFC 9000, section 19.6), which anyone can open. Of
//! Google's own versions before Q050, the version.

use super::hello::CLIENT_HELLO;
use super::ja::Carrier;
use super::{Description, Field, tls};
use crate::exchange::{Exchange, Speaker};
use crate::gquic;
use crate::protocols::quic::{open_initial, version_of};
use crate::quic_frames::crypto_pieces;
use crate::quic_initial::PLAINTEXT_MAX;

pub(super) fn describe(exchange: &Exchange<'_>, description: &mut Description) {
    let sides = [&exchange.client, &exchange.server];
    if let Some(version) = sides.into_iter().find_map(version_of) {
        description.word(Field::QuicVersion, name(version));
    }
    let mut plaintext = [0; PLAINTEXT_MAX];
    let Some(frames) = open_initial(&exchange.client, Speaker::Client, &mut plaintext) else { return };
    let stream = beginning(crypto_pieces(frames));
    if let Some(message) = tls::message(&stream, CLIENT_HELLO) {
        tls::describe_client(message, Carrier::Quic, description);
    }
}

/// The stream that pieces of it make, up to the first gap. They may come in any order, and more than once.
fn beginning(mut pieces: Vec<(u64, &[u8])>) -> Vec<u8> {
    pieces.sort_by_key(|&(offset, _)| offset);
    let mut stream = Vec::new();
    for (offset, bytes) in pieces {
        let Some(known) = usize::try_from(offset).ok().and_then(|offset| stream.len().checked_sub(offset))
        else {
            break;
        };
        stream.extend_from_slice(bytes.get(known..).unwrap_or_default());
    }
    stream
}

/// RFC 9000 and RFC 9369; drafts; versions that are four characters, as Google's.
fn name(version: u32) -> String {
    match version {
        1 => "1".to_owned(),
        0x6b33_43cf => "2".to_owned(),
        0xff00_0000..=0xff00_00ff => format!("draft-{}", version & 0xff),
        _ if gquic::is_version(version) || version.to_be_bytes().iter().all(u8::is_ascii_alphanumeric) => {
            version.to_be_bytes().map(char::from).iter().collect()
        }
        _ => format!("0x{version:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::testing::said;
    use crate::name::Protocol::Quic;
    use crate::protocols::quic::tests::{V1_CLIENT, V2_CLIENT, datagram};
    use crate::talk::Talk;

    /// The sample packets of RFC 9001 and RFC 9369, appendix A.2, carry one hello.
    #[test]
    fn the_hello_in_the_sample_packets() {
        for (packet, version) in [(V1_CLIENT, 1), (V2_CLIENT, 2)] {
            assert_eq!(
                said(Quic, &Talk::udp().client(&datagram(packet))),
                format!(
                    "offport.quic.version={version} tls.client.server_name=example.com offport.tls.client_alpn=alpn \
                     offport.tls.client_version=1.3 offport.tls.ja4=q13d0211an_62ed6f6ca7ad_4d634acda6c0"
                )
            );
        }
    }

    #[test]
    fn a_packet_that_does_not_open_has_a_version() {
        let mut packet = datagram(V1_CLIENT);
        packet[7] ^= 1;
        assert_eq!(said(Quic, &Talk::udp().client(&packet)), "offport.quic.version=1");
        let google = [&[0x09][..], &[7; 8], b"Q043\x01", &[0; 12]].concat();
        assert_eq!(said(Quic, &Talk::udp().client(&google)), "offport.quic.version=Q043");
        let long = [&b"\xc3Q046\x50"[..], &[0; 30]].concat();
        assert_eq!(said(Quic, &Talk::udp().client(&long)), "offport.quic.version=Q046");
        assert_eq!(said(Quic, &Talk::udp().client(&[0x45; 40])), "");
    }

    #[test]
    fn versions_by_name() {
        let names = [1, 0x6b33_43cf, 0xff00_001d, u32::from_be_bytes(*b"Q046"), 0xface_b002].map(name);
        assert_eq!(names, ["1", "2", "draft-29", "Q046", "0xfaceb002"]);
    }

    #[test]
    fn pieces_in_any_order_up_to_a_gap() {
        let pieces: Vec<(u64, &[u8])> = vec![(4, b"efg"), (0, b"abcd"), (5, b"fghi"), (20, b"x"), (2, b"cd")];
        assert_eq!(beginning(pieces), b"abcdefghi");
        assert_eq!(beginning(vec![(1, b"b")]), b"");
    }
}
