//! To Alertmanager, `POST /api/v2/alerts`.
//!
//! It forgets an alert whose `endsAt` has passed, so those that fire are sent anew at every interval, each time for some
//! intervals longer; what is over is sent with an `endsAt` of now. The sensor may die: its alerts then end by themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;
use tokio::time::Instant;

use super::alert::Alert;
use super::client::Client;
use super::courier::{Courier, Delivery};
use super::message::{Kind, Message};

/// Intervals that an alert fires on without being sent anew.
const LASTS: u32 = 4;
/// Alerts in one request.
const REQUEST: usize = 256;
/// Alerts that are sent anew. Beyond, they are sent when something happens to them.
const FIRING: usize = 10_000;
/// Flows that an alert names.
const NAMED: usize = 8;

/// When what is sent.
#[derive(Clone, Copy, Debug)]
pub struct AlertTimes {
    /// How often what fires is sent anew.
    pub resend: Duration,
    /// An alert of whose flow nothing is heard for so long is over.
    pub hold: Duration,
    /// What waited longer is not sent any more.
    pub expire: Duration,
}

/// One Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    client: Client,
    times: AlertTimes,
    /// By their labels.
    firing: BTreeMap<BTreeMap<String, String>, Firing>,
    /// When what fires is sent anew; `None`: at once.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Firing {
    alert: Alert,
    /// Flows that are not over, and when each was last heard of.
    flows: BTreeMap<String, Instant>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

impl Alertmanager {
    /// `url` is what stands before `/api/v2/alerts`; `authorization` a file that holds the value of that header, `ca` one of
    /// authorities; `timeout` is for a request.
    pub fn new(
        url: &str,
        authorization: Option<PathBuf>,
        ca: Option<PathBuf>,
        timeout: Duration,
        times: AlertTimes,
    ) -> Self {
        let client = Client::new(url, authorization, ca, timeout);
        Self { client, times, firing: BTreeMap::new(), due: None }
    }

    /// A flow is flagged, or goes on.
    fn fires(&mut self, alert: Alert) -> Posted {
        let now = Instant::now();
        let room = self.firing.len() < FIRING;
        let Some(firing) = self.firing.get_mut(&alert.labels) else {
            let posted = posted(&alert, [&alert.flow], self.times.resend * LASTS);
            if room {
                let flows = BTreeMap::from([(alert.flow.clone(), now)]);
                self.firing.insert(alert.labels.clone(), Firing { alert, flows });
            }
            return posted;
        };
        firing.flows.insert(alert.flow.clone(), now);
        let starts = std::mem::take(&mut firing.alert.starts);
        firing.alert = Alert { starts, ..alert };
        posted(&firing.alert, firing.flows.keys(), self.times.resend * LASTS)
    }

    /// A flow is over; so is the alert, if it was its last one.
    fn is_over(&mut self, alert: &Alert) -> Posted {
        if let Some(firing) = self.firing.get_mut(&alert.labels) {
            firing.flows.remove(&alert.flow);
            if !firing.flows.is_empty() {
                return posted(&firing.alert, firing.flows.keys(), self.times.resend * LASTS);
            }
        }
        let starts = self.firing.remove(&alert.labels).map(|firing| firing.alert.starts);
        let alert = Alert { starts: starts.unwrap_or_else(|| alert.starts.clone()), ..alert.clone() };
        posted(&alert, [&alert.flow], Duration::ZERO)
    }

    /// All that fires, once more, and what is over because nothing is heard of it.
    fn anew(&mut self) -> Vec<Posted> {
        let (now, hold, lasts) = (Instant::now(), self.times.hold, self.times.resend * LASTS);
        let mut all = Vec::new();
        self.firing.retain(|_, firing| {
            let Firing { alert, flows } = firing;
            flows.retain(|_, heard| now.duration_since(*heard) < hold);
            let goes_on = !flows.is_empty();
            all.push(posted(alert, flows.keys(), if goes_on { lasts } else { Duration::ZERO }));
            goes_on
        });
        all
    }

    async fn post(&mut self, alerts: &[Posted]) -> Result<Taken, String> {
        let mut taken = Taken::Yes;
        // None at all are a question whether it is there.
        let requests = alerts.chunks(REQUEST).chain(alerts.is_empty().then_some(alerts));
        for request in requests {
            let body = serde_json::to_vec(request).map_err(|error| error.to_string())?;
            let (status, answer) = self.client.post("/api/v2/alerts", body).await?;
            match status {
                _ if status.is_success() => {}
                StatusCode::BAD_REQUEST
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY => {
                    tracing::error!(%status, answer, "Alertmanager refuses alerts");
                    taken = Taken::No;
                }
                _ => return Err(format!("{status}: {answer}")),
            }
        }
        Ok(taken)
    }
}

/// Whether all alerts were taken.
enum Taken {
    Yes,
    /// At least one will never be.
    No,
}

impl Courier for Alertmanager {
    const BATCH: usize = REQUEST;

    async fn deliver(&mut self, batch: &[Message]) -> Delivery {
        let mut delivery = Delivery::default();
        // The last word on each alert.
        let mut last = BTreeMap::new();
        let due = self.due.is_none_or(|due| Instant::now() >= due);
        if due {
            last.extend(self.anew().into_iter().map(|posted| (posted.labels.clone(), posted)));
        }
        for message in batch {
            if message.age() > self.times.expire {
                delivery.expired += 1;
                continue;
            }
            let Ok(alert) = serde_json::from_slice::<Alert>(&message.body) else {
                delivery.refused += 1;
                continue;
            };
            let posted = if message.kind == Kind::Firing { self.fires(alert) } else { self.is_over(&alert) };
            last.insert(posted.labels.clone(), posted);
            delivery.sent += 1;
        }
        let last: Vec<Posted> = last.into_values().collect();
        if last.is_empty() && !due {
            return delivery;
        }
        match self.post(&last).await {
            Ok(taken) => {
                if due {
                    self.due = Some(Instant::now() + self.times.resend);
                }
                if let Taken::No = taken {
                    delivery.refused += std::mem::take(&mut delivery.sent);
                }
                delivery
            }
            Err(error) => Delivery::failed(error),
        }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }
}

/// As it is sent, to last so long from now on.
fn posted<'a>(alert: &Alert, flows: impl IntoIterator<Item = &'a String>, lasts: Duration) -> Posted {
    let mut annotations = alert.annotations.clone();
    let flows: Vec<&str> = flows.into_iter().take(NAMED).map(String::as_str).collect();
    if !flows.is_empty() {
        annotations.insert("flow_id".to_owned(), flows.join(", "));
    }
    let now = jiff::Timestamp::now();
    let ends = now.checked_add(lasts).unwrap_or(now);
    // An end before the start is refused, and the clock may have been set.
    let ends = alert.starts.parse().map_or(ends, |starts: jiff::Timestamp| ends.max(starts));
    Posted {
        labels: alert.labels.clone(),
        annotations,
        starts_at: alert.starts.clone(),
        ends_at: format!("{ends:.6}"),
        generator_url: alert.url.clone(),
    }
}

#[cfg(test)]
mod tests;
