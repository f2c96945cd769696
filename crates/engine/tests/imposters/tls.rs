//! TLS: handshakes of all versions, and what only begins like one.

use super::*;

fn tls_record(content: u8, minor: u8, body: &[u8]) -> Vec<u8> {
    [&[content, 3, minor][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

pub(crate) fn client_hello() -> Vec<u8> {
    let name = b"\0\0\0\x10\0\x0e\0\0\x0bexample.com";
    let body = [
        &[3, 3][..],
        &random(1, 32),
        &[32],
        &random(2, 32),
        &[0, 4, 0x13, 1, 0xc0, 0x2f, 1, 0],
        &(name.len() as u16).to_be_bytes(),
        name,
    ]
    .concat();
    tls_record(22, 1, &message(1, &body))
}

fn server_hello(suite: u16) -> Vec<u8> {
    message(2, &[&[3, 3][..], &random(3, 32), &[0], &suite.to_be_bytes(), &[0, 0, 0]].concat())
}

pub(crate) fn sealed(seed: u64, len: usize) -> Vec<u8> {
    tls_record(23, 3, &random(seed, len))
}

const CCS: &[u8] = b"\x14\x03\x03\0\x01\x01";

pub(crate) fn tls13() -> Said {
    vec![
        (Client, client_hello()),
        (Server, [tls_record(22, 3, &server_hello(0x1301)), CCS.to_vec(), sealed(4, 2_100)].concat()),
        (Client, [CCS.to_vec(), sealed(5, 70), sealed(6, 600)].concat()),
        (Server, (10..16).flat_map(|seed| sealed(seed, 2_000)).collect()),
    ]
}

fn tls12(minor: u8) -> Said {
    let flight = [
        server_hello(0xc02f),
        message(11, &random(7, 2_500)),
        message(12, &random(8, 300)),
        message(14, b""),
    ];
    let finished = tls_record(22, minor, &random(9, 40));
    let data = |seed| tls_record(23, minor, &random(seed, 800));
    vec![
        (Client, client_hello()),
        (Server, tls_record(22, minor, &flight.concat())),
        (
            Client,
            [
                tls_record(22, minor, &message(16, &random(10, 66))),
                tls_record(20, minor, &[1]),
                finished.clone(),
            ]
            .concat(),
        ),
        (Server, [tls_record(20, minor, &[1]), finished.clone()].concat()),
        (Client, data(11)),
        // Renegotiation: all of it is encrypted.
        (Server, [finished.clone(), data(12)].concat()),
        (Client, [finished, data(13)].concat()),
        (Server, (14..20).flat_map(data).collect()),
    ]
}

#[test]
fn tls_of_all_versions_and_ways_to_begin() {
    is_honest(443, &tls13());
    for minor in 1..=3 {
        is_honest(443, &tls12(minor));
    }
    let mut retried = tls13();
    retried.insert(1, (Server, tls_record(22, 3, &server_hello(0x1301))));
    retried.insert(2, (Client, [CCS.to_vec(), client_hello()].concat()));
    is_honest(443, &retried);
    let mut early = tls13();
    early.insert(1, (Client, [CCS.to_vec(), sealed(30, 1_200), sealed(31, 900)].concat()));
    is_honest(443, &early);
    let mut resumed = tls12(3);
    resumed[1].1 = [
        tls_record(22, 3, &server_hello(0xc02f)),
        tls_record(20, 3, &[1]),
        tls_record(22, 3, &random(9, 40)),
    ]
    .concat();
    resumed.drain(2..4);
    is_honest(443, &resumed);
    is_honest(443, &[(Client, client_hello()), (Server, tls_record(21, 3, &[2, 40]))]);
    let header = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec();
    is_honest(443, &[vec![(Client, header)], tls13()].concat());
}

#[test]
fn tls_that_is_none() {
    let table = b"id,name,card\r\n17,someone,4111 1111\r\n".repeat(20);
    for raw in [random(20, 900), table.clone()] {
        is_found_out(443, &[(Client, client_hello()), (Client, raw.clone())], Breach::TlsRecord);
        let answered = [&tls13()[..2], &[(Client, raw.clone())]].concat();
        is_found_out(443, &answered, Breach::TlsRecord);
        let pushed = [&tls13()[..2], &[(Server, raw)]].concat();
        is_found_out(443, &pushed, Breach::TlsRecord);
    }
    // Records over what no cipher has made.
    let plain = (Client, tls_record(23, 3, &table));
    is_found_out(443, &[&tls13()[..2], &[plain]].concat(), Breach::TlsPlaintext);
    // No handshake at all.
    is_found_out(443, &[(Client, client_hello()), (Server, sealed(21, 700))], Breach::TlsOrder);
}
