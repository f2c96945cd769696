//! stratum: the mining protocol of Bitcoin's pools, and the dialects of other coins.
//!
//! Specification: Bitcoin Wiki, "Stratum mining protocol"; XMRig, "Stratum mining protocol" (login); EthereumStratum/1.0.0.
//! Both sides send JSON objects, one a line; a method that miners call, or the first job, proves it.

use memchr::memmem;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Stratum,
    transports: Transports::TCP,
    sides: Sides::Either,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

/// Lines in front of the one that proves it.
const LINES_MAX: usize = 4;

fn check(exchange: &Exchange<'_>) -> Match {
    let asked = exchange.first == Speaker::Client;
    weigh(exchange, |client| verdict(|| objects(client, false)), |server| verdict(|| objects(server, asked)))
}

/// `answers`: objects without a method may come first.
fn objects(side: &Side<'_>, answers: bool) -> Step<Match> {
    let mut text = Text::new(side.bytes);
    for _ in 0..LINES_MAX {
        let mut start = text;
        start.literal(b"{")?;
        start.one(|byte| matches!(byte, b'"' | b' '))?;
        let open = text.rest();
        let line = match text.line(is_text) {
            Ok(line) => line,
            Err(Match::Maybe) => open,
            Err(ended) => return Err(ended),
        };
        let whole = text.rest().len() < open.len();
        match object(line, whole) {
            Match::Maybe if whole && !answers => return Ok(Match::No),
            Match::Maybe if !whole => return if side.closed { Ok(Match::No) } else { Err(Match::Maybe) },
            Match::Maybe => {}
            answer => return Ok(answer),
        }
    }
    Ok(Match::No)
}

/// One object, which may be open.
fn object(line: &[u8], whole: bool) -> Match {
    let holds = |words: &[u8]| memmem::find(line, words).is_some();
    // A job as Monero's pools give it, or the subscription that a job comes by.
    if holds(b"\"mining.notify\"") || (holds(b"\"job\":") && holds(b"\"blob\":") && holds(b"\"target\":")) {
        return Match::Yes(Proof::Banner);
    }
    let Some(method) = method(line) else {
        return if whole && !holds(b"\"result\"") && !holds(b"\"error\"") { Match::No } else { Match::Maybe };
    };
    match method {
        b"eth_submitLogin" | b"eth_submitHashrate" => Match::Yes(Proof::Banner),
        b"login" if holds(b"\"login\":") && holds(b"\"pass\":") => Match::Yes(Proof::Banner),
        b"login" if !whole => Match::Maybe,
        _ if method.starts_with(b"mining.") => Match::Yes(Proof::Banner),
        _ => Match::No,
    }
}

/// The method's name, once it is whole.
fn method(line: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"\"method\"";
    let behind = line.get(memmem::find(line, KEY)? + KEY.len()..)?;
    let value = behind.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    value.get(..value.iter().position(|&byte| byte == b'"')?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::Talk;
    use crate::trial::Trial;

    const SUBSCRIBE: &[u8] = b"{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"x/1.0\"]}\n";

    #[test]
    fn dialects() {
        let tcp = Trial::tcp(check);
        for call in [
            SUBSCRIBE,
            b"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"4A\",\"pass\":\"x\",\"agent\":\"XMRig\"}}\n",
            b"{\"worker\":\"w\",\"jsonrpc\":\"2.0\",\"params\":[\"0x\"],\"id\":2,\"method\":\"eth_submitLogin\"}\n",
        ] {
            tcp.client_proves(call, Proof::Banner);
        }
        for answer in [
            b"{\"id\":1,\"result\":[[[\"mining.set_difficulty\",\"1\"],[\"mining.notify\",\"1\"]],\"08\",4],\"error\":null}\n".as_slice(),
            b"{\"method\":\"mining.set_difficulty\",\"params\":[1024],\"id\":null}\n",
            b"{\"id\":1,\"error\":null,\"result\":{\"id\":\"1\",\"job\":{\"blob\":\"0707\",\"job_id\":\"1\",\"target\":\"b8\"}}}\n",
        ] {
            tcp.server_proves(answer, Proof::Banner);
        }
        let accepted = Talk::tcp().client(SUBSCRIBE).server(b"{\"id\":1,\"result\":true,\"error\":null}\n");
        assert_eq!(accepted.ask(check), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in [
            b"{\"id\": 1, \"name\": \"alice\"}\n".as_slice(),
            b"{\"jsonrpc\":\"2.0\",\"method\":\"server.version\",\"params\":[]}\n",
            b"{\"method\":\"login\",\"params\":[]}\n",
            b"[{\"a\":1}]\n",
            b"{\x01",
        ] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(SUBSCRIBE, b"raw"), Match::No);
        tcp.refuses_noise(2000);
    }
}
