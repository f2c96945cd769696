//! munin: a Munin node and its master.
//!
//! Specification: the Munin guide, "Data exchange between master and node" (network protocol). The node's greeting proves
//! it; the master's commands only fit it.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Text, Verbs, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Munin,
    transports: Transports::TCP,
    sides: Sides::Server,
    strongest: Proof::Banner,
    datagram: &[],
    stream: &[],
    check,
};

const STARTTLS: usize = 0;
const COMMANDS: &Verbs = &Verbs::new(&[
    b"STARTTLS",
    b"CAP",
    b"LIST",
    b"NODES",
    b"CONFIG",
    b"FETCH",
    b"SPOOLFETCH",
    b"VERSION",
    b"HELP",
    b"QUIT",
]);

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, commands, greeting)
}

fn greeting(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        text.literal(b"# munin node at ")?;
        text.one(|byte| byte.is_ascii_graphic())?;
        Ok(Match::Yes(Proof::Banner))
    })
}

fn commands(side: &Side<'_>) -> Match {
    verdict(|| {
        let mut text = Text::new(side.bytes);
        while !text.rest().is_empty() {
            let command = text.verb(COMMANDS)?;
            text.line(is_text)?;
            if command == STARTTLS {
                break;
            }
        }
        Ok(Match::Maybe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn a_greeting_and_commands() {
        let tcp = Trial::tcp(check);
        let greeting = b"# munin node at host.example\n";
        tcp.server_proves(greeting, Proof::Banner);
        for commands in [b"cap multigraph dirtyconfig\n".as_slice(), b"list\nfetch load\n", b"quit\r\n"] {
            assert_eq!(tcp.client(commands), Match::Maybe);
            assert_eq!(tcp.both(commands, greeting), Match::Yes(Proof::Banner));
        }
        assert_eq!(tcp.both(b"starttls\n\x16\x03\x01", greeting), Match::Yes(Proof::Banner));
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for other in
            [b"# Munin node at a".as_slice(), b"# munin node at \n", b"# munin-node", b"220 host\r\n"]
        {
            assert_eq!(tcp.server(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(tcp.both(b"GET / HTTP/1.1\r\n", b"# munin node at a\n"), Match::No);
        assert_eq!(tcp.client(b"list\nof things\n"), Match::No);
        tcp.refuses_noise(2000);
    }
}
