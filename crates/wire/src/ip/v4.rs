//! IPv4 (RFC 791).

use etherparse::err::ip_auth::HeaderSliceError as AuthError;
use etherparse::err::ipv4::HeaderSliceError;
use etherparse::{IpAuthHeaderSlice, Ipv4HeaderSlice};

use crate::ip::{self, Ends, Ip, Place, number};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::View;
use crate::walk::{Context, Walk};

/// From the version field on.
#[inline(never)]
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    parse_in(walk, view)
}

/// [`parse`], for the hot path.
///
/// etherparse's `Ipv4HeaderSlice` rather than its `LaxIpv4Slice`: that one builds a structure in memory that
/// costs a quarter of all parsing, knows nothing of the length on the wire, and reads an authentication header
/// off fragments that have none.
#[inline(always)]
pub(crate) fn parse_in<'a>(context: impl Context, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let header = Ipv4HeaderSlice::from_slice(view.bytes()).map_err(reason)?;
    let header_len = header.slice().len();
    // 0: the sender's network card was to cut it into packets (TSO), and this is what it was handed.
    let total_len = match usize::from(header.total_len()) {
        0 => view.wire(),
        len => len,
    };
    // A total length past the frame's end is a packet that every receiver throws away (ip_rcv_core() in
    // Linux), so nobody may use one to show the sensor other data than the receiver gets.
    if total_len < header_len {
        return Err(Drop::Ipv4Malformed);
    }
    let packet = view.limit(total_len).ok_or(Drop::Ipv4Malformed)?;
    let content = packet.skip(header_len).ok_or(Drop::IpTruncated)?;
    let ends = Ends::V4(header.source_addr(), header.destination_addr());
    let ip = Ip { ends, bytes: total_len as u32 };
    if header.is_fragmenting_payload() {
        return Ok(ip.fragment(context, place(header), content));
    }
    match header.protocol().0 {
        number::AUTH => behind_auth(context, ip, content),
        protocol => ip::content_in(context, ip, protocol, content),
    }
}

/// A reassembled datagram's data.
pub(crate) fn reassembled<'a>(walk: Walk, ip: Ip, protocol: u8, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    match protocol {
        number::AUTH => behind_auth(walk, ip, view),
        _ => ip::content(walk, ip, protocol, view),
    }
}

/// From an authentication header on (RFC 4302); a second one is not followed.
#[inline(never)]
fn behind_auth<'a>(context: impl Context, ip: Ip, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let auth = IpAuthHeaderSlice::from_slice(view.bytes()).map_err(|error| match error {
        AuthError::Len(_) if view.is_cut() => Drop::IpTruncated,
        _ => Drop::Ipv4Malformed,
    })?;
    let rest = view.skip(auth.slice().len()).ok_or(Drop::Ipv4Malformed)?;
    ip::content(context.walk(), ip, auth.next_header().0, rest)
}

#[inline]
fn place(header: Ipv4HeaderSlice<'_>) -> Place {
    Place {
        id: u32::from(header.identification()),
        protocol: header.protocol().0,
        offset: header.fragments_offset().byte_offset(),
        more: header.more_fragments(),
    }
}

#[cold]
fn reason(error: HeaderSliceError) -> Drop {
    match error {
        HeaderSliceError::Len(_) => Drop::IpTruncated,
        HeaderSliceError::Content(_) => Drop::Ipv4Malformed,
    }
}
