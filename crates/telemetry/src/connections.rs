//! Connections of a server: how many at once, and how slow they may be. A client that stands still costs a place for a while, and no
//! descriptor that the rest of the process needs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// A request's head comes within this.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Handles each connection in a task of its own, `most` at a time, until dropped. Whoever comes when it is full waits in the
/// kernel's queue.
pub async fn each<F>(listener: TcpListener, most: usize, handle: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(most));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let handled = handle(stream);
                tokio::spawn(async move {
                    let _permit = permit;
                    handled.await;
                });
            }
            Err(error) if is_of_the_client(&error) => {}
            // No descriptors left, as a rule: those that are open end sooner or later.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Answers requests until the client has no more; or one, within `lifetime`.
pub async fn answer<S>(stream: S, router: Router, lifetime: Option<Duration>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answered = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(lifetime.is_none())
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // What goes wrong with a connection is the client's affair.
    let _ = tokio::time::timeout(lifetime.unwrap_or(Duration::MAX), answered).await;
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
