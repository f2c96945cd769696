//! Remote access: SSH (RFC 4253), Telnet (RFC 854), VNC (RFC 6143), RDP (MS-RDPBCGR).

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Ssh, ssh),
    Grammar::tcp(Protocol::Ssh, ssh),
    Grammar::tcp(Protocol::Telnet, telnet),
    Grammar::tcp(Protocol::Vnc, vnc),
    Grammar::tcp(Protocol::Rdp, rdp),
];

/// Section 6: packet length, padding length, payload, padding to a multiple of eight.
fn packet(rng: &mut Rng, payload: &[u8]) -> Vec<u8> {
    let padding = 8 - (payload.len() + 5) % 8;
    let padding = if padding < 4 { padding + 8 } else { padding };
    cat![be32(payload.len() + padding + 1), [padding as u8], payload, rng.bytes(padding)]
}

fn key_init(rng: &mut Rng) -> Vec<u8> {
    let lists = [
        "curve25519-sha256,ecdh-sha2-nistp256,ext-info-c",
        "ssh-ed25519,rsa-sha2-512",
        "aes128-ctr,chacha20-poly1305@openssh.com",
        "aes128-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none,zlib@openssh.com",
        "none",
        "",
        "",
    ];
    let lists: Vec<u8> = lists.iter().flat_map(len32).collect();
    let cookie = rng.bytes(16);
    packet(rng, &cat![[20], cookie, lists, [0], be32(0)])
}

fn ssh(rng: &mut Rng) -> Turns {
    let banner = |rng: &mut Rng| {
        let software = rng.pick(&[
            "OpenSSH_9.2p1 Debian-2+deb12u3",
            "OpenSSH_8.0",
            "dropbear_2022.83",
            "PuTTY_Release_0.80",
            "libssh_0.9.6",
            "Go",
            "paramiko_3.4.0",
            "Cisco-1.25",
        ]);
        let version = rng.pick(&["2.0", "2.0", "2.0", "1.99"]);
        format!("SSH-{version}-{software}{}", rng.pick(&["\r\n", "\r\n", "\n"]))
    };
    // Other lines of the server may come first (section 4.2).
    let before = if rng.one_in(10) { format!("{}\r\n", sentence(rng)) } else { String::new() };
    let greeting = cat![before, banner(rng)];
    let hello = banner(rng);
    let mut turns = if rng.one_in(2) {
        vec![says(Server, greeting), says(Client, hello)]
    } else {
        vec![says(Client, hello), says(Server, greeting)]
    };
    turns.push(says(Client, key_init(rng)));
    turns.push(says(Server, key_init(rng)));
    let key = rng.bytes(32);
    turns.push(says(Client, packet(rng, &cat![[30], len32(&key)])));
    let signature = rng.bytes(80);
    let reply = cat![
        packet(
            rng,
            &cat![[31], len32(cat![len32("ssh-ed25519"), len32(&key)]), len32(&key), len32(signature)]
        ),
        packet(rng, &[21])
    ];
    turns.push(says(Server, reply));
    let sealed = rng.bytes(44);
    turns.push(says(Client, cat![packet(rng, &[21]), sealed]));
    let sealed = rng.bytes(60);
    turns.push(says(Server, sealed));
    turns
}

fn telnet(rng: &mut Rng) -> Turns {
    let options = |rng: &mut Rng| {
        let mut said = Vec::new();
        for _ in 0..rng.range(1, 6) {
            said.extend([255, rng.of(&[251, 252, 253, 254]), rng.of(&[1, 3, 5, 24, 31, 32, 33, 34, 39])]);
        }
        said
    };
    let (asked, answer) = (options(rng), options(rng));
    let kind = cat![[255, 250, 24, 0], "xterm-256color", [255, 240]];
    answered([
        asked,
        cat![answer, kind],
        format!("\r\n{} login: ", host(rng)).into(),
        format!("{}\r\n", rng.word()).into(),
    ])
}

fn vnc(rng: &mut Rng) -> Turns {
    let version = rng.pick(&["RFB 003.003\n", "RFB 003.007\n", "RFB 003.008\n"]);
    let challenge = rng.bytes(16);
    let response = rng.bytes(16);
    if version == "RFB 003.003\n" {
        return answered([version.into(), version.into(), cat![be32(2), challenge], response]);
    }
    answered([version.into(), version.into(), vec![2, 1, 2], vec![2], challenge, response])
}

/// Section 2.2.1: X.224 connection request and confirm; then TLS, or the basic settings exchange.
fn rdp(rng: &mut Rng) -> Turns {
    let cookie = if rng.one_in(2) { format!("Cookie: mstshash={}\r\n", rng.word()) } else { String::new() };
    let protocols = rng.of(&[0, 1, 3, 11]);
    let negotiation = if rng.one_in(5) { Vec::new() } else { cat![[1, 0, 8, 0], le32(protocols)] };
    let request = cat![[0xe0, 0, 0, 0, 0, 0], cookie, negotiation];
    let chosen = if protocols == 0 { 0 } else { 1 };
    let confirm = if negotiation.is_empty() { Vec::new() } else { cat![[2, 0x1f, 8, 0], le32(chosen)] };
    let source = rng.bytes(2);
    let mut turns = vec![
        says(Client, control::tpkt(len8(request))),
        says(Server, control::tpkt(len8(cat![[0xd0, 0, 0], source, [0], confirm]))),
    ];
    if !negotiation.is_empty() && chosen == 1 {
        let hello = tls::client_hello(rng, 3);
        turns.push(says(Client, tls::record(22, 0x0301, hello)));
    }
    turns
}
