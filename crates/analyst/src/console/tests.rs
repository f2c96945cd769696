//! The pages as a browser gets them: guarded, with their headers, and inert whatever packets and names hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use offport_config::Config;
use offport_wire::Timestamp;
use serde_json::json;
use tower::ServiceExt as _;

use super::access::Token;
use super::asking::Desk;
use super::form::Pairs;
use super::pages::{health, overview, protocols, session, sessions};
use super::period::Period;
use super::routes::{Console, routes};
use crate::desk::overview::Overview;
use crate::desk::pairs::{Flagged, Pair};
use crate::desk::place::Place;
use crate::desk::row::Row;
use crate::desk::session::{PacketRow, SessionReport, TcpRow};
use crate::desk::slices::Slices;
use crate::desk::spoken::SpokenRow;
use crate::desk::tally::{Flow, Names, Sum as _};
use crate::live::exposition::Metrics;
use crate::live::scrape::{Health, Scrape, Sensor, Target};

const TOKEN: &str = "correct-horse-battery-staple";
const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "</main><svg onload=alert(1)>",
    "a\" onfocus=\"alert(1)\" autofocus=\"\u{202e}",
];

fn console(folder: PathBuf, at: &str, token: bool) -> Router {
    routes(Arc::new(Console {
        desk: Desk::new(Place { folder, config: Config::default() }),
        sensor: Sensor::new(None),
        at: at.parse().unwrap(),
        tls: false,
        token: token.then(|| Token::new(TOKEN).unwrap()),
        sessions: Default::default(),
        penance: Default::default(),
    }))
}

/// A store with nothing in it.
fn empty() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("flows")).unwrap();
    folder
}

fn local(folder: &Path) -> Router {
    console(folder.to_owned(), "127.0.0.1:10218", false)
}

async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost:10218");
    }
    router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn every_answer_has_the_policy() {
    let folder = empty();
    let (router, gone) = (local(folder.path()), local(&folder.path().join("nowhere")));
    let guarded = console(folder.path().to_owned(), "0.0.0.0:1", true);
    let id = "0".repeat(20);
    let missing = format!("/session/{id}");
    let capture = format!("/session/{id}/capture.pcapng");
    for (router, method, path, headers, status) in [
        (&router, "GET", "/", &[][..], 200),
        (&router, "HEAD", "/", &[], 200),
        (&router, "GET", "/hosts?sort=bytes&last=1w", &[], 200),
        (&router, "GET", "/host/10.0.0.1", &[], 200),
        (&router, "GET", "/host/::ffff:10.0.0.1", &[], 200),
        (&router, "GET", "/sessions?flagged=1&port=80,443", &[], 200),
        (&router, "GET", "/protocols", &[], 200),
        (&router, "GET", "/health", &[], 200),
        (&router, "GET", "/style.css", &[], 200),
        (&router, "GET", "/console.js", &[], 200),
        (&router, "GET", "/icon.svg", &[], 200),
        (&router, "GET", missing.as_str(), &[], 404),
        (&router, "GET", capture.as_str(), &[], 404),
        (&router, "GET", "/nothing", &[], 404),
        (&router, "GET", "/?last=never", &[], 400),
        (&router, "GET", "/host/nowhere", &[], 400),
        (&router, "GET", "/host/%ff%fe", &[], 400),
        (&router, "GET", "/session/1", &[], 400),
        (&router, "GET", "/sessions?host=%3Cscript%3E", &[], 400),
        (&router, "GET", "/sessions?sort=flagged", &[], 400),
        (&router, "POST", "/", &[], 405),
        (&router, "DELETE", "/session/1", &[], 405),
        (&router, "GET", "/login", &[], 303),
        (&router, "GET", "/", &[("host", "evil.example")], 421),
        (&router, "GET", "http://evil.example/", &[], 421),
        (&gone, "GET", "/", &[], 503),
        (&gone, "GET", capture.as_str(), &[], 503),
        (&guarded, "GET", "/", &[], 401),
        (&guarded, "GET", capture.as_str(), &[], 401),
        (&guarded, "GET", "/style.css", &[], 200),
    ] {
        let response = ask(router, method, path, headers, "").await;
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"),
            "{path}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        let body = text(response).await;
        assert!(
            !body.contains("style=") && !body.contains("<style") && !body.contains("<script>"),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_shown_says_why_and_what_to_do() {
    let folder = empty();
    let gone = folder.path().join("nowhere");
    let page = text(ask(&local(&gone), "GET", "/", &[], "").await).await;
    assert!(page.contains("no store is there") && page.contains("--store"), "{page}");
    let page = text(ask(&local(folder.path()), "GET", "/sessions?min_bytes=lots", &[], "").await).await;
    assert!(page.contains("no size: 512, 10kB"), "{page}");
    // A file that is none.
    let hour = folder.path().join("flows/date=2025-11-27/hour=19");
    std::fs::create_dir_all(&hour).unwrap();
    std::fs::write(hour.join("part-0.parquet"), "no Parquet").unwrap();
    let response = ask(&local(folder.path()), "GET", "/sessions", &[], "").await;
    assert!([StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&response.status()));
}

#[tokio::test]
async fn a_token_opens_once_it_is_entered() {
    let folder = empty();
    let router = console(folder.path().to_owned(), "0.0.0.0:10218", true);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(ask(&router, "GET", "/", &[("authorization", &bearer)], "").await.status(), 200);
    assert_eq!(ask(&router, "GET", "/", &[("authorization", "Bearer wrong")], "").await.status(), 401);
    assert_eq!(ask(&router, "GET", "/", &[("cookie", "offport_console=")], "").await.status(), 401);
    assert_eq!(ask(&router, "GET", &format!("/?token={TOKEN}"), &[], "").await.status(), 401);

    let form = text(ask(&router, "GET", "/host/10.0.0.1?last=1h&x=%22%3E%3Cscript%3E", &[], "").await).await;
    assert!(form.contains("value=\"/host/10.0.0.1?last=1h&amp;x=%22%3E%3Cscript%3E\""), "{form}");
    let wrong = ask(&router, "POST", "/login", &[], "token=wrong&next=/hosts").await;
    assert_eq!((wrong.status().as_u16(), wrong.headers().contains_key(header::SET_COOKIE)), (401, false));
    let right = ask(&router, "POST", "/login", &[], &format!("next=%2Fhosts&token={TOKEN}")).await;
    assert_eq!(
        (right.status().as_u16(), &right.headers()[header::LOCATION]),
        (303, &header::HeaderValue::from_static("/hosts"))
    );
    let cookie = right.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(!cookie.contains(TOKEN));
    assert_eq!(ask(&router, "GET", "/hosts", &[("cookie", &cookie)], "").await.status(), 200);
    ask(&router, "POST", "/logout", &[("cookie", &cookie)], "").await;
    assert_eq!(ask(&router, "GET", "/hosts", &[("cookie", &cookie)], "").await.status(), 401);
    let long = format!("token={}", "x".repeat(10_000));
    assert_eq!(ask(&router, "POST", "/login", &[], &long).await.status(), 413);
}

#[test]
fn nothing_of_packets_or_names_is_markup() {
    let period = Period::new(None, "1h").unwrap();
    for hostile in HOSTILE {
        let row = row(hostile);
        let names = Names::default();
        let flow = Flow {
            start: Timestamp::ZERO,
            end: Timestamp::ZERO,
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            source_port: Some(40_000),
            port: Some(80),
            transport: names.number(hostile),
            protocol: names.number(hostile),
            verdict: names.number(hostile),
            severity: 4,
            up: 1,
            down: 1,
        };
        let mut slices = Slices::new(period.range(), 10);
        slices.add(&flow);
        let slices = slices.named(&names);
        let name = || Some(hostile.to_owned());
        let pair = Pair {
            source: flow.source,
            destination: flow.destination,
            port: flow.port,
            transport: name(),
            protocol: name(),
            verdict: name(),
        };
        let flagged = Flagged { flows: 1, worst: 4, ..Flagged::default() };
        let of_flows = Overview { slices, pairs: vec![(pair, flagged)], pairs_total: 1 };
        let spoken = SpokenRow {
            protocol: name(),
            flows: 1,
            flagged: 1,
            up: 1,
            down: 1,
            ports: vec![(Some(1), hostile.into(), 1)],
        };
        let parameters: Pairs =
            super::form::KEYS.iter().map(|key| ((*key).to_owned(), hostile.to_owned())).collect();
        for page in [
            overview::view(&of_flows, std::slice::from_ref(&row), &period, &health(hostile)),
            sessions::view(std::slice::from_ref(&row), &period, &parameters),
            session::view(&report(row, hostile)),
            protocols::view(&[spoken], &period),
            health::view(&health(hostile)),
        ] {
            is_inert(&page.into_string(), hostile);
        }
    }
}

/// No tag and no attribute is the hostile text's, and nothing leads anywhere but to this console.
fn is_inert(page: &str, hostile: &str) {
    assert!(page.contains("alert(1)"), "it is shown: {page}");
    for part in ["<script", "<img", "<svg onload", "</main", "\" onfocus=\"", "\u{202e}"] {
        assert!(!page.contains(part), "{hostile}: {part} in {page}");
    }
    for (attribute, own) in [("href=\"", &["/", "#"][..]), ("action=\"", &["/"])] {
        for behind in page.split(attribute).skip(1) {
            assert!(
                own.iter().any(|begin| behind.starts_with(begin)),
                "{hostile}: {attribute}{}",
                &behind[..40.min(behind.len())]
            );
        }
    }
}

fn row(hostile: &str) -> Row {
    Row {
        id: "0".repeat(20).parse().unwrap(),
        start: Timestamp::ZERO,
        end: Timestamp::ZERO,
        over: false,
        source: ([10, 0, 0, 1].into(), Some(1)),
        destination: ([10, 0, 0, 2].into(), Some(80)),
        transport: hostile.to_owned(),
        protocol: Some(hostile.to_owned()),
        verdict: Some(hostile.to_owned()),
        severity: Some(hostile.to_owned()),
        up: 1,
        down: 1,
        packets: 1,
        expected: vec![hostile.to_owned()],
        breach: Some(hostile.to_owned()),
        document: json!({
            "tls": { "client": { "server_name": hostile } },
            "url": { "original": hostile, "domain": hostile },
            "user_agent": { "original": hostile },
            "observer": { "ingress": { "interface": { "name": hostile } }, hostile: hostile },
        }),
    }
}

fn report(row: Row, hostile: &str) -> SessionReport {
    let packet = |millis: u64| PacketRow {
        time: Timestamp::from_nanos(millis * 1_000_000),
        from_client: true,
        length: 60,
        payload: 1,
        interface: hostile.to_owned(),
        vlan: Some(1),
        tunnel: None,
        ttl: Some(64),
        tcp: Some(TcpRow { flags: hostile.to_owned(), seq: 0, ack: None }),
        note: Some(hostile.to_owned()),
    };
    SessionReport {
        id: row.id,
        ends: [([10, 0, 0, 1].into(), 1), ([10, 0, 0, 2].into(), 80)],
        row: Some(row),
        packets: (0..5).map(packet).collect(),
        kept: 9,
        gone: 0,
        payload: [hostile.as_bytes().to_vec(), hostile.as_bytes().to_vec()],
    }
}

fn health(hostile: &str) -> Health {
    let quoted = hostile.replace('\\', "\\\\").replace('"', "\\\"");
    let text = format!(
        "offport_build_info{{version=\"{quoted}\"}} 1\noffport_capture_mode_info{{interface=\"{quoted}\",queue=\"{quoted}\",mode=\"{quoted}\"}} 1\n\
         offport_packets_received_total{{worker=\"{quoted}\"}} 1\noffport_packets_dropped_total{{stage=\"{quoted}\",reason=\"{quoted}\"}} 1\n\
         offport_nic_dropped_total{{interface=\"{quoted}\",counter=\"{quoted}\"}} 1\noffport_sink_lines_total{{sink=\"{quoted}\"}} 1\n\
         offport_forward_sent_total{{sink=\"{quoted}\"}} 1\n"
    );
    let mut health =
        Health { target: Some(hostile.to_owned()), not_ready: Some(hostile.to_owned()), ..Health::default() };
    health.latest = Some(Arc::new(Scrape::new(Metrics::parse(&text))));
    health
}

#[tokio::test]
async fn a_sensor_that_is_not_there_is_said_plainly() {
    let shown = |health: Health| health::view(&health).into_string();
    let none = shown(Sensor::new(None).health());
    assert!(none.contains("No sensor is asked") && none.contains("--sensor"), "{none}");
    // A port that nobody listens on any more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sensor = Sensor::new(Some(Target::new(&format!("http://{free}")).unwrap()));
    let _ = tokio::time::timeout(Duration::from_secs(2), sensor.watch()).await;
    let page = shown(sensor.health());
    assert!(page.contains("cannot be reached") && page.contains("[http] listen"), "{page}");
}
