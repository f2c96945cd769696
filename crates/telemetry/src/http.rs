//! The built-in HTTP listener: `/metrics`, `/events`, `/healthz`, `/readyz`.
//!
//! It runs on a thread of its own with a single-threaded runtime, so that no scraper, however slow, touches
//! a packet. Start it before workers are pinned: a thread inherits its creator's CPU affinity.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::oneshot;

use crate::connections;

/// Events that `/events` remembers.
const REMEMBERED: usize = 1000;

/// Connections at once, and how long one may take: a client that does not read its answer, or never ends its request, holds no
/// descriptor for longer.
const CONNECTIONS: usize = 64;
const LIFETIME: Duration = Duration::from_secs(10);

/// What the listener shows; the control thread keeps it up to date.
#[derive(Debug)]
pub struct Board {
    prometheus: PrometheusHandle,
    /// Families that the recorder cannot hold, in the text exposition format.
    text: Mutex<String>,
    events: Mutex<VecDeque<Arc<str>>>,
    not_ready: Mutex<Option<String>>,
    /// Held while metrics are set, and while they are rendered.
    publishing: Mutex<()>,
}

impl Board {
    /// A board that is not ready yet.
    pub fn new(prometheus: PrometheusHandle) -> Arc<Self> {
        Arc::new(Self {
            prometheus,
            text: Mutex::default(),
            events: Mutex::new(VecDeque::with_capacity(REMEMBERED)),
            not_ready: Mutex::new(Some("starting".to_owned())),
            publishing: Mutex::default(),
        })
    }

    /// Remembers an event line for `/events`; the oldest goes when there are too many.
    pub fn remember(&self, line: &str) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == REMEMBERED {
            events.pop_front();
        }
        events.push_back(line.into());
    }

    /// As long as it is held, no scrape is answered: one that came between two metrics of the same packets would not add up.
    pub fn publishing(&self) -> MutexGuard<'_, ()> {
        self.publishing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what `/metrics` shows after the recorder's families.
    pub(crate) fn set_text(&self, text: &str) {
        let mut shown = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clear();
        shown.push_str(text);
    }

    /// Says why `/readyz` answers 503, or with `None` that all is well.
    pub fn set_not_ready(&self, why: Option<String>) {
        *self.not_ready.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// The running listener; it stops when dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds `address` and serves the board.
    ///
    /// # Errors
    /// The address cannot be bound, or the thread or its runtime cannot be created.
    pub fn start(address: SocketAddr, board: Arc<Board>) -> io::Result<Self> {
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("offport-http".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let socket = match tokio::net::TcpListener::from_std(socket) {
                    Ok(socket) => socket,
                    Err(error) => return tracing::error!(%error, "the HTTP listener stopped"),
                };
                // A client that never finishes its request must not hold up the end of the program.
                tokio::select! {
                    () = serve(socket, routes(board)) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that is really bound (port 0 in the configuration picks a free one).
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(socket: tokio::net::TcpListener, router: Router) {
    connections::each(socket, CONNECTIONS, |stream| {
        connections::answer(stream, router.clone(), Some(LIFETIME))
    })
    .await;
}

fn routes(board: Arc<Board>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/events", get(events))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/", get(|| async { "offportd\n/metrics\n/events?last=N\n/healthz\n/readyz\n" }))
        .with_state(board)
}

async fn metrics(State(board): State<Arc<Board>>) -> Response {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    let body = {
        let _whole = board.publishing();
        let mut body = board.prometheus.render();
        body.push_str(&board.text.lock().unwrap_or_else(PoisonError::into_inner));
        body
    };
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// `?last=N` of `/events`.
#[derive(serde::Deserialize)]
struct Last {
    last: Option<usize>,
}

async fn events(State(board): State<Arc<Board>>, Query(query): Query<Last>) -> Response {
    let lines: Vec<Arc<str>> = {
        let events = board.events.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = events.len().saturating_sub(query.last.unwrap_or(REMEMBERED));
        events.iter().skip(skip).cloned().collect()
    };
    let mut body = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        body.push_str(&line);
        body.push('\n');
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

async fn ready(State(board): State<Arc<Board>>) -> Response {
    let not_ready = board.not_ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match not_ready {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn serves_metrics_events_and_readiness() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let board = Board::new(recorder.handle());
        ::metrics::with_local_recorder(&recorder, || ::metrics::counter!("offport_test_total").increment(3));
        let listener = Listener::start("127.0.0.1:0".parse().unwrap(), Arc::clone(&board)).unwrap();
        let address = listener.address();

        assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
        let waiting = get(address, "/readyz");
        assert!(waiting.starts_with("HTTP/1.1 503") && waiting.contains("starting"), "{waiting}");
        board.set_not_ready(None);
        assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
        assert!(get(address, "/metrics").contains("offport_test_total 3"));

        for number in 0..REMEMBERED + 2 {
            board.remember(&format!("{{\"n\":{number}}}"));
        }
        let last = get(address, "/events?last=1");
        assert!(last.ends_with(&format!("{{\"n\":{}}}\n", REMEMBERED + 1)), "{last}");
        assert_eq!(get(address, "/events").matches("{\"n\":").count(), REMEMBERED);
        assert!(get(address, "/nothing").starts_with("HTTP/1.1 404"));
        // An idle connection does not keep the listener from stopping.
        let idle = TcpStream::connect(address).unwrap();
        drop(listener);
        drop(idle);
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn clients_that_stand_still_make_room() {
        let board = Board::new(PrometheusBuilder::new().build_recorder().handle());
        let listener = Listener::start("127.0.0.1:0".parse().unwrap(), board).unwrap();
        let address = listener.address();
        // Twice as many as there is room for: half of them say nothing, half never end their request.
        let mut still: Vec<_> = (0..2 * CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
        for stream in still.iter_mut().step_by(2) {
            write!(stream, "GET /healthz HTTP/1.1\r\n").unwrap();
        }
        std::thread::sleep(Duration::from_millis(500));
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(
            open < still.len() + CONNECTIONS + 40,
            "{open} descriptors: the listener takes {CONNECTIONS} at most"
        );
        let mut late = TcpStream::connect(address).unwrap();
        write!(late, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        late.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = String::new();
        late.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let board = Board::new(PrometheusBuilder::new().build_recorder().handle());
        assert!(Listener::start(taken.local_addr().unwrap(), board).is_err());
    }
}
