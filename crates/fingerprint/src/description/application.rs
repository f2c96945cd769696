//! What runs over TLS, as far as a client's hello tells.
//!
//! AnyDesk and TeamViewer name their vendors' hosts (support articles "Firewall" of AnyDesk, "Ports used by TeamViewer"). Tor's
//! hello (tor, src/lib/tls/tortls_openssl.c) names a host that does not exist: `www.`, 4 to 25 random characters of base32
//! and `.com`; it offers no application protocols and takes no session tickets, which browsers do.

use super::hello::ClientHello;

const ALPN: u16 = 16;
const SESSION_TICKET: u16 = 35;

/// Domains of applications that no browser asks for.
const DOMAINS: [(&[u8], &str); 3] =
    [(b"net.anydesk.com", "anydesk"), (b"teamviewer.com", "teamviewer"), (b"dyngate.com", "teamviewer")];

/// Consonants in a row that no name has.
const UNPRONOUNCEABLE: usize = 5;

/// Its name, lower case. A guess: a client can name any host.
pub(super) fn application(hello: &ClientHello<'_>) -> Option<&'static str> {
    let name = hello.extensions.server_name()?;
    let of_domain = DOMAINS.iter().find(|(domain, _)| is_below(name, domain));
    of_domain.map(|&(_, application)| application).or_else(|| is_tor(name, hello).then_some("tor"))
}

/// Whether a host is in a domain.
fn is_below(name: &[u8], domain: &[u8]) -> bool {
    let Some(at) = name.len().checked_sub(domain.len()) else { return false };
    name[at..].eq_ignore_ascii_case(domain) && (at == 0 || name[at - 1] == b'.')
}

fn is_tor(name: &[u8], hello: &ClientHello<'_>) -> bool {
    let label = name.strip_prefix(b"www.").and_then(|rest| rest.strip_suffix(b".com"));
    let without = |kind| hello.extensions.knows(kind) && !hello.extensions.has(kind);
    label.is_some_and(is_random) && without(ALPN) && without(SESSION_TICKET)
}

/// Whether a label is of Tor's form, and nothing that a person would choose.
fn is_random(label: &[u8]) -> bool {
    let is_base32 = |byte: &u8| matches!(byte, b'a'..=b'z' | b'2'..=b'7');
    let is_consonant = |byte: &u8| byte.is_ascii_lowercase() && !b"aeiouy".contains(byte);
    let digit_within = label.windows(3).any(|around| {
        around[1].is_ascii_digit() && around[0].is_ascii_lowercase() && around[2].is_ascii_lowercase()
    });
    let unpronounceable =
        label.split(|byte| !is_consonant(byte)).any(|consonants| consonants.len() >= UNPRONOUNCEABLE);
    (4..=25).contains(&label.len()) && label.iter().all(is_base32) && (digit_within || unpronounceable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_random() {
        for label in ["axslhtfqq", "t3i3cu", "gfu7hbxpfp", "2rf7ao4mwyycqv5xzd"] {
            assert!(is_random(label.as_bytes()), "{label}");
        }
        let chosen =
            ["example", "web24", "365online", "k8s-test", "a2z", "backlights", "Axslhtfqq", "t18in", ""];
        for label in chosen {
            assert!(!is_random(label.as_bytes()), "{label}");
        }
    }

    #[test]
    fn hosts_in_a_domain() {
        assert!(is_below(b"relay-1.net.anydesk.com", b"net.anydesk.com"));
        assert!(is_below(b"TeamViewer.com", b"teamviewer.com"));
        assert!(!is_below(b"notteamviewer.com", b"teamviewer.com"));
        assert!(!is_below(b"com", b"teamviewer.com"));
    }
}
