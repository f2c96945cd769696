//! To a syslog server: over UDP (RFC 5426), TCP with octet counting (RFC 6587, section 3.4.1) or a datagram socket of the
//! host's.
//!
//! Nothing in syslog says that a message has arrived. Over TCP, what the kernel has taken counts as sent: what the server has
//! not read when it dies is lost. Before each batch the connection is looked at, so that one that was closed is not used.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};
use tokio::time::Instant;

use super::courier::{Courier, Delivery};
use super::message::Message;

/// The connection is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// How messages travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Road {
    /// Datagrams to host and port.
    Udp(String),
    /// A connection to host and port.
    Tcp(String),
    /// Datagrams to a socket in the file system.
    Unix(PathBuf),
}

/// One syslog server.
#[derive(Debug)]
pub struct Syslog {
    road: Road,
    timeout: Duration,
    socket: Option<Socket>,
    /// When the connection was last looked at.
    looked: Option<Instant>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Unix(UnixDatagram),
}

impl Syslog {
    /// `timeout` is for connecting, and for each message.
    pub const fn new(road: Road, timeout: Duration) -> Self {
        Self { road, timeout, socket: None, looked: None }
    }

    async fn attempt(&mut self, batch: &[Message], sent: &mut usize, refused: &mut usize) -> io::Result<()> {
        if let Some(Socket::Tcp(stream)) = &self.socket
            && is_closed(stream)
        {
            self.socket = None;
        }
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(self.road.open().await?),
        };
        if let Socket::Tcp(stream) = socket {
            let mut bytes = Vec::new();
            for Message { body, .. } in batch {
                bytes.extend(format!("{} ", body.len()).into_bytes());
                bytes.extend(body);
            }
            stream.write_all(&bytes).await?;
            *sent = batch.len();
            return Ok(());
        }
        for Message { body, .. } in batch {
            match socket.send(body).await {
                Ok(()) => *sent += 1,
                // No datagram is that large, here or anywhere.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput || too_long(&error) => {
                    *refused += 1
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Courier for Syslog {
    const BATCH: usize = 64;

    async fn deliver(&mut self, batch: &[Message]) -> Delivery {
        self.looked = Some(Instant::now());
        let (mut sent, mut refused) = (0, 0);
        let attempt = tokio::time::timeout(self.timeout, self.attempt(batch, &mut sent, &mut refused)).await;
        let attempt = attempt.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let failure = attempt.err().map(|error| format!("{}: {error}", self.road.name()));
        if failure.is_some() {
            // A connection that has taken a part of a message is of no use any more.
            self.socket = None;
        }
        Delivery { sent, refused, expired: 0, failure }
    }

    fn due(&self) -> Option<Instant> {
        self.looked.map(|looked| looked + LOOK)
    }
}

impl Road {
    async fn open(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(server) => {
                let stream = TcpStream::connect(server).await?;
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream))
            }
            Self::Udp(server) => {
                let found = tokio::net::lookup_host(server).await?.next();
                let server = found.ok_or(io::ErrorKind::AddrNotAvailable)?;
                let any: SocketAddr =
                    if server.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(server).await?;
                Ok(Socket::Udp(socket))
            }
            Self::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Socket::Unix(socket))
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Udp(server) => format!("{server}/udp"),
            Self::Tcp(server) => format!("{server}/tcp"),
            Self::Unix(path) => path.display().to_string(),
        }
    }
}

impl Socket {
    async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(datagram).await.map(|_| ()),
            Self::Unix(socket) => socket.send(datagram).await.map(|_| ()),
            Self::Tcp(stream) => stream.write_all(datagram).await,
        }
    }
}

/// Whether the server has closed the connection. What it says is not heeded: syslog has no answers.
fn is_closed(stream: &TcpStream) -> bool {
    let mut answer = [0; 512];
    loop {
        match stream.try_read(&mut answer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// `EMSGSIZE`, which has no kind of its own.
fn too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(90)
}

#[cfg(test)]
mod tests;
