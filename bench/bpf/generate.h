/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What generator and user space share; src/live/generator.rs has the same layout. */
#ifndef OFFPORT_GENERATE_H
#define OFFPORT_GENERATE_H

struct generate {
	__u64 sent;
	__u64 opened;
	__u64 continued;
	__u64 packets;		/* of the capture */
	__u64 limit;		/* of `sent` */
	__u64 due;		/* when the next packet is, in nanoseconds * 256 */
	__u64 gap;		/* between two packets, in nanoseconds * 256; 0: none */
	__u32 flow_bits;	/* settled flows, as a power of two */
	__u32 new_permille;	/* packets of new flows */
	__u32 frame;		/* bytes, without checksum */
	__u32 request;		/* bytes of the request */
	__u32 first_new;	/* number of the first new flow */
	__u32 apart;		/* flows between two steps of one */
};

/* A packet of a capture, cut to what fits one page with all that the kernel keeps there. */
struct recorded {
	__u32 length;
	__u8 bytes[2044];
};

#endif
