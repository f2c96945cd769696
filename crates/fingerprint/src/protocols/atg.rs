//! atg: automatic tank gauges, Veeder-Root's serial interface over TCP.
//!
//! Specification: Veeder-Root 576013-635 (Serial Interface Manual, TLS-300 and TLS-350), sections 5 (commands) and 6
//! (responses). SOH and a command code (inquire or set, function, device) prove it, from either side: responses
//! repeat it.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Atg,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const SOH: u8 = 0x01;
/// What a gauge answers that does not know a command.
const UNKNOWN: &[u8] = b"9999";

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, command, response)
}

fn command(side: &Side<'_>) -> Match {
    let plain = verdict(|| {
        let mut text = Text::new(side.bytes);
        text.one(|byte| byte == SOH)?;
        code(&mut text)?;
        Ok(Match::Yes(Proof::Banner))
    });
    let secured = || {
        verdict(|| {
            let mut text = Text::new(side.bytes);
            text.one(|byte| byte == SOH)?;
            for _ in 0..6 {
                text.one(|byte| matches!(byte, b' '..=b'~'))?;
            }
            code(&mut text)?;
            Ok(Match::Yes(Proof::Banner))
        })
    };
    match plain {
        Match::Yes(_) => plain,
        _ => plain.or(secured()),
    }
}

/// Some gauges leave out SOH: then only the command proves it.
fn response(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let proof = if text.peek()? == SOH { Match::Yes(Proof::Banner) } else { Match::Maybe };
        if proof != Match::Maybe {
            text.one(|byte| byte == SOH)?;
        }
        let mut breaks = 0;
        while matches!(text.peek()?, b'\r' | b'\n') && breaks < 4 {
            text.one(|byte| matches!(byte, b'\r' | b'\n'))?;
            breaks += 1;
        }
        if proof == Match::Maybe && breaks == 0 {
            return Ok(Match::No);
        }
        if text.peek()? == UNKNOWN[0] {
            text.literal(UNKNOWN)?;
            return Ok(Match::Maybe);
        }
        code(&mut text)?;
        Ok(proof)
    })
}

/// In upper case for a report, in lower case for a computer: inquire or set; a function of three; a device of two digits.
fn code(text: &mut Text<'_>) -> Step<()> {
    text.one(|byte| matches!(byte, b'I' | b'S' | b'i' | b's'))?;
    for _ in 0..3 {
        text.one(|byte| byte.is_ascii_hexdigit() || byte == b'@')?;
    }
    text.digits(2).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn commands_and_responses() {
        let tcp = Trial::tcp(check);
        for command in [b"\x01I20100".as_slice(), b"\x01i20100\x03", b"\x01I90200\n", b"\x01S60201abc"] {
            tcp.client_proves(command, Proof::Banner);
        }
        tcp.client_proves(b"\x01secretI20100", Proof::Banner);
        tcp.client_proves(b"\x01IIIIIII20100", Proof::Banner);
        let report = b"\x01\r\nI20100\r\nJAN 22, 2015  3:06 PM\r\n";
        tcp.server_proves(report, Proof::Banner);
        tcp.server_proves(b"\x01i20100150122", Proof::Banner);
        let command = b"\x01I20100\n";
        for response in [&report[..], b"\nI20100\n09/17/2014", b"\x019999FF1B\x03"] {
            assert_eq!(tcp.both(command, response), Match::Yes(Proof::Banner));
        }
        assert_eq!(tcp.server(b"\nI20100\n09/17/2014"), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in
            [b"I20100".as_slice(), b"\x01\x01", b"\x01I201XX......", b"\x01X20100......", b"\x01I2010 "]
        {
            assert!(!matches!(tcp.client(other), Match::Yes(_)), "{}", other.escape_ascii());
        }
        assert_eq!(tcp.client(b"\x01X20100......"), Match::No);
        assert_eq!(tcp.server(b"I20100\r\n"), Match::No);
        assert_eq!(tcp.both(b"\x01I20100", b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
    }
}
