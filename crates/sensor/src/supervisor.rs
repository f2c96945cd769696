//! What is said to systemd, if it started the sensor (sd_notify(3)): ready, alive, reloading, stopping.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// Says nothing where nobody listens.
pub(crate) struct Supervisor {
    /// It wants to hear this often that the sensor lives.
    every: Option<Duration>,
    said: Instant,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        let mut micros = 0;
        // Half of the time that systemd waits.
        let every =
            sd_notify::watchdog_enabled(false, &mut micros).then(|| Duration::from_micros(micros / 2));
        Self { every, said: Instant::now() }
    }

    /// Packets are watched from now on; again after a reload.
    pub(crate) fn ready(&self, interfaces: &[String]) {
        let status = format!("watching {}", interfaces.join(", "));
        say(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    pub(crate) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => say(&[NotifyState::Reloading, now]),
            Err(_) => say(&[NotifyState::Reloading]),
        }
    }

    /// Called by the loop that everything else hangs on: if it stands still, systemd restarts the sensor.
    pub(crate) fn alive(&mut self) {
        if self.every.is_some_and(|every| self.said.elapsed() >= every) {
            self.said = Instant::now();
            say(&[NotifyState::Watchdog]);
        }
    }

    pub(crate) fn stopping(&self, why: &str) {
        say(&[NotifyState::Stopping, NotifyState::Status(why)]);
    }
}

fn say(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, words) {
        tracing::debug!(%error, "systemd does not hear");
    }
}
