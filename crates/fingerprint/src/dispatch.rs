//! Which probes are worth asking, by the first byte.
//!
//! Over TCP a contradiction is final (that is what [`Match::No`] means, and fuzzing holds each probe to it), so a probe
//! that refuses the first byte of who spoke first refuses everything that starts with it. The table is therefore
//! had from the probes themselves, once: none of them has to say a second time what it starts with, and what identifying
//! costs does not grow with the number of protocols, but with how many of them start alike.
//!
//! Datagrams do not grow, so a short one says nothing of a longer one: over UDP every probe is asked. So it is
//! midstream, where a side may begin anywhere.

use std::sync::LazyLock;

use offport_wire::Transport;

use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::transports;
use crate::probe::{Match, Probe};
use crate::protocols::PROBES;

/// Some of [`PROBES`], in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection([u64; 4]);

const _: () = assert!(PROBES.len() <= 256);

impl Selection {
    fn of(transport: Transport, worth: impl Fn(&Probe) -> bool) -> Self {
        let mut selection = Self::default();
        let Some(transport) = transports(transport) else { return selection };
        for (index, probe) in PROBES.iter().enumerate() {
            if probe.transports.contains(transport) && worth(probe) {
                selection.0[index / 64] |= 1 << (index % 64);
            }
        }
        selection
    }

    /// The probes that may have something to say to an exchange.
    pub(crate) fn for_exchange(exchange: &Exchange<'_>) -> Self {
        let opening = match exchange.first {
            Speaker::Client => &exchange.client,
            Speaker::Server => &exchange.server,
        };
        match (exchange.transport, opening.bytes) {
            (Transport::TCP, &[first, ..]) if !exchange.midstream => {
                TABLES.tcp[exchange.first as usize][usize::from(first)]
            }
            (Transport::TCP, _) => TABLES.all_tcp,
            (Transport::UDP, _) => TABLES.all_udp,
            (transport, _) => Self::of(transport, |_| true),
        }
    }

    /// Those of them that are worth it.
    pub(crate) fn filter(self, worth: impl Fn(&Probe) -> bool) -> Self {
        let mut filtered = Self::default();
        for (index, probe) in PROBES.iter().enumerate() {
            let bit = 1 << (index % 64);
            if self.0[index / 64] & bit != 0 && worth(probe) {
                filtered.0[index / 64] |= bit;
            }
        }
        filtered
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'static Probe> {
        self.0.into_iter().zip(PROBES.chunks(64)).flat_map(|(mut bits, probes)| {
            std::iter::from_fn(move || {
                let index = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                probes.get(index)
            })
        })
    }
}

struct Tables {
    /// By who spoke first, and the first byte of that.
    tcp: [[Selection; 256]; 2],
    all_tcp: Selection,
    all_udp: Selection,
}

/// A server's port that no probe knows, and those that one does: there it may be more patient.
pub(crate) const PORTS: [u16; 7] = [1, 53, 137, 4500, 5353, 5355, 6379];

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let started_by = |first: Speaker| {
        std::array::from_fn(|byte| {
            Selection::of(Transport::TCP, |probe| {
                PORTS.iter().any(|&port| is_open_to(probe, first, byte as u8, port))
            })
        })
    };
    Tables {
        tcp: [started_by(Speaker::Client), started_by(Speaker::Server)],
        all_tcp: Selection::of(Transport::TCP, |_| true),
        all_udp: Selection::of(Transport::UDP, |_| true),
    }
});

/// Whether a probe does not refuse a flow of which no more than its first byte is there.
fn is_open_to(probe: &Probe, first: Speaker, byte: u8, server_port: u16) -> bool {
    let (bytes, silent) = ([byte], Side::default());
    let spoken = Side::one(&bytes, &[1]);
    let (client, server) = match first {
        Speaker::Client => (spoken, silent),
        Speaker::Server => (silent, spoken),
    };
    let transport = Transport::TCP;
    let exchange =
        Exchange { transport, client, server, first, client_port: 1, server_port, midstream: false };
    (probe.check)(&exchange) != Match::No
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Protocol;

    fn started(first: Speaker, byte: u8) -> Vec<Protocol> {
        TABLES.tcp[first as usize][usize::from(byte)].iter().map(|probe| probe.protocol).collect()
    }

    #[test]
    fn a_first_byte_leaves_few() {
        assert!(started(Speaker::Client, 0x16).contains(&Protocol::Tls));
        assert!(!started(Speaker::Client, 0x16).contains(&Protocol::Http));
        assert!(started(Speaker::Server, b'2').contains(&Protocol::Smtp));
        assert!(started(Speaker::Server, b'S').contains(&Protocol::Ssh));
        // Length fields and tags may begin with anything; still, on the average, most are ruled out.
        let all = TABLES.all_tcp.iter().count();
        let left: usize = (0..=255).map(|byte| started(Speaker::Client, byte).len()).sum();
        assert!(left / 256 < all / 3, "{} of {all}", left / 256);
    }

    #[test]
    fn the_order_is_that_of_the_table() {
        let names: Vec<_> = TABLES.all_udp.iter().map(|probe| probe.protocol).collect();
        let expected: Vec<_> = PROBES
            .iter()
            .filter(|probe| probe.transports.contains(transports(Transport::UDP).unwrap()))
            .map(|probe| probe.protocol)
            .collect();
        assert_eq!(names, expected);
    }
}
