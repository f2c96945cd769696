//! What the sensor gives up before it hears its first packet: whoever takes it over by a packet has next to nothing.
//!
//! | | process | workers, writers, listeners, forwarders |
//! |---|---|---|
//! | user | `privileges.user` | the same |
//! | capabilities | CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON: what attaching again needs | none |
//! | new privileges | never | never |
//! | Landlock | nothing is written but below the paths of the configuration, nothing is executed | the same |
//! | seccomp | no process, no program, no module, no namespace, … | workers: no file and no socket besides |
//!
//! The first is entered by [`enter`] while there is one thread; threads are made in [`nursery`], and a worker closes its own door by
//! [`close_worker`].

mod calls;
mod capabilities;
mod files;
mod user;

use anyhow::{Context as _, bail};
use offport_config::{Config, Want};
use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use self::files::Landlock;

/// What was given up.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    user: String,
    landlock: Landlock,
    seccomp: bool,
    on: bool,
}

/// Gives up what the configuration says. There is one thread, and nothing is open yet.
///
/// # Errors
/// The user does not exist, a folder cannot be made, or the kernel refuses what is required.
pub(crate) fn enter(config: &Config) -> anyhow::Result<Sandbox> {
    let privileges = &config.privileges;
    capabilities::raise_locked_memory();
    // Captures are read by the group, and by nobody else.
    rustix::process::umask(Mode::WGRP | Mode::RWXO);
    let user = user::become_user(privileges.user.as_deref())?;
    let mut sandbox =
        Sandbox { user, landlock: Landlock::Off, seccomp: false, on: privileges.sandbox != Want::Off };
    if !sandbox.on {
        return Ok(sandbox);
    }
    capabilities::reduce().context("capabilities cannot be given up")?;
    // Other programs of the same user neither trace it nor have its memory in a core file.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let required = privileges.sandbox == Want::Require;
    sandbox.landlock = files::restrict(config)?;
    if required && sandbox.landlock != Landlock::Whole {
        bail!(
            "privileges.sandbox = \"require\", but Landlock is {}: a kernel from 6.2 on with CONFIG_SECURITY_LANDLOCK and landlock in \
             /sys/kernel/security/lsm, or \"auto\"",
            sandbox.landlock.name()
        );
    }
    match calls::restrict_process() {
        Ok(()) => sandbox.seccomp = true,
        Err(error) if required => {
            return Err(error)
                .context("privileges.sandbox = \"require\", but there is no seccomp; \"auto\" goes without");
        }
        Err(error) => tracing::warn!(%error, "no seccomp filter"),
    }
    Ok(sandbox)
}

impl Sandbox {
    /// Makes threads without capabilities: what they inherit is those of the thread that makes them, and `make` runs in one that
    /// has none.
    pub(crate) fn nursery<T: Send>(&self, make: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        if !self.on {
            return Ok(make());
        }
        std::thread::scope(|scope| {
            let nurse = std::thread::Builder::new().name("offport-nursery".to_owned());
            let thread = nurse.spawn_scoped(scope, || capabilities::clear().map(|()| make()));
            match thread.context("a thread cannot be started")?.join() {
                Ok(made) => made.context("capabilities cannot be given up"),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// What a worker may still ask of the kernel; called at the start of its thread.
    pub(crate) fn close_worker(&self) -> anyhow::Result<()> {
        if self.seccomp {
            calls::restrict_worker().context("a worker's seccomp filter")?;
        }
        Ok(())
    }

    /// One line for the log.
    pub(crate) fn announce(&self) {
        if self.on {
            tracing::info!(
                user = self.user,
                capabilities = %capabilities::held(),
                landlock = self.landlock.name(),
                seccomp = self.seccomp,
                "privileges given up"
            );
        } else {
            tracing::warn!(user = self.user, "privileges.sandbox = \"off\": all privileges are kept");
        }
    }

    /// For `/metrics`.
    pub(crate) fn publish(&self) {
        metrics::gauge!(
            "offport_sandbox_info",
            "landlock" => if self.on { self.landlock.name() } else { "off" },
            "seccomp" => if self.seccomp { "on" } else { "off" },
        )
        .set(1.0);
    }
}

#[cfg(test)]
mod tests;
