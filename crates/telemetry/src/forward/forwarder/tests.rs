use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::super::message::Kind;
use super::*;

/// The other side: what it was given, and whether it is there.
#[derive(Clone, Default)]
struct Side {
    away: Arc<AtomicBool>,
    /// It takes for ever.
    stuck: Arc<AtomicBool>,
    got: Arc<Mutex<Vec<String>>>,
    /// How often it was seen to without messages, and when last.
    looks: Arc<AtomicU64>,
    looked: Option<Instant>,
}

impl Courier for Side {
    const BATCH: usize = 4;

    async fn deliver(&mut self, batch: &[Message]) -> Delivery {
        self.looked = Some(Instant::now());
        self.looks.fetch_add(u64::from(batch.is_empty()), Ordering::Relaxed);
        if self.stuck.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.away.load(Ordering::Relaxed) {
            return Delivery::failed("away");
        }
        let mut delivery = Delivery::default();
        for message in batch {
            match message.body.as_slice() {
                b"refuse" => delivery.refused += 1,
                _ => {
                    self.got.lock().unwrap().push(message.id.clone());
                    delivery.sent += 1;
                }
            }
        }
        delivery
    }

    fn due(&self) -> Option<Instant> {
        self.looked.map(|looked| looked + Duration::from_millis(20))
    }
}

impl Side {
    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

fn settings(spool: Option<PathBuf>) -> Settings {
    Settings { name: "test", spool, budget: 1 << 20, drain: Duration::from_millis(300) }
}

fn message(number: usize) -> Message {
    Message::new(Kind::Event, number.to_string(), b"{}".to_vec())
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn messages_wait_while_the_other_side_is_away() {
    let side = Side::default();
    side.away.store(true, Ordering::Relaxed);
    let folder = tempfile::tempdir().unwrap();
    let forwarder = Forwarder::start(settings(Some(folder.path().to_owned())), side.clone()).unwrap();
    (0..10).for_each(|number| forwarder.send(message(number)));
    wait_until("all wait", || forwarder.counts().waiting() == 10);
    wait_until("it was tried", || forwarder.counts.failed.load(Ordering::Relaxed) > 1);
    assert!(!forwarder.counts.connected.load(Ordering::Relaxed));
    side.away.store(false, Ordering::Relaxed);
    wait_until("all are sent", || forwarder.counts().sent() == 10);
    assert_eq!(side.got(), numbers(0..10));
    assert!(forwarder.counts.connected.load(Ordering::Relaxed));
    assert!(forwarder.counts.retried.load(Ordering::Relaxed) >= 4);
}

#[test]
fn what_is_left_at_the_end_is_sent_by_the_next_one() {
    let side = Side::default();
    side.stuck.store(true, Ordering::Relaxed);
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(Some(folder.path().to_owned()));
    let forwarder = Forwarder::start(settings.clone(), side.clone()).unwrap();
    (0..10).for_each(|number| forwarder.send(message(number)));
    drop(forwarder);
    assert_eq!(side.got(), numbers(0..0));
    side.stuck.store(false, Ordering::Relaxed);
    let forwarder = Forwarder::start(settings, side.clone()).unwrap();
    wait_until("all are sent", || forwarder.counts().sent() == 10);
    assert_eq!(side.got(), numbers(0..10));
}

#[test]
fn the_end_waits_for_what_can_be_sent() {
    let side = Side::default();
    let forwarder = Forwarder::start(settings(None), side.clone()).unwrap();
    (0..1000).for_each(|number| forwarder.send(message(number)));
    drop(forwarder);
    assert_eq!(side.got(), numbers(0..1000));
}

#[test]
fn what_is_refused_is_counted_and_the_rest_goes_on() {
    let side = Side::default();
    let forwarder = Forwarder::start(settings(None), side.clone()).unwrap();
    forwarder.send(message(0));
    forwarder.send(Message::new(Kind::Event, "bad".to_owned(), b"refuse".to_vec()));
    forwarder.send(message(1));
    wait_until("all are through", || forwarder.counts().sent() == 2);
    assert_eq!(forwarder.counts().dropped_for(Reason::Refused), 1);
    assert_eq!(side.got(), numbers(0..2));
}

#[test]
fn the_connection_is_seen_to_without_messages() {
    let side = Side::default();
    let forwarder = Forwarder::start(settings(None), side.clone()).unwrap();
    wait_until("it was looked at", || side.looks.load(Ordering::Relaxed) >= 3);
    assert!(forwarder.counts.connected.load(Ordering::Relaxed));
    side.away.store(true, Ordering::Relaxed);
    wait_until("it is missed", || !forwarder.counts.connected.load(Ordering::Relaxed));
}

#[test]
fn a_thread_that_is_behind_never_holds_up_who_feeds_it() {
    let (sender, inbox) = mpsc::channel(QUEUE);
    let counts = Arc::new(Counts::default());
    let forwarder =
        Forwarder { name: "test", inbox: Some(sender), counts: Arc::clone(&counts), thread: None };
    (0..QUEUE + 7).for_each(|number| forwarder.send(message(number)));
    assert_eq!(counts.dropped_for(Reason::QueueFull), 7);
    drop(inbox);
}

#[test]
fn another_takes_over_and_nothing_is_lost_or_sent_twice() {
    for stays in [true, false] {
        let (first, second) = (Side::default(), Side::default());
        first.away.store(stays, Ordering::Relaxed);
        let folder = tempfile::tempdir().unwrap();
        let spool = || Some(folder.path().to_owned());
        let mut forwarder = Forwarder::start(settings(spool()), first.clone()).unwrap();
        (0..10).for_each(|number| forwarder.send(message(number)));
        forwarder.replace(settings(spool()), second.clone()).unwrap();
        // While the first one is still at it.
        (10..20).for_each(|number| forwarder.send(message(number)));
        wait_until("all are sent", || forwarder.counts().sent() == 20);
        let sent_by_first = if stays { 0 } else { 10 };
        assert_eq!(first.got(), numbers(0..sent_by_first));
        assert_eq!(second.got(), numbers(sent_by_first..20));
        wait_until("they are known to be", || forwarder.counts().waiting() == 0);
        assert_eq!(forwarder.counts.accepted.load(Ordering::Relaxed), 20, "it counts on");
    }
}

#[test]
fn what_has_no_spool_is_counted_as_lost_at_the_end() {
    let side = Side::default();
    side.away.store(true, Ordering::Relaxed);
    let mut forwarder = Forwarder::start(settings(None), side).unwrap();
    (0..10).for_each(|number| forwarder.send(message(number)));
    forwarder.join();
    assert_eq!(forwarder.counts().dropped_for(Reason::MemoryFull), 10);
    assert_eq!(forwarder.counts().waiting(), 0);
}
