//! git: the protocol of git's own daemon.
//!
//! Specification: git, Documentation/gitprotocol-pack (git transport), gitprotocol-common (pkt-line), gitprotocol-v2. A
//! request is one line behind its length: a command, a path and a host. The server answers with its version or with what
//! its references point to.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Git,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    // References are hexadecimal text: they say nothing without the question.
    let asked = exchange.first == Speaker::Client;
    weigh(exchange, request, |server| answer(server, asked))
}

/// The four hexadecimal digits of a line's length, itself included.
fn length(text: &mut Text<'_>) -> Step<usize> {
    let mut length = 0;
    for _ in 0..4 {
        let digit = text.one(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))?;
        length =
            length * 16 + usize::from(if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 });
    }
    Ok(length)
}

fn request(side: &Side<'_>) -> Match {
    /// Longer than any path.
    const LONGEST: usize = 1024;
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.clone().literal(b"0")?;
        let length = length(&mut text)?;
        let before = text.rest().len();
        text.literal(b"git-")?;
        text.any_word(&[b"upload-pack", b"receive-pack", b"upload-archive"])?;
        text.literal(b" ")?;
        text.one(|byte| matches!(byte, b'/' | b'~') || byte.is_ascii_alphanumeric())?;
        text.run(0, LONGEST, |byte| byte != 0 && is_text(byte))?;
        text.literal(b"\0")?;
        let read = 4 + before - text.rest().len();
        // The host, and behind another zero the version.
        let fits = read == length
            || (read < length && text.rest().first().is_none_or(|byte| matches!(byte, b'h' | 0)));
        Ok(if fits { Match::Yes(Proof::Structure) } else { Match::No })
    })
}

fn answer(side: &Side<'_>, asked: bool) -> Match {
    const SHA1_LEN: usize = 40;
    const SHA256_LEN: usize = 64;
    verdict(|| {
        let mut text = Text::new(side.bytes);
        let known = text.clone().any_word(&[b"000eversion 1\n", b"000eversion 2\n"]);
        if known.is_ok() {
            return Ok(Match::Yes(Proof::Banner));
        }
        if !asked {
            return Ok(known.err().unwrap_or(Match::No));
        }
        let length = length(&mut text)?;
        match text.peek()? {
            b'E' => text.literal(b"ERR ")?,
            b'v' => text.literal(b"version ")?,
            _ => {
                let name = text.run(SHA1_LEN, SHA256_LEN, |byte| byte.is_ascii_hexdigit())?;
                if !matches!(name.len(), SHA1_LEN | SHA256_LEN) || length < 4 + SHA1_LEN {
                    return Ok(Match::No);
                }
                // `HEAD`, `refs/…`, or `capabilities^{}` of an empty repository.
                text.literal(b" ")?;
                text.any_word(&[b"HEAD", b"refs/", b"capabilities^{}"])?;
            }
        }
        Ok(Match::Yes(Proof::Structure))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const REQUEST: &[u8] = b"0033git-upload-pack /project.git\0host=myserver.com\0";

    #[test]
    fn requests_and_answers() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(REQUEST, Proof::Structure);
        tcp.client_proves(b"0022git-receive-pack /project.git\0", Proof::Structure);
        tcp.client_proves(b"0026git-upload-pack /a\0host=b\0\0version=2\0", Proof::Structure);
        tcp.server_proves(b"000eversion 2\n0015agent=git/2.39.2\n", Proof::Banner);
        let references = b"00887217a7c7e582c46cec22a130adf4b9d7d950fba0 HEAD\0multi_ack";
        let asked = Talk::tcp().client(REQUEST).server(references);
        assert_eq!(asked.ask(check), Match::Yes(Proof::Structure));
        assert_eq!(tcp.both(REQUEST, b"0020ERR access denied: /x.git\n"), Match::Yes(Proof::Structure));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"0010git-upload-pack /project.git\0host=myserver.com\0".as_slice(),
            b"0033git-upload-pack  /project.git\0",
            b"0033got-upload-pack /project.git\0",
            b"0033git-upload-pack /project.git\0xost",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.server(b"7217a7c7e582c46cec22a130"), Match::No);
        assert_eq!(tcp.both(REQUEST, b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
