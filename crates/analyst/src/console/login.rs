//! Who has entered the token: sessions of browsers, each a random value in a cookie.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::access::hash;

/// The cookie.
const NAME: &str = "offport_console";
/// How long a session lasts.
const LASTS: Duration = Duration::from_secs(12 * 3_600);
/// Sessions at once; the oldest makes room.
const MOST: usize = 64;

/// Sessions by the hash of their value: what is looked up is not what is sent, so the time of a look-up tells nothing.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Instant>>);

impl Sessions {
    /// A new session: the `Set-Cookie` of it.
    pub(super) fn begin(&self, now: Instant, tls: bool) -> Result<String, getrandom::Error> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let value: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, until| *until > now);
        if sessions.len() >= MOST
            && let Some(oldest) = sessions.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(hash(&value), now + LASTS);
        Ok(cookie(&value, LASTS, tls))
    }

    /// Whether a `Cookie` header names a session.
    pub(super) fn is_in(&self, cookies: &str, now: Instant) -> bool {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values(cookies).any(|value| sessions.get(&hash(value)).is_some_and(|until| *until > now))
    }

    /// Ends the sessions that a `Cookie` header names: the `Set-Cookie` that takes it away.
    pub(super) fn end(&self, cookies: &str, tls: bool) -> String {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values(cookies).for_each(|value| _ = sessions.remove(&hash(value)));
        cookie("", Duration::ZERO, tls)
    }
}

fn cookie(value: &str, lasts: Duration, tls: bool) -> String {
    let secure = if tls { "; Secure" } else { "" };
    format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", lasts.as_secs())
}

fn values(cookies: &str) -> impl Iterator<Item = &str> {
    cookies.split(';').filter_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))
}

/// Where to go on after the login: a place of this console, nowhere else.
pub(super) fn next(wanted: Option<&str>) -> &str {
    let is_own = |place: &&str| {
        place.starts_with('/')
            && !place[1..].starts_with(['/', '\\'])
            && place.chars().all(|c| c.is_ascii_graphic() && c != '\\')
    };
    wanted.filter(is_own).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(cookie: &str) -> &str {
        cookie.split(';').next().unwrap()
    }

    #[test]
    fn a_session_lasts_until_it_is_ended_or_old() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let set = sessions.begin(now, false).unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Strict;") && !set.contains("Secure"), "{set}");
        assert!(sessions.begin(now, true).unwrap().ends_with("; Secure"));
        let cookies = format!("other=1; {}", value(&set));
        assert!(sessions.is_in(&cookies, now));
        assert!(!sessions.is_in(&cookies, now + LASTS));
        assert!(!sessions.is_in("offport_console=", now) && !sessions.is_in("", now));
        assert!(!sessions.is_in(&value(&set).to_ascii_uppercase(), now));
        sessions.end(&cookies, false);
        assert!(!sessions.is_in(&cookies, now));
    }

    #[test]
    fn sessions_are_bounded() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.begin(now, false).unwrap();
        for second in 1..=MOST as u64 {
            sessions.begin(now + Duration::from_secs(second), false).unwrap();
        }
        assert_eq!(sessions.0.lock().unwrap().len(), MOST);
        assert!(!sessions.is_in(value(&first), now));
    }

    #[test]
    fn a_login_leads_nowhere_else() {
        assert_eq!(next(Some("/host/10.0.0.1?last=1d")), "/host/10.0.0.1?last=1d");
        for wanted in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "evil",
            "",
            "/a\r\nX: y",
            "javascript:1",
        ] {
            assert_eq!(next(Some(wanted)), "/", "{wanted:?}");
        }
        assert_eq!(next(None), "/");
    }
}
