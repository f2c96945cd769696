/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the XDP program and user space agree on: the only header that both sides include. User space reads it
 * through the skeleton that libbpf-cargo generates from the program's BTF, so that no constant and no layout is
 * written twice. All numbers are in host byte order.
 */
#ifndef OFFPORT_ABI_H
#define OFFPORT_ABI_H

/* Slots of the indirection table; crates/wire/src/steer.rs: SLOTS. */
#define OFFPORT_SLOTS 512

/*
 * An entry of the indirection table: the worker that the slot's packets go to. While a slot moves from one worker to
 * another, also the worker that had it before, to which the flows of that time stay pinned. User space writes it in one
 * store.
 */
#define OFFPORT_WORKER_MASK 0xfff
#define OFFPORT_FORMER_SHIFT 12
#define OFFPORT_MOVING (1u << 31)   /* pinned flows go to the former worker */
#define OFFPORT_LEARNING (1u << 30) /* so do all others, and get pinned */

/* Hashes of a set of pins. */
#define OFFPORT_PIN_WAYS 8

/* What is done with a packet that goes to no worker by its flow. */
enum offport_action {
	OFFPORT_DROP,   /* count it, and that is all */
	OFFPORT_PASS,   /* count it and leave it to the kernel's stack */
	OFFPORT_WORKER, /* hand it to the worker of slot 0, which counts it by its reason */
};

/* Slots of ports that are found without a lookup, a power of two. */
#define OFFPORT_NEAR_PORTS 64

/* Entries of a set of the shunt table. */
#define OFFPORT_SHUNT_WAYS 8

enum offport_steering {
	OFFPORT_BY_FLOW,  /* by the symmetric hash of the innermost 5-tuple */
	OFFPORT_BY_QUEUE, /* worker = queue % workers: the NIC's RSS is trusted to be symmetric */
};

/*
 * Index into struct offport_counters, packets but for the two that say bytes (of frames, from the link header on).
 * PACKETS = REDIRECTED + NO_SOCKET + SHUNTED_PACKETS + the sum of the reasons, whatever their actions.
 * The reasons are those of wire::Drop, by name and meaning.
 */
enum offport_counter {
	OFFPORT_PACKETS,
	OFFPORT_BYTES,
	OFFPORT_REDIRECTED,
	OFFPORT_NO_SOCKET,
	OFFPORT_SHUNTED_PACKETS, /* counted to an entry of the shunt table and dropped */
	OFFPORT_SHUNTED_BYTES,
	/* Parts of REDIRECTED and NO_SOCKET: */
	OFFPORT_FRAGMENTS,
	OFFPORT_TUNNELLED,
	OFFPORT_UNREACHED, /* headers lie beyond what the program reads: to the worker of slot 0 */
	/* Reasons: */
	OFFPORT_NOT_IP,
	OFFPORT_LINK_TRUNCATED,
	OFFPORT_TOO_DEEP,
	OFFPORT_TUNNEL_MALFORMED,
	OFFPORT_IPV4_MALFORMED,
	OFFPORT_IPV6_MALFORMED,
	OFFPORT_IP_TRUNCATED,
	OFFPORT_TCP_MALFORMED,
	OFFPORT_UDP_MALFORMED,
	OFFPORT_SCTP_MALFORMED,
	OFFPORT_ICMP_MALFORMED,
	OFFPORT_TRANSPORT_TRUNCATED,
	OFFPORT_COUNTERS,
};

/*
 * A flow: crates/wire/src/key.rs. The end that comes first by (address, port) is `low`. Addresses are numbers of 128 bits,
 * those of IPv4 in the low half.
 */
struct offport_flow {
	unsigned long long low_addr[2]; /* high half first */
	unsigned long long high_addr[2];
	unsigned int domain;
	unsigned short low_port;
	unsigned short high_port;
	unsigned char version; /* 4 or 6 */
	unsigned char protocol;
	unsigned short padding[3]; /* 0 */
};

/*
 * A set of pins, a cache line: steering hashes of flows that stay with the worker that had their slot before; 0 is free,
 * and a hash of 0 is kept as 1. The program adds, user space adds and takes away, both atomically. A hash stands for a
 * fragmented datagram, too.
 */
struct offport_pins {
	unsigned long long hash[OFFPORT_PIN_WAYS];
};

/*
 * The tags of a set: way -> upper half of the steering hash, lowest bit set; 0 is an entry that is not in use. User space
 * writes a flow into the entry first and the tag last, and takes the tag away first.
 */
struct offport_shunt_tags {
	unsigned int tag[OFFPORT_SHUNT_WAYS];
};

/* What packets add up to. */
struct offport_shunt_numbers {
	unsigned long long packets;
	unsigned long long bytes;   /* IP total length of the innermost packet */
	unsigned long long payload; /* behind the TCP or UDP header */
};

/*
 * One direction of a shunted flow, a cache line. The first CPU that sees a packet owns it, and counts without locked
 * instructions; user space takes differences, so that it has nothing to write there but `taken`.
 */
struct offport_shunt_side {
	struct offport_shunt_numbers own; /* only ever grow, also from one flow to the next */
	unsigned long long last;          /* CLOCK_MONOTONIC_COARSE of the latest packet, nanoseconds; 0: none yet */
	struct offport_shunt_numbers taken; /* user space: what it has seen of `own` */
	unsigned int owner;                 /* number of the CPU plus 1; 0: none yet */
	unsigned int tick;                  /* the program's: low half of jiffies when it wrote `last` */
};

/*
 * A flow whose packets are counted here and go no further. Arrays are indexed by direction: low to high, high to low.
 */
struct offport_shunt {
	struct offport_flow flow;
	unsigned int claimed; /* user space: not 0 while the entry belongs to someone; no business of the program's */
	unsigned int padding[3];
	struct offport_shunt_side side[2];
	/* What other CPUs than a side's owner count: added to and taken away atomically. */
	struct offport_shunt_numbers others[2];
	unsigned long long padding_of_others[2];
};

/* Read-only after load: the verifier removes what a configuration does not use. */
struct offport_config {
	unsigned long long seed;
	unsigned int max_workers; /* stride of the XSKMAP: index = port * max_workers + worker */
	unsigned int workers;
	enum offport_steering steering;
	enum offport_action not_ip;
	enum offport_action malformed;
	enum offport_action no_socket; /* OFFPORT_DROP or OFFPORT_PASS */
	unsigned int shunt_sets;       /* of the shunt table, a power of two; 0: flows are not shunted */
	unsigned int pin_sets;         /* a power of two; 0: slots do not move */
	unsigned int trace;            /* write struct offport_trace: tests only */
};

/* One write per packet when config.trace is set. */
struct offport_trace {
	unsigned long long hash;
	unsigned int index; /* of the XSKMAP; ~0 when the packet went to no worker */
	enum offport_counter counted; /* REDIRECTED, NO_SOCKET, SHUNTED_PACKETS; or the reason why the packet was refused */
	unsigned int unreached;
	unsigned int shuntable; /* the packet is one that a shunted flow's entry would count; then also: */
	unsigned int direction;
	unsigned int bytes;
	unsigned int payload;
	struct offport_flow flow;
};

#endif
