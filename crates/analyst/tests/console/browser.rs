//! Headless Chromium, driven over WebDriver (W3C): plain HTTP with JSON, to a chromedriver on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long something may take to appear. No test asserts less.
const PATIENCE: Duration = Duration::from_secs(30);

/// One browser with a profile of its own; it ends when dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

/// Whether the programs are there. Without them the test is skipped, loudly, or fails where they are promised.
pub(crate) fn is_installed() -> bool {
    let missing: Vec<_> = ["chromium", "chromedriver", "tshark"]
        .into_iter()
        .filter(|name| {
            let found =
                Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            !found.is_ok_and(|status| status.success())
        })
        .collect();
    if missing.is_empty() {
        return true;
    }
    let require = std::env::var("OFFPORT_REQUIRE").unwrap_or_default();
    let promised = require.contains("root") || require.contains("chromium");
    assert!(!promised, "OFFPORT_REQUIRE={require}, but {missing:?} cannot be run: scripts/setup test");
    eprintln!("SKIPPED: {missing:?} cannot be run: scripts/setup test");
    false
}

impl Browser {
    /// Downloads go to that folder, and the profile is in it.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("chromedriver says its port").unwrap();
            if let Some(rest) = line.split("started successfully on port ").nth(1) {
                break rest.trim_end_matches('.').parse().unwrap();
            }
        };
        // It goes on talking, and is not to be stopped by a pipe that is full.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--hide-scrollbars",
            "--window-size=1280,1000",
            profile.as_str(),
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments, "prefs": { "download.default_directory": folder.join("downloads") } },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let mut browser = Self { driver, port, session: String::new() };
        let value = browser.call("POST", "/session", &capabilities);
        browser.session = format!("/session/{}", value["sessionId"].as_str().unwrap());
        browser.devtools(
            "Browser.setDownloadBehavior",
            json!({ "behavior": "allow", "downloadPath": folder.join("downloads") }),
        );
        browser
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url }));
    }

    pub(crate) fn address(&self) -> String {
        self.call("GET", &format!("{}/url", self.session), &Value::Null).as_str().unwrap().to_owned()
    }

    /// Clicks on the first element of a CSS selector, when it is there.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/click"), json!({}));
    }

    /// The text of an element as it is shown.
    pub(crate) fn text(&self, selector: &str) -> String {
        let element = self.element(selector);
        let path = format!("{}/element/{element}/text", self.session);
        self.call("GET", &path, &Value::Null).as_str().unwrap().to_owned()
    }

    /// The value of a script's `return`.
    pub(crate) fn eval(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] }))
    }

    pub(crate) fn keys(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/value"), json!({ "text": text }));
    }

    /// A command of the DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    /// What was logged since the last call.
    pub(crate) fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", json!({ "type": kind })).as_array().unwrap().clone()
    }

    /// A picture of the whole page, for people: into the folder that `OFFPORT_SCREENSHOTS` names, if it does.
    pub(crate) fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("OFFPORT_SCREENSHOTS") else { return };
        let taken = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let file = std::fs::File::create(Path::new(&folder).join(format!("{name}.png"))).unwrap();
        let mut decoder =
            Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(file).spawn().unwrap();
        decoder.stdin.take().unwrap().write_all(taken["data"].as_str().unwrap().as_bytes()).unwrap();
        assert!(decoder.wait().unwrap().success());
    }

    /// Waits until a script's `return` is true.
    pub(crate) fn wait(&self, script: &str) {
        wait(script, || (self.eval(script) == Value::Bool(true)).then_some(()));
    }

    fn element(&self, selector: &str) -> String {
        let path = format!("{}/elements", self.session);
        wait(selector, || {
            let found = self.call("POST", &path, &json!({ "using": "css selector", "value": selector }));
            let first = found.as_array()?.first()?.as_object()?.values().next()?.as_str()?.to_owned();
            Some(first)
        })
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), &body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let port = self.port;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        // The connection stays open, whatever was asked for.
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap()
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).unwrap();
        let value: Value = serde_json::from_slice(&answer).unwrap();
        assert!(value["value"]["error"].is_null(), "{method} {path} {body}: {value}");
        value["value"].clone()
    }
}

/// What comes, if it comes in time.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &self.session, &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
