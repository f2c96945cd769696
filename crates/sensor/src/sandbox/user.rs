//! The user that the sensor becomes if it was started as root.

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::unistd::User;
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// If the configuration names none.
const USUAL: &str = "offport";

/// Becomes it; there is one thread. Its name.
pub(super) fn become_user(wanted: Option<&str>) -> anyhow::Result<String> {
    let now = geteuid();
    let find = |name: &str| match User::from_name(name) {
        // What getpwnam_r(3) may say of a name that is not there, or where there is no list of users.
        Err(Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM) => Ok(None),
        found => found.with_context(|| format!("privileges.user: {name:?} cannot be looked up")),
    };
    if !now.is_root() {
        let name = User::from_uid(now.as_raw().into()).ok().flatten().map(|user| user.name);
        let name = name.unwrap_or_else(|| now.as_raw().to_string());
        if let Some(wanted) = wanted.filter(|wanted| *wanted != name) {
            bail!(
                "privileges.user: {wanted:?} can only become who starts as root, and this is {name:?}: start it as one of the two"
            );
        }
        return Ok(name);
    }
    let user = match wanted {
        Some(name) => find(name)?.with_context(|| {
            format!("privileges.user: there is no user {name:?}: adduser --system --group --no-create-home {name}, or \"root\"")
        })?,
        None => match find(USUAL)? {
            Some(user) => user,
            None => {
                tracing::warn!(
                    "there is no user {USUAL:?}: stays root, without most of its capabilities \
                     (adduser --system --group --no-create-home {USUAL})"
                );
                return Ok("root".to_owned());
            }
        },
    };
    if !user.uid.is_root() {
        let (uid, gid) = (Uid::from_raw(user.uid.as_raw()), Gid::from_raw(user.gid.as_raw()));
        // Capabilities outlast the change; which of them stay is decided afterwards.
        set_keep_capabilities(true)?;
        set_thread_groups(&[gid])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)
            .with_context(|| format!("privileges.user: {:?} cannot be become", user.name))?;
        set_keep_capabilities(false)?;
    }
    Ok(user.name)
}
