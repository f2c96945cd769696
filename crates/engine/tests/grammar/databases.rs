//! Databases: MySQL, PostgreSQL, TDS, Oracle TNS, Redis, MongoDB, Cassandra, memcached.

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Mysql, mysql),
    Grammar::tcp(Protocol::Postgresql, postgresql),
    Grammar::tcp(Protocol::Tds, tds),
    Grammar::tcp(Protocol::OracleTns, oracle),
    Grammar::tcp(Protocol::Redis, redis),
    Grammar::tcp(Protocol::Mongodb, mongodb),
    Grammar::tcp(Protocol::Cassandra, cassandra),
    Grammar::tcp(Protocol::Memcached, memcached),
];

/// MySQL client/server protocol, "Connection phase packets".
fn mysql(rng: &mut Rng) -> Turns {
    let packet = |number: u8, body: Vec<u8>| {
        let len = body.len();
        cat![[len as u8, (len >> 8) as u8, (len >> 16) as u8, number], body]
    };
    if rng.one_in(10) {
        let refusal = format!("Host '{}' is not allowed to connect to this MySQL server", address(rng));
        return vec![says(Server, packet(0, cat![[0xff], le16(1130), refusal]))];
    }
    let version =
        rng.pick(&["8.0.36", "5.7.44-log", "5.5.5-10.11.6-MariaDB-0+deb12u1", "8.0.33-25", "5.1.73"]);
    let salt = rng.letters(20, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789%&(");
    let plugin = rng.pick(&["caching_sha2_password", "mysql_native_password"]);
    let greeting = cat![
        [10],
        version,
        [0],
        le32(rng.range(1, 99_999)),
        salt[..8],
        [0],
        le16(0xf7ff),
        [rng.of(&[8, 33, 45, 255])],
        le16(2),
        le16(0xdfff),
        [21],
        [0; 10],
        salt[8..],
        [0],
        plugin,
        [0]
    ];
    let capabilities = rng.of(&[0x00bf_a68d, 0x003f_a285, 0x013f_f7cf_u32]);
    let head = cat![le32(capabilities as usize), le32(0x0100_0000), [rng.of(&[8, 33, 45, 255])], [0; 23]];
    if rng.one_in(3) {
        // The client goes over to TLS behind the fixed part.
        let request = cat![le32(capabilities as usize | 0x800), head[4..]];
        let hello = tls::client_hello(rng, 4);
        return vec![
            says(Server, packet(0, greeting)),
            says(Client, packet(1, request)),
            says(Client, tls::record(22, 0x0301, hello)),
        ];
    }
    let proof = rng.bytes(if plugin == "caching_sha2_password" { 32 } else { 20 });
    // CLIENT_CONNECT_WITH_DB is 8.
    let database = if capabilities & 8 != 0 { cat![rng.word(), [0]] } else { Vec::new() };
    let login = cat![head, rng.word(), [0], len8(proof), database, plugin, [0]];
    let query = packet(0, cat![[3], "SELECT ", sentence(rng)]);
    answered([packet(0, greeting), packet(1, login), packet(2, vec![0, 0, 0, 2, 0, 0, 0]), query])
}

/// PostgreSQL: "Message formats" of the frontend/backend protocol.
fn postgresql(rng: &mut Rng) -> Turns {
    let whole = |body: Vec<u8>| cat![be32(body.len() + 4), body];
    let message = |kind: u8, body: Vec<u8>| cat![[kind], be32(body.len() + 4), body];
    let mut turns = Vec::new();
    if rng.one_in(15) {
        return vec![says(Client, whole(cat![be32(80_877_102), rng.bytes(8)]))];
    }
    if rng.one_in(2) {
        turns.push(says(Client, whole(cat![be32(rng.of(&[80_877_103, 80_877_104]))])));
        if rng.one_in(2) {
            let hello = tls::client_hello(rng, 4);
            turns.push(says(Server, "S"));
            turns.push(says(Client, tls::record(22, 0x0301, hello)));
            return turns;
        }
        turns.push(says(Server, "N"));
    }
    let startup = cat![
        be32(0x0003_0000),
        "user\0",
        rng.word(),
        "\0database\0",
        rng.word(),
        "\0application_name\0psql\0client_encoding\0UTF8\0\0"
    ];
    turns.push(says(Client, whole(startup)));
    let salt = rng.bytes(4);
    match rng.range(0, 3) {
        0 => turns.push(says(Server, message(b'R', cat![be32(5), salt]))),
        1 => turns.push(says(Server, message(b'R', cat![be32(10), "SCRAM-SHA-256\0\0"]))),
        2 => {
            let refusal = "SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host\0Fauth.c\0\0";
            turns.push(says(Server, message(b'E', refusal.into())));
            return turns;
        }
        _ => turns.push(says(Server, message(b'R', cat![be32(0)]))),
    }
    let digest = rng.letters(32, b"0123456789abcdef");
    turns.push(says(Client, message(b'p', cat!["md5", digest, [0]])));
    turns.push(says(
        Server,
        cat![
            message(b'R', cat![be32(0)]),
            message(b'S', "server_version\x0016.1\0".into()),
            message(b'Z', vec![b'I'])
        ],
    ));
    turns.push(says(Client, message(b'Q', cat!["SELECT ", sentence(rng), [0]])));
    turns
}

/// MS-TDS, section 2.2.
fn tds(rng: &mut Rng) -> Turns {
    let packet = |kind: u8, body: Vec<u8>| cat![[kind, 1], be16(body.len() + 8), be16(0), [1, 0], body];
    // PRELOGIN: VERSION, ENCRYPTION, INSTOPT, THREADID, MARS.
    let prelogin = |rng: &mut Rng| {
        let values: [Vec<u8>; 5] = [
            vec![16, 0, rng.byte(), rng.byte(), 0, 0],
            vec![rng.of(&[0, 1, 2, 3])],
            vec![0],
            rng.bytes(4),
            vec![0],
        ];
        let mut offset = values.len() * 5 + 1;
        let (mut heads, mut data) = (Vec::new(), Vec::new());
        for (token, value) in values.iter().enumerate() {
            heads.extend(cat![[token as u8], be16(offset), be16(value.len())]);
            offset += value.len();
            data.extend(value);
        }
        cat![heads, [0xff], data]
    };
    let [asked, told] = [prelogin(rng), prelogin(rng)];
    let mut turns = vec![says(Client, packet(0x12, asked)), says(Server, packet(0x04, told))];
    if rng.one_in(2) {
        let hello = tls::client_hello(rng, 3);
        turns.push(says(Client, packet(0x12, tls::record(22, 0x0301, hello))));
    }
    turns
}

/// Oracle Net: connect (1), accept (2), refuse (4), redirect (5), resend (11).
fn oracle(rng: &mut Rng) -> Turns {
    let packet = |kind: u8, body: Vec<u8>| cat![be16(body.len() + 8), be16(0), [kind, 0], be16(0), body];
    let descriptor = format!(
        "(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME={})(CID=(PROGRAM=sqlplus)(HOST={})(USER={})))(ADDRESS=(PROTOCOL=TCP)(HOST={})(PORT=1521)))",
        rng.word(),
        rng.word(),
        rng.word(),
        address(rng)
    );
    let version = rng.of(&[310, 312, 314, 318]);
    let fixed = cat![
        be16(version),
        be16(300),
        be16(0x0c41),
        be16(8192),
        be16(32767),
        be16(0x7f08),
        be16(0),
        be16(1),
        be16(descriptor.len()),
        be16(58),
        be32(512),
        [0x41, 0x41],
        [0; 24]
    ];
    let connect = packet(1, cat![fixed, descriptor]);
    let answer = match rng.range(0, 3) {
        0 => packet(11, vec![]),
        1 => {
            let error =
                "(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))";
            packet(4, cat![[0x22, 0], len16(error)])
        }
        2 => packet(5, len16(format!("(ADDRESS=(PROTOCOL=tcp)(HOST={})(PORT=1522))", address(rng)))),
        _ => packet(
            2,
            cat![
                be16(version),
                be16(0x0c41),
                be16(8192),
                be16(32767),
                be16(1),
                be16(0),
                be16(32),
                [0x41, 0x41],
                [0; 8]
            ],
        ),
    };
    in_turns([connect, answer])
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// RESP: "Redis serialization protocol specification".
fn redis(rng: &mut Rng) -> Turns {
    let mut turns = Vec::new();
    for _ in 0..rng.range(1, 4) {
        let words: Vec<String> = match rng.range(0, 6) {
            0 => vec!["PING".into()],
            1 => vec!["GET".into(), rng.word()],
            2 => vec!["SET".into(), rng.word(), sentence(rng)],
            3 => vec!["AUTH".into(), rng.word()],
            4 => vec!["INFO".into()],
            5 => vec!["HELLO".into(), "3".into()],
            _ => vec!["LPUSH".into(), rng.word(), rng.word(), rng.word()],
        };
        let request = if rng.one_in(6) && words.len() < 3 {
            words.join(" ") + "\r\n"
        } else {
            format!("*{}\r\n{}", words.len(), words.iter().map(|word| bulk(word)).collect::<String>())
        };
        turns.push(says(Client, request));
        let text = sentence(rng);
        turns.push(says(
            Server,
            match rng.range(0, 6) {
                0 => "+OK\r\n".to_owned(),
                1 => "-NOAUTH Authentication required.\r\n".to_owned(),
                2 => format!(":{}\r\n", rng.u16()),
                3 => "$-1\r\n".to_owned(),
                4 => format!("*2\r\n{}:1\r\n", bulk(&text)),
                5 => "+PONG\r\n".to_owned(),
                _ => bulk(&text),
            },
        ));
    }
    turns
}

/// MongoDB wire protocol: OP_MSG (2013), OP_QUERY (2004), OP_REPLY (1).
fn mongodb(rng: &mut Rng) -> Turns {
    let document = |rng: &mut Rng, command: &str| {
        let name = rng.word();
        let text = |key: &str, value: &str| cat![[2], key, [0], le32(value.len() + 1), value, [0]];
        let fields = cat![[0x10], command, [0], le32(1), text("$db", "admin"), text("name", &name)];
        cat![le32(fields.len() + 5), fields, [0]]
    };
    let message = |id: usize, to: usize, opcode: usize, body: Vec<u8>| {
        cat![le32(body.len() + 16), le32(id), le32(to), le32(opcode), body]
    };
    let mut turns = Vec::new();
    let first = rng.range(1, 100_000);
    if rng.one_in(2) {
        let asked = document(rng, "isMaster");
        turns.push(says(
            Client,
            message(
                first,
                0,
                2004,
                cat![le32(rng.of(&[0, 4])), "admin.$cmd\0", le32(0), le32(0xffff_ffff), asked],
            ),
        ));
        let told = document(rng, "ismaster");
        turns.push(says(
            Server,
            message(rng.range(1, 9_999), first, 1, cat![le32(8), [0; 8], le32(0), le32(1), told]),
        ));
    }
    let command = rng.pick(&["hello", "ping", "find", "insert", "saslStart"]);
    let asked = document(rng, command);
    turns.push(says(Client, message(first + 1, 0, 2013, cat![le32(0), [0], asked])));
    let told = document(rng, "ok");
    turns.push(says(Server, message(rng.range(1, 9_999), first + 1, 2013, cat![le32(0), [0], told])));
    turns
}

/// CQL binary protocol, version 4, section 2: OPTIONS, SUPPORTED, STARTUP, READY.
fn cassandra(rng: &mut Rng) -> Turns {
    let version = rng.of(&[3, 4]);
    let frame = |direction: u8, opcode: u8, body: Vec<u8>| {
        cat![[direction | version, 0], be16(0), [opcode], len32(body)]
    };
    let startup = frame(0, 1, cat![be16(1), len16("CQL_VERSION"), len16("3.0.0")]);
    if rng.one_in(2) {
        let supported = cat![be16(1), len16("CQL_VERSION"), be16(1), len16("3.4.5")];
        return in_turns([frame(0, 5, vec![]), frame(0x80, 6, supported), startup, frame(0x80, 2, vec![])]);
    }
    in_turns([startup, frame(0x80, 2, vec![])])
}

/// memcached: protocol.txt.
fn memcached(rng: &mut Rng) -> Turns {
    let key = rng.word();
    let value = sentence(rng);
    let (asked, told) = match rng.range(0, 3) {
        0 => (format!("get {key}\r\n"), format!("VALUE {key} 0 {}\r\n{value}\r\nEND\r\n", value.len())),
        1 => (format!("set {key} 0 {} {}\r\n{value}\r\n", rng.u16(), value.len()), "STORED\r\n".to_owned()),
        2 => ("stats\r\n".to_owned(), "STAT pid 1\r\nSTAT uptime 77\r\nEND\r\n".to_owned()),
        _ => ("version\r\n".to_owned(), "VERSION 1.6.21\r\n".to_owned()),
    };
    in_turns([asked.into(), told.into()])
}
