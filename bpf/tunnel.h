/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* GRE with ERSPAN and PPTP, VXLAN, GENEVE, GTP-U, Teredo: one tunnel header each. Contract: see parse.h. */
#ifndef OFFPORT_TUNNEL_H
#define OFFPORT_TUNNEL_H

#include "walk.h"

#define GRE_CHECKSUM 0x8000
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_ACK 0x0080
/* Routing, strict source route, recursion control: RFC 2784, section 2.3, has them discarded. */
#define GRE_OBSOLETE 0x4f00

#define TYPE_TRANSPARENT_ETHERNET 0x6558

/* The version of PPTP (RFC 2637, section 4.1), behind the first word. */
static __always_inline int gre_pptp(struct xdp_md *ctx, struct walk *walk, __u32 flags)
{
	const __u8 *header = at(ctx, walk, walk->offset, 4);
	__u32 length;

	if (!header)
		return missing(walk, walk->offset, 4, OFFPORT_TUNNEL_MALFORMED);
	if (!(flags & GRE_KEY))
		return OFFPORT_TUNNEL_MALFORMED;
	length = read16(header);
	walk->offset += 4;
	if (flags & GRE_SEQUENCE && skip(walk, 4, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	if (flags & GRE_ACK && skip(walk, 4, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	if (!(flags & GRE_SEQUENCE)) /* only acknowledges */
		return OFFPORT_NOT_IP;
	if (limit(walk, length, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	return enter(walk, LAYER_PPP);
}

/* ERSPAN (draft-foschiano-erspan): type I is no header, II is 8 bytes, III is 12 or 20. */
static __always_inline int erspan(struct xdp_md *ctx, struct walk *walk, __u32 type)
{
	const __u8 *header;
	__u32 kind, session;
	int reason;

	if (type == 2) {
		header = at(ctx, walk, walk->offset, 8);
		if (!header)
			return missing(walk, walk->offset, 8, OFFPORT_TUNNEL_MALFORMED);
		if (header[0] >> 4 != 1)
			return OFFPORT_TUNNEL_MALFORMED;
		walk->offset += 8;
		return enter_overlay(walk, DOMAIN_ERSPAN, read16(header + 2) & 0x3ff);
	}
	header = at(ctx, walk, walk->offset, 12);
	if (!header)
		return missing(walk, walk->offset, 12, OFFPORT_TUNNEL_MALFORMED);
	if (header[0] >> 4 != 2)
		return OFFPORT_TUNNEL_MALFORMED;
	kind = read16(header + 10);
	session = read16(header + 2) & 0x3ff;
	walk->offset += 12;
	if (kind & 1 && skip(walk, 8, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	reason = enter_overlay(walk, DOMAIN_ERSPAN, session);
	if (reason)
		return reason;
	switch (kind >> 10 & 0x1f) {
	case 0:
		return 0;
	case 2:
		walk->next = LAYER_IP;
		return 0;
	}
	return OFFPORT_NOT_IP;
}

/* What WCCP puts into GRE: version 2 has a header of 4 bytes, version 1 none. */
static __always_inline int wccp(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header = at(ctx, walk, walk->offset, 1);

	if (header && header[0] >> 4 == 4) {
		walk->next = LAYER_IPV4;
		return 0;
	}
	if (skip(walk, 4, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	walk->next = LAYER_IP;
	return 0;
}

/* GRE (RFC 2784, RFC 2890). */
__attribute__((noinline)) int parse_gre(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 flags, words;
	__u16 type;
	int reason;

	if (!walk)
		return OFFPORT_TUNNEL_MALFORMED;
	header = at(ctx, walk, walk->offset, 4);
	if (!header)
		return missing(walk, walk->offset, 4, OFFPORT_TUNNEL_MALFORMED);
	flags = read16(header);
	type = read16(header + 2);
	walk->offset += 4;
	if ((flags & 7) == 1 && type == 0x880b)
		return gre_pptp(ctx, walk, flags);
	if (flags & 7 || flags & GRE_OBSOLETE)
		return OFFPORT_TUNNEL_MALFORMED;

	words = !!(flags & GRE_CHECKSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQUENCE);
	if (skip(walk, words * 4, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	if (type == 0x88be && flags & GRE_SEQUENCE)
		return erspan(ctx, walk, 2);
	if (type == 0x22eb)
		return erspan(ctx, walk, 3);

	reason = enter(walk, LAYER_ETHERNET);
	if (reason)
		return reason;
	switch (type) {
	case 0x88be: /* ERSPAN I */
	case TYPE_TRANSPARENT_ETHERNET:
		return 0;
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
	case 0x880b:
		walk->next = LAYER_PPP;
		return 0;
	case 0x883e:
		return wccp(ctx, walk);
	}
	return OFFPORT_NOT_IP;
}

/* VXLAN (RFC 7348); its generic protocol extension (draft-ietf-nvo3-vxlan-gpe) says what is inside. */
static __always_inline int vxlan(struct walk *walk, const __u8 *header)
{
	int extended = walk->next == LAYER_VXLAN_GPE;
	int reason;

	if (!(header[0] & 0x08)) /* I: the network identifier is valid */
		return OFFPORT_TUNNEL_MALFORMED;
	walk->offset += 8;
	reason = enter_overlay(walk, DOMAIN_VXLAN, read32(header + 4) >> 8);
	if (reason || !extended || !(header[0] & 0x04)) /* P: there is a protocol */
		return reason;
	switch (header[3]) {
	case 1:
		walk->next = LAYER_IPV4;
		return 0;
	case 2:
		walk->next = LAYER_IPV6;
		return 0;
	case 3:
		return 0;
	}
	return OFFPORT_NOT_IP;
}

/* GENEVE (RFC 8926); options are skipped. */
static __always_inline int geneve(struct walk *walk, const __u8 *header)
{
	int reason;

	if (header[0] >> 6)
		return OFFPORT_TUNNEL_MALFORMED;
	if (skip(walk, 8 + (header[0] & 0x3f) * 4, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	reason = enter_overlay(walk, DOMAIN_GENEVE, read32(header + 4) >> 8);
	if (reason)
		return reason;
	switch (read16(header + 2)) {
	case TYPE_TRANSPARENT_ETHERNET:
		return 0;
	case 0x0800:
		walk->next = LAYER_IPV4;
		return 0;
	case 0x86dd:
		walk->next = LAYER_IPV6;
		return 0;
	}
	return OFFPORT_NOT_IP;
}

/* A user packet of GTP-U (3GPP TS 29.281, section 5). */
static __always_inline int gtpu(struct xdp_md *ctx, struct walk *walk, const __u8 *header)
{
	__u8 flags = header[0], next = 0;
	__u32 length;
	int i;

	/* Version 1, protocol type GTP, a G-PDU. */
	if ((flags & 0xf0) != 0x30 || header[1] != 255)
		return OFFPORT_TUNNEL_MALFORMED;
	walk->offset += 8;
	if (limit(walk, read16(header + 2), OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	if (flags & 7) { /* any optional field: then all of them */
		header = at(ctx, walk, walk->offset, 4);
		if (!header)
			return missing(walk, walk->offset, 4, OFFPORT_TUNNEL_MALFORMED);
		if (flags & 4)
			next = header[3];
		walk->offset += 4;
	}
	for (i = 0; i < MAX_EXTENSIONS && next; i++) {
		/* Its length in units of 4 bytes comes first, the next one's type last. */
		header = at(ctx, walk, walk->offset, 1);
		if (!header)
			return missing(walk, walk->offset, 1, OFFPORT_TUNNEL_MALFORMED);
		length = header[0] * 4;
		if (!length)
			return OFFPORT_TUNNEL_MALFORMED;
		header = at(ctx, walk, walk->offset + length - 1, 1);
		if (!header)
			return missing(walk, walk->offset + length - 1, 1, OFFPORT_TUNNEL_MALFORMED);
		next = header[0];
		walk->offset += length;
	}
	if (next)
		return OFFPORT_TUNNEL_MALFORMED;
	return enter(walk, LAYER_IP);
}

/* Teredo (RFC 4380, section 5.1.1): an authentication and an origin indicator may come first, in this order. */
static __always_inline int teredo(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;

	if (walk->version != 4)
		return OFFPORT_TUNNEL_MALFORMED;
	header = at(ctx, walk, walk->offset, 4);
	if (header && header[0] == 0 && header[1] == 1 &&
	    skip(walk, 4 + header[2] + header[3] + 9, OFFPORT_TUNNEL_MALFORMED))
		return OFFPORT_TUNNEL_MALFORMED;
	header = at(ctx, walk, walk->offset, 8);
	if (header && header[0] == 0 && header[1] == 0)
		walk->offset += 8;
	header = at(ctx, walk, walk->offset, 1);
	if (!header)
		return missing(walk, walk->offset, 1, OFFPORT_TUNNEL_MALFORMED);
	if (header[0] >> 4 != 6)
		return OFFPORT_TUNNEL_MALFORMED;
	walk->teredo = walk->udp;
	return enter(walk, LAYER_IPV6);
}

/* What a UDP datagram on a tunnel's port holds. */
__attribute__((noinline)) int parse_udp_tunnel(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;

	if (!walk)
		return OFFPORT_TUNNEL_MALFORMED;
	if (walk->next == LAYER_TEREDO)
		return teredo(ctx, walk);
	header = at(ctx, walk, walk->offset, 8);
	if (!header)
		return missing(walk, walk->offset, 8, OFFPORT_TUNNEL_MALFORMED);
	if (walk->next == LAYER_VXLAN || walk->next == LAYER_VXLAN_GPE)
		return vxlan(walk, header);
	if (walk->next == LAYER_GENEVE)
		return geneve(walk, header);
	return gtpu(ctx, walk, header);
}

#endif
