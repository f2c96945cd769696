//! What the sensor says of itself: its metrics, every few seconds, and what they come to per second.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use offport_config::Config;
use offport_wire::Timestamp;
use tokio::net::TcpStream;

use super::exposition::Metrics;
use crate::settings::now;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(5);
/// It answers within this.
const PATIENCE: Duration = Duration::from_secs(3);
/// An answer is not longer.
const LONGEST: usize = 16 << 20;
/// Rates that are remembered: an hour.
const REMEMBERED: usize = 720;

/// Where the sensor listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    authority: String,
    prefix: String,
}

impl Target {
    /// Of `http://HOST:PORT`.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let wrong = || format!("--sensor {url}: not an address like http://127.0.0.1:10217");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let port = authority.port_u16().unwrap_or(80);
        let authority = format!("{}:{port}", authority.host());
        Ok(Self { authority, prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// Where the configuration says that the sensor listens, as it is reached from here; `None`: it has no listener.
    pub(crate) fn configured(config: &Config) -> Option<Self> {
        let http = &config.http;
        let ip = match http.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let at = SocketAddr::new(ip, http.listen.port());
        http.enabled.then(|| Self::new(&format!("http://{at}")).ok()).flatten()
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, String), String> {
        let ask = async {
            let stream = TcpStream::connect(&self.authority).await.map_err(|error| error.to_string())?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| error.to_string())?;
            // It ends with the sender.
            tokio::spawn(connection);
            let request = Request::get(format!("{}{path}", self.prefix))
                .header(header::HOST, &self.authority)
                .body(Empty::<Bytes>::new())
                .map_err(|error| error.to_string())?;
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LONGEST)
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        match tokio::time::timeout(PATIENCE, ask).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

/// Metrics of a moment.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) time: Timestamp,
    at: Instant,
    pub(crate) metrics: Metrics,
}

/// What came per second between two scrapes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) time: Timestamp,
    pub(crate) packets: f64,
    pub(crate) bits: f64,
    pub(crate) dropped: f64,
}

/// What pages are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// Where it listens; `None`: nobody said, or it does not.
    pub(crate) target: Option<String>,
    pub(crate) latest: Option<Arc<Scrape>>,
    pub(crate) previous: Option<Arc<Scrape>>,
    /// Why the last attempt failed.
    pub(crate) failed: Option<String>,
    /// Why it is not ready.
    pub(crate) not_ready: Option<String>,
    pub(crate) rates: VecDeque<Rate>,
}

/// The sensor, watched.
#[derive(Debug)]
pub(crate) struct Sensor {
    target: Option<Target>,
    health: Mutex<Health>,
}

impl Sensor {
    pub(crate) fn new(target: Option<Target>) -> Self {
        let health = Health { target: target.as_ref().map(Target::to_string), ..Health::default() };
        Self { target, health: Mutex::new(health) }
    }

    pub(crate) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks it once.
    pub(crate) async fn look(&self) {
        let Some(target) = &self.target else { return };
        let answer = look(target).await;
        self.health.lock().unwrap_or_else(PoisonError::into_inner).take(answer);
    }

    /// Asks it for ever.
    pub(crate) async fn watch(&self) -> std::convert::Infallible {
        if self.target.is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            self.look().await;
            tokio::time::sleep(EVERY).await;
        }
    }
}

async fn look(target: &Target) -> Result<(Scrape, Option<String>), String> {
    let (status, text) = target.get("/metrics").await?;
    if status != StatusCode::OK {
        return Err(format!("/metrics answers {status}"));
    }
    let scrape = Scrape::new(Metrics::parse(&text));
    if scrape.metrics.sum("offport_build_info", &[]).is_none() {
        return Err("something answers there, but it is no offportd".to_owned());
    }
    let (status, text) = target.get("/readyz").await?;
    let not_ready = (status != StatusCode::OK).then(|| text.trim().to_owned());
    Ok((scrape, not_ready))
}

impl Scrape {
    /// What was read just now.
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { time: now(), at: Instant::now(), metrics }
    }
}

impl Health {
    fn take(&mut self, answer: Result<(Scrape, Option<String>), String>) {
        match answer {
            Ok((scrape, not_ready)) => {
                let scrape = Arc::new(scrape);
                // After a gap there is nothing to compare with.
                self.previous = self.latest.take().filter(|_| self.failed.is_none());
                (self.failed, self.not_ready) = (None, not_ready);
                self.latest = Some(scrape);
                if let Some(rate) = self.rate() {
                    if self.rates.len() == REMEMBERED {
                        self.rates.pop_front();
                    }
                    self.rates.push_back(rate);
                }
            }
            Err(why) => self.failed = Some(why),
        }
    }

    /// The metrics, if it was reached the last time.
    pub(crate) fn metrics(&self) -> Option<&Metrics> {
        self.latest.as_ref().filter(|_| self.failed.is_none()).map(|scrape| &scrape.metrics)
    }

    /// How fast a counter grows, per second; `None`: nothing to compare with, or the sensor began anew.
    pub(crate) fn per_second(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let (latest, previous) = (self.latest.as_ref()?, self.previous.as_ref()?);
        let (now, before) = (latest.metrics.sum(name, labels)?, previous.metrics.sum(name, labels)?);
        let seconds = latest.at.duration_since(previous.at).as_secs_f64();
        (now >= before && seconds > 0.0 && self.failed.is_none()).then(|| (now - before) / seconds)
    }

    /// Lost packets per second: what is not IP is no loss.
    pub(crate) fn lost_per_second(&self) -> Option<f64> {
        const DROPPED: &str = "offport_packets_dropped_total";
        let all = self.per_second(DROPPED, &[])?;
        Some((all - self.per_second(DROPPED, &[("reason", "not_ip")]).unwrap_or_default()).max(0.0))
    }

    fn rate(&self) -> Option<Rate> {
        Some(Rate {
            time: self.latest.as_ref()?.time,
            packets: self.per_second("offport_packets_received_total", &[])?,
            bits: self.per_second("offport_bytes_received_total", &[])? * 8.0,
            dropped: self.lost_per_second().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(second: u64, received: u64) -> (Scrape, Option<String>) {
        let text = format!(
            "offport_packets_received_total{{worker=\"0\"}} {received}\noffport_bytes_received_total{{worker=\"0\"}} {}\n\
             offport_packets_dropped_total{{stage=\"xdp\",reason=\"not_ip\"}} {received}\n\
             offport_packets_dropped_total{{stage=\"worker\",reason=\"x\"}} {}\n",
            received * 100,
            received / 10
        );
        let at = BEGIN.get_or_init(Instant::now);
        (
            Scrape {
                time: Timestamp::ZERO,
                at: *at + Duration::from_secs(second),
                metrics: Metrics::parse(&text),
            },
            None,
        )
    }

    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

    #[test]
    fn rates_are_between_two_scrapes_without_a_gap() {
        let mut health = Health::default();
        health.take(Ok(scrape(0, 1_000)));
        assert!(health.rates.is_empty() && health.metrics().is_some());
        health.take(Ok(scrape(5, 2_000)));
        let rate = Rate { time: Timestamp::ZERO, packets: 200.0, bits: 160_000.0, dropped: 20.0 };
        assert_eq!(health.rates.back(), Some(&rate));
        // It began anew.
        health.take(Ok(scrape(10, 10)));
        assert_eq!((health.rates.len(), health.per_second("offport_packets_received_total", &[])), (1, None));
        health.take(Err("gone".to_owned()));
        assert!(health.metrics().is_none() && health.latest.is_some());
        health.take(Ok(scrape(20, 3_000)));
        assert_eq!((health.rates.len(), health.failed.is_none()), (1, true));
    }

    #[test]
    fn targets() {
        let shown = |url| Target::new(url).map(|target| target.to_string());
        assert_eq!(shown("http://127.0.0.1:10217").as_deref(), Ok("http://127.0.0.1:10217"));
        assert_eq!(shown("http://[::1]:1/a/").as_deref(), Ok("http://[::1]:1/a"));
        assert_eq!(shown("http://sensor").as_deref(), Ok("http://sensor:80"));
        for url in ["127.0.0.1:10217", "https://sensor", "http://", "http://u:p@sensor", "http://a?b", ""] {
            assert!(Target::new(url).is_err(), "{url}");
        }
    }
}
