//! `offport console` as people use it: in a browser, from the overview to the packets; and as others do, who are not to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "console/browser.rs"]
mod browser;
#[path = "console/sensor.rs"]
mod sensor;
#[path = "console/server.rs"]
mod server;
#[path = "console/store.rs"]
mod store;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use browser::{Browser, wait};
use server::Server;
use store::{ELSEWHERE, SUSPECT};

/// A store in a folder that goes with the test.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    store::make(folder.path());
    folder
}

#[test]
fn from_the_overview_to_packets_that_tshark_reads() {
    if !browser::is_installed() {
        return;
    }
    let folder = made();
    let sensor = format!("http://{}", sensor::start());
    let server = Server::start(&folder.path().join("store"), &["--sensor", &sensor]);
    let browser = Browser::start(folder.path());

    browser.open(&server.url("/"));
    assert_eq!(browser.text("h1"), "Overview");
    browser.wait("return document.querySelectorAll('figure.chart svg rect').length > 20");
    // Rates need two scrapes; the page fetches itself until they are there.
    browser.wait("return document.querySelectorAll('figure.chart svg').length === 3");
    browser.picture("overview");
    look(&browser, "overview");

    // The flagged pair, its sessions, one of them.
    browser.click("a.pair");
    assert!(
        browser.address().contains(&format!("source={SUSPECT}&destination={ELSEWHERE}&port=80")),
        "{}",
        browser.address()
    );
    assert_eq!(browser.text("h1"), "Sessions");
    look(&browser, "sessions");
    browser.click("td a.id");
    browser.wait("return location.pathname.startsWith('/session/')");
    assert!(browser.text(".headline").contains("unrecognised"), "{}", browser.text(".headline"));
    look(&browser, "session");
    let id = browser.text("h1 .id");

    // Its packets.
    browser.click("#download");
    let capture = folder.path().join("downloads").join(format!("offport-{id}.pcapng"));
    wait("the download", || capture.exists().then_some(()));
    let frames = tshark(&capture, &["-T", "fields", "-e", "ip.src", "-e", "tcp.dstport"]);
    let dump = frames.lines().filter(|line| *line == format!("{SUSPECT}\t80")).count();
    assert!(dump > 10, "{frames}");
    assert!(
        tshark(&capture, &["-c", "1", "-V"]).contains(&format!("offport {id}: unrecognised")),
        "the comment"
    );

    // The host, and a session of it whose every name is hostile.
    browser.click(".facts dd a");
    browser.wait("return location.pathname.startsWith('/host/')");
    assert_eq!(browser.text("h1"), SUSPECT);
    look(&browser, "host");
    browser.open(&server.url(&format!("/sessions?source={SUSPECT}&verdict=expected&last=1h")));
    browser.click("td a.id");
    assert!(
        browser.text("main").contains("<script>document.title='owned'</script>"),
        "{}",
        browser.text("main")
    );
    look(&browser, "hostile");
    for (path, name) in [
        ("/hosts", "hosts"),
        ("/protocols?last=6h", "protocols"),
        ("/health", "health"),
        ("/host/nowhere", "bad"),
    ] {
        browser.open(&server.url(path));
        look(&browser, name);
    }

    // Keyboard: the first stop leads past the navigation, the filter is a form like any other.
    browser.open(&server.url("/hosts"));
    browser.keys("input[name=host]", "10.217.145.233/32\u{e007}");
    browser.wait("return location.search.includes('10.217.145.233%2F32')");
    // It, and those that it talked to.
    assert_eq!(browser.eval("return document.querySelectorAll('tbody tr').length"), json!(3));
    assert_eq!(browser.eval("return document.querySelector('body > a').className"), json!("skip"));
    // Keys lead where they say.
    assert_eq!(
        browser.eval("return [...document.querySelectorAll('[accesskey]')].map(key => key.accessKey).join()"),
        json!("1,2,3,4,5,0")
    );
    // Updates can be paused.
    browser.click("#pause");
    assert_eq!(browser.text("#pause"), "Go on with updates");

    is_calm(&browser, &server);
}

#[test]
fn a_download_is_a_capture_and_says_what_it_is() {
    let folder = made();
    let server = Server::start(&folder.path().join("store"), &[]);
    let page = server.get("/sessions?flagged=1&port=80&last=1h", "").text();
    let id = page.split("href=\"/session/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = server.get(&format!("/session/{id}/capture.pcapng"), "");
    assert_eq!(answer.status, 200);
    let disposition = format!("content-disposition: attachment; filename=\"offport-{id}.pcapng\"");
    assert!(answer.head.to_ascii_lowercase().contains(&disposition), "{}", answer.head);
    assert!(answer.head.contains("default-src 'none'"), "{}", answer.head);
    // Chunked: the section header block of pcapng comes after the first chunk's length.
    assert!(answer.body.windows(4).any(|four| four == [0x0a, 0x0d, 0x0d, 0x0a]));
    assert!(answer.body.ends_with(b"0\r\n\r\n"), "the download is whole");
}

#[test]
fn on_loopback_other_names_and_methods_are_turned_away() {
    let folder = made();
    let server = Server::start(&folder.path().join("store"), &[]);
    assert_eq!(server.get("/", "").status, 200);
    assert_eq!(server.send("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").status, 421);
    assert_eq!(server.send("GET / HTTP/1.0\r\nConnection: close\r\n\r\n").status, 421);
    assert_eq!(server.send("PUT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").status, 405);
    assert_eq!(server.post("/login", "token=anything").status, 303);
}

#[test]
fn beyond_loopback_it_starts_behind_a_guard_only() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "correct-horse-battery-staple\n").unwrap();
    let token = token.to_str().unwrap();
    let refused = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offport"));
        command.args(["console", "--listen", "0.0.0.0:0", "--store"]).arg(folder.path()).args(more);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, why) = refused(&[]);
    assert!(code == Some(2) && why.contains("--token-file"), "{code:?} {why}");
    let (code, why) = refused(&["--insecure-http"]);
    assert!(code == Some(2) && why.contains("--token-file"), "{code:?} {why}");
    let (code, why) = refused(&["--token-file", token]);
    assert!(code == Some(2) && why.contains("--tls-cert"), "{code:?} {why}");
    std::fs::write(folder.path().join("short"), "short").unwrap();
    let (code, why) =
        refused(&["--insecure-http", "--token-file", folder.path().join("short").to_str().unwrap()]);
    assert!(code == Some(3) && why.contains("no token"), "{code:?} {why}");
}

#[test]
fn certificates_of_clients_are_asked_for() {
    if !can_run("openssl", "version") || !can_run("curl", "--version") {
        return;
    }
    let folder = made();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let openssl = |arguments: &str| {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(&format!("req -x509 {curve} -subj /CN=ca -keyout ca.key -out ca.pem"));
    for name in ["server", "client"] {
        openssl(&format!(
            "req -x509 -CA ca.pem -CAkey ca.key {curve} -subj /CN={name} -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -keyout {name}.key -out {name}.pem"
        ));
    }
    std::fs::write(path("token"), "correct-horse-battery-staple").unwrap();
    let [cert, key, ca, token] = ["server.pem", "server.key", "ca.pem", "token"].map(path);
    let more = ["--tls-cert", &cert, "--tls-key", &key, "--client-ca", &ca, "--token-file", &token];
    let server = Server::start(&folder.path().join("store"), &more);
    let url = format!("https://{}/", server.authority);
    let curl = |more: &[&str]| {
        let mut command = Command::new("curl");
        command
            .args(["-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", &ca])
            .args(more);
        String::from_utf8(command.arg(&url).output().unwrap().stdout).unwrap()
    };
    let [client, client_key] = ["client.pem", "client.key"].map(path);
    let own = ["--cert", client.as_str(), "--key", &client_key];
    assert_eq!(curl(&[]), "000", "without a certificate");
    assert_eq!(curl(&own), "401", "with one, without a token");
    let bearer = ["-H", "Authorization: Bearer correct-horse-battery-staple"];
    assert_eq!(curl(&[&own[..], &bearer].concat()), "200");
}

fn can_run(name: &str, version: &str) -> bool {
    let found = Command::new(name).arg(version).output().is_ok_and(|output| output.status.success());
    let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
    assert!(found || !promised, "OFFPORT_REQUIRE promises root, and with it {name}: scripts/setup test");
    if !found {
        eprintln!("SKIPPED: {name} cannot be run: scripts/setup test");
    }
    found
}

/// At the width of a desktop and of a phone nothing is wider than the window; in the dark it is dark; nothing of packets is an element.
fn look(browser: &Browser, name: &str) {
    for (device, width, height) in [("desktop", 1280, 1000), ("phone", 390, 844)] {
        let mobile = device == "phone";
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        browser.devtools("Emulation.setDeviceMetricsOverride", metrics);
        let widths = browser.eval("return [document.documentElement.scrollWidth, innerWidth]");
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{name} on a {device}: {widths}");
        browser.picture(&format!("{name}-{device}"));
    }
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({}));
    let back = |scheme: &str| {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.devtools("Emulation.setEmulatedMedia", features);
        let colour =
            browser.eval("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)");
        colour.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>()
    };
    assert!(back("dark") < 200, "{name}: dark");
    browser.picture(&format!("{name}-dark"));
    assert!(back("light") > 600, "{name}: light");
    let found = browser.eval("return document.querySelectorAll('main script, main img, main svg[onload], main b, main [onerror]').length");
    assert_eq!(found, json!(0), "{name}: an element that is not the console's");
    assert_ne!(browser.eval("return document.title"), json!("owned"), "{name}");
}

/// No complaint of the browser, but for the 400 that was asked for, and no request to anybody else.
fn is_calm(browser: &Browser, server: &Server) {
    let complaints: Vec<_> = browser
        .log("browser")
        .into_iter()
        .filter(|entry| !entry["message"].as_str().unwrap_or_default().contains("/host/nowhere"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let mut own = 0;
    for entry in browser.log("performance") {
        let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        if message["message"]["method"] != "Network.requestWillBeSent" {
            continue;
        }
        let params = &message["message"]["params"];
        let url = params["request"]["url"].as_str().unwrap();
        // The page that a new window begins with is the browser's own; what a page holds itself goes nowhere.
        let begins = |text: &Value, with: &str| text.as_str().is_some_and(|text| text.starts_with(with));
        if begins(&params["documentURL"], "chrome") || url.starts_with("chrome") || url.starts_with("data:") {
            continue;
        }
        assert!(url.starts_with(&server.url("/")), "a request left: {url}");
        own += 1;
    }
    assert!(own > 20, "{own} requests");
}

fn tshark(capture: &Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark").arg("-r").arg(capture).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
