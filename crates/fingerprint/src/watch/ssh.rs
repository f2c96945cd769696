//! SSH: identification, then packets, key exchange first.
//!
//! RFC 4253, sections 4.2 (identification), 6 (packets), 7.1 (SSH_MSG_KEXINIT) and 12 (numbers). Each side identifies itself by a line, and
//! goes on with packets that can be read until its SSH_MSG_NEWKEYS: the first of them begins the key exchange, or ends
//! the connection. A null character must not be sent in an identification (section 4.2), but fixed buffers are, and
//! everyone's reading stops at the first.

use memchr::memchr;

use super::cursor::HEAD;
use super::{Breach, Step, is_junk, is_wordless};
use crate::exchange::Speaker;

const DISCONNECT: u8 = 1;
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
/// Lines that a server may send before it identifies itself.
const LINES: u8 = 50;
/// The smallest packet (RFC 4253, section 6).
const MIN_PACKET: usize = 16;
/// The largest packet that everyone takes is 35,000 bytes (RFC 4253, section 6.1); OpenSSH takes 256 KiB.
const MAX_PACKET: u32 = 256 << 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ssh {
    sides: [Side; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Side {
    at: At,
    lines: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Line,
    First,
    Packet,
    /// What it sends is encrypted.
    Sealed,
}

impl Ssh {
    pub(super) fn read(&mut self, speaker: Speaker, head: &[u8]) -> Step {
        let both_sealed = self.sides.iter().all(|side| side.at == At::Sealed);
        let side = &mut self.sides[speaker as usize];
        match side.at {
            At::Line => line(side, head),
            At::First | At::Packet => packet(speaker, side, head),
            At::Sealed if both_sealed => Step::Enough,
            At::Sealed => Step::Took(head.len() as u64),
        }
    }
}

fn line(side: &mut Side, head: &[u8]) -> Step {
    let Some(end) = memchr(b'\n', head) else {
        return match head.len() {
            _ if is_junk(head) && !b"SSH-".starts_with(head.get(..4).unwrap_or(head)) => {
                Step::Broken(Breach::SshBanner)
            }
            // 255 bytes at most, of which the beginning tells.
            HEAD.. => Step::Enough,
            _ => Step::More,
        };
    };
    let line = match &head[..end] {
        line if line.starts_with(b"SSH-") => until_null(line),
        line => line,
    };
    if is_junk(line) {
        return Step::Broken(Breach::SshBanner);
    }
    // 1.99 speaks 2.0 too; what speaks only 1.x has other packets.
    if line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-") {
        side.at = At::First;
    } else if line.starts_with(b"SSH-") || side.lines == LINES {
        return Step::Enough;
    }
    side.lines += 1;
    Step::Took(end as u64 + 1)
}

/// What stands before the first null character.
fn until_null(line: &[u8]) -> &[u8] {
    &line[..memchr(0, line).unwrap_or(line.len())]
}

fn packet(speaker: Speaker, side: &mut Side, head: &[u8]) -> Step {
    let Some(&[a, b, c, d, padding, kind, ..]) = head.first_chunk::<MIN_PACKET>() else { return Step::More };
    let length = u32::from_be_bytes([a, b, c, d]);
    // That they fill blocks of eight bytes (RFC 4253, section 6) is not seen to by all.
    let is_packet = (12..=MAX_PACKET).contains(&length) && padding >= 4 && u32::from(padding) + 1 < length;
    // A server that does not like the client's identification may say so in words.
    if !is_packet && speaker == Speaker::Server && side.at == At::First && !is_wordless(head) {
        side.at = At::Sealed;
        return Step::Took(head.len() as u64);
    }
    if !is_packet {
        return Step::Broken(Breach::SshPacket);
    }
    let is_first = side.at == At::First;
    match kind {
        KEXINIT if is_first => {
            // A cookie, and lists of names.
            let Some(names) = head.get(6 + 16..6 + 16 + 4) else { return Step::More };
            let names = names.iter().fold(0u32, |length, &byte| length << 8 | u32::from(byte));
            let list = head.get(26..head.len().min(26 + names.min(64) as usize)).unwrap_or_default();
            if names >= length || !list.iter().all(u8::is_ascii_graphic) {
                return Step::Broken(Breach::SshPacket);
            }
        }
        DISCONNECT => return Step::Enough,
        // To be ignored, not understood, for debugging (RFC 4253, section 11); methods' own numbers.
        2..=4 | KEXINIT..=49 if !is_first => {}
        _ => return Step::Broken(Breach::SshOrder),
    }
    side.at = if kind == NEWKEYS { At::Sealed } else { At::Packet };
    Step::Took(4 + u64::from(length))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{breaks, holds};
    use super::{Breach, KEXINIT, NEWKEYS, Speaker};
    use crate::exchange::Speaker::{Client, Server};
    use crate::name::Protocol::Ssh;
    use crate::talk::Noise;

    fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
        let padding = 4 + (8 - (4 + 1 + 1 + body.len() + 4) % 8) % 8;
        let length = 2 + body.len() + padding;
        [&(length as u32).to_be_bytes()[..], &[padding as u8, kind], body, &vec![0; padding]].concat()
    }

    fn kexinit() -> Vec<u8> {
        let mut body = Noise::new(11).bytes(16);
        for names in [
            &b"curve25519-sha256,ecdh-sha2-nistp256"[..],
            b"ssh-ed25519",
            b"aes128-ctr",
            b"aes128-ctr",
            b"hmac-sha2-256",
            b"",
            b"none",
            b"none",
            b"",
            b"",
        ] {
            body.extend((names.len() as u32).to_be_bytes());
            body.extend(names);
        }
        body.extend([0; 5]);
        packet(KEXINIT, &body)
    }

    fn session() -> Vec<(Speaker, Vec<u8>)> {
        let sealed = Noise::new(12).bytes(3_000);
        vec![
            (Server, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
            (Client, b"SSH-2.0-libssh2_1.10\r\n".to_vec()),
            (Client, kexinit()),
            (Server, kexinit()),
            (Client, packet(30, &Noise::new(13).bytes(36))),
            (Server, [packet(31, &Noise::new(14).bytes(300)), packet(NEWKEYS, &[])].concat()),
            (Client, packet(NEWKEYS, &[])),
            (Client, sealed.clone()),
            (Server, sealed),
        ]
    }

    #[test]
    fn a_server_says_no_in_words_and_not_in_noise() {
        let banner = (Server, b"SSH-2.0-server\r\n".to_vec());
        holds(Ssh, &[banner.clone(), (Server, b"Too many connections from you.\r\n".to_vec())]);
        let noise = b"\xa6\xdb\x9cAI\xa5sm\xcb\xd8\x93m\xc4\xb3~d".to_vec();
        breaks(Ssh, &[banner, (Server, noise)], Breach::SshPacket);
    }

    #[test]
    fn a_session_up_to_its_keys_and_beyond() {
        holds(Ssh, &session());
        let mut greeted = session();
        greeted.insert(0, (Server, b"Welcome.\r\nMind the gap.\r\n".to_vec()));
        holds(Ssh, &greeted);
        holds(
            Ssh,
            &[
                (Server, b"SSH-1.5-old\n".to_vec()),
                (Client, b"SSH-1.5-old\n".to_vec()),
                (Server, Noise::new(1).bytes(90)),
            ],
        );
    }

    #[test]
    fn an_identification_in_a_buffer_of_fixed_size() {
        let padded = |text: &[u8]| [text, &[0; 60], b"\n"].concat();
        let mut said = session();
        said[0].1 = padded(b"SSH-1.99-server-1.25 ");
        said[1].1 = padded(b"SSH-2.0-client-1.25 ");
        holds(Ssh, &said);
        said.truncate(2);
        said.push((Client, Noise::new(15).bytes(500)));
        breaks(Ssh, &said, Breach::SshPacket);
        breaks(Ssh, &[(Server, padded(b"any other line"))], Breach::SshBanner);
    }

    #[test]
    fn less_than_a_packet_is_not_judged() {
        let mut said = session();
        said.truncate(4);
        said.push((Client, Noise::new(17).bytes(15)));
        holds(Ssh, &said);
        said.push((Client, vec![9]));
        breaks(Ssh, &said, Breach::SshPacket);
    }

    #[test]
    fn a_guessed_packet_follows_at_once() {
        let mut said = session();
        said[2].1 = [kexinit(), packet(30, &Noise::new(13).bytes(36)), packet(30, &[7; 36])].concat();
        holds(Ssh, &said);
    }

    #[test]
    fn raw_data_behind_a_banner() {
        for at in [2, 3] {
            let mut said = session();
            said.truncate(at);
            said.push((if at == 2 { Client } else { Server }, Noise::new(15).bytes(500)));
            breaks(Ssh, &said, Breach::SshPacket);
        }
        let mut said = session();
        said.truncate(2);
        said.push((Client, b"id,name,card\n".repeat(30)));
        breaks(Ssh, &said, Breach::SshPacket);
        let said = [said[0].clone(), (Client, Noise::new(16).bytes(500))];
        breaks(Ssh, &said, Breach::SshBanner);
    }

    #[test]
    fn keys_without_an_exchange() {
        let mut said = session();
        said.truncate(2);
        said.push((Client, packet(NEWKEYS, &[])));
        breaks(Ssh, &said, Breach::SshOrder);
        said[2] = (Client, packet(94, &[0; 90]));
        breaks(Ssh, &said, Breach::SshOrder);
    }
}
