/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the first byte of an Ethernet frame to the innermost flow.
 *
 * Contract of every parse_*() function:
 * - Bounds: a header is read only after at() has said that all of it lies within the frame, its first buffer, and what
 *   enclosing headers leave of it.
 * - Return: 0, with walk->offset past what was read and walk->next saying what follows; or the enum
 *   offport_counter that says why there is nothing to follow.
 * - Byte order: everything in struct walk is in host order.
 *
 * They are global functions on purpose: the verifier checks each once, on its own, instead of once per path that
 * leads to it. With everything inlined, four levels of tunnels take it past its limit of a million instructions.
 *
 * This is the walk of crates/wire, reduced to what steering needs: each reason here is a reason there, and where
 * crates/wire finds a flow, so does this, the same one. It may give up (OFFPORT_UNREACHED) on headers beyond the first
 * buffer, beyond MAX_OFFSET or more than MAX_STEPS of them: such a packet goes to a worker all the same.
 */
#ifndef OFFPORT_PARSE_H
#define OFFPORT_PARSE_H

#include "hash.h"
#include "ip.h"
#include "link.h"
#include "transport.h"
#include "tunnel.h"
#include "walk.h"

/* Headers of a frame, or of the attempts to read it. Five levels of link, label, IP, transport and tunnel are 25. */
#define MAX_STEPS 48

/* After a failure: settles for a packet further out, goes back to a retry point, or agrees that there is no flow. */
__attribute__((noinline)) int recover(struct walk *walk, int reason)
{
	__u32 zero = 0, index;
	struct retries *retries;
	struct retry *retry;

	if (!walk || reason == OFFPORT_UNREACHED)
		return reason;
	if (walk->quoted) {
		settle(walk, &walk->udp);
		return 0;
	}
	if (reason == OFFPORT_NOT_IP && walk->other.is_set) {
		settle(walk, &walk->other);
		walk->opaque = 1;
		return 0;
	}
	if (reason != OFFPORT_TOO_DEEP && walk->udp.is_set) {
		settle(walk, &walk->udp);
		return 0;
	}
	index = walk->retries - 1;
	if (index > MAX_TUNNELS)
		return reason;
	retries = bpf_map_lookup_elem(&retry_points, &zero);
	if (!retries)
		return reason;
	retry = &retries->at[index];
	walk->udp = retry->udp;
	walk->other = retry->other;
	walk->teredo = retry->teredo;
	walk->offset = retry->offset;
	walk->end = retry->end;
	walk->tunnels = retry->tunnels;
	walk->domain = retry->domain;
	walk->overlay = 0;
	walk->retries = index;
	walk->next = LAYER_ETHERNET;
	return 0;
}

/* One header. */
static __always_inline int step(struct xdp_md *ctx, struct walk *walk)
{
	switch (walk->next) {
	case LAYER_ETHERNET:
		return parse_ethernet(ctx, walk);
	case LAYER_ETHERTYPE:
		return parse_ethertype(ctx, walk);
	case LAYER_IP:
		return parse_ip(ctx, walk);
	case LAYER_IPV4:
		return parse_ipv4(ctx, walk);
	case LAYER_IPV6:
		return parse_ipv6(ctx, walk);
	case LAYER_TRANSPORT:
		return parse_transport(ctx, walk);
	case LAYER_MPLS:
		return parse_mpls(ctx, walk);
	case LAYER_PPP:
		return parse_ppp(ctx, walk);
	case LAYER_GRE:
		return parse_gre(ctx, walk);
	default:
		return parse_udp_tunnel(ctx, walk);
	}
}

/* The whole walk; walk->end is the frame's length. */
static __always_inline int parse(struct xdp_md *ctx, struct walk *walk)
{
	int i, reason;

	for (i = 0; i < MAX_STEPS; i++) {
		reason = step(ctx, walk);
		if (reason) {
			reason = recover(walk, reason);
			if (reason)
				return reason;
		}
		if (walk->next == LAYER_DONE) {
			if (walk->teredo.is_set && (walk->opaque || walk->fragment))
				settle(walk, &walk->teredo);
			return 0;
		}
	}
	return OFFPORT_UNREACHED;
}

#endif
