//! gdb-remote: the remote serial protocol of GDB, LLDB and their stubs.
//!
//! Specification: "Debugging with GDB", appendix E (packets, general query packets). A packet is `$`, text, `#` and a sum
//! of two digits, behind acknowledgements; a debugger opens with queries that have names, and a stub answers the first of
//! them with its packet size. Client first.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::GdbRemote,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Acknowledgements in front of a packet.
const ACKNOWLEDGEMENTS_MAX: usize = 4;

/// What a debugger says first: its features, or, where it has said them already, one of these.
const QUERIES: &[&[u8]] = &[
    b"qSupported",
    b"QStartNoAckMode",
    b"vMustReplyEmpty",
    b"QThreadSuffixSupported",
    b"QListThreadsInStopReply",
    b"qHostInfo",
    b"qProcessInfo",
    b"qAttached",
    b"qTStatus",
    b"qSymbol::",
    b"qOffsets",
    b"qGetWorkingDir",
    b"qLaunchGDBServer",
    b"vFile:",
    b"vCont?",
    b"Hg0",
];

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client;
    weigh(exchange, |client| verdict(|| query(client)), |server| verdict(|| answer(server, asked)))
}

/// Acknowledgements, and the packet's sign.
fn start<'a>(side: &Side<'a>) -> Step<Text<'a>> {
    let mut text = Text::new(side.bytes);
    for _ in 0..ACKNOWLEDGEMENTS_MAX {
        if text.one(|byte| matches!(byte, b'+' | b'$'))? == b'$' {
            return Ok(text);
        }
    }
    text.literal(b"$").map(|()| text)
}

/// Text without the signs of packets, and the sum that it must have.
fn packet<'a>(text: &mut Text<'a>) -> Step<&'a [u8]> {
    const LONGEST: usize = 480;
    let body = text.run(0, LONGEST, |byte| byte >= 0x20 && byte != b'#' && byte != b'$')?;
    text.literal(b"#")?;
    let mut sum = 0;
    for _ in 0..2 {
        let digit = text.one(|byte| byte.is_ascii_hexdigit())?;
        sum = sum * 16 + char::from(digit).to_digit(16).unwrap_or_default();
    }
    let expected = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if sum == u32::from(expected) { Ok(body) } else { Err(Match::No) }
}

fn query(side: &Side<'_>) -> Step<Match> {
    let text = start(side)?;
    // Features may be longer than what is kept.
    let mut name = text;
    if name.any_word(&QUERIES[..1]).is_ok() {
        name.one(|byte| matches!(byte, b':' | b';' | b'#'))?;
        return Ok(Match::Yes(Proof::Banner));
    }
    text.clone().any_word(QUERIES)?;
    packet(&mut text.clone()).map(|_| Match::Yes(Proof::Banner))
}

fn answer(side: &Side<'_>, asked: bool) -> Step<Match> {
    let text = start(side)?;
    let size = text.clone().literal(b"PacketSize=");
    if size.is_ok() {
        return Ok(Match::Yes(Proof::Banner));
    }
    if !asked {
        return Err(size.err().unwrap_or(Match::No));
    }
    packet(&mut text.clone()).map(|_| Match::Maybe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    #[test]
    fn queries_and_answers() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"+$qSupported:multiprocess+;swbreak+;hwbreak+#c3", Proof::Banner);
        tcp.client_proves(b"$QStartNoAckMode#b0", Proof::Banner);
        tcp.client_proves(b"$Hg0#df", Proof::Banner);
        tcp.server_proves(b"+$PacketSize=3fff;QStartNoAckMode+#c8", Proof::Banner);
        let acknowledged = Talk::tcp().client(b"+$QStartNoAckMode#b0").server(b"+$OK#9a");
        assert_eq!(acknowledged.ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"+OK\r\n".as_slice(),
            b"+++++$",
            b"$QStartNoAckMode#b1",
            b"$5\r\nhello\r\n",
            b"$ id\n",
            b"$GPGGA,123519,4807.038,N*47",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"+$QStartNoAckMode#b0", b"+$OK#9b"), Match::No);
        assert_eq!(tcp.both(b"+$QStartNoAckMode#b0", b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
