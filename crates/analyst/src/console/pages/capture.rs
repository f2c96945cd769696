//! `/session/{id}/capture.pcapng`: its packets, as they are read.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use offport_evidence::packets::extract;
use tokio::runtime::Handle;

use super::super::problem::Problem;
use super::super::routes::Console;
use super::session::{missing, parse};
use crate::desk::comment;
use crate::desk::session::{packets, record};

/// What is sent at once, and how many of these may wait for the browser.
const PIECE: usize = 64 << 10;
const PIECES: usize = 8;
/// A browser that takes nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(60);

pub(in super::super) async fn show(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    method: Method,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let (row, found) = console
        .desk
        .ask(move |place| {
            let row = record(place, id, false)?;
            let found = packets(place, id, row.as_ref())?;
            Ok((row, found))
        })
        .await?;
    if found.is_empty() {
        return Err(match row {
            None => missing(id),
            Some(_) => Problem::Missing(format!("{id}: none of its packets is in the store")),
        });
    }
    let body = match method == Method::HEAD {
        true => Body::empty(),
        false => {
            let permit = console.desk.download().await?;
            let (sender, body) = Channel::<Bytes, io::Error>::new(PIECES);
            let runtime = Handle::current();
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let mut to = BufWriter::with_capacity(PIECE, Pieces { sender, runtime });
                let written = extract(&found, &mut to, |_| Some(comment(id, row.as_ref())));
                let (pieces, _) = to.into_parts();
                if let Err(error) = written {
                    // The browser is to see that this is not all.
                    pieces.sender.abort(error);
                }
            });
            Body::new(body)
        }
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pcapng"));
    // An id is letters and digits.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"offport-{id}.pcapng\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Hands what is written on to the connection.
struct Pieces {
    sender: Sender<Bytes, io::Error>,
    runtime: Handle,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let send = self.sender.send_data(Bytes::copy_from_slice(bytes));
        match self.runtime.block_on(async { tokio::time::timeout(PATIENCE, send).await }) {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
