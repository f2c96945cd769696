//! The frame of every page.

use std::time::Duration;

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use super::period::{OFFERED, Period};
use crate::number::date_time;
use crate::settings::now;

/// Pages of the navigation: key, address, name.
const NAVIGATION: [(&str, &str, &str); 5] = [
    ("1", "/", "Overview"),
    ("2", "/hosts", "Hosts"),
    ("3", "/sessions", "Sessions"),
    ("4", "/protocols", "Protocols"),
    ("5", "/health", "Health"),
];

/// What the frame needs to know.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    /// Where it is in the navigation; empty: nowhere.
    pub(super) path: &'a str,
    pub(super) period: Option<&'a Period>,
    /// How often the script fetches it anew.
    pub(super) refresh: Option<Duration>,
}

/// A whole page.
pub(super) fn page(about: &Page<'_>, main: Markup) -> Html<String> {
    let last = about.period.map_or("", |period| &period.last);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (about.title) " – offport" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                script src="/console.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.brand href="/" { "offport" }
                    nav aria-label="Pages" {
                        @for (key, path, name) in NAVIGATION {
                            @let here = about.path == path;
                            a href=(super::form::address(path, [("last", if path == "/health" { "" } else { last })]))
                                accesskey=(key) aria-current=[here.then_some("page")] { (name) }
                        }
                    }
                }
                main #main tabindex="-1" data-refresh=[about.refresh.map(|refresh| refresh.as_secs())] { (main) }
                footer {
                    p {
                        span #made { "Made " (date_time(now())) " UTC" }
                        @if let Some(refresh) = about.refresh {
                            span #live hidden data-every=(refresh.as_secs()) {
                                ". " button #pause type="button" accesskey="0" { "Pause updates" }
                            }
                        }
                    }
                    p.quiet {
                        "Keys: Alt (in Firefox Alt+Shift) and "
                        @for (key, _, name) in NAVIGATION { kbd { (key) } " " (name.to_lowercase()) ", " }
                        kbd { "0" } " pause. Tab goes on, tables scroll by the arrow keys. offport " (env!("CARGO_PKG_VERSION"))
                    }
                }
            }
        }
    };
    Html(markup.into_string())
}

/// Which time a page is about, and others to choose. `address` makes one of a `last`.
pub(super) fn about_time(period: &Period, address: impl Fn(&str) -> String) -> Markup {
    html! {
        div.time {
            span { time { (date_time(period.from)) } " to " time { (date_time(period.to)) } " UTC" }
            nav aria-label="Time" {
                @for last in OFFERED {
                    a href=(address(last)) aria-current=[(last == period.last).then_some("true")] { (last) }
                }
                @if !OFFERED.contains(&period.last.as_str()) {
                    a href=(address(&period.last)) aria-current="true" { (period.last) }
                }
            }
        }
    }
}
