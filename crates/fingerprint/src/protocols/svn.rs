//! svn: Subversion's own protocol, ra_svn.
//!
//! Specification: Subversion, subversion/libsvn_ra_svn/protocol (connection establishment). The server opens with the range
//! of versions that it speaks, the client answers with one, its capabilities and the repository's URL.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Svn,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, response, greeting)
}

fn greeting(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"( ")?;
        if text.any_word(&[b"success ( ", b"failure ( ( "])? == 0 {
            text.number(3)?;
            text.literal(b" ")?;
            text.number(3)?;
            text.literal(b" ( ")?;
        } else {
            text.number(9)?;
            text.literal(b" ")?;
        }
        Ok(Match::Yes(Proof::Banner))
    })
}

fn response(side: &Side<'_>) -> Match {
    const CAPABILITIES_MAX: usize = 32;
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"( ")?;
        text.number(3)?;
        text.literal(b" ( ")?;
        for _ in 0..CAPABILITIES_MAX {
            if text.peek()? == b')' {
                break;
            }
            text.run(1, 40, |byte| byte.is_ascii_alphanumeric() || byte == b'-')?;
            text.literal(b" ")?;
        }
        text.literal(b") ")?;
        text.number(4)?;
        text.literal(b":svn")?;
        Ok(Match::Yes(Proof::Banner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn greetings_and_responses() {
        let tcp = Trial::tcp(check);
        let greeting = b"( success ( 2 2 ( ) ( edit-pipeline svndiff1 absent-entries ) ) ) ";
        let response = b"( 2 ( edit-pipeline svndiff1 ) 23:svn://example.org/repos 10:SVN/1.14.2 ( ) ) ";
        tcp.server_proves(greeting, Proof::Banner);
        tcp.server_proves(b"( failure ( ( 210005 4:oops 0: 0 ) ) ) ", Proof::Banner);
        tcp.client_proves(response, Proof::Banner);
        assert_eq!(tcp.both(response, greeting), Match::Yes(Proof::Banner));
        assert_eq!(tcp.both(response, b"raw"), Match::No);
        for other in [b"(1 2 3)".as_slice(), b"( define x )", b"( 2 ( a ) 4:http"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(2000);
    }
}
