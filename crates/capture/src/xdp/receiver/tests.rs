use std::time::Instant;

use super::*;
use crate::xdp::memory::{self, Kernel, Memory, Shared};

struct Rig {
    core: Core<Memory>,
    kernels: Vec<Shared>,
    pools: Vec<Arc<Pool<memory::Frame>>>,
}

const SPIN: Duration = Duration::from_millis(200);
const RING: usize = 128;
const FRAMES: usize = 200;

/// One worker with `ports` ports.
fn rig(ports: usize, batch: usize) -> Rig {
    let mailbox = Arc::new(Mailbox::new().unwrap());
    let core = Core::new(0, batch, false, SPIN, Arc::clone(&mailbox), Arc::default());
    let (mut kernels, mut pools, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ports {
        let (kernel, spare) = Kernel::new(RING, FRAMES);
        let pool = Arc::new(Pool::new(spare, FRAMES));
        all.push(Port {
            memory: (),
            rx: memory::rx(&kernel),
            fill: Arc::new(Mutex::new(Arc::clone(&kernel))),
            pool: Arc::clone(&pool),
            counters: Arc::default(),
            cache: Vec::new(),
            taken: Vec::new(),
            done: 0,
        });
        kernels.push(kernel);
        pools.push(pool);
    }
    mailbox.send(Message::Attach(Attachment { interface: 3, ports: all, multi_buffer: true }));
    Rig { core, kernels, pools }
}

impl Rig {
    fn receive(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        self.core.receive(Timestamp::from_nanos(9), |frames| {
            for frame in frames {
                assert_eq!((frame.interface, frame.time.as_nanos()), (3, 9));
                assert_eq!(frame.wire_len as usize, frame.bytes.len());
                packets.push(frame.bytes.to_vec());
            }
        });
        packets
    }

    /// Every frame is in the fill ring or in the pool.
    fn assert_all_returned(&mut self) {
        assert_eq!(self.core.wait(Some(Duration::ZERO)).unwrap(), Wake::TimedOut);
        for (kernel, pool) in self.kernels.iter().zip(&self.pools) {
            let kernel = kernel.lock().unwrap();
            kernel.assert_each_once();
            assert_eq!((kernel.filled.len(), pool.level()), (RING, (FRAMES - RING, FRAMES)));
        }
    }
}

#[test]
fn packets_of_all_ports_arrive_once_and_frames_go_back() {
    let mut rig = rig(3, 16);
    assert!(rig.receive().is_empty());
    let mut expected = Vec::new();
    for round in 0..500u16 {
        for (port, kernel) in rig.kernels.iter().enumerate() {
            let packet = [port as u8, round as u8, (round >> 8) as u8];
            assert!(kernel.lock().unwrap().deliver(&[&packet]), "the fill ring ran dry");
            expected.push(packet.to_vec());
        }
        if round % 20 == 19 {
            let mut seen = Vec::new();
            while let packets @ [_, ..] = &*rig.receive() {
                assert!(packets.len() <= 16);
                seen.extend_from_slice(packets);
            }
            seen.sort();
            expected.sort();
            assert_eq!(seen, std::mem::take(&mut expected));
        }
    }
    rig.assert_all_returned();
    let counted: Vec<_> = rig.core.interfaces[0]
        .ports
        .iter()
        .map(|port| {
            (port.counters.packets.load(Ordering::Relaxed), port.counters.bytes.load(Ordering::Relaxed))
        })
        .collect();
    assert_eq!(counted, [(500, 1500); 3]);
}

#[test]
fn who_sleeps_briefly_looks_for_packets_the_next_time() {
    let mut rig = rig(2, 16);
    assert!(rig.receive().is_empty());
    let (mailbox, kernel) = (Arc::clone(&rig.core.mailbox), Arc::clone(&rig.kernels[1]));
    let sleep = |rig: &mut Rig, time: Duration| {
        let mailbox = Arc::clone(&rig.core.mailbox);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(time);
            mailbox.wake();
        });
        assert_eq!(rig.core.wait(None).unwrap(), Wake::Ready);
        thread.join().unwrap();
    };
    let spins = |rig: &Rig| rig.core.counters.spins.load(Ordering::Relaxed);

    assert!(!rig.core.spin(), "it has not slept yet");
    sleep(&mut rig, 2 * SPIN);
    assert!(!rig.core.spin(), "packets came late");

    sleep(&mut rig, SPIN / 20);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(SPIN / 20);
        assert!(kernel.lock().unwrap().deliver(&[b"packet"]));
    });
    assert!(rig.core.spin());
    thread.join().unwrap();
    assert_eq!(rig.receive(), [b"packet"]);
    assert_eq!(spins(&rig), 1);
    // Mail is looked at as well; without any, it gives up, and does not try again.
    mailbox.wake();
    assert!(rig.core.spin());
    assert!(rig.receive().is_empty());
    let start = Instant::now();
    assert!(!rig.core.spin());
    assert!(start.elapsed() >= SPIN);
    assert!(!rig.core.spin());
    assert_eq!(spins(&rig), 2);

    sleep(&mut rig, SPIN / 20);
    mailbox.stop();
    assert!(!rig.core.spin(), "it is to stop");
}

#[test]
fn packets_of_several_frames_are_put_together() {
    let mut rig = rig(1, 4);
    for _ in 0..50 {
        {
            let mut kernel = rig.kernels[0].lock().unwrap();
            assert!(kernel.deliver(&[b"whole"]));
            assert!(kernel.deliver(&[b"one ", b"two ", b"three ", b"four ", b"five ", b"six"]));
            assert!(kernel.deliver(&[b"in ", b"two"]));
        }
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.extend(rig.receive());
        }
        let expected: [&[u8]; 3] = [b"whole", b"one two three four five six", b"in two"];
        assert_eq!(seen, expected);
    }
    assert_eq!(rig.core.counters.joined.load(Ordering::Relaxed), 100);
    rig.assert_all_returned();
}

#[test]
fn more_to_join_than_there_is_room_for_waits_for_the_next_batch() {
    let mut rig = rig(1, 64);
    let piece = vec![7; 60 * 1024];
    for _ in 0..6 {
        assert!(rig.kernels[0].lock().unwrap().deliver(&[&piece, b"end"]));
    }
    let counts = [rig.receive().len(), rig.receive().len(), rig.receive().len()];
    assert_eq!(counts, [4, 2, 0]);
    let piece = vec![7; JOIN];
    assert!(rig.kernels[0].lock().unwrap().deliver(&[&piece, b"end"]));
    assert!(rig.receive().is_empty());
    assert_eq!(rig.core.counters.oversized.load(Ordering::Relaxed), 1);
    rig.assert_all_returned();
}

#[test]
fn a_fill_ring_in_other_hands_is_filled_later() {
    let mut rig = rig(1, 64);
    let fill = Arc::clone(&rig.core_fill());
    let held = fill.lock().unwrap();
    for _ in 0..10 {
        assert!(rig.kernels[0].lock().unwrap().deliver(&[b"packet"]));
    }
    assert_eq!(rig.receive().len(), 10);
    assert_eq!(rig.core.counters.refill_postponed.load(Ordering::Relaxed), 1);
    assert_eq!(rig.kernels[0].lock().unwrap().filled.len(), RING - 10);
    drop(held);
    rig.assert_all_returned();
}

#[test]
fn no_port_starves() {
    let mut rig = rig(2, 8);
    let mut seen = [0; 2];
    for _ in 0..100 {
        for (port, kernel) in rig.kernels.iter().enumerate() {
            while kernel.lock().unwrap().deliver(&[&[port as u8]]) {}
        }
        rig.receive().iter().for_each(|packet| seen[usize::from(packet[0])] += 1);
    }
    assert_eq!(seen, [400; 2]);
}

#[test]
fn detach_and_stop() {
    let mut rig = rig(1, 8);
    assert!(rig.kernels[0].lock().unwrap().deliver(&[b"x"]));
    assert_eq!(rig.receive().len(), 1);
    rig.core.mailbox.send(Message::Detach(3));
    assert!(rig.receive().is_empty());
    assert!(rig.core.interfaces.is_empty());
    assert_eq!(rig.core.wait(Some(Duration::ZERO)).unwrap(), Wake::TimedOut);
    rig.core.mailbox.stop();
    assert_eq!(rig.core.wait(None).unwrap(), Wake::Stopped);
    assert_eq!(rig.core.wait(None).unwrap(), Wake::Stopped);
}

impl Rig {
    fn core_fill(&mut self) -> Arc<Mutex<Shared>> {
        self.core.read_mail();
        Arc::clone(&self.core.interfaces[0].ports[0].fill)
    }
}
