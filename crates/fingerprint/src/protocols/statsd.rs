//! statsd: StatsD metrics, with DogStatsD's tags, events and service checks.
//!
//! Specifications: etsy/statsd, `docs/metric_types.md`; Datadog, "DogStatsD datagram format". Lines of a name, a number, and
//! a type between `:` and `|` prove it. One side speaks.

use offport_wire::Transport;

use super::graphite::is_separated;
use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};
use crate::text::{Step, Text, is_text, verdict};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Statsd,
    transports: Transports::TCP_UDP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[&[(0, is_name), (1, |byte| matches!(byte, b' '..=b'~'))]],
    stream: &[],
    check,
};

/// Lines of a datagram that are read.
const LINES: usize = 8;

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/')
}

fn check(exchange: &Exchange<'_>) -> Match {
    if exchange.transport == Transport::UDP {
        return weigh(exchange, datagram, datagram);
    }
    weigh(exchange, |side| verdict(|| stream(side.bytes)), |_| Match::No)
}

fn stream(bytes: &[u8]) -> Step<Match> {
    let mut text = Text::new(bytes);
    line(&mut text, true)?;
    Ok(Match::Yes(Proof::Banner))
}

/// All of the lines that are there must be right; the last may lack its end, or what the bound has cut off.
fn datagram(side: &Side<'_>) -> Match {
    let mut text = Text::new(side.first_datagram());
    for read in 0..LINES {
        let is_cut = side.first_is_cut() && !text.rest().contains(&b'\n');
        if text.rest().is_empty() || (is_cut && read > 0) {
            break;
        }
        if line(&mut text, false).is_err() {
            return Match::No;
        }
    }
    Match::Yes(Proof::Banner)
}

/// One metric; `ended`: by LF, not by the end of the bytes.
fn line(text: &mut Text<'_>, ended: bool) -> Step<()> {
    let line = match text.line(is_text) {
        Err(Match::Maybe) if ended => return prefix(text.rest()),
        Err(Match::Maybe) if !text.rest().is_empty() => {
            let rest = text.rest();
            *text = Text::new(b"");
            rest
        }
        line => line?,
    };
    // What was refused while it was open stays so.
    let was_refused = ended && prefix(line) == Err(Match::No);
    if is_metric(line) && !was_refused { Ok(()) } else { Err(Match::No) }
}

/// Whether an open line could still become a metric: its name, colon and number are looked at as they come.
fn prefix(line: &[u8]) -> Step<()> {
    let mut text = Text::new(line);
    if line.starts_with(b"_e{")
        || line.starts_with(b"_sc|")
        || [&b"_e{"[..], b"_sc|"].iter().any(|start| start.starts_with(line))
    {
        return Err(Match::Maybe);
    }
    text.one(|byte| byte.is_ascii_alphanumeric())?;
    if !is_separated(line) {
        return Err(Match::No);
    }
    text.run(2, NAME_MAX, is_name)?;
    text.literal(b":")?;
    text.run(1, 64, |byte| byte.is_ascii_graphic() && byte != b'|')?;
    text.literal(b"|")?;
    text.run(1, 2, |byte| byte.is_ascii_lowercase())?;
    Err(Match::Maybe)
}

const NAME_MAX: usize = 250;

const fn is_value(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b':')
}

fn is_metric(line: &[u8]) -> bool {
    if let Some(event) = line.strip_prefix(b"_e{") {
        return is_event(event).is_some();
    }
    if let Some(service_check) = line.strip_prefix(b"_sc|") {
        let mut parts = service_check.splitn(3, |&byte| byte == b'|');
        let is_named = parts.next().is_some_and(|name| !name.is_empty());
        return is_named && matches!(parts.next(), Some([b'0'..=b'3']));
    }
    let mut parts = line.splitn(3, |&byte| byte == b'|');
    let (Some(metric), Some(kind)) = (parts.next(), parts.next()) else { return false };
    let Some(colon) = memchr::memchr(b':', metric) else { return false };
    let (name, value) = (&metric[..colon], &metric[colon + 1..]);
    // Of a set, any value.
    let is_valued = match kind {
        b"s" => !value.is_empty() && value.iter().all(u8::is_ascii_graphic),
        b"c" | b"g" | b"ms" | b"h" | b"m" | b"d" => {
            value.iter().any(u8::is_ascii_digit) && value.iter().all(|&byte| is_value(byte))
        }
        _ => false,
    };
    is_valued
        && (3..=NAME_MAX).contains(&name.len())
        && name.iter().all(|&byte| is_name(byte))
        && parts.next().is_none_or(|rest| rest.split(|&byte| byte == b'|').all(is_section))
}

/// Sample rate, tags, container, timestamp, and what clients add.
fn is_section(section: &[u8]) -> bool {
    matches!(section, [b'@' | b'#' | b'T', ..] | [b'c' | b'e', b':', ..])
}

/// The lengths of title and text, which follow.
fn is_event(event: &[u8]) -> Option<()> {
    let close = memchr::memchr(b'}', event)?;
    let mut lengths = event[..close].splitn(2, |&byte| byte == b',');
    for _ in 0..2 {
        let digits = lengths.next()?;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
    }
    (event.get(close + 1) == Some(&b':') && event.contains(&b'|')).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    const METRICS: [&[u8]; 9] = [
        b"gorets:1|c",
        b"gorets:1|c|@0.1\n",
        b"glork:320|ms\ngaugor:-10|g\nuniques:a7b|s",
        b"page.views:1|c|#country:china,env:prod|T1656581400",
        b"page.latency:0.5:0.7:1.2|d\n",
        b"memory/used-1:1.5e+9|g",
        b"_e{21,36}:An exception occurred|Cannot parse CSV file from 10.0.0.17|t:warning",
        b"_sc|Redis connection|2|#env:dev|m:timed out",
        b"0_requests:7|m",
    ];

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        for metrics in METRICS {
            udp.client_proves(metrics, Proof::Banner);
        }
        let many = b"page.views:1|c\n".repeat(60);
        udp.client_proves(&many, Proof::Banner);
        assert_eq!(random_yeses(100_000, check), 0);
    }

    #[test]
    fn streams() {
        let tcp = Trial::tcp(check);
        for metrics in METRICS {
            let line = [metrics.split(|&byte| byte == b'\n').next().unwrap_or_default(), b"\n"].concat();
            tcp.client_proves(&line, Proof::Banner);
        }
        assert_eq!(tcp.both(b"gorets:1|c\n", b"ok"), Match::No);
    }

    #[test]
    fn near_misses() {
        for other in [
            b"gorets:1".as_slice(),
            b"gorets|1|c",
            b"gorets:one|c",
            b"gorets:1|x",
            b"gorets:1|c|rate",
            b"a:1|c",
            b"go rets:1|c",
            b"gorets:1|c\nhello",
            b"gorets:1|c\n\n",
            b"_e{a,b}:x|y",
            b"_sc|x|9",
            b"key: value\n",
        ] {
            assert_eq!(Trial::udp(check).client(other), Match::No, "{}", other.escape_ascii());
        }
        let tcp = Trial::tcp(check);
        for other in [b"key: ".as_slice(), b"gorets:1|c|x\n", b"ab:", b"The quick", b"gorets:1|cc\n"] {
            assert_eq!(tcp.client(other), Match::No, "{}", other.escape_ascii());
        }
        tcp.refuses_noise(10_000);
    }
}
