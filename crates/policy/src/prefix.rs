//! Networks to values, longest prefix first, without a tree.
//!
//! Prefixes either nest or are disjoint, so a set of them cuts the address space into disjoint ranges, each with the
//! value of the innermost prefix. A look-up is one binary search over the starts of these ranges.

use std::net::IpAddr;

use ipnet::IpNet;

/// A map from networks of both families to small values.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrefixMap {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl PrefixMap {
    /// Of two equal networks the later one counts.
    pub(crate) fn new(networks: impl IntoIterator<Item = (IpNet, u16)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (network, value) in networks {
            match network {
                IpNet::V4(net) => v4.push((u32::from(net.network()), u32::from(net.broadcast()), value)),
                IpNet::V6(net) => v6.push((u128::from(net.network()), u128::from(net.broadcast()), value)),
            }
        }
        Self { v4: Ranges::new(v4, |end| end.checked_add(1)), v6: Ranges::new(v6, |end| end.checked_add(1)) }
    }

    /// The value of the longest prefix that holds `address`. An IPv4-mapped IPv6 address counts as IPv4.
    pub(crate) fn get(&self, address: IpAddr) -> Option<u16> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.get(u32::from(address)),
            IpAddr::V6(address) => self.v6.get(u128::from(address)),
        }
    }

    /// Whether any prefix holds `address`.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.get(address).is_some()
    }
}

/// Disjoint ranges: range `i` goes from `starts[i]` to just before `starts[i + 1]`.
#[derive(Clone, Debug, Default)]
struct Ranges<A> {
    starts: Box<[A]>,
    values: Box<[Option<u16>]>,
}

impl<A: Copy + Ord> Ranges<A> {
    /// `networks`: first address, last address, value; nested or disjoint. `next`: the address after.
    fn new(mut networks: Vec<(A, A, u16)>, next: impl Fn(A) -> Option<A>) -> Self {
        // Outer before inner; the sort is stable, so of equal networks the later one ends up innermost.
        networks
            .sort_by(|(a_start, a_end, _), (b_start, b_end, _)| a_start.cmp(b_start).then(b_end.cmp(a_end)));
        let mut ranges: Vec<(A, Option<u16>)> = Vec::new();
        let mut open: Vec<(A, u16)> = Vec::new();
        for (start, end, value) in networks {
            while let Some(&(outer_end, _)) = open.last() {
                if outer_end >= start {
                    break;
                }
                open.pop();
                if let Some(after) = next(outer_end) {
                    push(&mut ranges, after, open.last().map(|&(_, value)| value));
                }
            }
            push(&mut ranges, start, Some(value));
            open.push((end, value));
        }
        while let Some((end, _)) = open.pop() {
            if let Some(after) = next(end) {
                push(&mut ranges, after, open.last().map(|&(_, value)| value));
            }
        }
        let (starts, values): (Vec<A>, Vec<Option<u16>>) = ranges.into_iter().unzip();
        Self { starts: starts.into(), values: values.into() }
    }

    fn get(&self, address: A) -> Option<u16> {
        let after = self.starts.partition_point(|&start| start <= address);
        *self.values.get(after.checked_sub(1)?)?
    }
}

/// A range that starts where the last one did replaces it: it is the inner one.
fn push<A: Copy + Ord>(ranges: &mut Vec<(A, Option<u16>)>, start: A, value: Option<u16>) {
    match ranges.last_mut() {
        Some(last) if last.0 == start => last.1 = value,
        _ => ranges.push((start, value)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use ipnet::{Ipv4Net, Ipv6Net};
    use proptest::prelude::*;

    use super::*;

    fn map(networks: &[&str]) -> PrefixMap {
        PrefixMap::new(networks.iter().zip(0..).map(|(net, value)| (net.parse().unwrap(), value)))
    }

    #[test]
    fn the_longest_prefix_wins() {
        let map = map(&["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "10.0.0.0/16"]);
        let get = |address: &str| map.get(address.parse().unwrap());
        assert_eq!(get("9.255.255.255"), Some(0));
        assert_eq!(get("10.0.0.0"), Some(4));
        assert_eq!(get("10.1.2.2"), Some(2));
        assert_eq!(get("10.1.2.3"), Some(3));
        assert_eq!(get("10.1.2.4"), Some(2));
        assert_eq!(get("10.2.0.0"), Some(1));
        assert_eq!(get("255.255.255.255"), Some(0));
        assert_eq!(get("::1"), None);
        assert_eq!(get("::ffff:10.1.2.3"), Some(3));
    }

    #[test]
    fn of_equal_networks_the_later_counts() {
        let map = map(&["10.0.0.0/8", "10.0.0.0/8"]);
        assert_eq!(map.get("10.0.0.1".parse().unwrap()), Some(1));
    }

    /// The oracle: try every network, keep the longest, of equals the last.
    fn naive(networks: &[(IpNet, u16)], address: IpAddr) -> Option<u16> {
        networks
            .iter()
            .filter(|(net, _)| net.contains(&address))
            .max_by_key(|(net, _)| net.prefix_len())
            .map(|&(_, value)| value)
    }

    /// Addresses from few bits, so that prefixes collide and nest often, and both ends of the space occur.
    fn v4() -> impl Strategy<Value = Ipv4Addr> {
        prop_oneof![any::<u32>(), (0u32..8).prop_map(|bits| bits << 29), (0u32..16), Just(u32::MAX)]
            .prop_map(Ipv4Addr::from)
    }

    fn v6() -> impl Strategy<Value = Ipv6Addr> {
        // Not ::ffff:0:0/96, which counts as IPv4.
        prop_oneof![any::<u128>(), (0u128..8).prop_map(|bits| bits << 125), (0u128..16), Just(u128::MAX)]
            .prop_map(Ipv6Addr::from)
            .prop_filter("mapped", |address| address.to_ipv4_mapped().is_none())
    }

    fn network() -> impl Strategy<Value = IpNet> {
        prop_oneof![
            (v4(), 0u8..=32).prop_map(|(address, len)| Ipv4Net::new(address, len).unwrap().trunc().into()),
            (v6(), 0u8..=128).prop_map(|(address, len)| Ipv6Net::new(address, len).unwrap().trunc().into()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_the_naive_oracle(
            networks in prop::collection::vec(network(), 0..40),
            addresses in prop::collection::vec(prop_oneof![v4().prop_map(IpAddr::V4), v6().prop_map(IpAddr::V6)], 1..40),
        ) {
            let networks: Vec<(IpNet, u16)> = networks.into_iter().zip(0..).collect();
            let map = PrefixMap::new(networks.iter().copied());
            // The ends of every network and their neighbours are where a range could be off by one.
            let edges = networks.iter().flat_map(|(net, _)| [net.network(), net.broadcast()]);
            let neighbours = edges.clone().flat_map(|edge| match edge {
                IpAddr::V4(a) => {
                    [u32::from(a).wrapping_sub(1), u32::from(a).wrapping_add(1)].map(|n| IpAddr::V4(n.into()))
                }
                IpAddr::V6(a) => {
                    [u128::from(a).wrapping_sub(1), u128::from(a).wrapping_add(1)].map(|n| IpAddr::V6(n.into()))
                }
            });
            for address in addresses.into_iter().chain(edges).chain(neighbours) {
                if matches!(address, IpAddr::V6(a) if a.to_ipv4_mapped().is_some()) {
                    continue;
                }
                prop_assert_eq!(map.get(address), naive(&networks, address), "{}", address);
            }
        }
    }
}
