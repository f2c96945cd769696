//! dropbox-lsp: the discovery of Dropbox's LAN sync.
//!
//! Specification: unpublished; Dropbox Tech Blog, "Inside LAN Sync" (discovery engine). A broadcast holds one JSON
//! object with the host's number, its port, its version and the namespaces that it has.

use memchr::memmem;

use crate::answer::Proof;
use crate::exchange::{Exchange, Side};
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::DropboxLsp,
    transports: Transports::UDP,
    sides: Sides::Client,
    strongest: Proof::Banner,
    datagram: &[&[(0, |byte| byte == b'{')]],
    stream: &[],
    check,
};

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, datagram, datagram)
}

fn datagram(side: &Side<'_>) -> Match {
    const KEYS: [&[u8]; 4] = [b"\"version\":", b"\"displayname\":", b"\"port\":", b"\"namespaces\":"];
    let bytes = side.first_datagram();
    let holds = |key: &[u8]| memmem::find(bytes, key).is_some();
    // The bound may cut off what follows a long list.
    let fits = bytes.starts_with(b"{\"")
        && holds(b"\"host_int\":")
        && KEYS.iter().filter(|key| holds(key)).count() >= 2;
    if fits { Match::Yes(Proof::Banner) } else { Match::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    #[test]
    fn announcements() {
        let udp = Trial::udp(check);
        udp.client_proves(
            br#"{"host_int": 1234567890, "version": [2, 0], "displayname": "", "port": 17500, "namespaces": [1, 2]}"#,
            Proof::Banner,
        );
        udp.client_proves(br#"{"version":[2,0],"port":17500,"host_int":"9","namespaces":[]}"#, Proof::Banner);
        for other in [
            br#"{"host": 1, "version": [2, 0], "port": 17500}"#.as_slice(),
            br#"{"host_int": 1, "port": 17500}"#,
            br#"["host_int": 1, "port": 17500, "version": 1]"#,
        ] {
            assert_eq!(udp.client(other), Match::No, "{}", other.escape_ascii());
        }
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
