//! Frames, header by header.
#![allow(dead_code, unreachable_pub)] // each test binary uses its part

pub fn ethernet(kind: u16, content: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &kind.to_be_bytes(), content].concat()
}

pub fn ipv4(protocol: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 20).to_be_bytes();
    let head = [0x45, 0, length[0], length[1], 0, 7, 0x40, 0, 64, protocol, 0, 0];
    [&head[..], &[192, 0, 2, 1, 198, 51, 100, 7], content].concat()
}

pub fn ipv6(next: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, length[0], length[1], next, 64][..], &[0x20; 16], &[0x30; 16], content].concat()
}

/// From port 40000 to `port`.
pub fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16 + 8;
    [&[0x9c, 0x40][..], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

pub fn tcp() -> Vec<u8> {
    [&[0x9c, 0x40, 0, 80][..], &[0; 8], &[0x50, 0x10, 0, 0, 0, 0, 0, 0]].concat()
}

pub fn eth4(protocol: u8, content: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(protocol, content))
}

pub fn eth6(next: u8, content: &[u8]) -> Vec<u8> {
    ethernet(0x86dd, &ipv6(next, content))
}

/// Changes bytes of a frame.
pub fn with(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}
