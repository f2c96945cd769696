//! FTP (RFC 959), TFTP (RFC 1350), ONC RPC with portmapper and NFS (RFC 5531).

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Ftp, ftp),
    Grammar::udp(Protocol::Tftp, tftp),
    Grammar::udp(Protocol::Rpc, rpc_datagrams),
    Grammar::tcp(Protocol::Rpc, rpc_stream),
];

fn ftp(rng: &mut Rng) -> Turns {
    let greeting = match rng.range(0, 4) {
        0 => "220 (vsFTPd 3.0.5)\r\n".to_owned(),
        1 => format!("220-{}\r\n220-{}\r\n220 {}\r\n", sentence(rng), sentence(rng), sentence(rng)),
        2 => format!("220 {} FTP server ready.\r\n", host(rng)),
        3 => format!("220 {}\r\n", sentence(rng)),
        _ => "220 ProFTPD Server (Debian) [::ffff:192.0.2.1]\r\n".to_owned(),
    };
    let mut turns = vec![says(Server, greeting)];
    if rng.one_in(4) {
        turns.push(says(Client, "AUTH TLS\r\n"));
        turns.push(says(Server, "234 Proceed with negotiation.\r\n"));
        let hello = tls::client_hello(rng, 4);
        turns.push(says(Client, tls::record(22, 0x0301, hello)));
        return turns;
    }
    turns.push(says(Client, format!("USER {}\r\n", rng.word())));
    turns.push(says(Server, "331 Please specify the password.\r\n"));
    turns.push(says(Client, format!("PASS {}\r\n", sentence(rng))));
    if rng.one_in(4) {
        turns.push(says(Server, "530 Login incorrect.\r\n"));
        return turns;
    }
    turns.push(says(Server, "230 Login successful.\r\n"));
    for _ in 0..rng.range(0, 4) {
        let (command, reply) = match rng.range(0, 4) {
            0 => ("SYST".to_owned(), "215 UNIX Type: L8\r\n"),
            1 => ("FEAT".to_owned(), "211-Features:\r\n EPRT\r\n MDTM\r\n UTF8\r\n211 End\r\n"),
            2 => ("PASV".to_owned(), "227 Entering Passive Mode (192,0,2,1,200,10).\r\n"),
            3 => (
                format!("RETR {}.txt", rng.word()),
                "150 Opening BINARY mode data connection\r\n226 Transfer complete.\r\n",
            ),
            _ => (format!("CWD {}", rng.word()), "250 Directory successfully changed.\r\n"),
        };
        turns.push(says(Client, format!("{command}\r\n")));
        turns.push(says(Server, reply));
    }
    turns
}

/// The answer would come from another port (RFC 1350, section 4): only what the client asks is in this flow.
fn tftp(rng: &mut Rng) -> Turns {
    let options = if rng.one_in(2) {
        format!("blksize\0{}\0tsize\x000\0", rng.range(8, 65_464))
    } else {
        String::new()
    };
    let mode = rng.pick(&["octet", "netascii", "OCTET"]);
    vec![says(Client, cat![[0, rng.of(&[1, 2])], rng.word(), "/", rng.word(), [0], mode, [0], options])]
}

fn rpc_datagrams(rng: &mut Rng) -> Turns {
    let id = rng.u32();
    let (program, version, procedure, arguments, results) = match rng.range(0, 3) {
        // GETPORT and DUMP of the portmapper (RFC 1833), NULL of anything, GETATTR of NFS 3 (RFC 1813).
        0 => (100_000, 2, 3, cat![be32(100_003), be32(3), be32(6), be32(0)], be32(2049).to_vec()),
        1 => (
            100_000,
            rng.of(&[2, 3, 4]),
            4,
            vec![],
            cat![be32(1), be32(100_000), be32(2), be32(17), be32(111), be32(0)],
        ),
        2 => (100_003, rng.of(&[2, 3, 4]), 0, vec![], vec![]),
        _ => {
            let [handle, attributes] = [rng.bytes(32), rng.bytes(80)];
            (100_003, 3, 1, len32(handle), cat![be32(0), be32(1), be32(0o644), attributes[..76]])
        }
    };
    // AUTH_SYS now and then (RFC 5531, appendix A): stamp, machine, uid, gid, gids.
    let credentials = if rng.one_in(2) {
        let machine = cat![be32(4), "host"];
        cat![be32(1), len32(cat![rng.u32().to_be_bytes(), machine, be32(0), be32(0), be32(1), be32(0)])]
    } else {
        cat![be32(0), be32(0)]
    };
    let call = cat![
        id.to_be_bytes(),
        be32(0),
        be32(2),
        be32(program),
        be32(version),
        be32(procedure),
        credentials,
        be32(0),
        be32(0),
        arguments
    ];
    let reply = cat![id.to_be_bytes(), be32(1), be32(0), be32(0), be32(0), be32(0), results];
    in_turns([call, reply])
}

/// RFC 5531, section 11.
fn rpc_stream(rng: &mut Rng) -> Turns {
    rpc_datagrams(rng)
        .into_iter()
        .map(|(speaker, message)| (speaker, cat![be32(0x8000_0000 | message.len()), message]))
        .collect()
}
