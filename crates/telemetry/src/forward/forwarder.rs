//! The thread that receives messages, keeps them in the spool, and has a courier take them away.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::counts::{Counts, Reason, add};
use super::courier::{Courier, Delivery};
use super::message::Message;
use super::pace::Pace;
use super::spool::Spool;

/// Messages that may wait for the thread (an event has some 3 KB).
const QUEUE: usize = 8192;
/// Bytes that are taken away at a time.
const BATCH_BYTES: usize = 1 << 20;
/// Things that no message brings about are looked after this often.
const TICK: Duration = Duration::from_secs(1);

/// Of one forwarder.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: the metric label `sink`.
    pub name: &'static str,
    /// Folder of what waits; `None`: it waits in memory.
    pub spool: Option<PathBuf>,
    /// Bytes that may wait.
    pub budget: u64,
    /// How long it goes on sending what is left when the sensor stops.
    pub drain: Duration,
}

/// Takes messages and sends them on. It stops when dropped.
#[derive(Debug)]
pub struct Forwarder {
    name: &'static str,
    /// `None`: it is to stop.
    inbox: Option<mpsc::Sender<Message>>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Starts the thread. Nothing that is wrong with the other side or the disk is an error: it is logged and tried again.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    #[expect(private_bounds, reason = "the couriers are what there is")]
    pub fn start<C: Courier>(settings: Settings, courier: C) -> std::io::Result<Self> {
        Self::start_after(None, Arc::default(), settings, courier)
    }

    /// Goes on with other settings and another courier. What has been handed over until now is sent as it was to be, for as long
    /// as the former `drain` says; what is left then waits in the spool, and is sent by the new one if it has the same. What comes
    /// meanwhile waits. It counts on.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made: there is no forwarder any more.
    #[expect(private_bounds, reason = "the couriers are what there is")]
    pub fn replace<C: Courier>(&mut self, settings: Settings, courier: C) -> std::io::Result<()> {
        self.close();
        let counts = Arc::clone(&self.counts);
        *self = Self::start_after(self.thread.take(), counts, settings, courier)?;
        Ok(())
    }

    /// Starts, replaces or stops what is there, as it is wanted now. What is stopped ends by itself, as [`replace`](Self::replace) says.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    #[expect(private_bounds, reason = "the couriers are what there is")]
    pub fn change<C: Courier>(
        there: &mut Option<Self>,
        wanted: Option<(Settings, C)>,
    ) -> std::io::Result<()> {
        match (there.as_mut(), wanted) {
            (Some(forwarder), Some((settings, courier))) => forwarder.replace(settings, courier)?,
            (None, Some((settings, courier))) => *there = Some(Self::start(settings, courier)?),
            (_, None) => {
                if let Some(mut forwarder) = there.take() {
                    // Nobody waits for it.
                    drop(forwarder.thread.take());
                }
            }
        }
        Ok(())
    }

    fn start_after<C: Courier>(
        before: Option<JoinHandle<()>>,
        counts: Arc<Counts>,
        settings: Settings,
        courier: C,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, inbox) = mpsc::channel(QUEUE);
        let name = settings.name;
        let thread = std::thread::Builder::new().name(format!("offport-{name}")).spawn({
            let counts = Arc::clone(&counts);
            move || {
                // Two of them in one spool would send everything twice.
                if let Some(before) = before {
                    let _ = before.join();
                }
                runtime.block_on(Station::new(settings, inbox, counts).run(courier));
                // A name that is being looked up must not hold up the end.
                runtime.shutdown_background();
            }
        })?;
        Ok(Self { name, inbox: Some(sender), counts, thread: Some(thread) })
    }

    /// Hands a message over, without ever waiting. If the thread is that far behind, the message is dropped and counted.
    pub fn send(&self, message: Message) {
        if self.inbox.as_ref().is_none_or(|inbox| inbox.try_send(message).is_err()) {
            self.counts.dropped(Reason::QueueFull, 1);
        }
    }

    /// What it counts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The metric label.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// No more messages come. It goes on for as long as `drain` says; what is left then stays in the spool.
    pub fn close(&mut self) {
        self.inbox = None;
    }

    /// Waits for the end of the thread.
    pub fn join(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.join();
    }
}

/// What the thread has beside the courier.
struct Station {
    name: &'static str,
    inbox: mpsc::Receiver<Message>,
    spool: Spool,
    counts: Arc<Counts>,
    pace: Pace,
    drain: Duration,
    /// The end, once no more messages come.
    deadline: Option<Instant>,
    /// Messages before this number were tried before.
    tried: u64,
}

impl Station {
    fn new(settings: Settings, inbox: mpsc::Receiver<Message>, counts: Arc<Counts>) -> Self {
        let Settings { name, spool, budget, drain } = settings;
        let spool = Spool::open(spool.as_deref(), budget, Arc::clone(&counts));
        let waiting = counts.waiting();
        if waiting > 0 {
            tracing::info!(sink = name, messages = waiting, "left from before: they are sent now");
        }
        Self { name, inbox, spool, counts, pace: Pace::default(), drain, deadline: None, tried: 0 }
    }

    async fn run<C: Courier>(mut self, mut courier: C) {
        loop {
            self.spool.recover();
            let now = Instant::now();
            let over = self.deadline.is_some_and(|deadline| now >= deadline || self.spool.is_empty());
            if over {
                break;
            }
            let due = if self.spool.is_empty() { courier.due() } else { None };
            // None of them: at once.
            let start = due.max(self.pace.not_before());
            if let Some(start) = start.filter(|&start| start > now) {
                self.wait(start.min(now + TICK)).await;
                continue;
            }
            let (first, batch) = self.batch(C::BATCH);
            let retried = self.tried.saturating_sub(first).min(batch.len() as u64);
            add(&self.counts.retried, retried);
            self.tried = self.tried.max(first + batch.len() as u64);
            let Some(delivery) = self.receive_during(courier.deliver(&batch)).await else { break };
            self.note(first, batch.len(), &delivery);
        }
        let left = self.counts.waiting();
        if left > 0 {
            tracing::warn!(
                sink = self.name,
                messages = left,
                "not sent: they stay in the spool, if there is one"
            );
        }
        self.spool.sync();
        self.spool.give_up_memory();
    }

    /// The first messages that wait, and the number of the first. What cannot be understood is given up.
    fn batch(&mut self, count: usize) -> (u64, Vec<Message>) {
        loop {
            let batch = self.spool.peek(count, BATCH_BYTES);
            let messages: Vec<_> =
                batch.payloads.iter().map_while(|payload| Message::decode(payload)).collect();
            if !messages.is_empty() || batch.payloads.is_empty() {
                return (batch.first, messages);
            }
            self.counts.dropped(Reason::Corrupt, 1);
            self.spool.acknowledge(batch.first + 1);
        }
    }

    fn note(&mut self, first: u64, count: usize, delivery: &Delivery) {
        let through = delivery.through().min(count) as u64;
        add(&self.counts.sent, delivery.sent as u64);
        for (reason, count) in [(Reason::Expired, delivery.expired), (Reason::Refused, delivery.refused)] {
            self.counts.dropped(reason, count as u64);
        }
        if through > 0 {
            self.spool.acknowledge(first + through);
        }
        self.counts.connected.store(delivery.failure.is_none(), Ordering::Relaxed);
        match &delivery.failure {
            None => {
                if self.pace.succeeded() {
                    tracing::info!(sink = self.name, "reached again");
                }
            }
            Some(error) => {
                add(&self.counts.failed, 1);
                if self.pace.failed(Instant::now()) {
                    let waiting = self.counts.waiting();
                    tracing::warn!(
                        sink = self.name,
                        error,
                        waiting,
                        "cannot be reached; tried again and again"
                    );
                }
            }
        }
    }

    /// Receives messages until then, or until one has come.
    async fn wait(&mut self, until: Instant) {
        let until = self.deadline.map_or(until, |deadline| until.min(deadline));
        tokio::select! {
            message = self.inbox.recv(), if self.deadline.is_none() => self.received(message),
            () = tokio::time::sleep_until(until) => {}
        }
    }

    /// Receives messages while something goes on; `None`: it was not over when the time for that was.
    async fn receive_during<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            // Only of use with a deadline; without one, some time far away.
            let deadline = self.deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
            tokio::select! {
                done = &mut work => return Some(done),
                message = self.inbox.recv(), if self.deadline.is_none() => self.received(message),
                () = tokio::time::sleep_until(deadline) => {
                    if self.deadline.is_some() {
                        return None;
                    }
                }
            }
        }
    }

    /// Puts the message, and what has come with it, into the spool; or begins the end.
    fn received(&mut self, message: Option<Message>) {
        let Some(message) = message else {
            self.deadline = Some(Instant::now() + self.drain);
            self.pace.hurry();
            return;
        };
        self.spool.push(&message.encode());
        while let Ok(message) = self.inbox.try_recv() {
            self.spool.push(&message.encode());
        }
    }
}

#[cfg(test)]
mod tests;
