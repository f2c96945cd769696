/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the first byte of an Ethernet frame to the innermost 5-tuple.
 *
 * Contract of every parse_*() function:
 * - Bounds: a header is read only after at() has said that all of it lies within the linear part of the frame; in a
 *   multi-buffer frame that is its first buffer. Nothing past MAX_OFFSET is read.
 * - Return: 0, with walk->offset past what was read and walk->next saying what follows; or the enum
 *   offport_counter that says why the packet cannot be followed.
 * - Byte order: everything in struct walk is in host order, addresses as numbers (192.0.2.1 is 0xc0000201).
 *
 * They are global functions on purpose: the verifier checks each once, on its own, instead of once per path that
 * leads to it. With everything inlined, four levels of tunnels take it past its limit of 1 M instructions.
 *
 * What is followed, and how far, is decided in crates/wire; this is the same walk, reduced to what steering needs. It
 * refuses a packet only where crates/wire refuses it too, so that nothing is lost here that would be seen there.
 */
#ifndef OFFPORT_PARSE_H
#define OFFPORT_PARSE_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

#define MAX_OFFSET 4095
#define MAX_VLANS 4
#define MAX_LABELS 8
#define MAX_TUNNELS 4
#define MAX_EXTENSIONS 8
/* Per tunnel: link, IP, transport, tunnel header; then the quote of an ICMP error: IP, transport. */
#define MAX_STEPS ((MAX_TUNNELS + 1) * 4 + 2)

/* What stands at walk->offset. */
enum layer {
	LAYER_ETHERNET,
	LAYER_ETHERTYPE, /* what walk->type says */
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_TRANSPORT, /* what walk->protocol says */
	LAYER_GRE,
	LAYER_VXLAN,
	LAYER_GENEVE,
	LAYER_GTPU,
	LAYER_DONE, /* nothing more to follow */
};

struct walk {
	/* 128-bit addresses; IPv4 in the low half. */
	__u64 source_high;
	__u64 source_low;
	__u64 destination_high;
	__u64 destination_low;
	__u32 offset;
	__u32 next;
	__u32 id; /* identification of a fragment */
	__u16 type; /* EtherType */
	__u16 source_port;
	__u16 destination_port;
	__u8 version; /* 4 or 6; 0 before the first IP header */
	__u8 protocol;
	__u8 tunnels;
	__u8 fragment; /* a fragment, first or not: steer by its id */
	__u8 quoted; /* inside the quote of an ICMP error */
	__u8 padding;
};

/* A pointer to `size` bytes at `offset`, or NULL if the linear part ends before them. `size` is a constant. */
static __always_inline void *at(struct xdp_md *ctx, __u32 offset, __u32 size)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (offset > MAX_OFFSET)
		return NULL;
	if (data + offset + size > end)
		return NULL;
	return data + offset;
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

/* Goes one tunnel deeper. */
static __always_inline int enter(struct walk *walk, __u32 next)
{
	if (++walk->tunnels > MAX_TUNNELS)
		return OFFPORT_TOO_DEEP;
	walk->next = next;
	return 0;
}

/* Ethernet II header (IEEE 802.3), VLAN tags (802.1Q, 802.1ad and the older QinQ types), then whatever follows. */
__attribute__((noinline)) int parse_ethernet(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;

	if (!walk)
		return OFFPORT_LINK_TRUNCATED;
	header = at(ctx, walk->offset, 14);
	if (!header)
		return OFFPORT_LINK_TRUNCATED;
	walk->type = read16(header + 12);
	walk->offset += 14;
	walk->next = LAYER_ETHERTYPE;
	return 0;
}

/* VLAN tags, MPLS labels (RFC 3032) and PPPoE (RFC 2516) in front of IP. */
__attribute__((noinline)) int parse_ethertype(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 offset;
	__u16 type;
	int i;

	if (!walk)
		return OFFPORT_LINK_TRUNCATED;
	offset = walk->offset;
	type = walk->type;

	for (i = 0; i <= MAX_VLANS; i++) {
		if (type != 0x8100 && type != 0x88a8 && type != 0x9100 && type != 0x9200)
			break;
		if (i == MAX_VLANS)
			return OFFPORT_TOO_DEEP;
		header = at(ctx, offset, 4);
		if (!header)
			return OFFPORT_LINK_TRUNCATED;
		type = read16(header + 2);
		offset += 4;
	}

	if (type == 0x8847 || type == 0x8848) {
		__u32 label = 0;

		for (i = 0; i <= MAX_LABELS; i++) {
			if (i == MAX_LABELS)
				return OFFPORT_TOO_DEEP;
			header = at(ctx, offset, 4);
			if (!header)
				return OFFPORT_TUNNEL_MALFORMED;
			label = read32(header);
			offset += 4;
			if (label & 0x100) /* bottom of stack */
				break;
		}
		/* What the labels carry is not said; by the first nibble (RFC 4928). */
		header = at(ctx, offset, 1);
		if (!header)
			return OFFPORT_TUNNEL_MALFORMED;
		walk->offset = offset;
		switch (header[0] >> 4) {
		case 4:
			return enter(walk, LAYER_IPV4);
		case 6:
			return enter(walk, LAYER_IPV6);
		case 0: /* pseudowire control word (RFC 4385), then Ethernet (RFC 4448) */
			walk->offset = offset + 4;
			return enter(walk, LAYER_ETHERNET);
		}
		return OFFPORT_NOT_IP;
	}

	if (type == 0x8864) {
		__u16 protocol;

		header = at(ctx, offset, 8);
		if (!header)
			return OFFPORT_TUNNEL_MALFORMED;
		if (header[0] != 0x11 || header[1] != 0)
			return OFFPORT_TUNNEL_MALFORMED;
		protocol = read16(header + 6);
		walk->offset = offset + 8;
		if (protocol == 0x0021)
			return enter(walk, LAYER_IPV4);
		if (protocol == 0x0057)
			return enter(walk, LAYER_IPV6);
		return OFFPORT_NOT_IP;
	}

	walk->offset = offset;
	if (type == 0x0800)
		walk->next = LAYER_IPV4;
	else if (type == 0x86dd)
		walk->next = LAYER_IPV6;
	else
		return OFFPORT_NOT_IP;
	return 0;
}

/* IPv4 (RFC 791). */
__attribute__((noinline)) int parse_ipv4(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 length, flags;

	if (!walk)
		return OFFPORT_IP_TRUNCATED;
	header = at(ctx, walk->offset, 20);
	if (!header)
		return OFFPORT_IP_TRUNCATED;
	length = (header[0] & 0xf) * 4;
	if (header[0] >> 4 != 4 || length < 20)
		return OFFPORT_IPV4_MALFORMED;

	walk->version = 4;
	walk->source_high = 0;
	walk->destination_high = 0;
	walk->source_low = read32(header + 12);
	walk->destination_low = read32(header + 16);
	walk->source_port = 0;
	walk->destination_port = 0;
	walk->protocol = header[9];
	walk->offset += length;
	walk->next = LAYER_TRANSPORT;

	flags = read16(header + 6);
	if (flags & 0x3fff) { /* MF, or an offset */
		if (walk->quoted) {
			if (flags & 0x1fff)
				walk->next = LAYER_DONE;
		} else {
			walk->fragment = 1;
			walk->id = read16(header + 4);
			walk->next = LAYER_DONE;
		}
	}
	return 0;
}

/* IPv6 (RFC 8200) and its extension headers; the authentication header (RFC 4302) too. */
__attribute__((noinline)) int parse_ipv6(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 offset;
	__u8 next;
	int i;

	if (!walk)
		return OFFPORT_IP_TRUNCATED;
	offset = walk->offset;
	header = at(ctx, offset, 40);
	if (!header)
		return OFFPORT_IP_TRUNCATED;
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
	offset += 40;

	for (i = 0; i <= MAX_EXTENSIONS; i++) {
		__u32 length;

		/* hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6 */
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60 && next != 135 &&
		    next != 139 && next != 140)
			break;
		if (i == MAX_EXTENSIONS)
			return OFFPORT_TOO_DEEP;
		header = at(ctx, offset, 8);
		if (!header)
			return OFFPORT_IP_TRUNCATED;
		if (next == 44) {
			__u32 flags = read16(header + 2);

			next = header[0];
			offset += 8;
			if (!(flags & 0xfff9)) /* an atomic fragment (RFC 6946) is none */
				continue;
			if (walk->quoted) {
				if (flags & 0xfff8) {
					walk->next = LAYER_DONE;
					break;
				}
				continue;
			}
			walk->fragment = 1;
			walk->id = read32(header + 4);
			walk->next = LAYER_DONE;
			break;
		}
		length = next == 51 ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
		next = header[0];
		offset += length;
	}
	walk->protocol = next;
	walk->offset = offset;
	return 0;
}

/* Whether the destination port of a UDP datagram is that of a tunnel, and which. */
static __always_inline __u32 tunnel_of(__u16 port)
{
	switch (port) {
	case 4789: /* VXLAN, RFC 7348 */
		return LAYER_VXLAN;
	case 6081: /* GENEVE, RFC 8926 */
		return LAYER_GENEVE;
	case 2152: /* GTP-U, 3GPP TS 29.281 */
		return LAYER_GTPU;
	}
	return LAYER_DONE;
}

/* Ports of TCP, UDP and SCTP; IP in IP; the quote of an ICMP error (RFC 792, RFC 4443). */
__attribute__((noinline)) int parse_transport(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;

	if (!walk)
		return OFFPORT_TRANSPORT_TRUNCATED;
	switch (walk->protocol) {
	case 6:
	case 17:
	case 132:
		header = at(ctx, walk->offset, 4);
		if (!header) {
			walk->next = LAYER_DONE;
			return walk->quoted ? 0 : OFFPORT_TRANSPORT_TRUNCATED;
		}
		walk->source_port = read16(header);
		walk->destination_port = read16(header + 2);
		walk->next = LAYER_DONE;
		if (walk->protocol == 17 && !walk->quoted) {
			walk->next = tunnel_of(walk->destination_port);
			walk->offset += 8;
		}
		return 0;
	case 1:
	case 58:
		walk->next = LAYER_DONE;
		header = at(ctx, walk->offset, 8);
		if (walk->quoted)
			return 0;
		if (!header)
			return OFFPORT_TRANSPORT_TRUNCATED;
		if (walk->protocol == 1) {
			/* unreachable, source quench, redirect, time exceeded, parameter problem */
			if (header[0] != 3 && header[0] != 4 && header[0] != 5 && header[0] != 11 && header[0] != 12)
				return 0;
			walk->next = LAYER_IPV4;
		} else {
			if (header[0] == 0 || header[0] > 4)
				return 0;
			walk->next = LAYER_IPV6;
		}
		walk->quoted = 1;
		walk->offset += 8;
		return 0;
	case 4:
		if (walk->quoted)
			break;
		return enter(walk, LAYER_IPV4);
	case 41:
		if (walk->quoted)
			break;
		return enter(walk, LAYER_IPV6);
	case 47:
		if (walk->quoted)
			break;
		walk->next = LAYER_GRE;
		return 0;
	}
	walk->next = LAYER_DONE;
	return 0;
}

/* GRE (RFC 2784, RFC 2890), the enhanced GRE of PPTP (RFC 2637), ERSPAN I to III. */
__attribute__((noinline)) int parse_gre(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 flags, offset;
	__u16 type;

	if (!walk)
		return OFFPORT_TUNNEL_MALFORMED;
	header = at(ctx, walk->offset, 4);
	if (!header)
		return OFFPORT_TUNNEL_MALFORMED;
	flags = read16(header);
	type = read16(header + 2);
	offset = walk->offset + 4;
	if (flags & 0x8000) /* checksum */
		offset += 4;
	if (flags & 0x2000) /* key */
		offset += 4;
	if (flags & 0x1000) /* sequence number */
		offset += 4;

	if ((flags & 7) == 1) {
		__u16 protocol;

		if (flags & 0x0080) /* acknowledgement number */
			offset += 4;
		if (type != 0x880b)
			return OFFPORT_TUNNEL_MALFORMED;
		header = at(ctx, offset, 4);
		if (!header) { /* an acknowledgement alone */
			walk->next = LAYER_DONE;
			return 0;
		}
		/* Address and control field may be left out, the protocol's first byte as well (RFC 1661, 6.5, 6.6). */
		if (header[0] == 0xff && header[1] == 0x03) {
			protocol = read16(header + 2);
			offset += 4;
		} else {
			protocol = read16(header);
			offset += 2;
		}
		walk->offset = offset;
		if (protocol == 0x0021)
			return enter(walk, LAYER_IPV4);
		if (protocol == 0x0057)
			return enter(walk, LAYER_IPV6);
		walk->next = LAYER_DONE;
		return 0;
	}
	if (flags & 7)
		return OFFPORT_TUNNEL_MALFORMED;

	switch (type) {
	case 0x6558: /* transparent Ethernet bridging */
		walk->offset = offset;
		return enter(walk, LAYER_ETHERNET);
	case 0x88be: /* ERSPAN I has no header and no sequence number, II has both */
		walk->offset = flags & 0x1000 ? offset + 8 : offset;
		return enter(walk, LAYER_ETHERNET);
	case 0x22eb: /* ERSPAN III: 12 bytes, and 8 more if the O bit says so */
		header = at(ctx, offset, 12);
		if (!header)
			return OFFPORT_TUNNEL_MALFORMED;
		walk->offset = offset + (header[11] & 1 ? 20 : 12);
		return enter(walk, LAYER_ETHERNET);
	}
	walk->type = type;
	walk->offset = offset;
	return enter(walk, LAYER_ETHERTYPE);
}

/* What the payload of a UDP datagram to a tunnel's port holds. */
__attribute__((noinline)) int parse_udp_tunnel(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 offset, layer;

	if (!walk)
		return OFFPORT_TUNNEL_MALFORMED;
	offset = walk->offset;
	layer = walk->next;
	walk->next = LAYER_DONE;
	header = at(ctx, offset, 8);
	if (!header)
		return 0;

	if (layer == LAYER_VXLAN) {
		if (!(header[0] & 0x08)) /* I: the network identifier is valid */
			return 0;
		walk->offset = offset + 8;
		return enter(walk, LAYER_ETHERNET);
	}
	if (layer == LAYER_GENEVE) {
		if (header[0] >> 6) /* version */
			return 0;
		walk->type = read16(header + 2);
		walk->offset = offset + 8 + (header[0] & 0x3f) * 4;
		return enter(walk, walk->type == 0x6558 ? LAYER_ETHERNET : LAYER_ETHERTYPE);
	}
	/* GTP-U: version 1, protocol type GTP, and a G-PDU */
	if (header[0] >> 4 != 3 || header[1] != 255)
		return 0;
	offset += 8;
	if (header[0] & 7) { /* any of E, S, PN: four more bytes */
		__u8 next;
		int i;

		header = at(ctx, offset, 4);
		if (!header)
			return OFFPORT_TUNNEL_MALFORMED;
		next = header[3];
		offset += 4;
		for (i = 0; i < MAX_EXTENSIONS && next; i++) {
			__u32 length;

			header = at(ctx, offset, 4);
			if (!header)
				return OFFPORT_TUNNEL_MALFORMED;
			length = header[0] * 4;
			if (!length)
				return OFFPORT_TUNNEL_MALFORMED;
			header = at(ctx, offset + length - 1, 1);
			if (!header)
				return OFFPORT_TUNNEL_MALFORMED;
			next = header[0];
			offset += length;
		}
		if (next)
			return OFFPORT_TOO_DEEP;
	}
	header = at(ctx, offset, 1);
	if (!header)
		return OFFPORT_TUNNEL_MALFORMED;
	walk->offset = offset;
	if (header[0] >> 4 == 4)
		return enter(walk, LAYER_IPV4);
	if (header[0] >> 4 == 6)
		return enter(walk, LAYER_IPV6);
	return OFFPORT_NOT_IP;
}

/* The whole walk. */
static __always_inline int parse(struct xdp_md *ctx, struct walk *walk)
{
	int i, reason;

	for (i = 0; i < MAX_STEPS; i++) {
		switch (walk->next) {
		case LAYER_ETHERNET:
			reason = parse_ethernet(ctx, walk);
			break;
		case LAYER_ETHERTYPE:
			reason = parse_ethertype(ctx, walk);
			break;
		case LAYER_IPV4:
			reason = parse_ipv4(ctx, walk);
			break;
		case LAYER_IPV6:
			reason = parse_ipv6(ctx, walk);
			break;
		case LAYER_TRANSPORT:
			reason = parse_transport(ctx, walk);
			break;
		case LAYER_GRE:
			reason = parse_gre(ctx, walk);
			break;
		case LAYER_DONE:
			return 0;
		default:
			reason = parse_udp_tunnel(ctx, walk);
		}
		if (reason)
			return reason;
	}
	return OFFPORT_TOO_DEEP;
}

#endif
