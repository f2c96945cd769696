//! SSH: key exchange, and what only greets like it.

use super::*;

fn ssh_packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (4 + 1 + 1 + body.len() + 4) % 8) % 8;
    let length = (2 + body.len() + padding) as u32;
    [&length.to_be_bytes()[..], &[padding as u8, kind], body, &vec![0; padding]].concat()
}

fn kexinit() -> Vec<u8> {
    let mut body = random(50, 16);
    for names in [
        "curve25519-sha256,ecdh-sha2-nistp256",
        "ssh-ed25519",
        "aes128-ctr",
        "aes128-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ] {
        body.extend((names.len() as u32).to_be_bytes());
        body.extend(names.as_bytes());
    }
    body.extend([1, 0, 0, 0, 0]);
    ssh_packet(20, &body)
}

fn ssh() -> Said {
    vec![
        (Server, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
        (Client, b"SSH-2.0-libssh2_1.10\r\n".to_vec()),
        // A packet of the method that is guessed goes with it.
        (Client, [kexinit(), ssh_packet(30, &random(51, 36))].concat()),
        (Server, kexinit()),
        (Client, ssh_packet(30, &random(52, 36))),
        (Server, [ssh_packet(31, &random(53, 300)), ssh_packet(21, b"")].concat()),
        (Client, ssh_packet(21, b"")),
        (Client, random(54, 900)),
        (Server, random(55, 900)),
    ]
}

#[test]
fn ssh_and_what_only_greets_like_it() {
    is_honest(22, &ssh());
    for (from, at) in [(Client, 2), (Server, 3), (Client, 4)] {
        let raw = (from, random(56, 700));
        is_found_out(22, &[&ssh()[..at], &[raw]].concat(), Breach::SshPacket);
    }
}
