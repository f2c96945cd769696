//! hl7: Health Level Seven version 2 in the minimal lower layer protocol: HL7 "Transport Specification: MLLP", release 1,
//! sections 2 and 3; HL7 v2.x, chapter 2, sections 2.5.4 (delimiters), 2.14.9 (MSH), 2.14.2 and 2.14.6 (batches).
//!
//! Proven from either side by the start of a block, a header segment, and the delimiters that it announces, each one once;
//! then fields of text.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Hl7,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, block, block)
}

fn block(side: &Side<'_>) -> Match {
    const START_OF_BLOCK: &[u8] = &[0x0b];
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(START_OF_BLOCK)?;
        text.any_word(&[b"MSH", b"BHS", b"FHS"])?;
        let separator = text.one(|byte| byte.is_ascii_punctuation())?;
        // Component, repetition, escape, subcomponent; since 2.7 truncation too.
        let delimiters = text.run(3, 5, |byte| byte.is_ascii_punctuation() && byte != separator)?;
        let once = |(at, byte): (usize, &u8)| !delimiters[..at].contains(byte);
        if !delimiters.iter().enumerate().all(once) {
            return Err(Match::No);
        }
        text.one(|byte| byte == separator)?;
        // The sending application, be it empty.
        text.run(0, 227, |byte| is_text(byte) && byte != separator)?;
        text.one(|byte| byte == separator)?;
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    const ADMITTED: &[u8] =
        b"\x0bMSH|^~\\&|ADT1|MCM|LABADT|MCM|198808181126||ADT^A01|MSG00001|P|2.2\rPID|||PATID1234\r\x1c\r";

    #[test]
    fn messages_and_acknowledgements() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(ADMITTED, Proof::Banner);
        tcp.server_proves(b"\x0bMSH|^~\\&|LABADT|MCM|ADT1|MCM\rMSA|AA|1\r\x1c\r", Proof::Banner);
        tcp.client_proves(b"\x0bMSH|^~\\&#||MCM|", Proof::Banner);
        tcp.client_proves(b"\x0bFHS$%~#&$a$", Proof::Banner);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for wrong in [
            &b"MSH|^~\\&|ADT1|"[..],
            b"\x0bPID|^~\\&|ADT1|",
            b"\x0bMSH ^~\\&|ADT1|",
            b"\x0bMSH|^^\\&|ADT1|",
            b"\x0bMSH|^~|ADT1|",
            b"\x0bMSH|^~\\&|AD\0T1|",
        ] {
            assert_eq!(tcp.client(wrong), Match::No, "{wrong:?}");
        }
        assert_eq!(tcp.both(ADMITTED, b"raw"), Match::No);
        tcp.refuses_noise(100_000);
    }
}
