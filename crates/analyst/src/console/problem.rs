//! What could not be shown, and why.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::layout::{Page, page};
use super::words::shown;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Problem {
    /// 400: what was asked for makes no sense.
    Bad(String),
    /// 404: there is no such thing.
    Missing(String),
    /// 503: the store cannot be read.
    Store(String),
    /// 503: too many ask at once.
    Busy,
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::Store(format!("{error:#}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title, cause, remedy) = match self {
            Self::Bad(cause) => (
                StatusCode::BAD_REQUEST,
                "That makes no sense",
                cause,
                "Correct the address, or go on from the overview.",
            ),
            Self::Missing(cause) => (
                StatusCode::NOT_FOUND,
                "Not there",
                cause,
                "It may have made room for newer data, or the address is wrong.",
            ),
            Self::Store(cause) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The store cannot be read",
                cause,
                "See that offportd writes it ([store] of its configuration), that --store names its folder, and that \
                 this user may read it. This page looks again by itself.",
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Busy",
                "Too many pages are being made at once.".to_owned(),
                "Wait a moment. A shorter time is read faster.",
            ),
        };
        let refresh =
            (status == StatusCode::SERVICE_UNAVAILABLE).then_some(std::time::Duration::from_secs(10));
        let main = html! {
            h1 { (title) }
            p.cause { (shown(&cause)) }
            p { (remedy) }
            p { a href="/" { "To the overview" } }
        };
        (status, page(&Page { title, path: "", period: None, refresh }, main)).into_response()
    }
}
