//! Connections with TLS or without.

use axum::Router;
use offport_telemetry::connections::{self, PATIENCE};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Connections at once. Browsers keep six each.
const CONNECTIONS: usize = 128;

/// Serves until dropped.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) {
    connections::each(listener, CONNECTIONS, |stream| {
        let (tls, router) = (tls.clone(), router.clone());
        async move {
            match tls {
                None => connections::answer(stream, router, None).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                        connections::answer(stream, router, None).await;
                    }
                }
            }
        }
    })
    .await;
}
