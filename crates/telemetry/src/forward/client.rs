//! An HTTP client: one server, one connection that is kept, `http` or `https`.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls;

/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Client {
    /// Scheme, host, port and what stands before every path.
    base: String,
    /// File that holds the value of `Authorization`.
    authorization: Option<PathBuf>,
    /// Authorities, PEM; `None`: those of the system.
    ca: Option<PathBuf>,
    timeout: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) fn new(
        base: &str,
        authorization: Option<PathBuf>,
        ca: Option<PathBuf>,
        timeout: Duration,
    ) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { base, authorization, ca, timeout, connection: None }
    }

    /// `POST`s JSON. The status, and the beginning of the answer.
    pub(super) async fn post(&mut self, path: &str, json: Vec<u8>) -> Result<(StatusCode, String), String> {
        let timeout = self.timeout;
        let answer = tokio::time::timeout(timeout, self.exchange(path, json)).await;
        let answer = answer.unwrap_or_else(|_| Err("timed out".to_owned()));
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    async fn exchange(&mut self, path: &str, json: Vec<u8>) -> Result<(StatusCode, String), String> {
        let uri: Uri =
            format!("{}{path}", self.base).parse().map_err(|error| format!("{}: {error}", self.base))?;
        let request = self.request(&uri, json)?;
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect(&uri).await?,
        };
        connection.ready().await.map_err(said)?;
        let answer = connection.send_request(request).await.map_err(said)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        self.connection = Some(connection);
        Ok((status, String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned()))
    }

    fn request(&self, uri: &Uri, json: Vec<u8>) -> Result<Request<Full<Bytes>>, String> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::post(path)
            .header(HOST, host)
            .header(USER_AGENT, concat!("offportd/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(json)))
            .map_err(|error| error.to_string())?;
        if let Some(path) = &self.authorization {
            let value =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let value = HeaderValue::from_str(value.trim());
            let mut value = value.map_err(|_| format!("{}: no value of a header", path.display()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn connect(&self, uri: &Uri) -> Result<SendRequest<Full<Bytes>>, String> {
        let host = uri.host().ok_or_else(|| format!("{}: no host", self.base))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let encrypted = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let stream =
            TcpStream::connect((host, port)).await.map_err(|error| format!("{host}:{port}: {error}"))?;
        let _ = stream.set_nodelay(true);
        if !encrypted {
            return handshake(stream).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("{host}: {error}"))?;
        let connector = tls::connector(self.ca.as_deref())?;
        let stream =
            connector.connect(name, stream).await.map_err(|error| format!("{host}:{port}: {error}"))?;
        handshake(stream).await
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, String> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    // It ends with the sender, or with the connection; what went wrong is the request's error.
    tokio::spawn(connection);
    Ok(sender)
}

fn said(error: hyper::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
