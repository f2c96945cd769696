/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What an IP header's protocol field leads to: ports, quotes of ICMP errors, tunnels. Contract: see parse.h. */
#ifndef OFFPORT_TRANSPORT_H
#define OFFPORT_TRANSPORT_H

#include "hash.h"
#include "walk.h"

#define PROTOCOL_ICMP 1
#define PROTOCOL_IPV4 4
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_IPV6 41
#define PROTOCOL_GRE 47
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_SCTP 132
#define PROTOCOL_MPLS 137

/* The tunnel that runs over these UDP ports, if any; crates/wire/src/tunnel/over_udp.rs. */
static __always_inline __u8 tunnel_over(__u16 source, __u16 destination)
{
	switch (destination) {
	case 4789: /* VXLAN (RFC 7348) */
	case 8472: /* what Linux used before the port was assigned */
		return LAYER_VXLAN;
	case 4790: /* its generic protocol extension */
		return LAYER_VXLAN_GPE;
	case 6081: /* GENEVE (RFC 8926) */
		return LAYER_GENEVE;
	case 2152: /* GTP-U (3GPP TS 29.281) */
		return LAYER_GTPU;
	case 3544: /* Teredo (RFC 4380) */
		return LAYER_TEREDO;
	}
	return source == 3544 ? LAYER_TEREDO : LAYER_DONE;
}

/* Chunks of SCTP (RFC 9260). What is out of reach is taken to be right: the ports are known. */
__attribute__((noinline)) int parse_sctp_chunks(struct xdp_md *ctx, struct walk *walk)
{
	__u32 offset, length, data = 0;
	const __u8 *header;
	int i;

	if (!walk)
		return OFFPORT_SCTP_MALFORMED;
	offset = walk->offset + 12;
	for (i = 0; i < 16; i++) {
		header = at(ctx, walk, offset, 4);
		if (!header)
			return 0;
		length = read16(header + 2);
		if (length < 4 || offset + length > walk->end)
			return OFFPORT_SCTP_MALFORMED;
		if (header[0] == 0 || header[0] == 64) { /* DATA, I-DATA (RFC 8260) */
			if (!data && length < (header[0] ? 20 : 16))
				return OFFPORT_SCTP_MALFORMED;
			data = 1;
		}
		offset += (length + 3) & ~3u;
	}
	return 0;
}

/* An ICMP error (RFC 792, RFC 4443) leads to its quote; any other message has no ports. */
static __always_inline int icmp(struct walk *walk, const __u8 *header)
{
	__u8 kind = header[0];

	if (kind == 133 || kind == 134) /* router solicitation and advertisement (RFC 4861) */
		walk->opaque = 1;
	if (walk->protocol == PROTOCOL_ICMP) {
		/* unreachable, source quench, redirect, time exceeded, parameter problem */
		if (kind != 3 && kind != 4 && kind != 5 && kind != 11 && kind != 12)
			return 0;
	} else if (kind < 1 || kind > 4) {
		return 0;
	}
	/* A quote that is none leaves a message of its own. */
	remember(&walk->udp, walk);
	walk->quoted = 1;
	walk->offset += 8;
	walk->next = LAYER_IP;
	return 0;
}

__attribute__((noinline)) int parse_transport(struct xdp_md *ctx, struct walk *walk)
{
	const __u8 *header;
	__u32 length, offset;
	__u8 protocol;

	if (!walk)
		return OFFPORT_TRANSPORT_TRUNCATED;
	offset = walk->offset;
	protocol = walk->protocol;
	walk->next = LAYER_DONE;

	if (walk->quoted) {
		if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP && protocol != PROTOCOL_SCTP)
			return 0;
		header = at(ctx, walk, offset, 4);
		if (!header)
			return 0;
		walk->source_port = read16(header);
		walk->destination_port = read16(header + 2);
		return 0;
	}

	switch (protocol) {
	case PROTOCOL_TCP: /* RFC 9293 */
		header = at(ctx, walk, offset, 20);
		if (!header)
			return missing(walk, offset, 20, OFFPORT_TRANSPORT_TRUNCATED);
		length = (header[12] >> 4) * 4;
		if (length < 20 || offset + length > walk->end)
			return OFFPORT_TCP_MALFORMED;
		walk->payload = walk->end - offset - length;
		walk->flags = header[13];
		walk->source_port = read16(header);
		walk->destination_port = read16(header + 2);
		return 0;
	case PROTOCOL_UDP: /* RFC 768 */
		header = at(ctx, walk, offset, 8);
		if (!header)
			return missing(walk, offset, 8, OFFPORT_TRANSPORT_TRUNCATED);
		length = read16(header + 4);
		/* 0: a jumbogram (RFC 2675), or left for the network card to fill in. */
		if (length && (length < 8 || limit(walk, length, OFFPORT_UDP_MALFORMED)))
			return OFFPORT_UDP_MALFORMED;
		walk->payload = walk->end - offset - 8;
		walk->flags = 0;
		walk->source_port = read16(header);
		walk->destination_port = read16(header + 2);
		walk->next = tunnel_over(walk->source_port, walk->destination_port);
		if (walk->next != LAYER_DONE) {
			remember(&walk->udp, walk);
			walk->other.is_set = 0; /* further out than this one */
			walk->offset = offset + 8;
		}
		return 0;
	case PROTOCOL_SCTP:
		header = at(ctx, walk, offset, 12);
		if (!header)
			return missing(walk, offset, 12, OFFPORT_TRANSPORT_TRUNCATED);
		walk->source_port = read16(header);
		walk->destination_port = read16(header + 2);
		return parse_sctp_chunks(ctx, walk);
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		if ((protocol == PROTOCOL_ICMP) != (walk->version == 4))
			break;
		header = at(ctx, walk, offset, 8);
		if (!header)
			return missing(walk, offset, 8, OFFPORT_ICMP_MALFORMED);
		return icmp(walk, header);
	case PROTOCOL_IPV4:
	case PROTOCOL_IPV6:
		remember(&walk->other, walk);
		return enter(walk, protocol == PROTOCOL_IPV4 ? LAYER_IPV4 : LAYER_IPV6);
	case PROTOCOL_GRE:
		remember(&walk->other, walk);
		walk->next = LAYER_GRE;
		return 0;
	case PROTOCOL_MPLS:
		remember(&walk->other, walk);
		walk->next = LAYER_MPLS;
		return 0;
	}
	walk->opaque = 1;
	return 0;
}

#endif
