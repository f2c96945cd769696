/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Maps and global variables. Sizes of 1 are placeholders: user space sets them before load, from the number of
 * queues. Numbers are in host byte order.
 */
#ifndef OFFPORT_MAPS_H
#define OFFPORT_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "walk.h"

struct offport_counters {
	__u64 value[OFFPORT_COUNTERS];
};

/*
 * port * max_workers + worker -> AF_XDP socket.
 * Every worker has a socket on every port, since the kernel hands a packet only to a socket that is bound to the
 * queue it arrived on; so any worker can be chosen, whatever queue the NIC chose.
 */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

/*
 * interface index << 32 | receive queue -> port, the dense number of an (interface, queue).
 * A hash, because interface indices are sparse and change when an interface goes and comes back.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} ports SEC(".maps");

/*
 * The same, once more, for nearly all packets: slot of (interface, queue) -> which one it is, and its port. A hash lookup
 * takes as long as all else that is done with a plain packet. Where two would need one slot, one of them is in the map only.
 * User space takes away `queue` first and writes it last.
 */
struct near_port {
	__u64 queue; /* as in `ports`, and the topmost bit set; 0: none */
	__u32 port;
	__u32 padding;
};
volatile struct near_port near_ports[OFFPORT_NEAR_PORTS];

/*
 * port -> counters; the last entry is for packets of queues that have no port.
 * Per CPU, so that counting is a plain add; per port, so that one lookup serves them all.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct offport_counters);
} counters SEC(".maps");

/*
 * 0 -> where the walk may start again (link.h, parse.h).
 * A map, because it is rarely needed, and clearing that much stack for every packet costs more than a lookup.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct retries);
} retry_points SEC(".maps");

/*
 * hash % sets -> tags of the entries of that set.
 * set * ways + way -> flow and its numbers.
 * Arrays that user space maps into its memory, not a hash map: it enters and removes flows and reads their numbers
 * without a system call, and can switch a flow off without writing over what the program adds at that moment, which
 * bpf_map_update_elem() on a hash does. Here the steering hash, known already, finds the set, and a packet whose flow is
 * not shunted costs one line of tags. What is in them only changes as abi.h says.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct offport_shunt_tags);
} shunt_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, OFFPORT_SHUNT_WAYS);
	__type(key, __u32);
	__type(value, struct offport_shunt);
} shunts SEC(".maps");

/*
 * hash % sets -> flows that stay with the former worker of a slot that moves (steer.h).
 * An array that user space maps into its memory, as the shunt table: flows are pinned and let go without system calls.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct offport_pins);
} pins SEC(".maps");

/*
 * What user space reads and writes while the program runs, hence volatile and no maps of their own: globals cost no helper
 * call.
 *
 * hash slot -> worker, and more while it moves (abi.h).
 */
volatile __u32 indirection[OFFPORT_SLOTS];
/* Packets by slot, while `weighing` is not 0. CPUs may overwrite each other's additions: it is an estimate. */
volatile __u32 weighing;
volatile __u64 slot_packets[OFFPORT_SLOTS];
/* Flows that could not be pinned, because their set was full. */
__u64 pins_refused;

/* Set before load. */
const volatile struct offport_config config = {
	.max_workers = 1,
	.workers = 1,
};

/* Entry of `counters` for packets without a port; set before load. */
const volatile __u32 no_port;

/* The last packet's fate, for tests; written only with config.trace. */
struct offport_trace trace;

#endif
