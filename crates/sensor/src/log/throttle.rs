//! A fault that comes again and again fills no disk with lines: of each place in the code, so many a minute.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines of one place in each [`WINDOW`]: more than a start with many queues, or a long list of problems, takes.
const LINES: u32 = 200;
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
pub(crate) struct Throttle(Arc<Mutex<HashMap<Identifier, Site>>>);

struct Site {
    since: Instant,
    lines: u32,
    left_out: u64,
    /// The text of the last that was left out.
    like: String,
}

impl Throttle {
    /// Called now and then: says what was left out, when its minute is over.
    pub(crate) fn tick(&self) {
        for (lines, like) in self.over(Instant::now()) {
            tracing::warn!(lines, like, "lines were left out of this log within a minute");
        }
    }

    fn over(&self, now: Instant) -> Vec<(u64, String)> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out = Vec::new();
        sites.retain(|_, site| {
            let over = now.duration_since(site.since) >= WINDOW;
            if over && site.left_out > 0 {
                left_out.push((site.left_out, std::mem::take(&mut site.like)));
            }
            !over
        });
        left_out
    }

    fn lets_through(&self, event: &Event<'_>, now: Instant) -> bool {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let site = sites.entry(event.metadata().callsite()).or_insert_with(|| Site {
            since: now,
            lines: 0,
            left_out: 0,
            like: String::new(),
        });
        site.lines += 1;
        if site.lines <= LINES {
            return true;
        }
        site.left_out += 1;
        site.like.clear();
        event.record(&mut Text(&mut site.like));
        false
    }
}

impl<S: Subscriber> Layer<S> for Throttle {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.lets_through(event, Instant::now())
    }
}

/// The message alone.
struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            *self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Counts what comes through.
    #[derive(Clone, Default)]
    struct Count(Arc<AtomicU32>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_place_that_says_too_much_is_cut_short_and_it_is_said_how_much() {
        let (throttle, count) = (Throttle::default(), Count::default());
        // As it is put together at the start.
        let filter = tracing_subscriber::EnvFilter::new("info");
        let layers = throttle.clone().and_then(count.clone()).with_filter(filter);
        let subscriber = tracing_subscriber::registry().with(layers);
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..LINES + 7 {
                tracing::info!(number, "again: {number}");
            }
            assert_eq!(count.0.load(Ordering::Relaxed), LINES);
            // Another place has a minute of its own.
            tracing::info!("something else");
            assert_eq!(count.0.load(Ordering::Relaxed), LINES + 1);
        });
        let now = Instant::now();
        assert!(throttle.over(now).is_empty(), "the minute is not over");
        let last = LINES + 6;
        assert_eq!(throttle.over(now + WINDOW), [(7, format!("again: {last}"))]);
        assert!(throttle.over(now + WINDOW).is_empty(), "said once");
    }
}
