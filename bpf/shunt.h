/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Shunting: the packets of some flows are counted to them and dropped, before anything more is spent on them. Which
 * flows, is user space's decision; what must be seen of every flow all the same, is_shuntable() lets through.
 */
#ifndef OFFPORT_SHUNT_H
#define OFFPORT_SHUNT_H

#include "maps.h"
#include "transport.h"
#include "walk.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04

/*
 * Whether the walk ended at a whole packet of TCP or UDP that only adds to its flow's numbers. What opens or closes a
 * connection, fragments, ICMP errors and what was settled for further out do not.
 */
static __always_inline int is_shuntable(const struct walk *walk)
{
	if (walk->fragment || walk->quoted || walk->settled)
		return 0;
	if (walk->protocol == PROTOCOL_TCP)
		return !(walk->flags & (TCP_FIN | TCP_SYN | TCP_RST));
	return walk->protocol == PROTOCOL_UDP;
}

/* Whether the first end of `flow` is the one with these numbers, and the second that with those. */
static __always_inline int are_ends(const struct offport_flow *flow, __u64 low_high, __u64 low_low, __u16 low_port,
				    __u64 high_high, __u64 high_low, __u16 high_port)
{
	return flow->low_addr[1] == low_low && flow->high_addr[1] == high_low && flow->low_port == low_port &&
	       flow->high_port == high_port && flow->low_addr[0] == low_high && flow->high_addr[0] == high_high;
}

/* The direction of the packet that the walk ended at in this flow; -1 if it is of another one. */
static __always_inline int direction_in(const struct offport_flow *flow, const struct walk *walk)
{
	if (flow->protocol != walk->protocol || flow->version != walk->version || flow->domain != walk->domain)
		return -1;
	if (are_ends(flow, walk->source_high, walk->source_low, walk->source_port, walk->destination_high,
		     walk->destination_low, walk->destination_port))
		return 0;
	if (are_ends(flow, walk->destination_high, walk->destination_low, walk->destination_port, walk->source_high,
		     walk->source_low, walk->source_port))
		return 1;
	return -1;
}

/* Counts the packet to its flow's entry. Returns whether there is one. */
__attribute__((noinline)) int shunt(const struct walk *walk, __u64 hash)
{
	__u32 set = hash & (config.shunt_sets - 1), tag = hash >> 32 | 1, index;
	struct offport_shunt_tags *tags;
	struct offport_shunt *entry;
	int i, direction;

	if (!walk)
		return 0;
	tags = bpf_map_lookup_elem(&shunt_tags, &set);
	if (!tags)
		return 0;
	for (i = 0; i < OFFPORT_SHUNT_WAYS; i++) {
		if (tags->tag[i] != tag)
			continue;
		index = set * OFFPORT_SHUNT_WAYS + i;
		entry = bpf_map_lookup_elem(&shunts, &index);
		if (!entry)
			continue;
		direction = direction_in(&entry->flow, walk);
		if (direction < 0)
			continue;
		direction &= 1;
		entry->last = bpf_ktime_get_coarse_ns();
		/* The packet last: who sees it sees its bytes. */
		__sync_fetch_and_add(&entry->payload[direction], walk->payload);
		__sync_fetch_and_add(&entry->bytes[direction], walk->ip_bytes);
		__sync_fetch_and_add(&entry->packets[direction], 1);
		return 1;
	}
	return 0;
}

/* The flow that the walk ended at, its ends in order; returns the direction of the packet. */
static __always_inline int flow_of(const struct walk *walk, struct offport_flow *flow)
{
	int direction;

	if (walk->source_high != walk->destination_high)
		direction = walk->source_high > walk->destination_high;
	else if (walk->source_low != walk->destination_low)
		direction = walk->source_low > walk->destination_low;
	else
		direction = walk->source_port > walk->destination_port;
	flow->low_addr[0] = direction ? walk->destination_high : walk->source_high;
	flow->low_addr[1] = direction ? walk->destination_low : walk->source_low;
	flow->high_addr[0] = direction ? walk->source_high : walk->destination_high;
	flow->high_addr[1] = direction ? walk->source_low : walk->destination_low;
	flow->low_port = direction ? walk->destination_port : walk->source_port;
	flow->high_port = direction ? walk->source_port : walk->destination_port;
	flow->domain = walk->domain;
	flow->version = walk->version;
	flow->protocol = walk->protocol;
	return direction;
}

/* Writes down what shunt() goes by, for tests. */
static __always_inline void trace_walk(const struct walk *walk, int reason)
{
	trace.unreached = reason == OFFPORT_UNREACHED;
	trace.shuntable = reason == 0 && is_shuntable(walk);
	if (trace.shuntable) {
		trace.direction = flow_of(walk, &trace.flow);
		trace.bytes = walk->ip_bytes;
		trace.payload = walk->payload;
	}
}

#endif
