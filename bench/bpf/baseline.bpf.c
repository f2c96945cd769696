// SPDX-License-Identifier: Apache-2.0 OR MIT
/*
 * The least that an XDP program can do with a packet that it counts: drop it, or give it to a socket.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* 0 -> packets seen. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

/* queue -> AF_XDP socket. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

static __always_inline void count(void)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&seen, &key);

	if (value)
		*value += 1;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	count();
	return XDP_DROP;
}

/* veth takes frames from its peer only with a program in place: this one leaves them to the network stack. */
SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int receive(struct xdp_md *ctx)
{
	count();
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
