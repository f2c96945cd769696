/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Shunting: the packets of some flows are counted to them and dropped, before anything more is spent on them. Which
 * flows, is user space's decision. Only whole packets of TCP and UDP that open and close nothing are: fragments, ICMP
 * errors and whatever the walk settled for further out are no struct plain.
 */
#ifndef OFFPORT_SHUNT_H
#define OFFPORT_SHUNT_H

#include "maps.h"
#include "plain.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04

/* Whether the packet only adds to its flow's numbers: what opens or closes a connection does not. */
static __always_inline int only_adds(const struct plain *packet)
{
	return !(packet->flags & (TCP_FIN | TCP_SYN | TCP_RST));
}

/* Whether the first end of `flow` is the one with these numbers, and the second that with those. */
static __always_inline int are_ends(const struct offport_flow *flow, __u64 low_high, __u64 low_low, __u16 low_port,
				    __u64 high_high, __u64 high_low, __u16 high_port)
{
	return flow->low_addr[1] == low_low && flow->high_addr[1] == high_low && flow->low_port == low_port &&
	       flow->high_port == high_port && flow->low_addr[0] == low_high && flow->high_addr[0] == high_high;
}

/* The direction of the packet in this flow; -1 if it is of another one. */
static __always_inline int direction_in(const struct offport_flow *flow, const struct plain *packet)
{
	if (flow->protocol != packet->protocol || flow->version != packet->version || flow->domain != packet->domain)
		return -1;
	if (are_ends(flow, packet->source_high, packet->source_low, packet->source_port, packet->destination_high,
		     packet->destination_low, packet->destination_port))
		return 0;
	if (are_ends(flow, packet->destination_high, packet->destination_low, packet->destination_port, packet->source_high,
		     packet->source_low, packet->source_port))
		return 1;
	return -1;
}

/*
 * Adds the packet to a direction's numbers. On one CPU no packet interrupts another, so the owner's adding is its own
 * affair; a flow that has moved to another CPU is counted there atomically.
 */
static __always_inline void count_to(struct offport_shunt *entry, int direction, const struct plain *packet)
{
	struct offport_shunt_side *side = &entry->side[direction];
	struct offport_shunt_numbers *others = &entry->others[direction];
	__u32 cpu = bpf_get_smp_processor_id() + 1, owner = *(volatile __u32 *)&side->owner;
	__u32 tick = bpf_jiffies64();

	/* The coarse clock moves with the tick, and reading the tick is one load; the clock is a call. */
	if (side->tick != tick || !side->last) {
		side->tick = tick;
		side->last = bpf_ktime_get_coarse_ns();
	}
	if (!owner) {
		owner = __sync_val_compare_and_swap(&side->owner, 0, cpu);
		if (!owner)
			owner = cpu;
	}
	if (owner == cpu) {
		/* Each in one store. The packet last: who sees it sees its bytes. */
		*(volatile __u64 *)&side->own.payload += packet->payload;
		*(volatile __u64 *)&side->own.bytes += packet->ip_bytes;
		*(volatile __u64 *)&side->own.packets += 1;
	} else {
		__sync_fetch_and_add(&others->payload, packet->payload);
		__sync_fetch_and_add(&others->bytes, packet->ip_bytes);
		__sync_fetch_and_add(&others->packets, 1);
	}
}

/* Counts the packet to its flow's entry. Returns whether there is one. */
static __always_inline int shunt(const struct plain *packet, __u64 hash)
{
	__u32 set = hash & (config.shunt_sets - 1), tag = hash >> 32 | 1, index;
	struct offport_shunt_tags *tags;
	struct offport_shunt *entry;
	int i, direction;

	if (!only_adds(packet))
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
		direction = direction_in(&entry->flow, packet);
		if (direction < 0)
			continue;
		count_to(entry, direction & 1, packet);
		return 1;
	}
	return 0;
}

/* The packet's flow, its ends in order; returns the direction of the packet. */
static __always_inline int flow_of(const struct plain *packet, struct offport_flow *flow)
{
	int direction;

	if (packet->source_high != packet->destination_high)
		direction = packet->source_high > packet->destination_high;
	else if (packet->source_low != packet->destination_low)
		direction = packet->source_low > packet->destination_low;
	else
		direction = packet->source_port > packet->destination_port;
	flow->low_addr[0] = direction ? packet->destination_high : packet->source_high;
	flow->low_addr[1] = direction ? packet->destination_low : packet->source_low;
	flow->high_addr[0] = direction ? packet->source_high : packet->destination_high;
	flow->high_addr[1] = direction ? packet->source_low : packet->destination_low;
	flow->low_port = direction ? packet->destination_port : packet->source_port;
	flow->high_port = direction ? packet->source_port : packet->destination_port;
	flow->domain = packet->domain;
	flow->version = packet->version;
	flow->protocol = packet->protocol;
	return direction;
}

/* Writes down what shunt() goes by, for tests. */
static __always_inline void trace_packet(const struct plain *packet)
{
	trace.shuntable = only_adds(packet);
	if (trace.shuntable) {
		trace.direction = flow_of(packet, &trace.flow);
		trace.bytes = packet->ip_bytes;
		trace.payload = packet->payload;
	}
}

#endif
