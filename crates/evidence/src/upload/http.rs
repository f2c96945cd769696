//! HTTP for object_store, by hyper and rustls with ring: its own client needs aws-lc, and so cmake. A connection for each request,
//! which is a file of some megabytes.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use hyper::Uri;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls;
use super::uploader::UploadSettings;

/// Bytes of an answer that are read: nothing is downloaded.
const ANSWER: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(super) struct Connector {
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(settings: &UploadSettings) -> Result<Self, String> {
        let is_plain = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let tls = if is_plain { None } else { Some(tls::config(settings.ca.as_deref())?) };
        Ok(Self { tls, timeout: settings.timeout })
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_encrypted = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(connecting)?;
        let _ = stream.set_nodelay(true);
        if !is_encrypted {
            return send(stream, request, &uri).await;
        }
        let config = self.tls.clone().ok_or_else(|| connecting("a redirection from http to https"))?;
        let name = ServerName::try_from(host).map_err(connecting)?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(connecting)?;
        send(stream, request, &uri).await
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        answer.unwrap_or_else(|elapsed| Err(HttpError::new(HttpErrorKind::Timeout, elapsed)))
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    mut request: HttpRequest,
    uri: &Uri,
) -> Result<HttpResponse, HttpError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(connecting)?;
    // It ends with the sender, or with the connection; what went wrong is the request's error.
    tokio::spawn(connection);
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let host = HeaderValue::from_str(host).map_err(requesting)?;
    request.headers_mut().entry(HOST).or_insert(host);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(requesting)?;
    let (head, body) = sender.send_request(request).await.map_err(requesting)?.into_parts();
    let body = Limited::new(body, ANSWER).collect().await;
    let body = body.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?.to_bytes();
    Ok(HttpResponse::from_parts(head, body.into()))
}

fn connecting(error: impl Into<Box<dyn Error + Send + Sync>>) -> HttpError {
    HttpError::new_boxed(HttpErrorKind::Connect, error.into())
}

fn requesting(error: impl Into<Box<dyn Error + Send + Sync>>) -> HttpError {
    HttpError::new_boxed(HttpErrorKind::Request, error.into())
}
