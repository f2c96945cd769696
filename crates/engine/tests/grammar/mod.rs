//! Well-formed conversations, made from the grammars of the protocols' specifications: nothing here is shared with the
//! probes. Each file holds the protocols of one trade.
#![allow(dead_code, reason = "each suite uses its own part")]

use offport_fingerprint::Protocol;
use offport_wire::Transport;

use crate::traffic::{Client, Rng, Server, Speaker};

mod calls;
mod control;
mod databases;
mod files;
mod mail;
mod messaging;
mod names;
mod network;
mod quic;
mod remote;
mod tls;
mod web;
mod windows;

/// Concatenates whatever is bytes.
macro_rules! cat {
    ($($part:expr),* $(,)?) => {{
        let mut bytes: Vec<u8> = Vec::new();
        $(bytes.extend_from_slice(AsRef::<[u8]>::as_ref(&$part));)*
        bytes
    }};
}
use cat;

pub(crate) type Turns = Vec<(Speaker, Vec<u8>)>;

/// One protocol over one transport.
pub(crate) struct Grammar {
    pub(crate) protocol: Protocol,
    pub(crate) transport: Transport,
    /// The client's port, where the specification fixes it.
    pub(crate) client_port: Option<u16>,
    pub(crate) converse: fn(&mut Rng) -> Turns,
}

impl Grammar {
    const fn tcp(protocol: Protocol, converse: fn(&mut Rng) -> Turns) -> Self {
        Self { protocol, transport: Transport::TCP, client_port: None, converse }
    }

    const fn udp(protocol: Protocol, converse: fn(&mut Rng) -> Turns) -> Self {
        Self { protocol, transport: Transport::UDP, client_port: None, converse }
    }

    const fn at_port(self, port: u16) -> Self {
        Self { client_port: Some(port), ..self }
    }
}

/// Every grammar.
pub(crate) fn all() -> impl Iterator<Item = &'static Grammar> {
    [
        calls::GRAMMARS,
        control::GRAMMARS,
        databases::GRAMMARS,
        files::GRAMMARS,
        mail::GRAMMARS,
        messaging::GRAMMARS,
        names::GRAMMARS,
        network::GRAMMARS,
        quic::GRAMMARS,
        remote::GRAMMARS,
        tls::GRAMMARS,
        web::GRAMMARS,
        windows::GRAMMARS,
    ]
    .into_iter()
    .flatten()
}

fn be16(value: usize) -> [u8; 2] {
    (value as u16).to_be_bytes()
}

fn be24(value: usize) -> [u8; 3] {
    [(value >> 16) as u8, (value >> 8) as u8, value as u8]
}

fn be32(value: usize) -> [u8; 4] {
    (value as u32).to_be_bytes()
}

fn le16(value: usize) -> [u8; 2] {
    (value as u16).to_le_bytes()
}

fn le32(value: usize) -> [u8; 4] {
    (value as u32).to_le_bytes()
}

/// A body behind its length of one, two, three or four bytes, big endian.
fn len8(body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![[body.as_ref().len() as u8], body]
}

fn len16(body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![be16(body.as_ref().len()), body]
}

fn len24(body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![be24(body.as_ref().len()), body]
}

fn len32(body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![be32(body.as_ref().len()), body]
}

/// Tag, length, value by the basic encoding rules (X.690, section 8.1.3): the length in its short form, or as encoders
/// that know it late write it.
fn ber(rng: &mut Rng, tag: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    match body.len() {
        len @ 0..=127 if !rng.one_in(6) => cat![[tag, len as u8], body],
        len if rng.one_in(4) => cat![[tag, 0x84], be32(len), body],
        len @ 0..=255 => cat![[tag, 0x81, len as u8], body],
        len => cat![[tag, 0x82], be16(len), body],
    }
}

/// The same by the distinguished rules (section 10.1): the shortest length.
fn der(tag: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    match body.len() {
        len @ 0..=127 => cat![[tag, len as u8], body],
        len @ 128..=255 => cat![[tag, 0x81, len as u8], body],
        len => cat![[tag, 0x82], be16(len), body],
    }
}

/// A non-negative INTEGER.
fn integer(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let start = bytes.iter().position(|&byte| byte != 0).unwrap_or(3);
    let sign: &[u8] = if bytes[start] & 0x80 != 0 { &[0] } else { &[] };
    der(2, cat![sign, bytes[start..]])
}

fn host(rng: &mut Rng) -> String {
    format!("{}.{}.{}", rng.word(), rng.word(), rng.pick(&["com", "org", "net", "example", "local", "de"]))
}

fn address(rng: &mut Rng) -> String {
    format!("{}.{}.{}.{}", rng.range(1, 223), rng.byte(), rng.byte(), rng.range(1, 254))
}

fn sentence(rng: &mut Rng) -> String {
    let words: Vec<_> = (0..rng.range(1, 9)).map(|_| rng.word()).collect();
    words.join(" ")
}

/// A binary body of up to `most` bytes.
fn blob(rng: &mut Rng, most: usize) -> Vec<u8> {
    let len = rng.range(0, most);
    rng.bytes(len)
}

fn says(speaker: Speaker, said: impl AsRef<[u8]>) -> (Speaker, Vec<u8>) {
    (speaker, said.as_ref().to_vec())
}

/// Client and server in turns, the client first.
fn in_turns<const N: usize>(said: [Vec<u8>; N]) -> Turns {
    said.into_iter()
        .zip([Client, Server].into_iter().cycle())
        .map(|(said, speaker)| (speaker, said))
        .collect()
}

/// Server and client in turns, the server first.
fn answered<const N: usize>(said: [Vec<u8>; N]) -> Turns {
    said.into_iter()
        .zip([Server, Client].into_iter().cycle())
        .map(|(said, speaker)| (speaker, said))
        .collect()
}
