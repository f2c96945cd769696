//! IPv4 (RFC 791).

use etherparse::err::ip_auth::HeaderSliceError as AuthError;
use etherparse::err::ipv4::HeaderSliceError;
use etherparse::{IpAuthHeaderSlice, Ipv4HeaderSlice, LaxIpv4Slice};

use crate::ip::{self, Ends, Ip, Place, number};
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::View;
use crate::walk::Walk;

/// From the version field on.
#[inline]
pub(crate) fn parse<'a>(walk: &Walk, view: View<'a>) -> Result<Parsed<'a>, Drop> {
    let (packet, auth_error) = LaxIpv4Slice::from_slice(view.bytes()).map_err(reason)?;
    let header = packet.header();
    let header_len = header.slice().len();
    // 0: the sender's network card was to cut it into packets (TSO), and this is what it was handed.
    let total_len = match usize::from(header.total_len()) {
        0 => view.wire(),
        len => len,
    };
    // A total length past the frame's end is a packet that every receiver throws away (ip_rcv_core() in
    // Linux), so nobody may use one to show the sensor other data than the receiver gets.
    if total_len < header_len || total_len > view.wire() {
        return Err(Drop::Ipv4Malformed);
    }
    let ends = Ends::V4(header.source_addr(), header.destination_addr());
    let ip = Ip { ends, bytes: total_len as u32 };
    if header.is_fragmenting_payload() {
        // Not `packet.payload()`: that has an authentication header read off data of any offset.
        let datagram = view.limit(total_len).and_then(|view| view.skip(header_len));
        return Ok(ip.fragment(walk, place(&header), datagram.ok_or(Drop::IpTruncated)?));
    }
    if let Some(error) = auth_error {
        return Err(auth_reason(&error, view));
    }
    let auth_len = packet.extensions().auth.map_or(0, |auth| auth.slice().len());
    let payload = packet.payload();
    let wire = total_len.checked_sub(header_len + auth_len).ok_or(Drop::Ipv4Malformed)?;
    ip::content(walk, &ip, payload.ip_number.0, View::new(payload.payload, wire))
}

/// A reassembled datagram's data.
pub(crate) fn reassembled<'a>(
    walk: &Walk,
    ip: &Ip,
    protocol: u8,
    view: View<'a>,
) -> Result<Parsed<'a>, Drop> {
    if protocol != number::AUTH {
        return ip::content(walk, ip, protocol, view);
    }
    let auth = IpAuthHeaderSlice::from_slice(view.bytes()).map_err(|error| auth_reason(&error, view))?;
    let rest = view.skip(auth.slice().len()).ok_or(Drop::Ipv4Malformed)?;
    ip::content(walk, ip, auth.next_header().0, rest)
}

fn place(header: &Ipv4HeaderSlice<'_>) -> Place {
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

#[cold]
fn auth_reason(error: &AuthError, view: View<'_>) -> Drop {
    match error {
        AuthError::Len(_) if view.is_cut() => Drop::IpTruncated,
        _ => Drop::Ipv4Malformed,
    }
}
