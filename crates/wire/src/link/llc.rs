//! IEEE 802.2 LLC and SNAP (RFC 1042).

use crate::ip;
use crate::link::ethertype;
use crate::link::ethertype::Level;
use crate::packet::Parsed;
use crate::reason::Drop;
use crate::view::{View, be16};
use crate::walk::Walk;

/// Unnumbered information.
const UI: u8 = 0x03;
const SAP_SNAP: u8 = 0xaa;
/// The service access point of IP itself (RFC 948).
const SAP_IP: u8 = 0x06;

/// From the LLC header on.
pub(crate) fn parse<'a>(walk: Walk, view: View<'a>, level: Level) -> Result<Parsed<'a>, Drop> {
    let walk = walk.enter_llc()?;
    let (llc, rest) = view.header::<3>().ok_or(Drop::LinkTruncated)?;
    match *llc {
        [SAP_SNAP, SAP_SNAP, UI] => {
            let (&[o0, o1, o2, t0, t1], rest) = rest.header().ok_or(Drop::LinkTruncated)?;
            match ([o0, o1, o2], be16(t0, t1)) {
                // RFC 1042, and the bridge tunnel encapsulation of IEEE 802.1H. A length here is none.
                ([0, 0, 0] | [0, 0, 0xf8], kind @ 0x0600..) => ethertype::parse(walk, kind, rest, level),
                _ => Err(Drop::NotIp),
            }
        }
        [SAP_IP, SAP_IP, UI] => ip::v4::parse(walk, rest),
        _ => Err(Drop::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use crate::Drop;
    use crate::testing::*;

    #[test]
    fn snap_and_ip() {
        for header in [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &[0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0], &[6, 6, 3]] {
            let content = [header, &inner4(b"x")].concat();
            let mut bytes = ethernet(content.len() as u16, &content);
            bytes.resize(80, 0);
            assert_inner(&packet(&bytes), b"x");
        }
    }

    #[test]
    fn headers_without_end_are_not_followed_without_end() {
        // SNAP names a tag, behind the tag stands a length, behind the length SNAP again: 12 bytes a round.
        for rounds in [1_usize, 15, 16, 100] {
            let mut content = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner4(b"x")].concat();
            for _ in 0..rounds {
                let length = (content.len().min(0x05ff) as u16).to_be_bytes();
                let header = [0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0, 0, 7, length[0], length[1]];
                content = [&header, &content[..]].concat();
            }
            let bytes = ethernet(content.len().min(0x05ff) as u16, &content);
            match rounds {
                1 | 15 => assert_inner(&packet(&bytes), b"x"),
                _ => assert_eq!(dropped(&bytes), Drop::TooDeep, "{rounds}"),
            }
        }
    }

    #[test]
    fn spanning_tree_is_not_ip() {
        assert_eq!(dropped(&ethernet(38, &[[0x42, 0x42, 3].as_slice(), &[0; 35]].concat())), Drop::NotIp);
        assert_eq!(dropped(&ethernet(8, &[0xaa, 0xaa, 3, 0, 0, 0xc, 0x20, 0])), Drop::NotIp);
        assert_eq!(dropped(&ethernet(2, &[0xaa, 0xaa])), Drop::LinkTruncated);
        // Longer than the frame.
        assert_eq!(dropped(&ethernet(100, &[6, 6, 3])), Drop::NotIp);
    }
}
