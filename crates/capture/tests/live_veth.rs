//! Live capture on a veth pair with two queues, in namespaces of its own.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests

mod common;

use std::collections::HashMap;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::Veth;
use libbpf_rs::XdpFlags;
use offport_capture::xdp::{
    self, CaptureError, Control, FrameSize, Mode, Notice, Options, Receiver, Snapshot, Steering, Wake,
    ZeroCopy,
};
use offport_wire::Timestamp;

const TAP: &str = "tap";

fn options(workers: u16) -> Options {
    Options {
        workers: workers.try_into().unwrap(),
        mode: Mode::Native,
        huge_pages: false,
        ..Options::default()
    }
}

/// A UDP datagram in Ethernet and IPv4. Its payload says what it is.
fn datagram(flow: u16, reply: bool, number: u32, size: usize) -> Vec<u8> {
    let (client, server) = ([10, 1, (flow >> 8) as u8, flow as u8], [10, 2, 0, 1]);
    let (source, destination) = if reply { (server, client) } else { (client, server) };
    let (source_port, destination_port) = if reply { (80, 40_000 + flow) } else { (40_000 + flow, 80u16) };
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let udp = size - 14 - 20;
    frame.extend([0x45, 0]);
    frame.extend(((20 + udp) as u16).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend(source);
    frame.extend(destination);
    frame.extend(source_port.to_be_bytes());
    frame.extend(destination_port.to_be_bytes());
    frame.extend((udp as u16).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(flow.to_be_bytes());
    frame.push(u8::from(reply));
    frame.extend(number.to_be_bytes());
    // A pattern, so that a frame put together wrongly is seen.
    frame.extend((frame.len()..size).map(|at| at as u8));
    frame
}

/// (flow, reply, number) of a datagram.
type Id = (u16, bool, u32);

fn identify(bytes: &[u8]) -> Option<Id> {
    let payload = bytes.get(42..49)?;
    assert!(
        bytes[49..].iter().enumerate().all(|(at, byte)| *byte == (49 + at) as u8),
        "contents are damaged"
    );
    Some((
        u16::from_be_bytes([payload[0], payload[1]]),
        payload[2] != 0,
        u32::from_be_bytes([payload[3], payload[4], payload[5], payload[6]]),
    ))
}

/// Something to do on the control thread.
type Call = Box<dyn FnOnce(&mut Control) + Send>;

/// A running capture: workers that note what they see.
struct Rig {
    veth: Veth,
    control: mpsc::Sender<Call>,
    thread: JoinHandle<()>,
    workers: Vec<JoinHandle<Vec<Id>>>,
    /// What the receivers say that was lost.
    lost: Arc<AtomicU64>,
}

impl Rig {
    fn start(veth: Veth, options: Options, pause: Option<Duration>) -> Self {
        let (control, calls) = mpsc::channel::<Call>();
        let (opened, receivers) = mpsc::channel();
        let thread = veth.sensor(move || {
            let (mut control, receivers) = xdp::open(&[TAP.to_owned()], &options).unwrap();
            opened.send(receivers).unwrap();
            for call in calls {
                call(&mut control);
            }
        });
        let lost = Arc::new(AtomicU64::new(0));
        let receivers = receivers.recv().unwrap().into_iter();
        let workers = receivers.map(|receiver| work(receiver, pause, Arc::clone(&lost))).collect();
        Self { veth, control, thread, workers, lost }
    }

    fn call<T: Send + 'static>(&self, call: impl FnOnce(&mut Control) -> T + Send + 'static) -> T {
        let (answer, answered) = mpsc::channel();
        self.control.send(Box::new(move |control| answer.send(call(control)).unwrap())).unwrap();
        answered.recv().unwrap()
    }

    fn statistics(&self) -> Snapshot {
        self.call(|control| control.statistics())
    }

    /// Waits until nothing more arrives, then ends the workers in order.
    fn finish(self) -> (Snapshot, Vec<Vec<Id>>) {
        self.call(Control::detach);
        let mut last = self.statistics();
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.statistics();
            if received(&now) == received(&last) {
                break;
            }
            last = now;
        }
        self.call(|control| control.stop());
        let seen = self.workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        let (answer, answered) = mpsc::channel();
        self.control
            .send(Box::new(move |control: &mut Control| answer.send(control.statistics()).unwrap()))
            .unwrap();
        let snapshot = answered.recv().unwrap();
        drop(self.control);
        self.thread.join().unwrap();
        (snapshot, seen)
    }
}

fn work(mut receiver: Receiver, pause: Option<Duration>, lost: Arc<AtomicU64>) -> JoinHandle<Vec<Id>> {
    std::thread::spawn(move || {
        let (mut seen, mut known) = (Vec::new(), 0);
        loop {
            let count = receiver.receive(Timestamp::ZERO, |frames| {
                seen.extend(frames.iter().filter_map(|frame| identify(frame.bytes)));
            });
            // Sockets that were closed are not among them any more.
            let now = receiver.lost();
            lost.fetch_add(now.saturating_sub(known), Ordering::Relaxed);
            known = now;
            if count > 0 {
                pause.into_iter().for_each(std::thread::sleep);
            } else if receiver.wait(Some(Duration::from_millis(200))).unwrap() == Wake::Stopped {
                return seen;
            }
        }
    })
}

fn received(snapshot: &Snapshot) -> u64 {
    snapshot
        .interfaces
        .iter()
        .flat_map(|interface| &interface.ports)
        .flat_map(|port| &port.workers)
        .map(|worker| worker.packets)
        .sum()
}

/// Each packet that the program saw was handed on or refused; each one handed on was received or is counted as lost.
fn assert_accounted_for(snapshot: &Snapshot) {
    for port in snapshot.interfaces.iter().flat_map(|interface| &interface.ports) {
        let xdp = &port.xdp;
        assert_eq!(
            xdp.packets,
            xdp.redirected + xdp.no_socket + xdp.shunted_packets + xdp.refused(),
            "{port:?}"
        );
        let oversized: u64 = snapshot.receivers.iter().map(|receiver| receiver.oversized).sum();
        let workers =
            port.workers.iter().map(|worker| worker.packets + worker.rx_dropped + worker.rx_ring_full);
        assert_eq!(xdp.redirected, workers.sum::<u64>() + oversized, "{port:?}");
        assert!(port.workers.iter().all(|worker| worker.rx_invalid == 0), "{port:?}");
    }
    assert_eq!(snapshot.unassigned.packets, 0);
}

#[test]
fn both_directions_reach_one_worker_whatever_the_queue() {
    if !common::root() {
        return;
    }
    const FLOWS: u16 = 1000;
    const EACH: u32 = 10;
    let rig = Rig::start(Veth::new(), options(2), None);
    let bound = rig.call(|control| control.bound());
    assert_eq!(bound.len(), 2);
    assert!(bound.iter().all(|port| port.mode == Mode::Native && !port.zero_copy), "{bound:?}");

    // Requests from CPU 0, replies from CPU 1: each direction has a queue of its own.
    let frames = |reply| {
        (0..EACH).flat_map(|number| (0..FLOWS).map(move |flow| datagram(flow, reply, number, 80))).collect()
    };
    let senders = [rig.veth.send(0, 20, frames(false)), rig.veth.send(1, 20, frames(true))];
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let (snapshot, seen) = rig.finish();

    assert_accounted_for(&snapshot);
    let sent = u64::from(FLOWS) * u64::from(EACH);
    for port in &snapshot.interfaces[0].ports {
        assert_eq!(port.xdp.redirected, sent, "queue {}: {port:?}", port.queue);
    }
    let mut owner = HashMap::new();
    let mut once = HashMap::new();
    for (worker, ids) in seen.iter().enumerate() {
        assert!(!ids.is_empty(), "worker {worker} saw nothing");
        for id in ids {
            assert_eq!(*owner.entry(id.0).or_insert(worker), worker, "flow {} went to both workers", id.0);
            *once.entry(*id).or_insert(0) += 1;
        }
    }
    assert!(once.values().all(|count| *count == 1), "a packet was seen twice");
    assert_eq!(once.len() as u64, 2 * sent, "lost: {snapshot:?}");
}

#[test]
fn every_packet_is_accounted_for_at_saturation() {
    if !common::root() {
        return;
    }
    // Small rings and workers that dawdle: packets are lost, and each is counted.
    let options = Options { fill_ring: 512, rx_ring: 64, frames: Some(640), ..options(2) };
    let rig = Rig::start(Veth::new(), options, Some(Duration::from_millis(2)));
    let frames =
        |reply| (0..50_000).map(|number| datagram(number as u16 % 500, reply, number, 120)).collect();
    let senders = [rig.veth.send(0, 0, frames(false)), rig.veth.send(1, 0, frames(true))];
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let lost = Arc::clone(&rig.lost);
    let (snapshot, seen) = rig.finish();

    assert_accounted_for(&snapshot);
    let seen: usize = seen.iter().map(Vec::len).sum();
    assert_eq!(seen as u64, received(&snapshot));
    let sockets =
        snapshot.interfaces.iter().flat_map(|interface| &interface.ports).flat_map(|port| &port.workers);
    let counted: u64 = sockets.map(|socket| socket.rx_dropped + socket.rx_ring_full).sum();
    assert_eq!(lost.load(Ordering::Relaxed), counted, "what a worker is told that it lost");
    assert!(seen < 100_000, "nothing was lost: no saturation");
    let interface = &snapshot.interfaces[0];
    assert!(interface.ports.iter().all(|port| port.workers.iter().any(|worker| worker.rx_ring_full > 0)));
}

#[test]
fn jumbo_frames_are_put_together() {
    if !common::root() {
        return;
    }
    let rig = Rig::start(Veth::with_mtu(9000), options(2), None);
    assert!(rig.call(|control| control.bound()).iter().all(|port| port.multi_buffer));
    let sizes = [64, 1500, 1792, 1793, 3000, 5000, 9014];
    let frames =
        (0..2000).map(|number| datagram(number as u16 % 50, false, number, sizes[number as usize % 7]));
    rig.veth.send(0, 10, frames.collect()).join().unwrap();
    let (snapshot, seen) = rig.finish();
    assert_accounted_for(&snapshot);
    assert_eq!(seen.iter().map(Vec::len).sum::<usize>(), 2000, "{snapshot:?}");
    let joined: u64 = snapshot.receivers.iter().map(|receiver| receiver.joined).sum();
    assert_eq!(joined, (0..2000).filter(|number| number % 7 >= 3).count() as u64);
}

/// veth has room for some 3,500 bytes in one buffer, and refuses a program that takes no more if its MTU is larger.
#[test]
fn the_program_for_several_buffers_is_taken_where_the_mtu_needs_it() {
    if !common::root() {
        return;
    }
    for (mtu, large, program) in [(1500, 1400, "steer "), (3600, 3600, "steer_frags")] {
        let options = Options { frame_size: FrameSize::Bytes4096, ..options(1) };
        let rig = Rig::start(Veth::with_mtu(mtu), options, None);
        assert!(rig.call(|control| control.bound()).iter().all(|port| !port.multi_buffer));
        common::run(&format!("ip -n {} -d link show tap | grep -q 'name {program}'", rig.veth.sensor));
        let frames = (0..500).map(|number| datagram(3, false, number, [64, large][number as usize % 2]));
        rig.veth.send(0, 10, frames.collect()).join().unwrap();
        let (snapshot, seen) = rig.finish();
        assert_accounted_for(&snapshot);
        assert_eq!(seen.iter().map(Vec::len).sum::<usize>(), 500, "{snapshot:?}");
    }
}

#[test]
fn an_interface_that_goes_is_taken_up_again_when_it_returns() {
    if !common::root() {
        return;
    }
    let rig = Rig::start(Veth::new(), options(2), None);
    let frames =
        |from: u32| (from..from + 500).map(|number| datagram(7, false, number, 80)).collect::<Vec<_>>();
    for round in 0..3 {
        rig.veth.send(0, 20, frames(round * 500)).join().unwrap();
        rig.veth.delete();
        let tick = rig.call(Control::tick);
        assert_eq!(tick, [Notice::Lost { interface: TAP.to_owned() }]);
        assert!(rig.call(|control| control.bound()).is_empty());
        let gone = rig.statistics();
        assert!(!gone.interfaces[0].open);
        // What was in the rings of the interface may have gone with it; what was received stays counted.
        rig.veth.create();
        let tick = rig.call(Control::tick);
        assert_eq!(tick, [Notice::Returned { interface: TAP.to_owned() }]);
        assert!(received(&rig.statistics()) >= received(&gone));
    }
    let before = received(&rig.statistics());
    rig.veth.send(1, 20, frames(5000)).join().unwrap();
    let (snapshot, _) = rig.finish();
    assert_eq!(received(&snapshot) - before, 500);
}

#[test]
fn queues_that_are_added_and_taken_away_are_bound_and_let_go() {
    if !common::root() {
        return;
    }
    let veth = Veth::new();
    let set = |veth: &Veth, queues: u32| {
        // With a program, queues that receive are not fewer than those of the peer that send.
        let wire = || common::run(&format!("ip netns exec {} ethtool -L wire tx {queues}", veth.sender));
        let tap = || common::run(&format!("ip netns exec {} ethtool -L {TAP} rx {queues}", veth.sensor));
        if queues == 1 {
            wire();
            tap();
        } else {
            tap();
            wire();
            veth.spread();
        }
    };
    set(&veth, 1);
    let rig = Rig::start(veth, options(2), None);
    assert_eq!(rig.call(|control| control.bound()).len(), 1);
    let frames =
        |from: u32| (from..from + 500).map(|number| datagram(7, false, number, 80)).collect::<Vec<_>>();
    rig.veth.send(0, 20, frames(0)).join().unwrap();

    let changed = || Notice::Queues { interface: TAP.to_owned(), queues: 2 };
    set(&rig.veth, 2);
    assert_eq!(rig.call(Control::tick), [changed()]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while rig.call(|control| control.bound()).len() != 2 {
        assert!(Instant::now() < deadline, "not bound again: {:?}", rig.call(Control::tick));
        std::thread::sleep(Duration::from_millis(20));
        rig.call(Control::tick);
    }
    assert_eq!(rig.call(Control::tick), []);
    let before = received(&rig.statistics());
    for queue in 0..2 {
        rig.veth.send(queue, 20, frames(1_000)).join().unwrap();
    }
    let (snapshot, _) = rig.finish();
    assert_eq!(received(&snapshot) - before, 1_000);
    assert_accounted_for(&snapshot);
}

#[test]
fn queues_that_there_is_no_room_for_are_told_once() {
    if !common::root() {
        return;
    }
    let veth = Veth::new();
    veth.delete();
    veth.create_with(20);
    let set = |end: &str, namespace: &str, queues: u32| {
        common::run(&format!("ip netns exec {namespace} ethtool -L {end} {queues}"))
    };
    set("wire tx", &veth.sender, 1);
    set("tap rx", &veth.sensor, 1);
    let rig = Rig::start(veth, Options { fill_ring: 512, rx_ring: 256, ..options(1) }, None);
    set("tap rx", &rig.veth.sensor, 20);
    let mut told = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !matches!(told.last(), Some(Notice::NoRoom { .. })) {
        assert!(Instant::now() < deadline, "only {told:?}");
        told.extend(rig.call(Control::tick));
        std::thread::sleep(Duration::from_millis(20));
    }
    let interface = || TAP.to_owned();
    assert_eq!(
        told,
        [
            Notice::Queues { interface: interface(), queues: 20 },
            Notice::Returned { interface: interface() },
            Notice::NoRoom { interface: interface(), queues: 20, bound: 16 },
        ]
    );
    assert_eq!(rig.call(|control| control.bound()).len(), 16);
    assert_eq!(rig.call(Control::tick), []);
    rig.veth.send(0, 20, (0..300).map(|number| datagram(1, false, number, 80)).collect()).join().unwrap();
    let (snapshot, _) = rig.finish();
    assert_eq!(received(&snapshot), 300, "the first queues are watched");
}

#[test]
fn a_program_that_others_take_off_or_replace_is_noticed_and_attached_again() {
    if !common::root() {
        return;
    }
    let rig = Rig::start(Veth::new(), options(1), None);
    let sensor = rig.veth.sensor.clone();
    let program = || {
        let output =
            Command::new("ip").args(["-n", &sensor, "-details", "link", "show", TAP]).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let (_, rest) = output.split_once("prog/xdp id ")?;
        rest.split_whitespace().next()?.parse::<u32>().ok()
    };
    // As `bpftool link detach` does.
    let detach = || {
        common::detach(program().unwrap());
    };
    let lost = || [Notice::Lost { interface: TAP.to_owned() }];
    let returned = || [Notice::Returned { interface: TAP.to_owned() }];
    let frames =
        |from: u32| (from..from + 300).map(|number| datagram(7, false, number, 80)).collect::<Vec<_>>();
    rig.veth.send(0, 20, frames(0)).join().unwrap();
    detach();
    assert_eq!(program(), None);
    assert_eq!(rig.call(Control::tick), lost());
    assert_eq!(rig.call(Control::tick), returned());

    // Taken off, and another one is there before anybody looks.
    let own = program();
    detach();
    let attach = |attach: bool| {
        let other = rig.veth.sensor(move || {
            let program = common::program(2); // XDP_PASS
            let index = common::index(c"tap");
            let xdp = libbpf_rs::Xdp::new(program.as_fd());
            if attach { xdp.attach(index, XdpFlags::DRV_MODE) } else { xdp.detach(index, XdpFlags::DRV_MODE) }
        });
        other.join().unwrap().unwrap();
    };
    attach(true);
    assert!(program().is_some() && program() != own);
    assert_eq!(rig.call(Control::tick), lost());
    let tick = rig.call(Control::tick);
    assert!(matches!(&tick[..], [Notice::Failed { reason, .. }] if reason.contains("program")), "{tick:?}");
    assert_eq!(rig.call(Control::tick), [], "it is said once");
    attach(false);
    assert_eq!(rig.call(Control::tick), returned());

    let before = received(&rig.statistics());
    rig.veth.send(0, 20, frames(1_000)).join().unwrap();
    let (snapshot, _) = rig.finish();
    assert_eq!(received(&snapshot) - before, 300);
    assert_accounted_for(&snapshot);
}

#[test]
fn link_down_and_up_are_noticed_and_survived() {
    if !common::root() {
        return;
    }
    let rig = Rig::start(Veth::new(), options(1), None);
    let set = |state: &str| common::run(&format!("ip -n {} link set wire {state}", rig.veth.sender));
    let tick_until = |notice: Notice| {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !rig.call(Control::tick).contains(&notice) {
            assert!(Instant::now() < deadline, "no {notice:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    set("down");
    tick_until(Notice::LinkDown { interface: TAP.to_owned() });
    set("up");
    tick_until(Notice::LinkUp { interface: TAP.to_owned() });
    rig.veth.send(0, 20, (0..300).map(|number| datagram(1, false, number, 80)).collect()).join().unwrap();
    let (snapshot, _) = rig.finish();
    assert_eq!(received(&snapshot), 300);
}

#[test]
fn a_second_instance_is_told_of_the_first_and_nothing_is_left_behind() {
    if !common::root() {
        return;
    }
    let veth = Veth::new();
    veth.sensor(|| {
        let names = [TAP.to_owned()];
        for _ in 0..3 {
            let first = xdp::open(&names, &options(2)).unwrap();
            let second = xdp::open(&names, &options(2));
            match second.map(|_| ()) {
                Err(CaptureError::Occupied { program, .. }) => assert_ne!(program, 0),
                other => panic!("{other:?}"),
            }
            drop(first);
        }
    })
    .join()
    .unwrap();
    let links = std::process::Command::new("ip").args(["-n", &veth.sensor, "link"]).output().unwrap();
    let links = String::from_utf8(links.stdout).unwrap();
    assert!(!links.contains("xdp") && !links.contains("PROMISC"), "{links}");
}

#[test]
fn generic_mode_receives_too() {
    if !common::root() {
        return;
    }
    let rig = Rig::start(Veth::new(), Options { mode: Mode::Generic, ..options(1) }, None);
    assert!(rig.call(|control| control.bound()).iter().all(|port| port.mode == Mode::Generic));
    rig.veth.send(0, 20, (0..200).map(|number| datagram(1, false, number, 80)).collect()).join().unwrap();
    let (snapshot, seen) = rig.finish();
    assert_accounted_for(&snapshot);
    assert_eq!(seen[0].len(), 200);
}

#[test]
fn errors_name_cause_and_remedy() {
    if !common::root() {
        return;
    }
    let veth = Veth::new();
    veth.sensor(|| {
        let error = |names: &[&str], options: Options| {
            let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            xdp::open(&names, &options).map(|_| ()).unwrap_err().to_string()
        };
        let text = error(&[TAP], Options { zero_copy: ZeroCopy::Required, ..options(1) });
        assert!(text.contains("veth") && text.contains("zero_copy = \"auto\""), "{text}");
        let text = error(&["nonesuch"], options(1));
        assert!(text.contains("nonesuch") && text.contains("ip -br link"), "{text}");
        let text = error(&[TAP, TAP], options(1));
        assert!(text.contains("twice"), "{text}");
        let text = error(&["lo"], Options { mode: Mode::Native, ..options(1) });
        assert!(text.contains("mode = \"generic\""), "{text}");
        // The test's pair has two queues, and no hash that could be made symmetric.
        let text = error(&[TAP], Options { steering: Steering::Rss, ..options(1) });
        assert!(text.contains("symmetric") && text.contains("steering = \"flow\""), "{text}");
        let text = error(&[TAP], Options { rx_ring: 1000, ..options(1) });
        assert!(text.contains("rx_ring") && text.contains("power of two"), "{text}");
    })
    .join()
    .unwrap();
}

/// Prints the rate at which a worker takes 64-byte frames that the kernel sends flat out; no assertion on time.
#[test]
fn rate() {
    if !common::root() {
        return;
    }
    for workers in [1, 2] {
        let rig = Rig::start(Veth::new(), options(workers), None);
        let frames = (0..64).map(|flow| datagram(flow, false, 0, 64)).collect();
        let start = Instant::now();
        rig.veth.flood(0, 1 << 15, frames).join().unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let (snapshot, _) = rig.finish();
        assert_accounted_for(&snapshot);
        let arrived: u64 = snapshot.interfaces[0].ports.iter().map(|port| port.xdp.packets).sum();
        println!(
            "{workers} workers: {:.2} Mpps sent, {:.2} at XDP, {:.2} received",
            f64::from(64 << 15) / seconds / 1e6,
            arrived as f64 / seconds / 1e6,
            received(&snapshot) as f64 / seconds / 1e6,
        );
    }
}
