// SPDX-License-Identifier: Apache-2.0 OR MIT
/*
 * The XDP program: gives every packet to the worker that owns its flow.
 *
 *   plain (plain.h)? else parse (parse.h) -> hash (hash.h) -> shunt? (shunt.h) -> worker (steer.h) -> socket of (port, worker)
 *
 * Every packet is counted, once as received and once by what became of it (abi.h).
 * "xdp.frags": frames of several buffers are steered by their first one.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "maps.h"
#include "parse.h"
#include "hash.h"
#include "plain.h"
#include "shunt.h"
#include "steer.h"

/*
 * Counts `reason` and takes `action`; returns an XDP action, or -1 for "hand it to the worker of slot 0", where it is
 * counted as any packet that is handed on, and by its reason in the worker.
 */
static __always_inline int refuse(struct offport_counters *count, __u32 reason, enum offport_action action)
{
	if (action == OFFPORT_WORKER)
		return -1;
	if (reason < OFFPORT_COUNTERS)
		count->value[reason]++;
	if (config.trace) {
		trace.hash = 0;
		trace.index = ~0;
		trace.counted = reason;
	}
	switch (action) {
	case OFFPORT_PASS:
		return XDP_PASS;
	default:
		return XDP_DROP;
	}
}

static __always_inline int redirect(struct offport_counters *count, __u32 port, __u32 worker, __u64 hash)
{
	__u32 index = port * config.max_workers + worker;
	/* The low bits of flags are the action for an index without a socket. */
	__u64 flags = config.no_socket == OFFPORT_PASS ? XDP_PASS : XDP_DROP;
	long action = bpf_redirect_map(&sockets, index, flags);
	__u32 counted = action == XDP_REDIRECT ? OFFPORT_REDIRECTED : OFFPORT_NO_SOCKET;

	count->value[counted]++;
	if (config.trace) {
		trace.hash = hash;
		trace.index = index;
		trace.counted = counted;
	}
	return action;
}

/* The packet was counted to its flow. */
static __always_inline int shunted(struct offport_counters *count, __u32 length, __u64 hash)
{
	count->value[OFFPORT_SHUNTED_PACKETS]++;
	count->value[OFFPORT_SHUNTED_BYTES] += length;
	if (config.trace) {
		trace.hash = hash;
		trace.index = ~0;
		trace.counted = OFFPORT_SHUNTED_PACKETS;
	}
	return XDP_DROP;
}

/* The port of an (interface, queue), or no_port. */
static __always_inline __u32 port_of(__u32 interface, __u32 receive_queue)
{
	__u32 slot = (interface * 8 + receive_queue) % OFFPORT_NEAR_PORTS;
	__u64 queue = (__u64)interface << 32 | receive_queue;
	__u32 *port;

	if (near_ports[slot].queue == (queue | 1ULL << 63))
		return near_ports[slot].port;
	port = bpf_map_lookup_elem(&ports, &queue);
	return port ? *port : no_port;
}

static __always_inline int steer_packet(struct xdp_md *ctx, __u32 length)
{
	__u32 port = port_of(ctx->ingress_ifindex, ctx->rx_queue_index);
	struct offport_counters *count;
	int reason, action, is_plain;
	struct plain packet;
	__u64 hash = 0;

	count = bpf_map_lookup_elem(&counters, &port);
	if (!count)
		return XDP_ABORTED; /* cannot be: user space numbers ports from 0 to no_port */
	count->value[OFFPORT_PACKETS]++;
	count->value[OFFPORT_BYTES] += length;
	if (port == no_port) {
		count->value[OFFPORT_NO_SOCKET]++;
		return config.no_socket == OFFPORT_PASS ? XDP_PASS : XDP_DROP;
	}

	if (config.steering == OFFPORT_BY_QUEUE && !config.shunt_sets)
		return redirect(count, port, ctx->rx_queue_index % config.workers, 0);

	if (config.trace) {
		trace.unreached = 0;
		trace.shuntable = 0;
	}
	if (read_plain(ctx, length, &packet)) {
		hash = hash_of_plain(&packet);
		if (config.trace)
			trace_packet(&packet);
		if (config.shunt_sets && shunt(&packet, hash))
			return shunted(count, length, hash);
	} else {
		struct walk walk = {};

		walk.end = length;
		reason = parse(ctx, &walk);
		if (config.trace)
			trace.unreached = reason == OFFPORT_UNREACHED;
		if (reason == 0) {
			hash = walk.settled ? walk.hash : hash_of(&walk);
			is_plain = plain_of(&walk, &packet);
			if (config.trace && is_plain)
				trace_packet(&packet);
			if (config.shunt_sets && is_plain && shunt(&packet, hash))
				return shunted(count, length, hash);
		}
		if (config.steering == OFFPORT_BY_QUEUE)
			return redirect(count, port, ctx->rx_queue_index % config.workers, 0);
		if (reason == 0) {
			if (walk.tunnels)
				count->value[OFFPORT_TUNNELLED]++;
			if (walk.fragment)
				count->value[OFFPORT_FRAGMENTS]++;
		} else if (reason == OFFPORT_UNREACHED) {
			count->value[OFFPORT_UNREACHED]++;
		} else {
			action = refuse(count, reason, reason == OFFPORT_NOT_IP ? config.not_ip : config.malformed);
			if (action >= 0)
				return action;
		}
	}
	if (config.steering == OFFPORT_BY_QUEUE)
		return redirect(count, port, ctx->rx_queue_index % config.workers, 0);
	return redirect(count, port, worker_of(hash), hash);
}

/* For frames that fit one buffer: their length costs no call, which takes as long as all of read_plain(). */
SEC("xdp")
int steer(struct xdp_md *ctx)
{
	return steer_packet(ctx, ctx->data_end - ctx->data);
}

SEC("xdp.frags")
int steer_frags(struct xdp_md *ctx)
{
	return steer_packet(ctx, bpf_xdp_get_buff_len(ctx));
}

char LICENSE[] SEC("license") = "MIT"; /* no helper here asks for the GPL */
