//! The control thread's turns at what the workers have put out.

use std::time::{Duration, Instant};

use offport_engine::{Event, FlowRecord, Opening};
use rtrb::Consumer;

use crate::outlet::Inlet;

/// A turn is over after so long, whatever is left: whoever puts in as fast as it is taken out, as in a flood, keeps neither metrics nor
/// reloads nor systemd waiting.
const TURN: Duration = Duration::from_millis(200);

/// Who takes it.
pub(crate) trait Taker {
    /// A flow whose events and records come later.
    fn opening(&mut self, opening: &Opening);
    fn event(&mut self, event: &Event);
    fn record(&mut self, record: &FlowRecord);
}

/// What a turn brought.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Events, records and openings.
    pub count: usize,
    /// There was no time for the rest.
    pub is_cut_short: bool,
}

/// Takes what is in the rings, events of all workers first. Begins with the worker after the one that the turn before began with.
pub(crate) fn turn(inlets: &mut [Inlet], first: &mut usize, taker: &mut impl Taker) -> Turn {
    let start = Instant::now();
    let is_over = || start.elapsed() >= TURN;
    *first = (*first + 1) % inlets.len().max(1);
    let mut count = 0;
    // A worker puts a flow's opening out before its events and records, so what is popped has its opening behind it.
    let (earlier, later) = inlets.split_at_mut(*first);
    for inlet in later.iter_mut().chain(earlier) {
        while let Ok(event) = inlet.events.pop() {
            count += 1 + openings(&mut inlet.openings, taker);
            taker.event(&event);
            if is_over() {
                return Turn { count, is_cut_short: true };
            }
        }
    }
    let (earlier, later) = inlets.split_at_mut(*first);
    for inlet in later.iter_mut().chain(earlier) {
        while let Ok(record) = inlet.records.pop() {
            count += 1 + openings(&mut inlet.openings, taker);
            taker.record(&record);
            if is_over() {
                return Turn { count, is_cut_short: true };
            }
        }
        count += openings(&mut inlet.openings, taker);
    }
    Turn { count, is_cut_short: false }
}

/// Takes what is there, not what comes meanwhile.
fn openings(ring: &mut Option<Consumer<Opening>>, taker: &mut impl Taker) -> usize {
    let Some(ring) = ring else { return 0 };
    let there = ring.slots();
    std::iter::from_fn(|| ring.pop().ok()).take(there).map(|opening| taker.opening(&opening)).count()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use offport_engine::Output as _;

    use super::*;
    use crate::outlet;

    #[derive(Default)]
    struct Count {
        openings: usize,
        records: usize,
    }

    impl Taker for Count {
        fn opening(&mut self, _: &Opening) {
            self.openings += 1;
        }

        fn event(&mut self, _: &Event) {}

        fn record(&mut self, _: &FlowRecord) {
            self.records += 1;
            // As formatting and writing it: longer than it takes to put one in.
            std::thread::sleep(Duration::from_micros(10));
        }
    }

    #[test]
    fn a_ring_that_is_never_empty_keeps_nobody() {
        let mut ends = outlet::rings(2, true);
        let (_, idle) = ends.remove(1);
        let (mut outlet, inlet) = ends.remove(0);
        let mut inlets = [inlet, idle];
        outlet::tests::run(&mut outlet, 1);
        let record = inlets[0].records.pop().unwrap();
        let stop = AtomicBool::new(false);
        let (mut first, mut count) = (0, Count::default());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    outlet.record(&record);
                }
            });
            while inlets[0].records.slots() < 10_000 {
                std::thread::yield_now();
            }
            let turns: Vec<_> = (0..3).map(|_| turn(&mut inlets, &mut first, &mut count)).collect();
            stop.store(true, Ordering::Relaxed);
            assert!(turns.iter().all(|turn| turn.is_cut_short && turn.count > 0), "{turns:?}");
        });
        while turn(&mut inlets, &mut first, &mut count).is_cut_short {}
        let turn = turn(&mut inlets, &mut first, &mut count);
        assert_eq!((turn.count, turn.is_cut_short), (0, false));
        assert_eq!(count.openings, 1);
        assert!(count.records > 3);
    }
}
