//! xmpp: the Extensible Messaging and Presence Protocol: RFC 6120, section 4 (streams).
//!
//! Proof: an opening stream tag, behind the XML declaration if there is one, from either side.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Xmpp,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    let one = |side: &Side<'_>| if exchange.midstream { stream(side).or(later(side)) } else { stream(side) };
    weigh(exchange, one, one)
}

/// What there may be midstream: a stanza with one of its attributes (section 8), or the end of the stream.
fn later(side: &Side<'_>) -> Match {
    const STANZAS: [&[u8]; 3] = [b"<iq ", b"<message ", b"<presence "];
    const ATTRIBUTES: [&[u8]; 6] = [b"type=", b"id=", b"to=", b"from=", b"xml:lang=", b"xmlns="];
    let one = |parts: &[&[u8]]| {
        verdict(|| {
            let mut text = Text::new(side.bytes);
            blank(&mut text)?;
            parts.iter().try_for_each(|part| text.literal(part))?;
            Ok(Match::Yes(Proof::Banner))
        })
    };
    let stanzas = STANZAS.iter().flat_map(|stanza| ATTRIBUTES.map(|attribute| one(&[stanza, attribute])));
    stanzas.fold(one(&[b"</stream:stream>"]), Match::or)
}

fn stream(side: &Side<'_>) -> Match {
    const DECLARATION_MAX: usize = 96;
    verdict(|| {
        let mut text = Text::new(side.bytes);
        blank(&mut text)?;
        text.literal(b"<")?;
        if text.peek()? == b'?' {
            text.literal(b"?xml ")?;
            text.run(1, DECLARATION_MAX, |byte| is_text(byte) && byte != b'>' && byte != b'<')?;
            text.literal(b">")?;
            blank(&mut text)?;
            text.literal(b"<")?;
        }
        text.literal(b"stream:stream")?;
        text.one(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'>'))?;
        Ok(Match::Yes(Proof::Banner))
    })
}

/// Few blanks, which some send to keep a connection alive.
fn blank(text: &mut Text<'_>) -> Result<(), Match> {
    text.run(0, 8, |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn streams() {
        let tcp = Trial::tcp(check);
        for stream in [
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='example.org' version='1.0'>"
                .as_slice(),
            b"<stream:stream to=\"a\">",
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<stream:stream\n",
        ] {
            tcp.client_proves(stream, Proof::Banner);
            tcp.server_proves(stream, Proof::Banner);
        }
        for other in [
            b"<root><user id=\"1\"/></root>\n".as_slice(),
            b"<?xml version=\"1.0\"?><methodCall>",
            b"<stream>",
            b"<stream:streams>",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"<stream:stream ", b"raw"), Match::No);
        assert_eq!(tcp.client(b"</stream:stream>"), Match::No);
        tcp.refuses_noise(2000);
        assert_eq!(Trial::tcp(check).midstream().client(b"</stream:stream>"), Match::Yes(Proof::Banner));
        assert_eq!(Trial::tcp(check).midstream().server(b"<iq type='set'"), Match::Yes(Proof::Banner));
        assert_eq!(Trial::tcp(check).midstream().server(b"<message>"), Match::No);
    }
}
