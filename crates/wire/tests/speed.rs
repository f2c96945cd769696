//! What parsing costs. Not a check, so ignored:
//! `cargo test -p offport-wire --release --test speed -- --ignored --nocapture`
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a measurement that is read by people")]

use std::hint::black_box;
use std::time::Instant;

use etherparse::{PacketBuilder, VlanId};
use offport_wire::{Frame, LinkType, Timestamp, parse, steer};

const A4: [u8; 4] = [192, 0, 2, 1];
const B4: [u8; 4] = [198, 51, 100, 7];
const A6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const B6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

macro_rules! built {
    ($builder:expr, $payload:expr) => {{
        let builder = $builder;
        let mut bytes = Vec::with_capacity(builder.size($payload.len()));
        builder.write(&mut bytes, &$payload).unwrap();
        bytes
    }};
}

#[test]
#[ignore = "a measurement"]
fn nanoseconds_per_packet() {
    let ethernet = || PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let id = |id| VlanId::try_new(id).unwrap();
    let inner = built!(ethernet().ipv4(A4, B4, 64).tcp(40_000, 80, 1, 512), [0; 10]);
    let vxlan: Vec<u8> = [&[8, 0, 0, 0, 0, 0, 7, 0], inner.as_slice()].concat();
    let rows = [
        ("tcp, 64 bytes", built!(ethernet().ipv4(A4, B4, 64).tcp(40_000, 80, 1, 512), [0; 10])),
        ("tcp, 1514 bytes", built!(ethernet().ipv4(A4, B4, 64).tcp(40_000, 80, 1, 512), [0; 1460])),
        (
            "tcp, QinQ",
            built!(ethernet().double_vlan(id(5), id(6)).ipv4(A4, B4, 64).tcp(40_000, 80, 1, 512), [0; 10]),
        ),
        ("tcp, ipv6", built!(ethernet().ipv6(A6, B6, 64).tcp(40_000, 80, 1, 512), [0; 10])),
        ("udp", built!(ethernet().ipv4(A4, B4, 64).udp(40_000, 53), [0; 40])),
        ("icmp echo", built!(ethernet().ipv4(A4, B4, 64).icmpv4_echo_request(1, 2), [0; 40])),
        ("tcp in vxlan", built!(ethernet().ipv4(A4, B4, 64).udp(40_000, 4789), vxlan)),
    ];
    for (name, bytes) in rows {
        // As many frames as a worker meets in one turn of a ring, in as many places.
        let frames: Vec<Vec<u8>> = (0..256).map(|_| bytes.clone()).collect();
        let frames: Vec<Frame<'_>> = frames
            .iter()
            .map(|bytes| Frame {
                bytes,
                link: LinkType::Ethernet,
                wire_len: bytes.len() as u32,
                time: Timestamp::ZERO,
                interface: 0,
            })
            .collect();
        let measure = |work: &dyn Fn(&Frame<'_>) -> u64| {
            (0..20)
                .map(|_| {
                    let start = Instant::now();
                    for _ in 0..500 {
                        let mut sum = 0_u64;
                        for frame in &frames {
                            sum = sum.wrapping_add(work(black_box(frame)));
                        }
                        black_box(sum);
                    }
                    start.elapsed().as_nanos() as f64 / (500 * frames.len()) as f64
                })
                .fold(f64::INFINITY, f64::min)
        };
        let parsing = measure(&|frame| u64::from(black_box(&parse(frame)).is_ok()));
        let both = measure(&|frame| parse(frame).as_ref().map_or(0, |parsed| steer::hash(7, parsed)));
        eprintln!("{name:20} parse {parsing:5.1} ns   parse and hash {both:5.1} ns");
    }
}
