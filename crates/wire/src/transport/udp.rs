//! UDP (RFC 768), and the tunnels that run over it.

use etherparse::UdpSlice;

use crate::ip::{Ip, Segment};
use crate::key::Transport;
use crate::packet::TransportHeader;
use crate::reason::Drop;
use crate::tunnel::over_udp;
use crate::view::View;
use crate::walk::Context;

const HEADER: usize = 8;

/// From the source port on.
#[inline(always)]
pub(crate) fn parse<'a, C: Context>(context: C, ip: Ip, view: View<'a>) -> Result<C::Answer<'a>, Drop> {
    let udp = UdpSlice::from_slice_lax(view.bytes()).map_err(|_| Drop::TransportTruncated)?;
    let wire = match usize::from(udp.length()) {
        // A jumbogram (RFC 2675), or left for the network card to fill in.
        0 => view.wire(),
        len if len < HEADER || len > view.wire() => return Err(Drop::UdpMalformed),
        len => len,
    };
    let ports = (udp.source_port(), udp.destination_port());
    let payload = View::new(udp.payload(), wire - HEADER);
    let segment = Segment { transport: Transport::UDP, ports, header: TransportHeader::Udp, payload };
    match over_udp::recognise(ports) {
        None => Ok(context.packet(ip, segment)),
        // A tunnel is one only if what is inside is a packet: anything else on its port is a UDP flow that
        // is to be judged. Too many tunnels are too many, whatever the innermost turns out to be.
        Some(parse) => context.rare(|walk| match parse(walk, ip, payload) {
            Ok(inner) => Ok(inner),
            Err(Drop::TooDeep) => Err(Drop::TooDeep),
            Err(_) => Ok(walk.packet(ip, segment)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn lengths() {
        let with_len = |len: u16| {
            let mut datagram = udp(1, 2, b"payload");
            datagram[4..6].copy_from_slice(&len.to_be_bytes());
            ether4(17, &datagram)
        };
        assert_eq!(packet(&with_len(15)).payload, b"payload");
        // Shorter than the packet: the rest is none of it.
        assert_eq!(packet(&with_len(11)).payload, b"pay");
        assert_eq!(packet(&with_len(0)).payload, b"payload");
        assert_eq!(dropped(&with_len(7)), Drop::UdpMalformed);
        assert_eq!(dropped(&with_len(16)), Drop::UdpMalformed);
        assert_eq!(dropped(&ether4(17, &[0; 7])), Drop::TransportTruncated);
    }
}
