//! Flows under the rules of what they began as, in pieces and in disorder.

use offport_wire::Transport;

use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::watch::alone::Alone;
use crate::watch::{Breach, DataPort, Heard, Piece};

/// What is watched.
pub(super) const WATCHED: [Protocol; 8] = [
    Protocol::Tls,
    Protocol::Http,
    Protocol::Ssh,
    Protocol::Dns,
    Protocol::Smtp,
    Protocol::Ftp,
    Protocol::Pop3,
    Protocol::Imap,
];

/// Holds a flow to the rules of one protocol. It must not panic. How a stream is cut into segments does not matter to which
/// rule it breaks: it breaks that, or none (or the other side breaks one first). With control characters in
/// lines that is not so: of those, what is there of a line is judged.
///
/// Input as for the others; the second byte picks the protocol, and the flags' two lowest bits say whether it comes in datagrams.
pub fn watch(data: &[u8]) {
    let [flags, protocol, segments @ ..] = data else { return };
    let protocol = WATCHED[usize::from(*protocol) % WATCHED.len()];
    let datagrams = flags & 3 == 2;
    let heard = hear(protocol, datagrams, segments, usize::MAX);
    for size in [1 + usize::from(flags >> 2), 40] {
        let in_pieces = hear(protocol, datagrams, segments, size);
        if let (Some((one, whole)), Some((other, cut)), false) = (heard, in_pieces, datagrams)
            && one == other
            && (!is_text(protocol) || has_no_junk(segments))
        {
            assert_eq!(whole, cut, "{protocol}: in pieces of {size}");
        }
    }
    hear_in_disorder(protocol, datagrams, segments);
    if !datagrams {
        listen(protocol, segments);
        each_segment(segments, |_, bytes| begins_as_it_goes_on(protocol, bytes));
    }
}

/// What a client says first comes to the same whether it was said before the watch began or is heard next.
pub(crate) fn begins_as_it_goes_on(protocol: Protocol, bytes: &[u8]) {
    let client = Side::one(bytes, &[]);
    let Some((begun, at_once)) = with(client, false, |exchange| Alone::of(protocol, exchange)) else {
        return;
    };
    let Some(mut next) = silent(protocol, false) else { return };
    let piece = Piece { speaker: Speaker::Client, offset: 0, bytes, len: bytes.len() as u32, acked: None };
    assert_eq!(at_once, next.hear(piece), "{protocol}: {bytes:?}");
    assert!(begun.is_as_far_as(&next), "{protocol}: {bytes:?}");
}

/// A flow that is listened to only is never accused, and who names a data port is who speaks.
fn listen(protocol: Protocol, segments: &[u8]) {
    let Some(mut watch) = listening(protocol) else { return };
    let (mut offsets, mut goes_on) = ([0; 2], true);
    each_segment(segments, |said_by, bytes| {
        let at = &mut offsets[said_by as usize];
        let (offset, len) = (*at, bytes.len() as u32);
        *at += u64::from(len);
        if !goes_on {
            return;
        }
        let heard = watch.hear(Piece { speaker: said_by, offset, bytes, len, acked: Some(0) });
        assert!(!matches!(heard, Heard::Broken(_)), "{protocol}: {heard:?}");
        goes_on = heard == Heard::GoOn;
        if let Some(DataPort { speaker, address, port }) = watch.data_port() {
            assert_eq!((speaker, address.is_some()), (said_by, said_by == Speaker::Client));
            assert_ne!(port, 0);
        }
    });
}

fn is_text(protocol: Protocol) -> bool {
    !matches!(protocol, Protocol::Tls | Protocol::Dns)
}

/// Whether nothing in it can make a line junk.
fn has_no_junk(segments: &[u8]) -> bool {
    let mut printable = true;
    each_segment(segments, |_, bytes| {
        printable &= bytes.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\r' | b'\n'));
    });
    printable
}

/// Who breaks what by segments in their order, cut into pieces of a size.
fn hear(protocol: Protocol, datagrams: bool, segments: &[u8], size: usize) -> Option<(Speaker, Breach)> {
    let mut watch = silent(protocol, datagrams)?;
    let mut broken = None;
    let mut offsets = [0; 2];
    let mut last = Heard::GoOn;
    each_segment(segments, |speaker, bytes| {
        for bytes in bytes.chunks(size) {
            let at = &mut offsets[speaker as usize];
            let (offset, len) = (if datagrams { 0 } else { *at }, bytes.len() as u32);
            *at += u64::from(len);
            if last == Heard::GoOn {
                last = watch.hear(Piece { speaker, offset, bytes, len, acked: Some(0) });
                if let Heard::Broken(found) = last {
                    assert!(found.at < bytes.len(), "beyond its end");
                    broken = Some((speaker, found.breach));
                }
            }
        }
    });
    broken
}

/// Holes, repetitions, pieces that the capture has cut, and far-away offsets.
fn hear_in_disorder(protocol: Protocol, datagrams: bool, segments: &[u8]) {
    let Some(mut watch) = silent(protocol, datagrams) else { return };
    let (mut offset, mut goes_on) = (0u64, true);
    each_segment(segments, |speaker, bytes| {
        let chance = u64::from(bytes[0]);
        let captured = bytes.get(..bytes.len() - bytes.len().min(chance as usize % 3)).unwrap_or(bytes);
        let piece = Piece { speaker, offset, bytes: captured, len: bytes.len() as u32, acked: Some(chance) };
        goes_on = goes_on && watch.hear(piece) == Heard::GoOn;
        offset = match chance % 8 {
            0 => offset.saturating_sub(chance),
            1 => offset + chance,
            2 => u64::from(u32::MAX) - chance,
            _ => offset + bytes.len() as u64,
        };
    });
}

fn silent(protocol: Protocol, datagrams: bool) -> Option<Alone> {
    // Over UDP there is DNS only.
    let watched = !datagrams || protocol == Protocol::Dns;
    let begun = || with(Side::default(), datagrams, |exchange| Alone::of(protocol, exchange));
    watched.then(begun).flatten().map(|(watch, _)| watch)
}

fn listening(protocol: Protocol) -> Option<Alone> {
    with(Side::default(), false, |exchange| Alone::listening(protocol, exchange)).map(|(watch, _)| watch)
}

/// Shows an exchange of which the server has said nothing.
fn with<T>(client: Side<'_>, datagrams: bool, show: impl FnOnce(&Exchange<'_>) -> T) -> T {
    show(&Exchange {
        transport: if datagrams { Transport::UDP } else { Transport::TCP },
        client,
        server: Side::default(),
        first: Speaker::Client,
        client_port: 40_000,
        server_port: 50_000,
        midstream: false,
    })
}

/// Shows the segments of an input that are not empty.
fn each_segment(segments: &[u8], mut show: impl FnMut(Speaker, &[u8])) {
    let mut rest = segments;
    while let [head, tail @ ..] = rest {
        let length = match usize::from(head & 0x7f) {
            0 => tail.len(),
            length => length.min(tail.len()),
        };
        let (bytes, after) = tail.split_at(length);
        rest = after;
        if !bytes.is_empty() {
            show(if head & 0x80 == 0 { Speaker::Client } else { Speaker::Server }, bytes);
        }
    }
}
