// SPDX-License-Identifier: Apache-2.0 OR MIT
/*
 * The traffic generator: writes a packet into the frame that it is given, and transmits it.
 *
 * User space runs it with BPF_PROG_RUN and BPF_F_TEST_XDP_LIVE_FRAMES: the kernel makes one page per packet in flight
 * and sends what returns XDP_TX out of the interface that the context names. Pages are used again as they were left, so
 * every program writes all that differs.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "generate.h"

/* 0 -> what to send, and how far it is. One CPU at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct generate);
} state SEC(".maps");

/* number -> packet of a capture. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct recorded);
} capture SEC(".maps");

struct headers {
	__u8 macs[12];
	__be16 ethertype;
	__u8 version;
	__u8 service;
	__be16 total;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__be32 source;
	__be32 destination;
	__be16 from;
	__be16 to;
	__be32 seq;
	__be32 ack;
	__u8 length;
	__u8 flags;
	__be16 window;
	__u16 tcp_checksum;
	__be16 urgent;
} __attribute__((packed));

enum { FIN = 0x01, SYN = 0x02, PSH = 0x08, ACK = 0x10 };
enum { CLIENT_START = 1000, SERVER_START = 5000000 };

/* IPv4 header checksum of what is constant but for length and addresses (RFC 1071). */
static __always_inline __u16 checksum(__u32 client, __u32 server, __u32 total)
{
	__u32 sum = 0x4500 + total + 0x4000 + (64 << 8 | 6);

	sum += (client >> 16) + (client & 0xffff) + (server >> 16) + (server & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void write(struct headers *h, __u32 flow, int from_client, __u8 flags, __u32 seq, __u32 ack,
				  __u32 payload)
{
	/* 64 ports of a client, then the next; every client has a server of its own. */
	__u32 client = 0x0a000000 | ((flow >> 6) & 0xffffff);
	__u32 server = 0xc6120000 | ((flow >> 6) & 0xffff);
	__be16 port = bpf_htons(32768 + (flow & 63));
	__u32 total = 40 + payload;

	__builtin_memset(h->macs, 2, sizeof(h->macs));
	h->ethertype = bpf_htons(0x0800);
	h->version = 0x45;
	h->service = 0;
	h->total = bpf_htons(total);
	h->id = 0;
	h->fragment = bpf_htons(0x4000);
	h->ttl = 64;
	h->protocol = 6;
	h->checksum = bpf_htons(checksum(client, server, total));
	h->source = bpf_htonl(from_client ? client : server);
	h->destination = bpf_htonl(from_client ? server : client);
	h->from = from_client ? port : bpf_htons(80);
	h->to = from_client ? bpf_htons(80) : port;
	h->seq = bpf_htonl(seq);
	h->ack = bpf_htonl(ack);
	h->length = 0x50;
	h->flags = flags;
	h->window = 0xffff;
	h->tcp_checksum = 0;
	h->urgent = 0;
}

/* The next step of a flow that begins: SYN, SYN-ACK, ACK, request. Steps of a flow are `apart` flows apart. */
static __always_inline void open_flow(struct headers *h, struct generate *g)
{
	__u64 number = g->opened++;
	__u32 step = number & 3;
	__u64 flow = number >> 2;

	/* The first flows of all have their first packet again instead. */
	if (flow < step * g->apart)
		step = 0;
	flow += g->first_new - (__u64)step * g->apart;
	switch (step) {
	case 0:
		write(h, flow, 1, SYN, CLIENT_START, 0, 0);
		break;
	case 1:
		write(h, flow, 0, SYN | ACK, SERVER_START, CLIENT_START + 1, 0);
		break;
	case 2:
		write(h, flow, 1, ACK, CLIENT_START + 1, SERVER_START + 1, 0);
		break;
	default:
		write(h, flow, 1, PSH | ACK, CLIENT_START + 1, SERVER_START + 1, g->request);
	}
}

/* A data packet of the next settled flow, in an order of no meaning; each flow's directions take turns. */
static __always_inline void continue_flow(struct headers *h, struct generate *g)
{
	__u64 number = g->continued++;
	__u32 round = number >> g->flow_bits;
	__u32 mask = (1u << (g->flow_bits & 31)) - 1;
	__u32 flow = ((__u32)number * 0x9e3779b1u) & mask;
	__u32 payload = g->frame - sizeof(struct headers);
	__u32 before = payload * (round >> 1);
	__u32 client, server;

	flow ^= flow >> ((g->flow_bits >> 1) + 1);
	flow &= mask;
	client = CLIENT_START + 1 + g->request + before;
	server = SERVER_START + 1 + before;
	if ((round ^ flow) & 1)
		write(h, flow, 0, PSH | ACK, server, client, payload);
	else
		write(h, flow, 1, PSH | ACK, client, server, payload);
}

/*
 * Whether a packet is to be sent now. It is asked for every frame that the kernel offers, millions a second, so packets are
 * as far apart as they should be. What could not be sent in time is made up for, but no more than ten milliseconds of it.
 */
static __always_inline int is_due(struct generate *g)
{
	const __u64 most = 10000000ULL << 8;
	__u64 now;

	if (g->sent >= g->limit)
		return 0;
	if (!g->gap)
		return 1;
	now = bpf_ktime_get_ns() << 8;
	if (now < g->due)
		return 0;
	if (now - g->due > most)
		g->due = now - most;
	g->due += g->gap;
	return 1;
}

SEC("xdp")
int flows(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct headers *h = data;
	struct generate *g;
	__u32 key = 0;

	g = bpf_map_lookup_elem(&state, &key);
	if (!g || data + sizeof(*h) > end || !is_due(g))
		return XDP_DROP;
	/* Of every thousand packets, so many are of new flows. */
	if (g->sent++ % 1000 < g->new_permille)
		open_flow(h, g);
	else
		continue_flow(h, g);
	return XDP_TX;
}

/* Makes the flows of each loop through the capture others than those of the loop before. */
static __always_inline void vary(struct xdp_md *ctx, __u8 loop)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 *b = data;

	if (data + 54 > end)
		return;
	if (b[12] == 0x81 && b[13] == 0x00)
		b += 4;
	if ((void *)b + 54 > end)
		return;
	if (b[12] == 0x08 && b[13] == 0x00) {
		b[27] ^= loop;
		b[31] ^= loop;
	} else if (b[12] == 0x86 && b[13] == 0xdd) {
		b[29] ^= loop;
		b[45] ^= loop;
	}
}

SEC("xdp")
int replay(struct xdp_md *ctx)
{
	struct recorded *packet;
	struct generate *g;
	__u32 key = 0, length;
	__u64 number;

	g = bpf_map_lookup_elem(&state, &key);
	if (!g || !g->packets || !is_due(g))
		return XDP_DROP;
	number = g->sent++;
	key = number % g->packets;
	packet = bpf_map_lookup_elem(&capture, &key);
	if (!packet)
		return XDP_DROP;
	length = packet->length;
	if (length < 60 || length > sizeof(packet->bytes))
		return XDP_DROP;
	/* Frames are as large as records can be. */
	if (bpf_xdp_adjust_tail(ctx, (int)length - (int)sizeof(packet->bytes)))
		return XDP_DROP;
	if (bpf_xdp_store_bytes(ctx, 0, packet->bytes, length))
		return XDP_DROP;
	vary(ctx, number / g->packets);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
