//! Shunting on a veth pair at full speed.
#![cfg(feature = "live")]
#![allow(unsafe_code)] // attaching a bare XDP program to compare with
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests

#[path = "common/build.rs"]
mod build;
mod common;

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::mpsc;
use std::time::Instant;

use build::*;
use common::Veth;
use offport_capture::xdp::{self, Mode, Options, ShuntCount, Snapshot};
use offport_wire::{Domain, FlowKey, Transport};

/// A segment of 64 bytes with its link header, and the answer to it.
fn elephant() -> [Vec<u8>; 2] {
    let there = ipv4(6, &[&tcp()[..], &[7; 10]].concat());
    let mut back = there.clone();
    back[12..20].rotate_left(4);
    back[20..24].rotate_left(2);
    [ethernet(0x0800, &there), ethernet(0x0800, &back)]
}

fn key() -> FlowKey {
    let ends = (([192, 0, 2, 1].into(), 40_000), ([198, 51, 100, 7].into(), 80));
    FlowKey::v4(ends.0, ends.1, Transport::TCP, Domain::NONE).0
}

/// Does `traffic` while the program is on the tap and the elephant, if so wished, shunted. What was counted.
fn sensing(veth: &Veth, shunted: bool, traffic: impl FnOnce()) -> (Snapshot, ShuntCount) {
    let (ready, is_ready) = mpsc::channel();
    let (end, is_over) = mpsc::channel();
    let sensor = veth.sensor(move || {
        let options =
            Options { mode: Mode::Native, huge_pages: false, shunt_entries: 1 << 16, ..Options::default() };
        let (mut control, _receivers) = xdp::open(&["tap".to_owned()], &options).unwrap();
        let mut shunt = control.shunt().unwrap();
        assert!(!shunted || shunt.add(&key()));
        ready.send(()).unwrap();
        is_over.recv().unwrap();
        control.detach();
        shunt.no_more_packets();
        let count = shunt.release(&key());
        assert_eq!(shunt.late(), None);
        (control.statistics(), count)
    });
    is_ready.recv().unwrap();
    traffic();
    end.send(()).unwrap();
    sensor.join().unwrap()
}

#[test]
fn both_directions_on_two_cpus_are_counted_to_the_packet() {
    if !common::root() {
        return;
    }
    const EACH: u32 = 300_000;
    let veth = Veth::new();
    let (snapshot, count) = sensing(&veth, true, || {
        let floods = [0, 1].map(|cpu| veth.flood(cpu, EACH, vec![elephant()[cpu].clone()]));
        floods.into_iter().for_each(|flood| flood.join().unwrap());
    });
    let ports = &snapshot.interfaces[0].ports;
    for (port, direction) in ports.iter().zip(0..) {
        let xdp = port.xdp;
        assert!(xdp.packets > u64::from(EACH / 2), "{xdp:?}");
        // What arrived on a queue is one direction; all of it was shunted.
        assert_eq!((xdp.shunted_packets, xdp.shunted_bytes), (xdp.packets, xdp.bytes));
        assert_eq!(count.packets[direction], xdp.packets);
        assert_eq!((count.bytes[direction], count.payload[direction]), (50 * xdp.packets, 10 * xdp.packets));
    }
    let shunts = snapshot.shunts;
    assert_eq!((shunts.entries, shunts.capacity, shunts.inserts, shunts.removed), (0, 1 << 16, 1, 1));
}

/// Does `traffic` while a program that drops everything is on the tap.
fn dropping(veth: &Veth, traffic: impl FnOnce()) {
    let (ready, is_ready) = mpsc::channel();
    let (end, is_over) = mpsc::channel::<()>();
    let sensor = veth.sensor(move || {
        let program = common::program(1); // XDP_DROP
        let options = libbpf_sys::bpf_link_create_opts {
            sz: size_of::<libbpf_sys::bpf_link_create_opts>() as _,
            flags: 1 << 2, // XDP_FLAGS_DRV_MODE
            ..Default::default()
        };
        // SAFETY: a terminated string, an open program, options as long as they say; the descriptor was just opened.
        let _link = unsafe {
            let tap = libc::if_nametoindex(c"tap".as_ptr()) as i32;
            let link = libbpf_sys::bpf_link_create(
                program.as_raw_fd(),
                tap,
                libbpf_sys::BPF_XDP,
                &raw const options,
            );
            assert!(link >= 0, "{link}");
            OwnedFd::from_raw_fd(link)
        };
        ready.send(()).unwrap();
        is_over.recv().unwrap();
    });
    is_ready.recv().unwrap();
    traffic();
    end.send(()).unwrap();
    sensor.join().unwrap();
}

/// Prints what an elephant costs beside a program that only drops; no assertion on time.
#[test]
fn cost() {
    if !common::root() {
        return;
    }
    const COUNT: u32 = 1_000_000;
    let veth = Veth::new();
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..5 {
        let flood = || {
            let start = Instant::now();
            veth.flood(0, COUNT, vec![elephant()[0].clone()]).join().unwrap();
            f64::from(COUNT) / start.elapsed().as_secs_f64() / 1e6
        };
        let mut rate = 0.0;
        dropping(&veth, || rate = flood());
        rates[0].push(rate);
        sensing(&veth, true, || rate = flood());
        rates[1].push(rate);
        sensing(&veth, false, || rate = flood());
        rates[2].push(rate);
    }
    let [dropped, shunted, redirected] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[2]
    });
    println!(
        "Mpps, medians of 5: XDP_DROP {dropped:.2}, shunted {shunted:.2} ({:.2} of it), to a full ring {redirected:.2}",
        shunted / dropped
    );
}
