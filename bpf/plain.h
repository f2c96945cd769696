/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The short way: most packets are TCP or UDP in IPv4 or IPv6 behind an Ethernet header with one tag at most, without
 * options, extension headers, fragments or tunnels. They are read in one go, with no state to keep, into what a hash
 * and a flow need. Whatever is not so, or is not as it should be, is left to the walk (parse.h), which makes the same of
 * a plain packet; a test holds both to crates/wire.
 */
#ifndef OFFPORT_PLAIN_H
#define OFFPORT_PLAIN_H

#include "hash.h"
#include "transport.h"
#include "walk.h"

/* What steering and shunting need of a packet of TCP or UDP. In host byte order; IPv4 addresses in the low halves. */
struct plain {
	__u64 source_high;
	__u64 source_low;
	__u64 destination_high;
	__u64 destination_low;
	__u32 domain;
	__u32 ip_bytes;
	__u32 payload;
	__u16 source_port;
	__u16 destination_port;
	__u8 version;
	__u8 protocol;
	__u8 flags; /* TCP; 0 for UDP */
	__u8 padding;
};

/* Whether the frame of `length` bytes is plain; then all of `plain` is set. */
static __always_inline int read_plain(struct xdp_md *ctx, __u32 length, struct plain *plain)
{
	const __u8 *data = (void *)(long)ctx->data;
	const __u8 *end = (void *)(long)ctx->data_end;
	__u32 offset = 14, rest, header, id;
	const __u8 *ip, *transport;
	__u16 type;

	if (data + 18 > end)
		return 0;
	plain->domain = 0;
	type = read16(data + 12);
	if (type == 0x8100) {
		id = read16(data + 14) & 0xfff;
		if (id)
			plain->domain = DOMAIN_VLAN << 24 | id << 12;
		type = read16(data + 16);
		offset = 18;
	}
	ip = data + offset;

	if (type == 0x0800) {
		if (ip + 28 > end || ip[0] != 0x45 || read16(ip + 6) & 0x3fff)
			return 0;
		plain->ip_bytes = read16(ip + 2);
		if (plain->ip_bytes < 28 || offset + plain->ip_bytes > length)
			return 0;
		plain->version = 4;
		plain->protocol = ip[9];
		plain->source_high = 0;
		plain->destination_high = 0;
		plain->source_low = read32(ip + 12);
		plain->destination_low = read32(ip + 16);
		rest = plain->ip_bytes - 20;
		transport = ip + 20;
	} else if (type == 0x86dd) {
		if (ip + 48 > end || ip[0] >> 4 != 6)
			return 0;
		rest = read16(ip + 4);
		plain->ip_bytes = 40 + rest;
		if (rest < 8 || offset + plain->ip_bytes > length)
			return 0;
		plain->version = 6;
		plain->protocol = ip[6];
		plain->source_high = read64(ip + 8);
		plain->source_low = read64(ip + 16);
		plain->destination_high = read64(ip + 24);
		plain->destination_low = read64(ip + 32);
		transport = ip + 40;
	} else {
		return 0;
	}

	plain->source_port = read16(transport);
	plain->destination_port = read16(transport + 2);
	if (plain->protocol == PROTOCOL_TCP) {
		if (transport + 20 > end)
			return 0;
		header = (transport[12] >> 4) * 4;
		plain->flags = transport[13];
		if (header < 20)
			return 0;
	} else if (plain->protocol == PROTOCOL_UDP) {
		header = read16(transport + 4);
		if (header < 8 || header > rest || tunnel_over(plain->source_port, plain->destination_port) != LAYER_DONE)
			return 0;
		rest = header; /* its length */
		header = 8;
		plain->flags = 0;
	} else {
		return 0;
	}
	if (header > rest)
		return 0;
	plain->payload = rest - header;
	return 1;
}

/* What the walk ended at, if that is a whole packet of TCP or UDP; what was settled for further out is none. */
static __always_inline int plain_of(const struct walk *walk, struct plain *plain)
{
	if (walk->fragment || walk->quoted || walk->settled)
		return 0;
	if (walk->protocol != PROTOCOL_TCP && walk->protocol != PROTOCOL_UDP)
		return 0;
	plain->source_high = walk->source_high;
	plain->source_low = walk->source_low;
	plain->destination_high = walk->destination_high;
	plain->destination_low = walk->destination_low;
	plain->domain = walk->domain;
	plain->ip_bytes = walk->ip_bytes;
	plain->payload = walk->payload;
	plain->source_port = walk->source_port;
	plain->destination_port = walk->destination_port;
	plain->version = walk->version;
	plain->protocol = walk->protocol;
	plain->flags = walk->flags;
	return 1;
}

static __always_inline __u64 hash_of_plain(const struct plain *plain)
{
	return fmix64(endpoint(plain->version, plain->source_high, plain->source_low, plain->source_port) +
		      endpoint(plain->version, plain->destination_high, plain->destination_low,
			       plain->destination_port) +
		      plain->protocol);
}

#endif
