//! Who there is: servers that all sensors see, and each sensor's clients. A host is its number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::random::{Random, mix};

pub(crate) const SERVERS: u32 = 60_000;
pub(crate) const CLIENTS: u32 = 20_000;

/// The number of a host, dense: servers first, then each sensor's clients by IPv4 and by IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host(pub(crate) u32);

impl Host {
    /// How many there are.
    pub(crate) const fn count(sensors: u32) -> usize {
        (SERVERS + 2 * CLIENTS * sensors) as usize
    }

    /// A server: of few much is wanted, and of many hardly anything.
    pub(crate) fn server(random: &mut Random) -> Self {
        Self(random.spread(1.0, f64::from(SERVERS)) as u32 - 1)
    }

    /// One of a sensor's clients that can speak to that server.
    pub(crate) fn client(random: &mut Random, sensor: u32, server: Self) -> Self {
        let rank = random.spread(1.0, f64::from(CLIENTS)) as u32 - 1;
        // Who is busy is not who has a low address.
        let client = (mix(u64::from(rank)) % u64::from(CLIENTS)) as u32;
        Self(SERVERS + (2 * sensor + u32::from(server.is_v6())) * CLIENTS + client)
    }

    pub(crate) const fn is_v6(self) -> bool {
        match self.0.checked_sub(SERVERS) {
            None => self.0 % 7 == 3,
            Some(client) => client / CLIENTS % 2 == 1,
        }
    }

    /// In a home network, as offport is configured if nobody says otherwise.
    pub(crate) const fn is_home(self) -> bool {
        match self.0.checked_sub(SERVERS) {
            None => self.0 % 5 < 2,
            Some(client) => client % 12 != 11,
        }
    }

    pub(crate) fn address(self) -> IpAddr {
        let (site, number) = match self.0.checked_sub(SERVERS) {
            None => (0, self.0 + 1),
            Some(client) => (1 + client / CLIENTS / 2, client % CLIENTS + 1),
        };
        // 198.18.0.0/15 and 2001:db8::/32 are nobody's (RFC 2544, RFC 3849).
        let [high, low] = [number >> 8, number].map(|part| part as u8);
        match (self.is_v6(), self.is_home()) {
            (false, true) => Ipv4Addr::new(10, site as u8, high, low).into(),
            (false, false) => Ipv4Addr::new(198, 18 + u8::from(site > 0), high, low).into(),
            (true, home) => {
                let first = if home { [0xfd00, 0] } else { [0x2001, 0xdb8] };
                Ipv6Addr::new(first[0], first[1], site as u16, 0, 0, 0, 0, number as u16).into()
            }
        }
    }

    /// A number of it, for good.
    pub(crate) const fn trait_of(self, which: u64) -> u64 {
        mix(self.0 as u64 ^ (which << 40))
    }
}
