/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the steering hash to a worker.
 *
 * A slot that moves from one worker to another takes no flow with it: only flows that start later are the new worker's.
 * Which are old, a set of their hashes tells, the pins. First the slot is learning: all its packets go to the former
 * worker, and the hashes that pass by are pinned, while that worker pins those of its flows that are silent. Then it is
 * not: what is pinned goes to the former worker and the rest to the new one. The former worker takes away the pins of flows
 * that end, and with the last of them the slot has moved.
 */
#ifndef OFFPORT_STEER_H
#define OFFPORT_STEER_H

#include "maps.h"

/* Pins a hash. Not to find room is counted, and makes user space give up the move. */
static __always_inline void pin(struct offport_pins *set, __u64 hash)
{
	__u64 found;
	int i;

	for (i = 0; i < OFFPORT_PIN_WAYS; i++) {
		found = __sync_val_compare_and_swap(&set->hash[i], 0, hash);
		if (!found || found == hash)
			return;
	}
	__sync_fetch_and_add(&pins_refused, 1);
}

static __always_inline __u32 worker_of(__u64 hash)
{
	__u32 slot = (hash >> 32) % OFFPORT_SLOTS, index = hash & (config.pin_sets - 1), former, entry;
	struct offport_pins *set;
	int i;

	if (weighing)
		slot_packets[slot]++;
	entry = indirection[slot];
	if (!config.pin_sets || !(entry & OFFPORT_MOVING))
		return entry;
	former = entry >> OFFPORT_FORMER_SHIFT & OFFPORT_WORKER_MASK;
	set = bpf_map_lookup_elem(&pins, &index);
	if (!set)
		return former;
	if (!hash)
		hash = 1;
	for (i = 0; i < OFFPORT_PIN_WAYS; i++) {
		if (*(volatile __u64 *)&set->hash[i] == hash)
			return former;
	}
	if (!(entry & OFFPORT_LEARNING))
		return entry & OFFPORT_WORKER_MASK;
	pin(set, hash);
	return former;
}

#endif
