//! SCTP (RFC 9260), with the interleaved data of RFC 8260.

use crate::ip::{Ip, Segment};
use crate::key::Transport;
use crate::packet::{Parsed, TransportHeader};
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::Walk;

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
    Ok(ip.packet(walk, segment))
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
