//! To NATS JetStream: a message is done when the stream has acknowledged it.
//!
//! Each carries `Nats-Msg-Id`, the same whenever it is sent, so that the stream drops repeats within its window of
//! duplicates, and a consumer can tell them beyond it.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, ServerAddr};
use tokio::time::Instant;

use super::courier::{Courier, Delivery};
use super::message::{Kind, Message};

/// The connection is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// The server, and where messages go there.
#[derive(Clone, Debug)]
pub struct NatsServer {
    /// Addresses with scheme (`nats`, `tls`), with commas between them.
    pub url: String,
    /// Subject of events.
    pub subject: String,
    /// Subject of flow records.
    pub records_subject: String,
    /// The stream that must take them; `None`: any.
    pub stream: Option<String>,
    /// File that holds a token.
    pub token: Option<PathBuf>,
    /// File with JWT and NKEY seed (`.creds`).
    pub credentials: Option<PathBuf>,
    /// File with the certificates of authorities, PEM; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// For connecting, and for an acknowledgement.
    pub timeout: Duration,
}

/// One stream, or several, of one server.
#[derive(Debug)]
pub struct Nats {
    server: NatsServer,
    connection: Connection,
    /// When the connection was last looked at.
    looked: Option<Instant>,
}

/// `None` before the first attempt, and after a failure.
type Connection = Option<(Client, Context)>;

impl Nats {
    /// Connects when there is need to.
    pub const fn new(server: NatsServer) -> Self {
        Self { server, connection: None, looked: None }
    }

    /// The context of a connection that is up. Files are read anew for each connection.
    async fn context(&mut self) -> Result<Context, String> {
        if let Some((client, context)) = &self.connection
            && client.connection_state() == State::Connected
        {
            return Ok(context.clone());
        }
        // A client that lost its server would keep what it could not send, and send it late: a new one has nothing.
        self.connection = None;
        let server = &self.server;
        let connecting = async { server.options().await?.connect(server.addresses()?).await.map_err(said) };
        let client = tokio::time::timeout(server.timeout, connecting).await;
        let client = client.map_err(|_| "connecting: timed out")??;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(server.timeout);
        self.connection = Some((client, context.clone()));
        Ok(context)
    }
}

impl NatsServer {
    fn addresses(&self) -> Result<Vec<ServerAddr>, String> {
        self.url.split(',').map(|url| url.trim().parse().map_err(|error| format!("{url}: {error}"))).collect()
    }

    async fn options(&self) -> Result<ConnectOptions, String> {
        let mut options = ConnectOptions::new().name("offportd").connection_timeout(self.timeout);
        if let Some(path) = &self.token {
            let token =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            options = options.token(token.trim().to_owned());
        }
        if let Some(path) = &self.credentials {
            let read = options.credentials_file(path).await;
            options = read.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        if let Some(path) = &self.ca {
            options = options.add_root_certificates(path.clone());
        }
        Ok(options)
    }
}

impl Courier for Nats {
    const BATCH: usize = 128;

    async fn deliver(&mut self, batch: &[Message]) -> Delivery {
        self.looked = Some(Instant::now());
        let context = match self.context().await {
            Ok(context) => context,
            Err(error) => return Delivery::failed(error),
        };
        let NatsServer { subject, records_subject, stream, .. } = &self.server;
        // All are on their way before the first acknowledgement is waited for.
        let mut under_way = Vec::with_capacity(batch.len());
        for message in batch {
            let subject = if message.kind == Kind::Record { records_subject } else { subject };
            let mut publish =
                PublishMessage::build().payload(message.body.clone().into()).message_id(&message.id);
            if let Some(stream) = stream {
                publish = publish.expected_stream(stream);
            }
            let publishing = context.send_publish(subject.clone(), publish).await;
            let stop =
                matches!(&publishing, Err(error) if error.kind() != PublishErrorKind::MaxPayloadExceeded);
            under_way.push(publishing);
            if stop {
                break;
            }
        }
        let mut delivery = Delivery::default();
        for publishing in under_way {
            let acknowledged = match publishing {
                Ok(acknowledgement) => acknowledgement.await,
                Err(error) => Err(error),
            };
            match acknowledged {
                Ok(_) => delivery.sent += 1,
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => delivery.refused += 1,
                Err(error) => {
                    // What is behind may have been taken too; it is sent again, under the same name.
                    delivery.failure = Some(said(error));
                    break;
                }
            }
        }
        delivery
    }

    fn due(&self) -> Option<Instant> {
        self.looked.map(|looked| looked + LOOK)
    }
}

/// An error with its causes.
fn said(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
