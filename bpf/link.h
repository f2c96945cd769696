/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Ethernet, VLAN tags, LLC and SNAP, PPPoE and PPP, MPLS: what stands in front of IP. Contract: see parse.h. */
#ifndef OFFPORT_LINK_H
#define OFFPORT_LINK_H

#include "maps.h"
#include "walk.h"

static __always_inline int is_tag(__u16 type)
{
	/* IEEE 802.1Q, 802.1ad, and what was used before it. */
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* LLC (IEEE 802.2) and SNAP (RFC 1042), behind the length that stands in place of an EtherType. */
__attribute__((noinline)) int parse_llc(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 organisation;

	if (!walk)
		return OFFPORT_LINK_TRUNCATED;
	/* A length past the frame's end is none. */
	if (limit(walk, walk->type, OFFPORT_NOT_IP))
		return OFFPORT_NOT_IP;
	header = at(ctx, walk, walk->offset, 3);
	if (!header)
		return missing(walk, walk->offset, 3, OFFPORT_LINK_TRUNCATED);
	if (header[0] == 6 && header[1] == 6 && header[2] == 3) { /* IP (RFC 948) */
		walk->offset += 3;
		walk->next = LAYER_IPV4;
		return 0;
	}
	if (header[0] != 0xaa || header[1] != 0xaa || header[2] != 3)
		return OFFPORT_NOT_IP;
	header = at(ctx, walk, walk->offset, 8);
	if (!header)
		return missing(walk, walk->offset, 8, OFFPORT_LINK_TRUNCATED);
	organisation = (__u32)read16(header + 3) << 8 | header[5];
	walk->type = read16(header + 6);
	if ((organisation != 0 && organisation != 0xf8) || walk->type < 0x600)
		return OFFPORT_NOT_IP;
	walk->offset += 8;
	walk->next = LAYER_ETHERTYPE;
	return 0;
}

/* A PPPoE session packet (RFC 2516). */
__attribute__((noinline)) int parse_pppoe(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	int reason;

	if (!walk)
		return OFFPORT_TUNNEL_MALFORMED;
	header = at(ctx, walk, walk->offset, 6);
	if (!header)
		return missing(walk, walk->offset, 6, OFFPORT_TUNNEL_MALFORMED);
	if (header[0] != 0x11 || header[1] != 0)
		return OFFPORT_TUNNEL_MALFORMED;
	walk->offset += 6;
	reason = limit(walk, read16(header + 4), OFFPORT_TUNNEL_MALFORMED);
	if (reason)
		return reason;
	return enter(walk, LAYER_PPP);
}

/* What walk->type announces, behind up to MAX_TAGS VLAN tags. */
static __always_inline int ethertype(struct xdp_md *ctx, struct walk *walk)
{
	__u16 type = walk->type, id, outer = 0, inner = 0;
	int i;

	for (i = 0; i < MAX_TAGS && is_tag(type); i++) {
		const __u8 *header = at(ctx, walk, walk->offset, 4);

		if (!header)
			return missing(walk, walk->offset, 4, OFFPORT_LINK_TRUNCATED);
		id = read16(header) & 0xfff;
		if (!outer) /* 0 is a priority tag, no VLAN */
			outer = id;
		else if (!inner)
			inner = id;
		type = read16(header + 2);
		walk->offset += 4;
	}
	if (outer && !walk->overlay)
		walk->domain = DOMAIN_VLAN << 24 | (__u32)outer << 12 | inner;
	if (is_tag(type))
		return OFFPORT_TOO_DEEP;
	switch (type) {
	case 0x0800:
		walk->next = LAYER_IPV4;
		return 0;
	case 0x86dd:
		walk->next = LAYER_IPV6;
		return 0;
	case 0x8847:
	case 0x8848:
		walk->next = LAYER_MPLS;
		return 0;
	case 0x8864:
		return parse_pppoe(ctx, walk);
	}
	if (type >= 0x600)
		return OFFPORT_NOT_IP;
	walk->type = type;
	return parse_llc(ctx, walk);
}

/* An Ethernet header, and what it announces. */
__attribute__((noinline)) int parse_ethernet(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;

	if (!walk)
		return OFFPORT_LINK_TRUNCATED;
	header = at(ctx, walk, walk->offset, 14);
	if (!header)
		return missing(walk, walk->offset, 14, OFFPORT_LINK_TRUNCATED);
	walk->type = read16(header + 12);
	walk->offset += 14;
	return ethertype(ctx, walk);
}

/* An EtherType whose header is behind. */
__attribute__((noinline)) int parse_ethertype(struct xdp_md *ctx, struct walk *walk)
{
	if (!walk)
		return OFFPORT_LINK_TRUNCATED;
	return ethertype(ctx, walk);
}

/* PPP (RFC 1661), with or without address and control (RFC 1662), the protocol perhaps compressed to one byte. */
__attribute__((noinline)) int parse_ppp(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u16 protocol;

	if (!walk)
		return OFFPORT_LINK_TRUNCATED;
	header = at(ctx, walk, walk->offset, 2);
	if (header && header[0] == 0xff && header[1] == 0x03)
		walk->offset += 2;
	header = at(ctx, walk, walk->offset, 1);
	if (!header)
		return missing(walk, walk->offset, 1, OFFPORT_LINK_TRUNCATED);
	if (header[0] & 1) {
		protocol = header[0];
		walk->offset += 1;
	} else {
		header = at(ctx, walk, walk->offset, 2);
		if (!header)
			return missing(walk, walk->offset, 2, OFFPORT_LINK_TRUNCATED);
		protocol = read16(header);
		walk->offset += 2;
	}
	switch (protocol) {
	case 0x0021:
		walk->next = LAYER_IPV4;
		return 0;
	case 0x0057:
		walk->next = LAYER_IPV6;
		return 0;
	case 0x0281:
	case 0x0283:
		walk->next = LAYER_MPLS;
		return 0;
	}
	return OFFPORT_NOT_IP;
}

/* Remembers to read an Ethernet header here, if one behind a control word does not lead anywhere. */
static __always_inline void remember_retry(struct walk *walk, __u32 offset)
{
	__u32 zero = 0, index = walk->retries;
	struct retries *retries = bpf_map_lookup_elem(&retry_points, &zero);
	struct retry *retry;

	if (!retries || index > MAX_TUNNELS)
		return;
	retry = &retries->at[index];
	retry->udp = walk->udp;
	retry->other = walk->other;
	retry->teredo = walk->teredo;
	retry->offset = offset;
	retry->end = walk->end;
	retry->tunnels = walk->tunnels;
	retry->domain = walk->domain;
	walk->retries = index + 1;
	/* A failure comes here first, before it gets to what is round the label stack. */
	walk->udp.is_set = 0;
	walk->other.is_set = 0;
}

/* A label stack (RFC 3032) and the start of what it carries, which nothing names: the first nibble says (RFC 4928). */
__attribute__((noinline)) int parse_mpls(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 label = 0;
	int i, reason;

	if (!walk)
		return OFFPORT_TUNNEL_MALFORMED;
	for (i = 0; i < MAX_LABELS; i++) {
		header = at(ctx, walk, walk->offset, 4);
		if (!header)
			return missing(walk, walk->offset, 4, OFFPORT_TUNNEL_MALFORMED);
		label = read32(header);
		walk->offset += 4;
		if (label & 0x100) /* bottom of the stack */
			break;
	}
	if (!(label & 0x100))
		return OFFPORT_TOO_DEEP;
	reason = enter(walk, LAYER_ETHERNET);
	if (reason)
		return reason;
	header = at(ctx, walk, walk->offset, 1);
	if (!header)
		return missing(walk, walk->offset, 1, OFFPORT_TUNNEL_MALFORMED);
	switch (header[0] >> 4) {
	case 4:
		walk->next = LAYER_IPV4;
		return 0;
	case 6:
		walk->next = LAYER_IPV6;
		return 0;
	case 1: /* an associated channel (RFC 5586) */
		return OFFPORT_NOT_IP;
	case 0: /* a control word (RFC 4385), or an Ethernet address that starts with 0 */
		i = walk->offset;
		reason = skip(walk, 4, OFFPORT_TUNNEL_MALFORMED);
		if (reason)
			return reason;
		remember_retry(walk, i);
	}
	return 0;
}

#endif
