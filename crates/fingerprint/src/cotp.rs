//! TPKT (RFC 1006, section 6) and the class 0 transport protocol in it (ITU-T X.224, section 13), which RDP, S7
//! communication, MMS and H.323 share.

use crate::scan::{Scan, Step, Stop, require};

/// The TPDUs that open a class 0 connection and carry data on it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tpdu<'a> {
    /// CR: what follows its fixed part.
    ConnectionRequest(Scan<'a>),
    /// CC, likewise.
    ConnectionConfirm(Scan<'a>),
    /// DT: the user data of this fragment, and its announced length.
    Data { user: Scan<'a>, length: usize },
}

/// Version, reserved, length.
const TPKT_HEADER: usize = 4;
/// The fixed part of CR and CC after the length indicator: code, two references, class.
const CONNECTION_FIXED: usize = 6;

/// Reads one TPKT packet off the front. Of a packet that is still arriving the parts so far are handed out.
pub(crate) fn read<'a>(scan: &mut Scan<'a>) -> Step<Tpdu<'a>> {
    // The smallest TPDU is DT without user data.
    const LENGTH: std::ops::RangeInclusive<u64> = TPKT_HEADER as u64 + 3..=0xffff;
    scan.expect(&[3, 0])?;
    let room = scan.be(2, LENGTH)? as usize - TPKT_HEADER;
    let mut packet = scan.part(room)?;
    let indicator = usize::from(packet.u8_if(|indicator| indicator >= 2 && usize::from(indicator) < room)?);
    // The low half of CR, CC and DT is the credit, zero in class 0.
    match packet.u8()? {
        code @ (0xe0 | 0xd0) => {
            require(indicator >= CONNECTION_FIXED)?;
            if code == 0xe0 {
                packet.expect(&[0, 0])?;
                packet.skip(2)?;
            } else {
                packet.skip(4)?;
            }
            // Class 0; some servers set option bits.
            packet.u8_if(|class| class & 0xf0 == 0)?;
            // User data of a CR or CC is not part of class 0; the header must be all there is.
            require(indicator + 1 == room)?;
            Ok(if code == 0xe0 { Tpdu::ConnectionRequest(packet) } else { Tpdu::ConnectionConfirm(packet) })
        }
        0xf0 => {
            require(indicator == 2)?;
            // Number zero, with or without end of transmission.
            packet.u8_if(|number| number & 0x7f == 0)?;
            Ok(Tpdu::Data { user: packet, length: room - 3 })
        }
        _ => Err(Stop::Wrong),
    }
}

/// The transport selectors of a CR or CC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selectors<'a> {
    pub(crate) calling: Option<&'a [u8]>,
    pub(crate) called: Option<&'a [u8]>,
}

/// Walks the variable part (X.224, section 13.3.4): parameters of code, length, value.
pub(crate) fn selectors<'a>(mut variable: Scan<'a>) -> Step<Selectors<'a>> {
    let mut selectors = Selectors::default();
    while !variable.is_empty() {
        // TPDU size, selectors, and the parameters of other classes that some stacks send all the same.
        let code = variable.u8_if(|code| matches!(code, 0xc0..=0xc7 | 0x85..=0x8b | 0xf0))?;
        let length = variable.u8()?;
        let value = variable.take(usize::from(length))?;
        match code {
            0xc0 => require(matches!(value, [0x07..=0x0d]))?,
            0xc1 => selectors.calling = Some(value),
            0xc2 => selectors.called = Some(value),
            _ => {}
        }
    }
    if variable.is_whole() { Ok(selectors) } else { Err(Stop::Short) }
}
