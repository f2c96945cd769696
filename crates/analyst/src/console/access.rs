//! Who may look: by where it listens, the `Host` header, and a token.

use std::net::{IpAddr, SocketAddr};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Characters of a token at least: 20 of base64 are 120 bits.
const SHORTEST: usize = 20;

/// What stands before the pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guards {
    pub(super) token: bool,
    pub(super) tls: bool,
    pub(super) client_ca: bool,
    pub(super) insecure_http: bool,
}

/// Whether it may listen there. The error names the remedy.
pub(super) fn may_listen(at: SocketAddr, guards: Guards) -> Result<(), String> {
    let Guards { token, tls, client_ca, insecure_http } = guards;
    if is_loopback(at.ip()) {
        return Ok(());
    }
    if !token && !client_ca {
        return Err(format!(
            "{at} is not loopback, and everybody who reaches it could look: give a --token-file, or --client-ca"
        ));
    }
    if token && !tls && !insecure_http {
        return Err(format!(
            "{at} is not loopback, and the token would cross the network in the clear: give --tls-cert and \
             --tls-key, or --insecure-http if a proxy in front speaks TLS"
        ));
    }
    Ok(())
}

/// Also as IPv4 written in IPv6.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether a request's `Host` is one that this console is called by.
///
/// On loopback a page from elsewhere could have its own name point here (DNS rebinding) and read what the browser gets, so
/// names that are not loopback's are refused. Beyond, a token or a certificate stands before every page, and neither is given
/// to another name.
pub(super) fn is_own_host(host: Option<&str>, at: SocketAddr) -> bool {
    if !is_loopback(at.ip()) {
        return true;
    }
    let Some(host) = host else { return false };
    let name = name_of(host);
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok_and(|ip| is_loopback(ip) || ip == at.ip())
}

/// Without the port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.chars().all(|c| c.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

/// A token, as its hash: what is compared has one length, in a time that tells nothing.
#[derive(Clone)]
pub(super) struct Token([u8; 32]);

impl Token {
    /// From what a file holds.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let token = text.trim();
        if token.chars().count() < SHORTEST || token.contains(char::is_whitespace) {
            return Err(format!(
                "no token: one line of {SHORTEST} characters or more is, without spaces (openssl rand -base64 32)"
            ));
        }
        Ok(Self(hash(token)))
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.0.ct_eq(&hash(text)).into()
    }

    /// Of an `Authorization` header.
    pub(super) fn is_in(&self, authorization: &str) -> bool {
        let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
        scheme.eq_ignore_ascii_case("bearer") && self.is(token.trim())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

pub(super) fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Guards = Guards { token: false, tls: false, client_ca: false, insecure_http: false };

    #[test]
    fn beyond_loopback_only_behind_a_guard() {
        let loopback = ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"];
        let beyond = ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:1"];
        let token = Guards { token: true, ..NONE };
        let cases = [
            (NONE, false),
            (token, false),
            (Guards { insecure_http: true, ..NONE }, false),
            (Guards { tls: true, ..NONE }, false),
            (Guards { insecure_http: true, ..token }, true),
            (Guards { tls: true, ..token }, true),
            (Guards { tls: true, client_ca: true, ..NONE }, true),
            (Guards { tls: true, client_ca: true, ..token }, true),
        ];
        for (guards, expected) in cases {
            for at in loopback {
                assert!(may_listen(at.parse().unwrap(), guards).is_ok(), "{at} {guards:?}");
            }
            for at in beyond {
                let answer = may_listen(at.parse().unwrap(), guards);
                assert_eq!(answer.is_ok(), expected, "{at} {guards:?} {answer:?}");
            }
        }
    }

    #[test]
    fn names_from_elsewhere_do_not_lead_to_loopback() {
        let at = "127.0.0.1:10218".parse().unwrap();
        for host in [
            "localhost",
            "LOCALHOST:10218",
            "127.0.0.1:10218",
            "127.0.0.1",
            "[::1]:10218",
            "[::1]",
            "127.1.2.3:9",
        ] {
            assert!(is_own_host(Some(host), at), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:10218",
            "localhost.evil.example",
            "127.0.0.1.evil.example:10218",
            "evil.example#localhost",
            "10.0.0.1:10218",
            "0.0.0.0:10218",
            "[::ffff:10.0.0.1]:1",
            "localhost@evil.example",
            "localhost:10218:80",
            "",
            "2130706433",
        ] {
            assert!(!is_own_host(Some(host), at), "{host}");
        }
        assert!(!is_own_host(None, at));
        assert!(is_own_host(Some("sensor.example"), "0.0.0.0:10218".parse().unwrap()));
        assert!(is_own_host(Some("[::1]:1"), "[::1]:1".parse().unwrap()));
    }

    #[test]
    fn a_token_is_the_whole_token() {
        let token = Token::new("  correct-horse-battery-staple\n").unwrap();
        assert!(token.is("correct-horse-battery-staple"));
        for wrong in [
            "",
            "correct-horse-battery-stapl",
            "correct-horse-battery-staplE",
            "correct-horse-battery-staple ",
        ] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert!(token.is_in("Bearer correct-horse-battery-staple"));
        assert!(token.is_in("bearer correct-horse-battery-staple"));
        for wrong in
            ["", "Bearer", "Bearer ", "Basic correct-horse-battery-staple", "correct-horse-battery-staple"]
        {
            assert!(!token.is_in(wrong), "{wrong:?}");
        }
        assert!(Token::new("short").is_err() && Token::new("two words are no token at all").is_err());
        assert!(!format!("{token:?}").contains("horse"));
    }
}
