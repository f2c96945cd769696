//! Windows networks: SMB (MS-SMB, MS-SMB2) and NetBIOS sessions (RFC 1002), DCE/RPC (C706), LDAP (RFC 4511), Kerberos
//! (RFC 4120).

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Smb, smb),
    Grammar::tcp(Protocol::NetbiosSsn, netbios_session),
    Grammar::tcp(Protocol::Dcerpc, dcerpc),
    Grammar::udp(Protocol::Dcerpc, dcerpc_datagrams),
    Grammar::tcp(Protocol::Ldap, ldap),
    Grammar::udp(Protocol::Ldap, cldap),
    Grammar::udp(Protocol::Kerberos, kerberos),
    Grammar::tcp(Protocol::Kerberos, kerberos_stream),
];

fn smb(rng: &mut Rng) -> Turns {
    let whole = |message: Vec<u8>| cat![[0], len24(message)];
    let id = rng.u16() as usize;
    let smb1 = |command: u8, flags: u8, body: &[u8]| {
        cat![
            b"\xffSMB",
            [command],
            [0; 4],
            [flags],
            le16(0xc853),
            [0; 12],
            le16(0xffff),
            le16(0xfeff),
            le16(0),
            le16(id),
            body
        ]
    };
    let dialects: Vec<u8> = ["NT LM 0.12", "SMB 2.002", "SMB 2.???"][..rng.range(1, 3)]
        .iter()
        .flat_map(|name| cat![[2], name, [0]])
        .collect();
    let guid = rng.bytes(16);
    let smb2 = |command: usize, flags: usize, message: usize, body: &[u8]| {
        cat![
            b"\xfeSMB",
            le16(64),
            le16(1),
            le32(0),
            le16(command),
            le16(1),
            le32(flags),
            le32(0),
            le32(message),
            le32(0),
            le32(0xfeff),
            le32(0),
            [0; 8],
            [0; 16],
            body
        ]
    };
    let token = rng.bytes(74);
    let negotiated = cat![
        le16(65),
        le16(1),
        le16(rng.of(&[0x0210, 0x0302, 0x0311])),
        le16(0),
        guid,
        le32(0x2f),
        le32(0x80_0000),
        le32(0x80_0000),
        le32(0x80_0000),
        rng.bytes(8),
        [0; 8],
        le16(128),
        le16(token.len()),
        le32(0),
        token
    ];
    let session = cat![le16(25), [0, 1], le32(1), le32(0), le16(88), le16(token.len()), [0; 8], token];
    let answer = whole(smb2(0, 1, 0, &negotiated));
    let setup = whole(smb2(1, 0, 1, &session));
    if rng.one_in(3) {
        let negotiate = smb1(0x72, 0x18, &cat![[0], le16(dialects.len()), dialects]);
        return in_turns([whole(negotiate), answer, setup]);
    }
    let versions: Vec<u8> =
        [0x0202, 0x0210, 0x0300, 0x0302].iter().flat_map(|&dialect| le16(dialect)).collect();
    let negotiate = cat![le16(36), le16(4), le16(1), le16(0), le32(0x7f), guid, [0; 8], versions];
    in_turns([whole(smb2(0, 0, 0, &negotiate)), answer, setup])
}

fn netbios_session(rng: &mut Rng) -> Turns {
    let called = names::netbios_name(&rng.word(), 0x20);
    let calling = names::netbios_name(&rng.word(), 0);
    let request = cat![[0x81, 0], len16(cat![called, calling])];
    if rng.one_in(4) {
        return in_turns([request, vec![0x83, 0, 0, 1, rng.of(&[0x80, 0x81, 0x82, 0x83, 0x8f])]]);
    }
    let mut turns = in_turns([request, vec![0x82, 0, 0, 0]]);
    turns.extend(smb(rng));
    turns
}

/// C706, chapter 12: bind, bind_ack, request, response.
fn dcerpc(rng: &mut Rng) -> Turns {
    let call = rng.range(1, 9);
    let pdu = |kind: u8, body: &[u8]| {
        cat![[5, 0, kind, 3, 0x10, 0, 0, 0], le16(body.len() + 16), le16(0), le32(call), body]
    };
    // The endpoint mapper, and NDR.
    let mapper = cat![b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\0\x2b\x14\xa0\xfa", le16(3), le16(0)];
    let ndr = cat![b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60", le32(2)];
    let bind = pdu(11, &cat![le16(5840), le16(5840), le32(0), [1, 0, 0, 0], le16(0), [1, 0], mapper, ndr]);
    let ack = pdu(
        12,
        &cat![
            le16(5840),
            le16(5840),
            rng.u32().to_le_bytes(),
            le16(4),
            b"135\0",
            [0, 0],
            [1, 0, 0, 0],
            le16(0),
            le16(0),
            ndr
        ],
    );
    let [stub, result] = [blob(rng, 200), blob(rng, 200)];
    let request = pdu(0, &cat![le32(stub.len()), le16(0), le16(3), stub]);
    let response = pdu(2, &cat![le32(result.len()), le16(0), [0, 0], result]);
    in_turns([bind, ack, request, response])
}

/// C706, section 12.6: connectionless PDUs.
fn dcerpc_datagrams(rng: &mut Rng) -> Turns {
    let [object, activity] = [rng.bytes(16), rng.bytes(16)];
    let interface = b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\0\x2b\x14\xa0\xfa";
    let body = rng.bytes(40);
    let boot = rng.u32().to_le_bytes();
    let pdu = |kind: u8, flags: u8| {
        cat![
            [4, kind, flags, 0, 0x10, 0, 0, 0],
            object,
            interface,
            activity,
            boot,
            le32(3),
            le32(0),
            le16(3),
            le16(0xffff),
            le16(0xffff),
            le16(body.len()),
            le16(0),
            [0, 0],
            body
        ]
    };
    in_turns([pdu(0, 0x28), pdu(2, 8)])
}

/// One LDAPMessage (RFC 4511, section 4.1.1).
fn message(rng: &mut Rng, id: u32, operation: Vec<u8>) -> Vec<u8> {
    ber(rng, 0x30, cat![integer(id), operation])
}

fn search(rng: &mut Rng, base: &str) -> Vec<u8> {
    let filter = match rng.range(0, 2) {
        0 => der(0x87, "objectClass"),
        1 => der(0xa3, cat![der(4, "cn"), der(4, rng.word())]),
        _ => {
            let two = cat![der(0x87, "objectClass"), der(0xa3, cat![der(4, "uid"), der(4, rng.word())])];
            der(0xa0, two)
        }
    };
    let attributes: Vec<u8> = (0..rng.range(0, 4)).flat_map(|_| der(4, rng.word())).collect();
    let scope = der(10, [rng.of(&[0, 1, 2])]);
    ber(
        rng,
        0x63,
        cat![
            der(4, base),
            scope,
            der(10, [0]),
            integer(0),
            integer(120),
            der(1, [0]),
            filter,
            der(0x30, attributes)
        ],
    )
}

fn ldap(rng: &mut Rng) -> Turns {
    let base = format!("dc={},dc={}", rng.word(), rng.word());
    let result = cat![der(10, [0]), der(4, []), der(4, [])];
    let first = rng.range(1, 200) as u32;
    if rng.one_in(4) {
        let starttls = ber(rng, 0x77, der(0x80, "1.3.6.1.4.1.1466.20037"));
        let answer = ber(rng, 0x78, &result);
        let hello = tls::client_hello(rng, 4);
        return in_turns([
            message(rng, first, starttls),
            message(rng, first, answer),
            tls::record(22, 0x0301, hello),
        ]);
    }
    let bind = match rng.range(0, 2) {
        0 => cat![integer(3), der(4, []), der(0x80, [])],
        1 => cat![integer(3), der(4, format!("cn={},{base}", rng.word())), der(0x80, rng.word())],
        _ => {
            let token = rng.bytes(60);
            cat![integer(3), der(4, []), der(0xa3, cat![der(4, "GSS-SPNEGO"), der(4, token)])]
        }
    };
    let bind = ber(rng, 0x60, bind);
    let bound = ber(rng, 0x61, &result);
    let asked = search(rng, &base);
    let name = rng.word();
    let entry = ber(
        rng,
        0x64,
        cat![
            der(4, format!("cn={name},{base}")),
            der(0x30, der(0x30, cat![der(4, "cn"), der(0x31, der(4, &name))]))
        ],
    );
    let done = ber(rng, 0x65, &result);
    let found = cat![message(rng, first + 1, entry), message(rng, first + 1, done)];
    in_turns([
        message(rng, first, bind),
        message(rng, first, bound),
        message(rng, first + 1, asked),
        found,
        cat![[0x30, 5], integer(first + 2), [0x42, 0]],
    ])
}

/// MS-ADTS, section 6.3.3: the ping of a domain controller.
fn cldap(rng: &mut Rng) -> Turns {
    let asked = search(rng, "");
    let netlogon = rng.bytes(120);
    let entry = ber(
        rng,
        0x64,
        cat![der(4, []), der(0x30, der(0x30, cat![der(4, "Netlogon"), der(0x31, der(4, netlogon))]))],
    );
    let done = ber(rng, 0x65, cat![der(10, [0]), der(4, []), der(4, [])]);
    let id = rng.range(1, 99) as u32;
    in_turns([message(rng, id, asked), cat![message(rng, id, entry), message(rng, id, done)]])
}

/// AS-REQ and AS-REP, TGS-REQ, KRB-ERROR (RFC 4120, section 5).
fn kerberos(rng: &mut Rng) -> Turns {
    let text = |value: &str| der(0x1b, value);
    let names = |kind: u32, parts: &[&str]| {
        let parts: Vec<u8> = parts.iter().flat_map(|part| text(part)).collect();
        der(0x30, cat![der(0xa0, integer(kind)), der(0xa1, der(0x30, parts))])
    };
    let realm = host(rng).to_uppercase();
    let user = rng.word();
    let kinds: Vec<u8> = [18, 17, 23].iter().flat_map(|&kind| integer(kind)).collect();
    let body = der(
        0x30,
        cat![
            der(0xa0, der(3, cat![[0], rng.bytes(4)])),
            der(0xa1, names(1, &[&user])),
            der(0xa2, text(&realm)),
            der(0xa3, names(2, &["krbtgt", &realm])),
            der(0xa5, der(0x18, "20370913024805Z")),
            der(0xa7, integer(rng.u32() & 0x7fff_ffff)),
            der(0xa8, der(0x30, kinds)),
        ],
    );
    let ticket = rng.bytes(400);
    let (application, data) = if rng.one_in(3) {
        // The ticket is padata of its own: TGS-REQ.
        (12, der(0x30, der(0x30, cat![der(0xa1, integer(1)), der(0xa2, der(4, ticket))])))
    } else {
        (
            10,
            der(
                0x30,
                der(0x30, cat![der(0xa1, integer(128)), der(0xa2, der(4, [0x30, 5, 0xa0, 3, 1, 1, 0xff]))]),
            ),
        )
    };
    let request = der(
        0x60 | application,
        der(
            0x30,
            cat![
                der(0xa1, integer(5)),
                der(0xa2, integer(application.into())),
                der(0xa3, data),
                der(0xa4, body)
            ],
        ),
    );
    let sealed = der(0x30, cat![der(0xa0, integer(18)), der(0xa2, der(4, rng.bytes(180)))]);
    let answer = if rng.one_in(2) {
        let fields = cat![
            der(0xa0, integer(5)),
            der(0xa1, integer(30)),
            der(0xa4, der(0x18, "20240101000000Z")),
            der(0xa5, integer(rng.range(0, 999_999) as u32)),
            der(0xa6, integer(rng.of(&[25, 6, 24, 52]))),
            der(0xa9, text(&realm)),
            der(0xaa, names(2, &["krbtgt", &realm])),
        ];
        der(0x7e, der(0x30, fields))
    } else {
        let granted = der(
            0x61,
            der(
                0x30,
                cat![
                    der(0xa0, integer(5)),
                    der(0xa1, text(&realm)),
                    der(0xa2, names(2, &["krbtgt", &realm])),
                    der(0xa3, &sealed)
                ],
            ),
        );
        let kind = if application == 10 { 11 } else { 13 };
        let fields = cat![
            der(0xa0, integer(5)),
            der(0xa1, integer(kind.into())),
            der(0xa3, text(&realm)),
            der(0xa4, names(1, &[&user])),
            der(0xa5, granted),
            der(0xa6, sealed)
        ];
        der(0x60 | kind, der(0x30, fields))
    };
    in_turns([request, answer])
}

fn kerberos_stream(rng: &mut Rng) -> Turns {
    kerberos(rng).into_iter().map(|(speaker, message)| (speaker, len32(message))).collect()
}
