//! Which address leads where, and what stands before all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::access::{Token, is_own_host};
use super::asking::Desk;
use super::login::Sessions;
use super::pages::{capture, health, host, hosts, login, overview, protocols, session, sessions};
use super::problem::Problem;
use crate::live::scrape::Sensor;

/// What pages are made from, and who may see them.
pub(super) struct Console {
    pub(super) desk: Desk,
    pub(super) sensor: Sensor,
    pub(super) at: SocketAddr,
    pub(super) tls: bool,
    pub(super) token: Option<Token>,
    pub(super) sessions: Sessions,
    /// Wrong tokens wait for one another.
    pub(super) penance: tokio::sync::Mutex<()>,
}

/// What the browser may do with a page: show it with this console's own style and script, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A form with a token has no more.
const BODY: usize = 4 << 10;

/// All pages, guarded.
pub(super) fn routes(console: Arc<Console>) -> Router {
    Router::new()
        .route("/", get(overview::show))
        .route("/hosts", get(hosts::show))
        .route("/host/{ip}", get(host::show))
        .route("/sessions", get(sessions::show))
        .route("/session/{id}", get(session::show))
        .route("/session/{id}/capture.pcapng", get(capture::show))
        .route("/protocols", get(protocols::show))
        .route("/health", get(health::show))
        .route("/login", post(login::enter))
        .route("/logout", post(login::leave))
        .route("/style.css", get(|| asset("text/css; charset=utf-8", include_str!("style.css"))))
        .route("/console.js", get(|| asset("text/javascript; charset=utf-8", include_str!("console.js"))))
        .route("/icon.svg", get(|| asset("image/svg+xml", include_str!("icon.svg"))))
        .fallback(|| async { Problem::Missing("No such page.".to_owned()) })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(Arc::clone(&console), guard))
        .with_state(console)
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn guard(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let mut response = match refuse(&console, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What is not let through, and the answer to it.
fn refuse(console: &Console, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let path = request.uri().path();
    // HTTP/1.1 with an absolute address in the request line: that counts, and is to be the same.
    let hosts = [text(headers, &header::HOST), request.uri().authority().map(|authority| authority.as_str())];
    let named = hosts.into_iter().flatten().count() > 0;
    if !named && !is_own_host(None, console.at)
        || hosts.into_iter().flatten().any(|host| !is_own_host(Some(host), console.at))
    {
        let text = "421: the console answers to localhost and to addresses of loopback only\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, text).into_response());
    }
    let is_form = ["/login", "/logout"].contains(&path);
    let fits = match *request.method() {
        Method::GET | Method::HEAD => !is_form,
        Method::POST => is_form,
        _ => false,
    };
    if !fits {
        if is_form && request.method() == Method::GET {
            return Some((StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response());
        }
        let allow = [(header::ALLOW, if is_form { "POST" } else { "GET, HEAD" })];
        return Some((StatusCode::METHOD_NOT_ALLOWED, allow, "405: pages are read only\n").into_response());
    }
    let is_open = is_form || ["/style.css", "/console.js", "/icon.svg"].contains(&path);
    if is_open || may_see(console, headers) {
        return None;
    }
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
    Some(login::form(wanted, false))
}

fn may_see(console: &Console, headers: &HeaderMap) -> bool {
    let Some(token) = &console.token else { return true };
    text(headers, &header::AUTHORIZATION).is_some_and(|value| token.is_in(value))
        || text(headers, &header::COOKIE).is_some_and(|value| console.sessions.is_in(value, Instant::now()))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    // What is no text is no name of ours.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}
