/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The walk down a frame: its state, how it reads, and what it falls back on when a tunnel turns out to be none.
 *
 * Everything in struct walk is in host byte order, addresses as numbers (192.0.2.1 is 0xc0000201).
 */
#ifndef OFFPORT_WALK_H
#define OFFPORT_WALK_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

/* The same as in crates/wire/src/walk.rs. */
#define MAX_TUNNELS 4
#define MAX_TAGS 4
#define MAX_LABELS 8
#define MAX_EXTENSIONS 8

/* Nothing that starts further into the frame is read: the verifier wants a bound, and headers are long over. */
#define MAX_OFFSET 4095

/* What stands at walk->offset. */
enum layer {
	LAYER_ETHERNET,
	LAYER_ETHERTYPE, /* what walk->type says */
	LAYER_IP,        /* what its first nibble says */
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_TRANSPORT, /* what walk->protocol says */
	LAYER_MPLS,
	LAYER_PPP,
	LAYER_GRE,
	LAYER_VXLAN,
	LAYER_VXLAN_GPE,
	LAYER_GENEVE,
	LAYER_GTPU,
	LAYER_TEREDO,
	LAYER_DONE, /* nothing more to follow */
};

/* A hash to steer by if what follows fails, and how many tunnels that is in. */
struct fallback {
	__u64 hash;
	__u32 is_set;
	__u32 tunnels;
};

struct walk {
	/* 128-bit addresses; IPv4 in the low half. */
	__u64 source_high;
	__u64 source_low;
	__u64 destination_high;
	__u64 destination_low;
	/* The walk settled for a fallback: steer by this. */
	__u64 hash;
	/* The nearest UDP datagram on a tunnel's port: if its content fails in any way but too deep, it is a flow. */
	struct fallback udp;
	/* The nearest IP packet with a tunnel's protocol: if its content is not IP, it is a flow. */
	struct fallback other;
	/* The nearest Teredo: if the end is a fragment or opaque, Teredo's datagram is the flow. */
	struct fallback teredo;
	/* Reads begin here and stay below `end`, which headers with a length pull in. */
	__u32 offset;
	__u32 end;
	__u32 id; /* identification of a fragment */
	__u32 domain; /* VLANs, or network id of an overlay: crates/wire/src/key.rs */
	__u32 ip_bytes; /* total length of the latest IP packet, its header included */
	__u32 payload; /* behind the TCP or UDP header */
	__u32 tunnels;
	__u32 retries; /* in use of struct retries */
	__u16 type; /* EtherType */
	__u16 source_port;
	__u16 destination_port;
	__u8 next; /* enum layer */
	__u8 version; /* 4 or 6; 0 before the first IP header */
	__u8 protocol;
	__u8 fragment; /* a fragment, first or not: steer by its id */
	__u8 opaque; /* ended at a protocol that is not looked into, or at router discovery */
	__u8 quoted; /* in the quote of an ICMP error; `udp` holds the error itself */
	__u8 settled; /* `hash` is the answer */
	__u8 flags; /* TCP */
	__u8 overlay; /* the Ethernet header to come is inside an overlay: its tags are not the domain */
	__u8 padding[3];
};

/* Where to start again if the walk fails: an Ethernet header where a control word might have been as well. */
struct retry {
	struct fallback udp;
	struct fallback other;
	struct fallback teredo;
	__u32 offset;
	__u32 end;
	__u32 tunnels;
	__u32 domain;
};

struct retries {
	struct retry at[MAX_TUNNELS + 1];
};

/*
 * A pointer to `size` bytes at `offset`, or NULL if they are not all within both the walk's end and the linear part
 * of the frame (its first buffer). `size` is a constant.
 */
static __always_inline void *at(struct xdp_md *ctx, const struct walk *walk, __u32 offset, __u32 size)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (offset > MAX_OFFSET || offset + size > walk->end)
		return NULL;
	if (data + offset + size > end)
		return NULL;
	return data + offset;
}

/* Why at() said NULL: `reason` if the bytes are not there, or that they are out of the program's reach. */
static __always_inline int missing(const struct walk *walk, __u32 offset, __u32 size, int reason)
{
	return offset + size > walk->end ? reason : OFFPORT_UNREACHED;
}

static __always_inline __u16 read16(const void *p)
{
	return (__u16)((const __u8 *)p)[0] << 8 | ((const __u8 *)p)[1];
}

static __always_inline __u32 read32(const void *p)
{
	return bpf_ntohl(*(const __u32 *)p);
}

static __always_inline __u64 read64(const void *p)
{
	return (__u64)read32(p) << 32 | read32(p + 4);
}

/* Keeps the walk within the next `length` bytes. */
static __always_inline int limit(struct walk *walk, __u32 length, int reason)
{
	if (walk->offset + length > walk->end)
		return reason;
	walk->end = walk->offset + length;
	return 0;
}

/* Moves on by `length` bytes, which need be within the end but not within reach. */
static __always_inline int skip(struct walk *walk, __u32 length, int reason)
{
	if (walk->offset + length > walk->end)
		return reason;
	walk->offset += length;
	return 0;
}

/* Goes one tunnel deeper. */
static __always_inline int enter(struct walk *walk, __u8 next)
{
	if (walk->tunnels >= MAX_TUNNELS)
		return OFFPORT_TOO_DEEP;
	walk->tunnels++;
	walk->next = next;
	walk->overlay = 0;
	return 0;
}

/* Kinds of domains: crates/wire/src/key.rs, crates/wire/src/tunnel.rs. */
#define DOMAIN_VLAN 1
#define DOMAIN_VXLAN 2
#define DOMAIN_GENEVE 3
#define DOMAIN_ERSPAN 4

/* Goes into an overlay, whose network id keeps equal 5-tuples apart. */
static __always_inline int enter_overlay(struct walk *walk, __u32 kind, __u32 id)
{
	int reason = enter(walk, LAYER_ETHERNET);

	if (reason)
		return reason;
	walk->domain = kind << 24 | id;
	walk->overlay = 1;
	return 0;
}

#endif
