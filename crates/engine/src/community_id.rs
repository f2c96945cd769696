//! Community ID v1 flow hashes (<https://github.com/corelight/community-id-spec>), seed 0.

use std::net::IpAddr;

use base64::Engine as _;
use offport_wire::Transport;
use sha1::{Digest as _, Sha1};

/// The Community ID of a flow, or `None` when its two ends are of different address families.
///
/// Both directions give the same value. For ICMP `source.1` is the type and `destination.1` the code or, for
/// types that come in pairs, the type of the answer, as the specification lays down.
pub fn community_id(
    transport: Transport,
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
) -> Option<String> {
    let (low, high) = if source <= destination { (source, destination) } else { (destination, source) };
    let mut sha1 = Sha1::new();
    sha1.update([0, 0]);
    match (low.0, high.0) {
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            sha1.update(low.octets());
            sha1.update(high.octets());
        }
        (IpAddr::V6(low), IpAddr::V6(high)) => {
            sha1.update(low.octets());
            sha1.update(high.octets());
        }
        _ => return None,
    }
    sha1.update([transport.0, 0]);
    if transport.has_ports() || matches!(transport, Transport::ICMP | Transport::ICMPV6) {
        sha1.update(low.1.to_be_bytes());
        sha1.update(high.1.to_be_bytes());
    }
    Some(format!("1:{}", base64::engine::general_purpose::STANDARD.encode(sha1.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Values from the baseline of the specification's own test captures.
    #[test]
    fn specification_examples() {
        let tcp = community_id(
            Transport::TCP,
            ("128.232.110.120".parse().unwrap(), 34855),
            ("66.35.250.204".parse().unwrap(), 80),
        );
        assert_eq!(tcp.as_deref(), Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg="));
        let udp = community_id(
            Transport::UDP,
            ("192.168.1.52".parse().unwrap(), 54585),
            ("8.8.8.8".parse().unwrap(), 53),
        );
        assert_eq!(udp.as_deref(), Some("1:d/FP5EW3wiY1vCndhwleRRKHowQ="));
    }

    #[test]
    fn directions_agree_and_families_do_not_mix() {
        let a = ("2001:db8::1".parse().unwrap(), 1000);
        let b = ("2001:db8::2".parse().unwrap(), 443);
        assert_eq!(community_id(Transport::TCP, a, b), community_id(Transport::TCP, b, a));
        assert_eq!(community_id(Transport::TCP, a, ("10.0.0.1".parse().unwrap(), 1)), None);
    }
}
