//! SSH: RFC 4253, sections 4.2 (identification) and 7.1 (algorithms). HASSH and hasshServer are the MD5 of four of the lists in
//! SSH_MSG_KEXINIT, joined by `;`, as their authors define them (github.com/salesforce/hassh).

use md5::{Digest as _, Md5};

use super::{Description, Field, hex};
use crate::exchange::Exchange;
use crate::reader::Reader;

pub(super) fn describe(exchange: &Exchange<'_>, description: &mut Description) {
    let sides = [
        (&exchange.client, Field::SshClient, Field::SshHassh, 0),
        (&exchange.server, Field::SshServer, Field::SshHasshServer, 1),
    ];
    for (side, banner, hassh, direction) in sides {
        if !side.bytes.starts_with(b"SSH-") {
            continue;
        }
        let end = side.bytes.iter().position(|&byte| byte == b'\n');
        let line = &side.bytes[..end.unwrap_or(side.bytes.len())];
        // Old devices pad with NUL.
        let text = line.split(|&byte| byte == 0).next().unwrap_or(line);
        description.text(banner, text.trim_ascii_end(), end.is_some() || text.len() < line.len());
        let packet = end.and_then(|end| side.bytes.get(end + 1..));
        if let Some(lists) = packet.and_then(|packet| algorithms(packet, direction)) {
            description.word(hassh, hex(&Md5::digest(lists.join(&b';'))));
        }
    }
}

/// Key exchange, encryption, authentication and compression of what the client sends (0) or the server (1), if the
/// packet holds them whole.
fn algorithms(packet: &[u8], direction: usize) -> Option<[&[u8]; 4]> {
    const KEXINIT: u8 = 20;
    const COOKIE: usize = 16;
    let mut reader = Reader::new(packet);
    // Length of the packet and of its padding.
    reader.take(5)?;
    reader.u8().filter(|&message| message == KEXINIT)?;
    reader.take(COOKIE)?;
    let mut list = || {
        let len = reader.u32_be()?;
        reader.take(usize::try_from(len).ok()?)
    };
    let key_exchange = list()?;
    let _host_keys = list()?;
    let mut of_direction = || -> Option<&[u8]> { [list()?, list()?].get(direction).copied() };
    Some([key_exchange, of_direction()?, of_direction()?, of_direction()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::testing::said;
    use crate::name::Protocol::Ssh;
    use crate::talk::Talk;

    fn kexinit(lists: [&str; 8]) -> Vec<u8> {
        let mut packet = [&[0, 0, 5, 0xdc, 4, 20][..], &[7; 16]].concat();
        for list in lists.into_iter().chain(["", ""]) {
            packet.extend((list.len() as u32).to_be_bytes());
            packet.extend(list.as_bytes());
        }
        packet.extend([0; 5 + 4]);
        packet
    }

    /// The examples of HASSH's description: CyberDuck 6.7.1 as a client.
    const KEX: &str = "curve25519-sha256@libssh.org,diffie-hellman-group-exchange-sha256,ecdh-sha2-nistp521,ecdh-sha2-nistp384,ecdh-sha2-nistp256,diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group14-sha256,diffie-hellman-group15-sha512,diffie-hellman-group16-sha512,diffie-hellman-group17-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256@ssh.com,diffie-hellman-group15-sha256,diffie-hellman-group15-sha256@ssh.com,diffie-hellman-group15-sha384@ssh.com,diffie-hellman-group16-sha256,diffie-hellman-group16-sha384@ssh.com,diffie-hellman-group16-sha512@ssh.com,diffie-hellman-group18-sha512@ssh.com";
    const CIPHERS: &str = "aes128-cbc,aes128-ctr,aes192-cbc,aes192-ctr,aes256-cbc,aes256-ctr,blowfish-cbc,blowfish-ctr,cast128-cbc,cast128-ctr,idea-cbc,idea-ctr,serpent128-cbc,serpent128-ctr,serpent192-cbc,serpent192-ctr,serpent256-cbc,serpent256-ctr,3des-cbc,3des-ctr,twofish128-cbc,twofish128-ctr,twofish192-cbc,twofish192-ctr,twofish256-cbc,twofish256-ctr,twofish-cbc,arcfour,arcfour128,arcfour256";
    const MACS: &str = "hmac-sha1,hmac-sha1-96,hmac-md5,hmac-md5-96,hmac-sha2-256,hmac-sha2-512";

    #[test]
    fn hassh_of_the_published_example() {
        let packet = kexinit([KEX, "ssh-rsa", CIPHERS, "", MACS, "", "zlib@openssh.com,zlib,none", ""]);
        let lists = algorithms(&packet, 0).unwrap();
        assert_eq!(hex(&Md5::digest(lists.join(&b';'))), "8a8ae540028bf433cd68356c1b9e8d5b");
    }

    #[test]
    fn each_side_is_known_by_its_own_lists() {
        let lists = [
            "curve25519-sha256",
            "ssh-rsa",
            "aes128-ctr",
            "aes256-ctr",
            "hmac-sha1",
            "hmac-md5",
            "none",
            "zlib",
        ];
        let said_by = |banner: &str| [banner.as_bytes(), &kexinit(lists)].concat();
        let both = Talk::tcp().client(&said_by("SSH-2.0-OpenSSH_9.2\r\n")).server(&said_by("SSH-2.0-srv\n"));
        let md5 = |text: &str| hex(&Md5::digest(text));
        assert_eq!(
            said(Ssh, &both),
            format!(
                "offport.ssh.client=SSH-2.0-OpenSSH_9.2 offport.ssh.hassh={} offport.ssh.server=SSH-2.0-srv \
                 offport.ssh.hassh_server={}",
                md5("curve25519-sha256;aes128-ctr;hmac-sha1;none"),
                md5("curve25519-sha256;aes256-ctr;hmac-md5;zlib"),
            )
        );
    }

    #[test]
    fn lists_that_are_cut_make_no_hassh() {
        let packet = kexinit([KEX, "ssh-rsa", CIPHERS, CIPHERS, MACS, MACS, "none", "none"]);
        let client = [&b"SSH-2.0-x\r\n"[..], &packet].concat();
        assert_eq!(said(Ssh, &Talk::tcp().client(&client)), "offport.ssh.client=SSH-2.0-x");
        assert!((0..packet.len() - 4 - 4 - 5 - 4).all(|len| algorithms(&packet[..len], 1).is_none()));
    }

    #[test]
    fn banners_padded_cut_or_none() {
        assert_eq!(
            said(Ssh, &Talk::tcp().server(b"SSH-1.99-Cisco\0\0\0")),
            "offport.ssh.server=SSH-1.99-Cisco"
        );
        assert_eq!(said(Ssh, &Talk::tcp().server(b"SSH-2.0-Op")), "offport.ssh.server=SSH-2.0-Op…");
        assert_eq!(said(Ssh, &Talk::tcp().server(b"Exceeded MaxStartups\r\n")), "");
    }
}
