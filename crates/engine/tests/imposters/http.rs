//! HTTP: messages in all their forms, and what only begins like one.

use super::*;

pub(crate) const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\n\r\n";
const HEAD: &[u8] = b"HEAD /a HTTP/1.1\r\nHost: example.org\r\n\r\n";
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nServer: y\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn http_in_all_its_forms() {
    let binary = random(40, 3_000);
    let length = |first: &str, body: &[u8]| {
        [format!("{first}\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
    };
    let parts = [b"--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n", &binary[..], b"\r\n--b--\r\n"]
        .concat();
    let chunked = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\nbb8\r\n",
        &binary[..],
        b"\r\n5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
    ]
    .concat();
    is_honest(80, &said(&[(Client, GET), (Server, OK), (Client, GET), (Server, OK)]));
    is_honest(
        80,
        &said(&[
            (Client, &[GET, HEAD, GET].concat()),
            (Server, OK),
            (Server, &OK[..OK.len() - 5]),
            (Server, OK),
        ]),
    );
    is_honest(80, &said(&[(Client, GET), (Server, &chunked), (Client, GET), (Server, OK)]));
    let post = length("POST /u HTTP/1.1\r\nExpect: 100-continue", &parts);
    let (head, body) = post.split_at(post.len() - parts.len());
    is_honest(
        80,
        &said(&[
            (Client, head),
            (Server, b"HTTP/1.1 100 Continue\r\n\r\n"),
            (Client, body),
            (Server, OK),
            (Client, GET),
            (Server, OK),
        ]),
    );
    is_honest(
        80,
        &said(&[
            (Client, b"GET /a HTTP/1.0\r\n\r\n"),
            (Server, b"HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n"),
            (Server, &binary),
        ]),
    );
    let nothing = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n";
    is_honest(80, &said(&[(Client, GET), (Client, GET), (Server, nothing), (Client, GET), (Server, OK)]));
    is_honest(
        80,
        &said(&[(Client, b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\n"), (Client, GET), (Server, OK)]),
    );
}

#[test]
fn http_that_goes_on_as_something_else() {
    let binary = random(41, 2_000);
    let cases: [(&[u8], &[u8]); 3] = [
        (b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
        (b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n"),
    ];
    for (ask, agree) in cases {
        is_honest(80, &said(&[(Client, ask), (Server, agree), (Client, &binary), (Server, &binary)]));
        // The two directions can come on two queues.
        is_honest(80, &said(&[(Client, ask), (Client, &binary), (Server, agree), (Server, &binary)]));
    }
}

#[test]
fn http_that_is_none() {
    let raw = random(42, 2_000);
    is_found_out(80, &said(&[(Client, GET), (Server, OK), (Client, &raw)]), Breach::HttpRequest);
    let post = b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    is_found_out(80, &said(&[(Client, post), (Client, &raw)]), Breach::HttpRequest);
    is_found_out(
        80,
        &said(&[(Client, b"GET /a HTTP/1.1\r\nHost: a\r\n"), (Client, &raw)]),
        Breach::HttpHeader,
    );
    is_found_out(80, &said(&[(Client, GET), (Server, &raw)]), Breach::HttpStatus);
    let many = random(43, 30_000);
    for size in [1_460, 536] {
        let (record, _) =
            record(80, &said(&[(Client, GET), (Server, OK), (Server, &many)]), size, Way::InOrder);
        assert_eq!(record.breach, Some(Breach::HttpLength));
    }
}
