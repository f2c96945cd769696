/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* IPv4 and IPv6 headers, whole packets and the quotes of ICMP errors. Contract: see parse.h. */
#ifndef OFFPORT_IP_H
#define OFFPORT_IP_H

#include "walk.h"

/* Length of the authentication header (RFC 4302) at `offset`, or 0. */
static __always_inline __u32 auth_length(struct xdp_md *ctx, const struct walk *walk, __u32 offset, __u8 *next)
{
	const __u8 *header = at(ctx, walk, offset, 12);
	__u32 length;

	if (!header || header[1] < 1)
		return 0;
	*next = header[0];
	length = (header[1] + 2) * 4;
	return offset + length > walk->end ? 0 : length;
}

/* IPv4 (RFC 791). Of a quote only the start is there, so its total length says nothing. */
__attribute__((noinline)) int parse_ipv4(struct xdp_md *ctx, struct walk *walk)
{
	__u32 offset, length, total, flags;
	const __u8 *header;

	if (!walk)
		return OFFPORT_IP_TRUNCATED;
	offset = walk->offset;
	header = at(ctx, walk, offset, 20);
	if (!header)
		return missing(walk, offset, 20, OFFPORT_IP_TRUNCATED);
	length = (header[0] & 0xf) * 4;
	if (header[0] >> 4 != 4 || length < 20)
		return OFFPORT_IPV4_MALFORMED;
	if (offset + length > walk->end)
		return OFFPORT_IP_TRUNCATED;

	walk->version = 4;
	walk->source_high = 0;
	walk->destination_high = 0;
	walk->source_low = read32(header + 12);
	walk->destination_low = read32(header + 16);
	walk->source_port = 0;
	walk->destination_port = 0;
	walk->protocol = header[9];
	walk->next = LAYER_TRANSPORT;

	flags = read16(header + 6);
	if (walk->quoted) {
		if (flags & 0x1fff)
			walk->next = LAYER_DONE;
		walk->offset = offset + length;
		return 0;
	}

	total = read16(header + 2);
	if (total) { /* 0: the network card was to cut it into packets */
		if (total < length || limit(walk, total, OFFPORT_IPV4_MALFORMED))
			return OFFPORT_IPV4_MALFORMED;
	}
	walk->ip_bytes = walk->end - offset;
	offset += length;
	walk->offset = offset;
	if (flags & 0x3fff) { /* more fragments, or an offset */
		walk->fragment = 1;
		walk->id = read16(header + 4);
		walk->next = LAYER_DONE;
		return 0;
	}
	if (walk->protocol == 51) { /* one authentication header is followed */
		if (!at(ctx, walk, offset, 12))
			return missing(walk, offset, 12, OFFPORT_IPV4_MALFORMED);
		length = auth_length(ctx, walk, offset, &walk->protocol);
		if (!length)
			return OFFPORT_IPV4_MALFORMED;
		walk->offset = offset + length;
	}
	return 0;
}

/* Hop-by-hop, routing, destination options, mobility, HIP, shim6: next header, length in 8 bytes less one. */
static __always_inline int is_extension(__u8 next)
{
	return next == 0 || next == 43 || next == 60 || next == 135 || next == 139 || next == 140;
}

/* IPv6 (RFC 8200) and its extension headers. */
__attribute__((noinline)) int parse_ipv6(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 length, offset;
	__u8 next;
	int i;

	if (!walk)
		return OFFPORT_IP_TRUNCATED;
	offset = walk->offset;
	header = at(ctx, walk, offset, 40);
	if (!header)
		return missing(walk, offset, 40, OFFPORT_IP_TRUNCATED);
	if (header[0] >> 4 != 6)
		return OFFPORT_IPV6_MALFORMED;

	walk->version = 6;
	walk->source_high = read64(header + 8);
	walk->source_low = read64(header + 16);
	walk->destination_high = read64(header + 24);
	walk->destination_low = read64(header + 32);
	walk->source_port = 0;
	walk->destination_port = 0;
	walk->next = LAYER_TRANSPORT;
	next = header[6];
	length = read16(header + 4);
	offset += 40;
	walk->offset = offset;
	/* Length 0 is a jumbogram (RFC 2675) or segmentation offload where one can be. */
	if (!walk->quoted && (length || (next != 0 && next != 6 && next != 17))) {
		if (limit(walk, length, OFFPORT_IPV6_MALFORMED))
			return OFFPORT_IPV6_MALFORMED;
	}
	walk->ip_bytes = 40 + walk->end - offset;

	for (i = 0; i <= MAX_EXTENSIONS; i++) {
		if (is_extension(next)) {
			header = at(ctx, walk, offset, 8);
			if (!header)
				return missing(walk, offset, 8, OFFPORT_IPV6_MALFORMED);
			length = (header[1] + 1) * 8;
			if (offset + length > walk->end)
				return OFFPORT_IPV6_MALFORMED;
			next = header[0];
			offset += length;
		} else if (next == 51) {
			if (!at(ctx, walk, offset, 12))
				return missing(walk, offset, 12, OFFPORT_IPV6_MALFORMED);
			length = auth_length(ctx, walk, offset, &next);
			if (!length)
				return OFFPORT_IPV6_MALFORMED;
			offset += length;
		} else if (next == 44) {
			header = at(ctx, walk, offset, 8);
			if (!header)
				return missing(walk, offset, 8, OFFPORT_IPV6_MALFORMED);
			next = header[0];
			length = read16(header + 2); /* offset in 8 bytes, 2 reserved bits, more fragments */
			offset += 8;
			if (!(length & 0xfff9)) /* an atomic fragment (RFC 6946) is none */
				continue;
			walk->protocol = next;
			walk->offset = offset;
			if (!walk->quoted) {
				walk->fragment = 1;
				walk->id = read32(header + 4);
				walk->next = LAYER_DONE;
			} else if (length & 0xfff8) {
				walk->next = LAYER_DONE;
			}
			return 0;
		} else {
			walk->protocol = next;
			walk->offset = offset;
			return 0;
		}
	}
	return OFFPORT_TOO_DEEP;
}

/* The version that the first nibble says. */
__attribute__((noinline)) int parse_ip(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;

	if (!walk)
		return OFFPORT_IP_TRUNCATED;
	header = at(ctx, walk, walk->offset, 1);
	if (!header)
		return missing(walk, walk->offset, 1, OFFPORT_IP_TRUNCATED);
	if (header[0] >> 4 == 4)
		walk->next = LAYER_IPV4;
	else if (header[0] >> 4 == 6)
		walk->next = LAYER_IPV6;
	else
		return OFFPORT_NOT_IP;
	return 0;
}

#endif
