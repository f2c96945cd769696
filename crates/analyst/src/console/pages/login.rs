//! `/login`: the token, once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::html;

use super::super::form::{Pairs, value};
use super::super::layout::{Page, page};
use super::super::login::next;
use super::super::routes::Console;

/// A wrong token is answered after this, one at a time.
const PENANCE: Duration = Duration::from_millis(300);

/// The form, 401. `wanted`: where to go on.
pub(in super::super) fn form(wanted: &str, wrong: bool) -> Response {
    let main = html! {
        h1 { "Token" }
        @if wrong { p.cause role="alert" { "That is not the token." } }
        form.bar method="post" action="/login" {
            input type="hidden" name="next" value=(next(Some(wanted)));
            label { "The console's token " input type="password" name="token" required autofocus autocomplete="current-password"; }
            button { "Enter" }
        }
        p.quiet { "It is in the file that --token-file names. It is kept for 12 hours, or until the console ends." }
    };
    let frame = Page { title: "Token", path: "", period: None, refresh: None };
    let headers = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, headers, page(&frame, main)).into_response()
}

/// `POST /login`.
pub(in super::super) async fn enter(State(console): State<Arc<Console>>, body: Bytes) -> Response {
    let pairs: Pairs = form_urlencoded::parse(&body).into_owned().collect();
    let wanted = next(value(&pairs, "next")).to_owned();
    let Some(token) = &console.token else { return see_other("/", None) };
    if !token.is(value(&pairs, "token").unwrap_or_default().trim()) {
        let _one = console.penance.lock().await;
        tokio::time::sleep(PENANCE).await;
        return form(&wanted, true);
    }
    match console.sessions.begin(Instant::now(), console.tls) {
        Ok(cookie) => see_other(&wanted, Some(&cookie)),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// `POST /logout`.
pub(in super::super) async fn leave(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    see_other("/", Some(&console.sessions.end(cookies, console.tls)))
}

fn see_other(to: &str, cookie: Option<&str>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
