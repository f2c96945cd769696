/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The steering hash. crates/wire/src/steer.rs is its definition; a test on arbitrary packets holds the two together.
 */
#ifndef OFFPORT_HASH_H
#define OFFPORT_HASH_H

#include "maps.h"
#include "walk.h"

/* The 64-bit finalizer of MurmurHash3. */
static __always_inline __u64 fmix64(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static __always_inline __u64 endpoint(__u8 version, __u64 high, __u64 low, __u16 port)
{
	if (version == 4)
		return fmix64(config.seed ^ (low << 16 | port));
	return fmix64(fmix64(fmix64(config.seed ^ high) ^ low) ^ port);
}

/* Symmetric: both directions of a flow, and all fragments of a datagram, give one number. */
static __always_inline __u64 hash_of(const struct walk *walk)
{
	__u64 rest = walk->protocol;

	/* Fragments of one IPv6 datagram may differ in their next header (RFC 8200, section 4.5). */
	if (walk->fragment && walk->version == 6)
		rest = 0;
	if (walk->fragment)
		rest += (__u64)walk->id << 8;
	return fmix64(endpoint(walk->version, walk->source_high, walk->source_low, walk->source_port) +
		      endpoint(walk->version, walk->destination_high, walk->destination_low,
			       walk->destination_port) +
		      rest);
}

/* Remembers the packet that the walk stands in, in case that its content is none. */
static __always_inline void remember(struct fallback *fallback, const struct walk *walk)
{
	fallback->hash = hash_of(walk);
	fallback->is_set = 1;
	fallback->tunnels = walk->tunnels;
}

/* Ends the walk with what was remembered. */
static __always_inline void settle(struct walk *walk, const struct fallback *fallback)
{
	walk->hash = fallback->hash;
	walk->tunnels = fallback->tunnels;
	walk->settled = 1;
	walk->fragment = 0;
	walk->next = LAYER_DONE;
}

#endif
