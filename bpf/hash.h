/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The steering hash. crates/wire/src/steer.rs is its definition; a test on arbitrary packets holds the two together.
 */
#ifndef OFFPORT_HASH_H
#define OFFPORT_HASH_H

#include "parse.h"

/* The 64-bit finalizer of MurmurHash3. */
static __always_inline __u64 fmix64(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static __always_inline __u64 endpoint(__u64 seed, __u8 version, __u64 high, __u64 low, __u16 port)
{
	if (version == 4)
		return fmix64(seed ^ (low << 16 | port));
	return fmix64(fmix64(fmix64(seed ^ high) ^ low) ^ port);
}

/* Symmetric: both directions of a flow, and all fragments of a datagram, give one number. */
static __always_inline __u64 hash_of(__u64 seed, const struct walk *walk)
{
	__u64 rest = walk->protocol;
	__u16 source_port = walk->source_port, destination_port = walk->destination_port;

	if (walk->fragment)
		rest += (__u64)walk->id << 8;
	return fmix64(endpoint(seed, walk->version, walk->source_high, walk->source_low, source_port) +
		      endpoint(seed, walk->version, walk->destination_high, walk->destination_low, destination_port) +
		      rest);
}

#endif
