//! jetdirect: printing by writing to a socket, as HP's JetDirect cards take it.
//!
//! Specifications: HP, "Printer Job Language Technical Reference Manual" (kernel commands), "PCL 5 Printer Language
//! Technical Reference Manual", "PCL XL Feature Reference"; Adobe, "PostScript Language Document Structuring Conventions".
//! The universal exit language and job commands prove it; a bare PostScript or PCL file could be on its way anywhere.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Jetdirect,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const JOB: &[u8] = b"@PJL";

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, |client| verdict(|| job(client)), |server| verdict(|| status(server)))
}

fn job(side: &Side<'_>) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    match text.peek()? {
        0x1b => {
            let universal_exit = text.clone().literal(b"\x1b%-12345X");
            if universal_exit.is_ok() {
                return Ok(Match::Yes(Proof::Banner));
            }
            // Reset, then another command.
            match text
                .literal(b"\x1bE\x1b")
                .and_then(|()| text.one(|byte| matches!(byte, b'&' | b'*' | b'(' | b')' | b'%' | b'9')))
            {
                Err(Match::No) => Err(universal_exit.err().unwrap_or(Match::No)),
                step => step.map(|_| Match::Yes(Proof::Heuristic)),
            }
        }
        b'@' => job_command(&mut text),
        b'%' => text.literal(b"%!PS-Adobe-").map(|()| Match::Yes(Proof::Heuristic)),
        _ => text.literal(b") HP-PCL XL;").map(|()| Match::Yes(Proof::Banner)),
    }
}

fn job_command(text: &mut Text<'_>) -> Step<Match> {
    text.literal(JOB)?;
    text.one(|byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
    Ok(Match::Yes(Proof::Banner))
}

/// Answers repeat the command; PostScript's begin with two percent signs and a bracket.
fn status(side: &Side<'_>) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    if text.peek()? == b'%' {
        return text.literal(b"%%[ ").map(|()| Match::Yes(Proof::Heuristic));
    }
    job_command(&mut text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn jobs_and_answers() {
        let tcp = Trial::tcp(check);
        for job in [
            b"\x1b%-12345X@PJL JOB NAME=\"x\"\r\n".as_slice(),
            b"@PJL INFO STATUS\r\n",
            b") HP-PCL XL;2;0;Comment\n",
        ] {
            tcp.client_proves(job, Proof::Banner);
        }
        tcp.client_proves(b"%!PS-Adobe-3.0\n", Proof::Heuristic);
        tcp.client_proves(b"\x1bE\x1b&l0O", Proof::Heuristic);
        tcp.server_proves(b"@PJL INFO STATUS\r\nCODE=10001\r\n\x0c", Proof::Banner);
        tcp.server_proves(b"%%[ status: idle ]%%\r\n", Proof::Heuristic);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"\x1b[2J".as_slice(),
            b"\x1bE\x1b[",
            b"\x1b%-12346X",
            b"%PDF-1.7\n",
            b"@PJLX",
            b"@RSYNCD: 31.0\n",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"@PJL INFO ID\r\n", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
