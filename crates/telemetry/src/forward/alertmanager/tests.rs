use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::Value;

use super::*;

/// A server that answers each request with the next status, on as many connections as it takes; what it was sent.
fn server(statuses: &'static [u16]) -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/am/", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut statuses = statuses.iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(body) = request(&mut stream) {
                let Some(status) = statuses.next() else { return };
                write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 3\r\n\r\nwhy").unwrap();
                sender.send(body).unwrap();
            }
        }
    });
    (url, receiver)
}

fn request(stream: &mut std::net::TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0; 4096];
        let count = stream.read(&mut more).ok().filter(|&count| count > 0)?;
        bytes.extend(&more[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            assert!(head.starts_with("POST /am/api/v2/alerts HTTP/1.1\r\n"), "{head}");
            return Some(serde_json::from_str(body).unwrap());
        }
    }
}

fn alert(flow: &str) -> Alert {
    Alert {
        labels: BTreeMap::from([("alertname".to_owned(), "x".to_owned())]),
        annotations: BTreeMap::new(),
        starts: "2025-11-24T16:00:02.500001Z".to_owned(),
        url: Some("http://x/".to_owned()),
        flow: flow.to_owned(),
    }
}

fn message(kind: Kind, flow: &str) -> Message {
    Message::new(kind, String::new(), serde_json::to_vec(&alert(flow)).unwrap())
}

fn alertmanager(url: &str, resend: Duration, hold: Duration) -> Alertmanager {
    let expire = Duration::from_secs(60);
    Alertmanager::new(url, None, None, Duration::from_secs(5), AlertTimes { resend, hold, expire })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Whether the only alert of a request fires.
fn fires(posted: &Value) -> bool {
    assert_eq!(posted.as_array().unwrap().len(), 1, "{posted}");
    let ends: jiff::Timestamp = posted[0]["endsAt"].as_str().unwrap().parse().unwrap();
    ends > jiff::Timestamp::now()
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn an_alert_is_over_with_the_last_of_its_flows() {
    let (url, requests) = server(&[200; 5]);
    let mut to = alertmanager(&url, LONG, LONG);
    block_on(async {
        assert_eq!(to.deliver(&[]).await, Delivery::default());
        for (kind, flow) in
            [(Kind::Firing, "a"), (Kind::Firing, "b"), (Kind::Resolved, "a"), (Kind::Resolved, "b")]
        {
            assert_eq!(to.deliver(&[message(kind, flow)]).await, Delivery { sent: 1, ..Delivery::default() });
        }
    });
    let all: Vec<Value> = requests.iter().take(5).collect();
    assert_eq!(all[0], serde_json::json!([]), "a question whether it is there");
    let [first, second, third, fourth] = &all[1..] else { panic!("{all:?}") };
    assert_eq!([first, second, third, fourth].map(fires), [true, true, true, false]);
    assert_eq!(second[0]["annotations"]["flow_id"], "a, b");
    assert_eq!(third[0]["annotations"]["flow_id"], "b");
    assert_eq!(fourth[0]["startsAt"], "2025-11-24T16:00:02.500001Z");
    assert_eq!(fourth[0]["generatorURL"], "http://x/");
}

#[test]
fn an_alert_is_sent_anew_until_nothing_is_heard_of_it() {
    let (url, requests) = server(&[200; 3]);
    let mut to = alertmanager(&url, Duration::ZERO, LONG);
    block_on(async {
        to.deliver(&[message(Kind::Firing, "a")]).await;
        to.times.resend = Duration::from_secs(60);
        to.due = None;
        to.deliver(&[]).await;
        to.times.hold = Duration::ZERO;
        to.due = None;
        to.deliver(&[]).await;
    });
    let all: Vec<Value> = requests.iter().take(3).collect();
    assert!(fires(&all[1]) && !fires(&all[2]), "{all:?}");
    assert!(to.firing.is_empty());
}

#[test]
fn what_is_refused_or_too_old_is_given_up_and_the_rest_tried_again() {
    let (url, requests) = server(&[503, 400, 200]);
    let mut to = alertmanager(&url, LONG, LONG);
    to.due = Some(Instant::now() + LONG);
    let old = Message { time: 0, ..message(Kind::Firing, "old") };
    let batch = [old, message(Kind::Firing, "a")];
    block_on(async {
        assert_eq!(to.deliver(&batch).await, Delivery::failed("503 Service Unavailable: why"));
        assert_eq!(to.deliver(&batch).await, Delivery { expired: 1, refused: 1, ..Delivery::default() });
        assert_eq!(to.deliver(&batch).await, Delivery { expired: 1, sent: 1, ..Delivery::default() });
        // All is too old: nothing is asked.
        assert_eq!(to.deliver(&batch[..1]).await, Delivery { expired: 1, ..Delivery::default() });
    });
    assert_eq!(requests.iter().take(3).count(), 3);
}
