//! Conversations, packet by packet.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use offport_capture::file::Writer;
use offport_wire::{Frame, LinkType, Timestamp};

use super::packet::{self, ACK, FIN, PSH, RST, SYN};

/// Time between two packets.
const PACE: Duration = Duration::from_micros(150);

/// Payload of an Ethernet frame without options.
const SEGMENT: usize = 1460;

/// A capture in the making.
#[derive(Debug)]
pub struct Scene {
    start: Timestamp,
    now: Timestamp,
    frames: Vec<(Timestamp, Vec<u8>)>,
}

impl Scene {
    /// Nothing yet.
    pub fn new(start: Timestamp) -> Self {
        Self { start, now: start, frames: Vec::new() }
    }

    /// What follows happens `offset` after the start.
    pub fn at(&mut self, offset: Duration) {
        self.now = self.start + offset;
    }

    /// One datagram.
    pub fn udp(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        self.frame(packet::udp(from, to, payload));
    }

    /// One ARP request.
    pub fn arp(&mut self, from: Ipv4Addr, to: Ipv4Addr) {
        self.frame(packet::arp(from, to));
    }

    /// A connection of which nothing has been sent yet.
    pub fn tcp(&mut self, client: SocketAddr, server: SocketAddr) -> Tcp<'_> {
        // Initial sequence numbers that differ between connections and are the same in every run.
        let seed = u32::from(client.port()) << 16 | u32::from(server.port());
        let seq = [seed.wrapping_mul(2_654_435_761), seed.wrapping_mul(2_246_822_519)];
        Tcp { scene: self, ends: [client, server], seq, segment: SEGMENT, swapped: false }
    }

    /// Any frame, one pace after the one before.
    pub fn frame(&mut self, frame: Vec<u8>) {
        self.frames.push((self.now, frame));
        self.now = self.now + PACE;
    }

    /// Writes all frames in order of time, as pcapng.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(mut self, out: impl Write) -> io::Result<()> {
        self.frames.sort_by_key(|&(time, _)| time);
        let mut writer = Writer::new(out)?;
        for (time, bytes) in &self.frames {
            let frame = Frame {
                bytes,
                link: LinkType::Ethernet,
                wire_len: bytes.len() as u32,
                time: *time,
                interface: 0,
            };
            writer.write(&frame, None)?;
        }
        writer.flush()
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The side that opened the connection.
    Client,
    /// The side that was called.
    Server,
}

/// A connection; sequence numbers and acknowledgements are kept right.
#[derive(Debug)]
pub struct Tcp<'a> {
    scene: &'a mut Scene,
    /// Client, server.
    ends: [SocketAddr; 2],
    /// Next sequence number of each.
    seq: [u32; 2],
    segment: usize,
    swapped: bool,
}

impl Tcp<'_> {
    /// The handshake. Without it, the connection was open before the capture began.
    pub fn open(&mut self) -> &mut Self {
        self.send(Side::Client, SYN, &[]);
        self.send(Side::Server, SYN | ACK, &[]);
        self.send(Side::Client, ACK, &[]);
        self
    }

    /// Segments have at most that many bytes from now on.
    pub fn segments_of(&mut self, bytes: usize) -> &mut Self {
        self.segment = bytes.max(1);
        self
    }

    /// From now on each two segments of a message trade places, or do not any more.
    pub fn swapped(&mut self, swapped: bool) -> &mut Self {
        self.swapped = swapped;
        self
    }

    /// A message, in as many segments as it takes, and the acknowledgement.
    pub fn say(&mut self, side: Side, message: &[u8]) -> &mut Self {
        let first = self.scene.frames.len();
        for segment in message.chunks(self.segment) {
            self.send(side, PSH | ACK, segment);
        }
        if self.swapped {
            for pair in self.scene.frames[first..].chunks_exact_mut(2) {
                let [(early, _), (late, _)] = pair else { continue };
                std::mem::swap(early, late);
                pair.swap(0, 1);
            }
        }
        self.send(side.other(), ACK, &[]);
        self
    }

    /// Both sides close, the client first.
    pub fn close(&mut self) {
        self.send(Side::Client, FIN | ACK, &[]);
        self.send(Side::Server, FIN | ACK, &[]);
        self.send(Side::Client, ACK, &[]);
    }

    /// Nobody listens there.
    pub fn refuse(&mut self) {
        self.send(Side::Client, SYN, &[]);
        self.reset(Side::Server);
    }

    /// One side resets the connection.
    pub fn reset(&mut self, side: Side) {
        self.send(side, RST | ACK, &[]);
    }

    fn send(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let ([client, server], [client_seq, server_seq]) = (self.ends, self.seq);
        let (from, to, seq, peer) = match side {
            Side::Client => (client, server, client_seq, server_seq),
            Side::Server => (server, client, server_seq, client_seq),
        };
        let ack = if flags & ACK == 0 { 0 } else { peer };
        self.scene.frame(packet::tcp(from, to, seq, ack, flags, payload));
        let length = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.seq[side as usize] = seq.wrapping_add(length);
    }
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
