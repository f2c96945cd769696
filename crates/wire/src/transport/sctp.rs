//! SCTP (RFC 9260), with the interleaved data of RFC 8260.

use crate::ip::{Ip, Segment};
use crate::key::Transport;
use crate::packet::{Parsed, TransportHeader};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::{Context, Walk};

/// Chunks of one packet that are looked at; DATA comes behind control chunks (RFC 9260, section 6.10).
const MAX_CHUNKS: usize = 16;

const DATA: u8 = 0;
const INIT: u8 = 1;
const ABORT: u8 = 6;
const SHUTDOWN_COMPLETE: u8 = 14;
const I_DATA: u8 = 64;

/// From the source port on.
pub(crate) fn parse<'a>(walk: Walk, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (&[s0, s1, d0, d1, ..], rest) = view.header::<12>().ok_or(Drop::TransportTruncated)?;
    let chunks = Chunks::walk(rest)?;
    let segment = Segment {
        transport: Transport::SCTP,
        ports: (be16(s0, s1), be16(d0, d1)),
        header: TransportHeader::Sctp { init: chunks.init, end: chunks.end },
        payload: chunks.data.unwrap_or(View::new(&[], 0)),
    };
    Ok(walk.packet(ip, segment))
}

#[derive(Default)]
struct Chunks<'a> {
    init: bool,
    end: bool,
    data: Option<View<'a>>,
}

impl<'a> Chunks<'a> {
    fn walk(mut view: View<'a>) -> Result<Self, Drop> {
        let mut chunks = Self::default();
        for _ in 0..MAX_CHUNKS {
            let Some((&[kind, _, l0, l1], _)) = view.header() else {
                // Up to 3 bytes are padding that a sender put in too much; more is cut by the capture.
                break;
            };
            let len = usize::from(be16(l0, l1));
            if len < 4 {
                return Err(Drop::SctpMalformed);
            }
            let chunk = view.limit(len).ok_or(Drop::SctpMalformed)?;
            let user_data = match kind {
                DATA => Some(16),
                I_DATA => Some(20),
                _ => None,
            };
            match (kind, user_data) {
                (INIT, _) => chunks.init = true,
                (ABORT | SHUTDOWN_COMPLETE, _) => chunks.end = true,
                (_, Some(header)) if chunks.data.is_none() => {
                    chunks.data = Some(chunk.skip_wire(header).ok_or(Drop::SctpMalformed)?);
                }
                _ => {}
            }
            // The last chunk's padding may be missing.
            match view.skip_wire(len.next_multiple_of(4)) {
                Some(rest) => view = rest,
                None => break,
            }
        }
        Ok(chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn chunk(kind: u8, value: &[u8]) -> Vec<u8> {
        let len = value.len() as u16 + 4;
        let mut bytes = [&[kind, 3][..], &len.to_be_bytes(), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn sctp(chunks: &[Vec<u8>]) -> Vec<u8> {
        ether4(132, &[&[0x9c, 0x40, 0, 80][..], &[0; 8], &chunks.concat()].concat())
    }

    #[test]
    fn the_first_data_chunk_is_the_payload() {
        let sack = chunk(3, &[0; 12]);
        let data = |payload: &[u8]| chunk(DATA, &[&[0; 12][..], payload].concat());
        let bytes = sctp(&[sack, data(b"first"), data(b"second")]);
        let packet = packet(&bytes);
        assert_inner(&packet, b"first");
        assert_eq!(packet.transport, TransportHeader::Sctp { init: false, end: false });
        let interleaved = chunk(I_DATA, &[&[0; 16][..], b"x"].concat());
        assert_inner(&crate::testing::packet(&sctp(&[interleaved])), b"x");
    }

    #[test]
    fn begin_and_end() {
        let transport = |kind: u8, value: &[u8]| packet(&sctp(&[chunk(kind, value)])).transport;
        assert_eq!(transport(INIT, &[0; 16]), TransportHeader::Sctp { init: true, end: false });
        assert_eq!(transport(ABORT, &[]), TransportHeader::Sctp { init: false, end: true });
        assert_eq!(transport(SHUTDOWN_COMPLETE, &[]), TransportHeader::Sctp { init: false, end: true });
        assert_eq!(transport(7, &[0; 4]), TransportHeader::Sctp { init: false, end: false });
    }

    #[test]
    fn impossible_chunks() {
        assert_eq!(dropped(&sctp(&[vec![0, 0, 0, 3]])), Drop::SctpMalformed);
        assert_eq!(dropped(&sctp(&[vec![3, 0, 0, 9, 1, 2, 3, 4]])), Drop::SctpMalformed);
        assert_eq!(dropped(&sctp(&[chunk(DATA, &[0; 11])])), Drop::SctpMalformed);
        assert_eq!(dropped(&ether4(132, &[0; 11])), Drop::TransportTruncated);
    }
}
