//! Databases: MySQL (Client/Server Protocol, HandshakeV10, HandshakeResponse41), PostgreSQL (documentation, "Message
//! Formats", StartupMessage), TDS (\[MS-TDS\] section 2.2.6.5), Redis (RESP).

use super::{Description, Field};
use crate::exchange::{Exchange, Side};
use crate::reader::Reader;

pub(super) fn mysql(exchange: &Exchange<'_>, description: &mut Description) {
    const HEADER: usize = 4;
    if let Some([9 | 10, rest @ ..]) = exchange.server.bytes.get(HEADER..) {
        let end = rest.iter().position(|&byte| byte == 0);
        description.text(Field::MysqlVersion, &rest[..end.unwrap_or(rest.len())], end.is_some());
    }
    if let Some(user) = exchange.client.bytes.get(HEADER..).and_then(mysql_user) {
        let end = user.iter().position(|&byte| byte == 0);
        description.text(Field::UserName, &user[..end.unwrap_or(user.len())], end.is_some());
    }
}

/// From the user's name on, in a HandshakeResponse41 that is not just the request for TLS.
fn mysql_user(response: &[u8]) -> Option<&[u8]> {
    const PROTOCOL_41: u32 = 0x0200;
    const SSL: u32 = 0x0800;
    let mut reader = Reader::new(response);
    let capabilities = reader.u32_le()?;
    if capabilities & PROTOCOL_41 == 0 || capabilities & SSL != 0 {
        return None;
    }
    // Largest packet, character set, reserved.
    reader.take(4 + 1 + 23)?;
    Some(reader.rest())
}

pub(super) fn postgresql(exchange: &Exchange<'_>, description: &mut Description) {
    const VERSION_3: u32 = 3;
    const REQUEST: u32 = 1234;
    let mut reader = Reader::new(exchange.client.bytes);
    // Requests for encryption may come first.
    let parameters = loop {
        let (Some(length), Some(code)) = (reader.u32_be(), reader.u32_be()) else { return };
        match code >> 16 {
            VERSION_3 => {
                let rest = reader.rest();
                break (length as usize).checked_sub(8).and_then(|length| rest.get(..length)).unwrap_or(rest);
            }
            REQUEST if length == 8 => {}
            _ => return,
        }
    };
    // Names and values, each ended by a zero; what is cut has none.
    let mut texts = parameters.split_inclusive(|&byte| byte == 0);
    while let Some((name, value)) = texts.next().zip(texts.next()) {
        let field = match name {
            b"user\0" => Field::UserName,
            b"database\0" => Field::PostgresqlDatabase,
            b"application_name\0" => Field::PostgresqlApplication,
            _ => continue,
        };
        let text = value.strip_suffix(b"\0");
        description.text(field, text.unwrap_or(value), text.is_some());
    }
}

pub(super) fn tds(exchange: &Exchange<'_>, description: &mut Description) {
    const PRELOGIN: u8 = 0x12;
    const RESPONSE: u8 = 0x04;
    let sides = [
        (&exchange.client, PRELOGIN, Field::TdsClientVersion),
        (&exchange.server, RESPONSE, Field::TdsServerVersion),
    ];
    for (side, kind, field) in sides {
        if let Some(version) = tds_version(side, kind) {
            description.word(field, version);
        }
    }
}

/// The VERSION option, which comes first: major, minor, build.
fn tds_version(side: &Side<'_>, kind: u8) -> Option<String> {
    const HEADER: usize = 8;
    const VERSION: u8 = 0;
    let content = side.bytes.get(HEADER..).filter(|_| side.bytes.first() == Some(&kind))?;
    let mut option = Reader::new(content);
    option.u8().filter(|&token| token == VERSION)?;
    let (offset, length) = (option.u16_be()?, option.u16_be()?);
    let mut value = Reader::new(content.get(usize::from(offset)..).filter(|_| length == 6)?);
    let (major, minor, build) = (value.u8()?, value.u8()?, value.u16_be()?);
    Some(format!("{major}.{minor}.{build}"))
}

pub(super) fn redis(exchange: &Exchange<'_>, description: &mut Description) {
    /// The longest name has fewer letters.
    const NAME_MAX: usize = 32;
    let bytes = exchange.client.bytes;
    let word = match bytes {
        // An array: its count, the length of the first string, the string.
        [b'*', ..] => {
            let mut lines = bytes.split(|&byte| byte == b'\n').skip(1);
            lines.next().filter(|length| length.starts_with(b"$")).and_then(|_| lines.next())
        }
        _ => Some(bytes),
    };
    let Some(word) = word else { return };
    let Some(end) = word.iter().position(u8::is_ascii_whitespace) else { return };
    let name = &word[..end];
    if end <= NAME_MAX && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte)) {
        description.text(Field::RedisCommand, &name.to_ascii_uppercase(), true);
    }
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::{Mysql, Postgresql, Redis, Tds};
    use crate::talk::Talk;

    #[test]
    fn mysql_version_and_user() {
        let greeting = b"\x4a\0\0\0\x0a8.0.36\0\x01\0\0\0saltsalt\0";
        let response = |capabilities: u8| {
            [&b"\x54\0\0\x01\x85"[..], &[capabilities, 0, 0], &[0; 28], b"alice\0\x14secret"].concat()
        };
        assert_eq!(
            said(Mysql, &Talk::tcp().server(greeting).client(&response(0xa2))),
            "offport.mysql.version=8.0.36 user.name=alice"
        );
        // Asks for TLS: what follows is encrypted.
        assert_eq!(said(Mysql, &Talk::tcp().client(&response(0xaa))), "");
        assert_eq!(said(Mysql, &Talk::tcp().server(&greeting[..9])), "offport.mysql.version=8.0.…");
    }

    #[test]
    fn postgresql_user_database_and_program() {
        let parameters = b"user\0alice\0options\0user\0database\0orders\0application_name\0psql\0\0";
        let startup = [&[0, 0, 0, 8 + parameters.len() as u8, 0, 3, 0, 0][..], parameters].concat();
        let asked_first = [&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f][..], &startup].concat();
        let said_whole =
            "user.name=alice offport.postgresql.database=orders offport.postgresql.application=psql";
        assert_eq!(said(Postgresql, &Talk::tcp().client(&startup)), said_whole);
        assert_eq!(said(Postgresql, &Talk::tcp().client(&asked_first)), said_whole);
        assert_eq!(said(Postgresql, &Talk::tcp().client(&startup[..16])), "user.name=ali…");
        assert_eq!(said(Postgresql, &Talk::tcp().client(&asked_first[..8])), "");
    }

    #[test]
    fn tds_versions() {
        let packet = |kind: u8, version: [u8; 6]| {
            [&[kind, 1, 0, 20, 0, 0, 1, 0][..], &[0, 0, 6, 0, 6, 0xff], &version].concat()
        };
        let talk =
            Talk::tcp().client(&packet(0x12, [11, 0, 0, 1, 0, 0])).server(&packet(4, [15, 0, 7, 0xd0, 0, 0]));
        assert_eq!(
            said(Tds, &talk),
            "offport.tds.client_version=11.0.1 offport.tds.server_version=15.0.2000"
        );
        assert_eq!(said(Tds, &Talk::tcp().client(&packet(0x10, [11, 0, 0, 1, 0, 0]))), "");
        assert_eq!(said(Tds, &Talk::tcp().client(&packet(0x12, [11, 0, 0, 1, 0, 0])[..17])), "");
    }

    #[test]
    fn redis_commands_without_their_arguments() {
        for (bytes, text) in [
            (&b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"[..], "offport.redis.command=AUTH"),
            (b"ping\r\n", "offport.redis.command=PING"),
            (b"AUTH secret\r\n", "offport.redis.command=AUTH"),
            (b"*1\r\n$7\r\nCOMM", ""),
            (b"*1\r\n:7\r\nCOMMAND\r\n", ""),
            (b"PI", ""),
        ] {
            assert_eq!(said(Redis, &Talk::tcp().client(bytes)), text);
        }
    }
}
