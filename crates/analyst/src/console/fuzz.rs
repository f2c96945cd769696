//! Any request to the console: through the server's own HTTP and all of its pages, without a socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use offport_config::Config;
use offport_telemetry::connections;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::access::Token;
use super::asking::Desk;
use super::routes::{Console, routes};
use crate::desk::place::Place;
use crate::live::scrape::Sensor;

const TOKEN: &str = "correct-horse-battery-staple";
/// Statuses of the console, and those by which the server refuses what is no request (400, 414, 431).
const STATUSES: [u16; 13] = [200, 303, 400, 401, 404, 405, 408, 413, 414, 415, 421, 431, 503];

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "OPTIONS", "get"];
/// Addresses that lead somewhere; `*` is the input's.
const PATHS: [&str; 16] = [
    "/",
    "/hosts",
    "/host/*",
    "/host/10.0.0.1",
    "/sessions",
    "/session/*",
    "/session/00000000000000000000",
    "/session/00000000000000000000/capture.pcapng",
    "/session/*/capture.pcapng",
    "/protocols",
    "/health",
    "/login",
    "/logout",
    "/style.css",
    "/*",
    "http://localhost/*",
];
/// Parameters that pages know; `*` is the input's.
const QUERIES: [&str; 8] = [
    "",
    "?*",
    "?last=*",
    "?last=1h&sort=*",
    "?host=*&port=80,443",
    "?flagged=1&protocol=*",
    "?min_bytes=*&severity=high",
    "?source=*&destination=*&last=1d",
];
const HOSTS: [&str; 4] = ["Host: localhost\r\n", "Host: [::1]:10218\r\n", "", "Host: *\r\n"];
/// Who asks.
const WHO: [&str; 4] = [
    "",
    "Authorization: Bearer *\r\n",
    "Authorization: Bearer correct-horse-battery-staple\r\n",
    "Cookie: offport_console=*\r\n",
];

/// Consoles: over an empty store, over none, and with a token before an empty store.
pub struct Consoles([Router; 3]);

impl Consoles {
    /// In a folder, in which the empty store is made.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder.join("store/flows"))?;
        let console = |store: &str, at: [u8; 4], token: bool| {
            routes(Arc::new(Console {
                desk: Desk::new(Place { folder: folder.join(store), config: Config::default() }),
                sensor: Sensor::new(None),
                at: (at, 10_218).into(),
                tls: false,
                token: token.then(|| Token::new(TOKEN)).and_then(Result::ok),
                sessions: Default::default(),
                penance: Default::default(),
            }))
        };
        let (loopback, anywhere) = ([127, 0, 0, 1], [0; 4]);
        let [empty, none] = ["store", "none"].map(|store| console(store, loopback, false));
        Ok(Self([empty, none, console("store", anywhere, true)]))
    }

    /// Sends any bytes ([`request`]) and looks at the answer. The runtime's clock should be one that does not wait: a wrong token
    /// is answered late.
    ///
    /// # Panics
    /// The answer is none of the console's, or lacks what guards a page, or leads elsewhere.
    pub async fn ask(&self, data: &[u8]) {
        let Some((&which, rest)) = data.split_first() else { return };
        let Some(router) = self.0.get(usize::from(which & 3)) else { return };
        let request = request(which >> 2 & 1 == 1, rest);
        let (mut client, server) = tokio::io::duplex(64 << 10);
        let lifetime = Some(Duration::from_secs(60));
        let answered = connections::answer(server, router.clone(), lifetime);
        let mut answer = Vec::new();
        let asked = async {
            // Whoever is refused early need not be heard to the end.
            let _ = client.write_all(&request).await;
            let _ = client.shutdown().await;
            let _ = client.read_to_end(&mut answer).await;
        };
        tokio::join!(answered, asked);
        check(&String::from_utf8_lossy(&answer));
    }
}

/// A request from any bytes: as they are, or one whose parts the first three say. The rest of these is text for where a `*` stands,
/// what follows a zero a header, what follows another one the body.
fn request(raw: bool, data: &[u8]) -> Vec<u8> {
    let Some((&[method, address, from], rest)) = data.split_first_chunk().filter(|_| !raw) else {
        return data.to_vec();
    };
    let mut parts = rest.splitn(3, |&byte| byte == 0).map(String::from_utf8_lossy);
    let [text, header, body] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let of = |list: &[&str], number: u8| {
        list.get(usize::from(number) % list.len()).map_or("", |part| part).to_owned()
    };
    let address = of(&PATHS, address & 15) + &of(&QUERIES, address >> 4);
    let login = if body.is_empty() { format!("token={TOKEN}&next={text}") } else { body.into_owned() };
    let head = format!(
        "{} {address} HTTP/1.{}\r\n{}{}{header}{}Content-Length: {}\r\n\r\n",
        of(&METHODS, method & 7),
        u8::from(method < 0xf0),
        of(&HOSTS, from & 3),
        of(&WHO, from >> 2),
        if header.is_empty() || header.ends_with("\r\n") { "" } else { "\r\n" },
        login.len(),
    );
    [head.replace('*', &text), login].concat().into_bytes()
}

/// What holds of any answer.
fn check(answer: &str) {
    if answer.is_empty() {
        // Nothing was asked, or it was cut off.
        return;
    }
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status: Option<u16> = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    assert!(status.is_some_and(|status| STATUSES.contains(&status)), "{head}");
    let value = |name: &str| {
        let of = |line: &str| {
            line.split_once(": ").filter(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, it)| it.to_owned())
        };
        head.lines().find_map(of)
    };
    let policy = value("content-security-policy");
    assert!(policy.is_some() || body.is_empty(), "a page without a policy: {head}");
    if let Some(policy) = policy {
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert_eq!(value("x-content-type-options").as_deref(), Some("nosniff"));
        assert_eq!(value("cache-control").as_deref(), Some("no-store"));
    }
    if let Some(location) = value("location") {
        assert!(is_own(&location), "it leads to {location}");
    }
    if value("content-type").is_some_and(|kind| kind.starts_with("text/html")) && !body.is_empty() {
        assert_eq!(body.matches("<script").count(), 1, "{body}");
        for part in ["<img", "<iframe", "<base", "\u{202e}"] {
            assert!(!body.contains(part), "{part} in {body}");
        }
        let mut last = ("", "");
        for (name, value) in attributes(body) {
            assert!(name != "style" && !name.starts_with("on"), "{name} in {body}");
            if matches!(name, "href" | "action" | "src") || (last == ("name", "next") && name == "value") {
                assert!(value.starts_with('#') || is_own(value), "{name}: {value}");
            }
            last = (name, value);
        }
    }
}

/// Names and values of a page's attributes. All are in double quotes, and no other double quote is: they are escaped elsewhere.
fn attributes<'page>(body: &'page str) -> Vec<(&'page str, &'page str)> {
    let parts: Vec<_> = body.split('"').collect();
    assert!(parts.len() % 2 == 1, "a quote is not closed: {body}");
    let named = |&[before, value]: &[&'page str; 2]| {
        let name = before.strip_suffix('=').and_then(|before| before.rsplit_once(' '));
        assert!(name.is_some(), "a quote that no attribute begins with, before {value}");
        (name.map_or("", |(_, name)| name), value)
    };
    parts.as_chunks().0.iter().map(named).collect()
}

/// It leads to a place of this console.
fn is_own(address: &str) -> bool {
    address.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', '\\']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whatever_is_asked_is_answered_as_it_must_be() {
        let folder = tempfile::tempdir().unwrap();
        let consoles = Consoles::new(folder.path()).unwrap();
        for which in 0..3 {
            for address in 0..=u8::MAX {
                // No wrong token: it is answered late.
                let who = if which == 2 { 8 } else { 4 };
                let data = [&[which, 0, address, who], &b"\"><script>//x"[..]].concat();
                consoles.ask(&data).await;
            }
            consoles.ask(&[&[which, 2, 11, 8], &b"//evil.example"[..]].concat()).await;
            for raw in ["", "GET", "GET / HTTP/1.1\r\n\r\n", "GET /%00 HTTP/1.0\r\n\r\n", "\0\r\n\r\n"] {
                consoles.ask(&[&[which | 4], raw.as_bytes()].concat()).await;
            }
        }
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-security-policy: default-src 'none'; script-src \
                        'self';\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n\r\n<script src=\"/console.js\"></script>";

    #[test]
    fn what_a_value_ends_with_is_no_attribute() {
        check(&format!("{HEAD}<input value=\"1 src=\" placeholder=\"a\"> style="));
    }

    #[test]
    fn foreign_attributes_are_noticed() {
        for page in [
            "<a href=\"//evil.example\">",
            "<a href=\"https://evil.example\">",
            "<p style=\"color: red\">",
            "<p onclick=\"a()\">",
            "<input name=\"next\" value=\"//evil.example\">",
            "<input value=\"\" autofocus\">",
            "<p>\"</p>",
        ] {
            let page = format!("{HEAD}{page}");
            assert!(std::panic::catch_unwind(|| check(&page)).is_err(), "{page}");
        }
    }

    #[test]
    #[should_panic(expected = "without a policy")]
    fn a_page_without_a_policy_is_noticed() {
        check("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\nhello");
    }
}
