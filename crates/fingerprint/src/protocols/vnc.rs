//! VNC: the RFB protocol, RFC 6143, section 7.1.1.
//!
//! Proof: the twelve bytes `RFB xxx.yyy\n`, from either side: the server sends them first, the client answers with its own.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe { protocol: Protocol::Vnc, transports: Transports::TCP, check };

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, version, version)
}

fn version(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"RFB ")?;
        text.digits(3)?;
        text.literal(b".")?;
        text.digits(3)?;
        text.literal(b"\n")?;
        Ok(Match::Yes(Proof::Banner))
    })
}
