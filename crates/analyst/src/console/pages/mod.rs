//! One file a page: what it asks the store, and what it shows of the answer.

pub(super) mod capture;
pub(super) mod health;
pub(super) mod host;
pub(super) mod hosts;
pub(super) mod login;
pub(super) mod overview;
pub(super) mod protocols;
pub(super) mod session;
pub(super) mod sessions;

use axum::http::Uri;

use super::form::Pairs;

/// The parameters of an address.
fn parameters(uri: &Uri) -> Pairs {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}
