//! What a worker does whose rings are empty: it looks again for a while, or sleeps.

use std::io;
use std::time::{Duration, Instant};

use super::{Core, Wake, add};
use crate::xdp::backend::Backend;
use crate::xdp::sys;

/// How often the rings are looked at before the clock is, and others have their turn: less than a microsecond.
const SPINS: u32 = 32;

impl<B: Backend> Core<B> {
    pub(super) fn spin(&mut self) -> bool {
        if !self.soon || self.busy_poll {
            return false;
        }
        let start = Instant::now();
        while !self.mailbox.is_stopped() {
            for _ in 0..SPINS {
                if self.mailbox.is_pending() || self.is_ready() {
                    add(&self.counters.spins, 1);
                    return true;
                }
                std::hint::spin_loop();
            }
            if start.elapsed() >= self.spin {
                break;
            }
            // The kernel's own receiving threads may want this core.
            std::thread::yield_now();
        }
        self.soon = false;
        false
    }

    fn is_ready(&self) -> bool {
        self.interfaces.iter().flat_map(|interface| &interface.ports).any(|port| B::is_ready(&port.rx))
    }

    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Wake> {
        self.read_mail();
        if self.mailbox.is_stopped() {
            return Ok(Wake::Stopped);
        }
        if self.busy_poll {
            self.kick();
            return Ok(Wake::Ready);
        }
        // Whoever sleeps keeps nothing back.
        for port in self.interfaces.iter_mut().flat_map(|interface| &mut interface.ports) {
            port.release();
        }
        let start = Instant::now();
        if sys::poll(&mut self.polled, timeout)? == 0 {
            return Ok(Wake::TimedOut);
        }
        self.soon = start.elapsed() < self.spin;
        add(&self.counters.wakeups, 1);
        for polled in &mut self.polled {
            // The interface is gone (ENETDOWN). Polled again, it would return at once and for ever; the control
            // thread will take the port away.
            if polled.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
                polled.fd = -1;
            }
        }
        if self.mailbox.is_pending() {
            self.read_mail();
        }
        Ok(if self.mailbox.is_stopped() { Wake::Stopped } else { Wake::Ready })
    }
}
