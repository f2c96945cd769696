//! Which cores the workers run on.
//!
//! A packet's memory is on its card's NUMA node, so workers belong on that node's cores. Two hardware threads of one
//! core share its caches and units: a worker is better off with a core of its own. Core 0 does the machine's
//! housekeeping and is taken last.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What the kernel says of the cores that this process may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topology {
    pub(crate) cores: Vec<Core>,
}

/// A hardware thread, by its number in /proc/cpuinfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Core {
    pub(crate) number: usize,
    /// NUMA node; 0 where there is only one.
    pub(crate) node: u32,
    /// The lowest number among the hardware threads of its core.
    pub(crate) first_sibling: usize,
}

impl Topology {
    /// The topology of these cores, from sysfs.
    pub(crate) fn read(usable: &[usize]) -> Self {
        let nodes = nodes(Path::new("/sys/devices/system/node"));
        let node_of =
            |number| nodes.iter().find(|(_, cores)| cores.contains(&number)).map_or(0, |&(node, _)| node);
        let cores = usable
            .iter()
            .map(|&number| {
                let path = format!("/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list");
                let siblings = fs::read_to_string(path).map(|list| parse_list(&list)).unwrap_or_default();
                let first_sibling = siblings.first().copied().unwrap_or(number);
                Core { number, node: node_of(number), first_sibling }
            })
            .collect();
        Self { cores }
    }

    /// The cores in the order in which workers take them, for cards on these nodes (none: not known).
    pub(crate) fn order(&self, nodes: &BTreeSet<u32>) -> Vec<usize> {
        let lowest = self.cores.iter().map(|core| core.number).min();
        let mut taken = BTreeSet::new();
        let mut ranked = Vec::new();
        let mut cores = self.cores.clone();
        cores.sort_by_key(|core| core.number);
        // A core whose first thread is not to be had is still a core of its own.
        for core in cores {
            let far = !nodes.is_empty() && !nodes.contains(&core.node);
            let sibling = !taken.insert(core.first_sibling);
            // The lowest is core 0 unless an affinity mask says otherwise; then nothing speaks against it.
            let housekeeping = core.number == 0 && lowest == Some(0);
            ranked.push((far, sibling, housekeeping, core.number));
        }
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., number)| number).collect()
    }

    /// Cores of their own on these nodes that workers can have, core 0 aside.
    pub(crate) fn workers(&self, nodes: &BTreeSet<u32>) -> usize {
        let near = self.cores.iter().filter(|core| nodes.is_empty() || nodes.contains(&core.node));
        let own: BTreeSet<_> = near.map(|core| core.first_sibling).filter(|&first| first != 0).collect();
        own.len().max(1)
    }
}

fn nodes(folder: &Path) -> Vec<(u32, Vec<usize>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let node = entry.file_name().to_str()?.strip_prefix("node")?.parse().ok()?;
            Some((node, parse_list(&fs::read_to_string(entry.path().join("cpulist")).ok()?)))
        })
        .collect()
}

/// A list such as `0-3,8,10-11` (`cpumask_print_to_pagebuf` in the kernel).
fn parse_list(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes of two cores of two threads, numbered as firmware usually does: 0-3 first threads, 4-7 their siblings.
    fn two_nodes() -> Topology {
        let core = |number: usize| Core { number, node: (number % 4 / 2) as u32, first_sibling: number % 4 };
        Topology { cores: (0..8).map(core).collect() }
    }

    #[test]
    fn near_cores_of_their_own_come_first_and_core_0_last_of_them() {
        let topology = two_nodes();
        assert_eq!(topology.order(&[1].into()), [2, 3, 6, 7, 1, 0, 4, 5]);
        assert_eq!(topology.order(&[0].into()), [1, 0, 4, 5, 2, 3, 6, 7]);
        assert_eq!(topology.order(&[].into()), [1, 2, 3, 0, 4, 5, 6, 7]);
        assert_eq!((topology.workers(&[1].into()), topology.workers(&[].into())), (2, 3));
    }

    #[test]
    fn within_an_affinity_mask_a_second_thread_may_be_the_only_one() {
        let mut topology = two_nodes();
        topology.cores.retain(|core| [3, 4, 6].contains(&core.number));
        assert_eq!(topology.order(&[].into()), [3, 4, 6]);
        assert_eq!(Topology::default().workers(&[].into()), 1);
    }

    #[test]
    fn lists_of_the_kernel() {
        assert_eq!(parse_list("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
        assert!(parse_list("\n").is_empty());
    }

    #[test]
    fn this_machine_has_the_cores_that_it_may_use() {
        let usable: Vec<_> = core_affinity::get_core_ids().unwrap().into_iter().map(|id| id.id).collect();
        let mut order = Topology::read(&usable).order(&BTreeSet::new());
        order.sort_unstable();
        assert_eq!(order, usable);
    }
}
