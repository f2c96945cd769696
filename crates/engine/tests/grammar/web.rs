//! HTTP/1 (RFC 9112), WebSocket (RFC 6455), HTTP/2 with prior knowledge (RFC 9113), SSDP.

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Http, http),
    Grammar::tcp(Protocol::Http, http),
    Grammar::tcp(Protocol::Websocket, websocket),
    Grammar::tcp(Protocol::Http, http2),
    Grammar::udp(Protocol::Ssdp, ssdp),
];

fn http(rng: &mut Rng) -> Turns {
    let mut turns = Vec::new();
    for _ in 0..rng.range(1, 4) {
        let (request, method) = request(rng);
        turns.push(says(Client, request));
        turns.push(says(Server, response(rng, method)));
    }
    turns
}

fn request(rng: &mut Rng) -> (Vec<u8>, &'static str) {
    let method =
        rng.pick(&["GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "REPORT"]);
    let mut target = match rng.range(0, 9) {
        0 => format!("http://{}/{}", host(rng), rng.word()),
        1 if method == "OPTIONS" => "*".to_owned(),
        _ => format!("/{}/{}", rng.word(), rng.word()),
    };
    if rng.one_in(3) {
        target += &format!("?{}={}&{}=%{:02X}", rng.word(), rng.word(), rng.word(), rng.byte());
    }
    if rng.one_in(12) {
        // A line that goes beyond what is kept.
        let len = rng.range(500, 1_500);
        target += &String::from_utf8(rng.letters(len, b"abcdef0123456789%&=-_.~")).unwrap();
    }
    let body = match method {
        "POST" | "PUT" | "PATCH" | "PROPFIND" | "REPORT" => blob(rng, 1_200),
        _ => Vec::new(),
    };
    let version = rng.pick(&["1.1", "1.1", "1.1", "1.0"]);
    let mut head = format!("{method} {target} HTTP/{version}\r\n");
    if version == "1.1" || rng.one_in(2) {
        head += &format!("Host: {}\r\n", host(rng));
    }
    head += &fields(
        rng,
        &["User-Agent", "Accept", "Accept-Encoding", "Cookie", "Referer", "Connection", "X-Request-Id"],
    );
    if body.is_empty() {
        return (cat![head, "\r\n"], method);
    }
    if version == "1.1" && rng.one_in(4) {
        return (cat![head, "Transfer-Encoding: chunked\r\n\r\n", chunked(rng, &body)], method);
    }
    (cat![head, format!("Content-Length: {}\r\n\r\n", body.len()), body], method)
}

fn response(rng: &mut Rng, method: &str) -> Vec<u8> {
    let status = rng.of(&[200, 200, 204, 301, 304, 400, 401, 404, 500, 503]);
    let reason = rng.pick(&["OK", "Not Found", "", "Moved Permanently"]);
    let body = blob(rng, 1_400);
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n{}",
        fields(rng, &["Server", "Content-Type", "Cache-Control", "Set-Cookie", "ETag", "Vary"])
    );
    let interim = if rng.one_in(12) { "HTTP/1.1 100 Continue\r\n\r\n" } else { "" };
    match status {
        // No body (RFC 9112, section 6.3).
        204 | 304 => cat![interim, head, "\r\n"],
        _ if method == "HEAD" => cat![interim, head, format!("Content-Length: {}\r\n\r\n", body.len())],
        _ if rng.one_in(4) => cat![interim, head, "Transfer-Encoding: chunked\r\n\r\n", chunked(rng, &body)],
        _ => cat![interim, head, format!("Content-Length: {}\r\n\r\n", body.len()), body],
    }
}

fn fields(rng: &mut Rng, names: &[&str]) -> String {
    let mut text = String::new();
    for _ in 0..rng.range(0, 6) {
        let name = rng.pick(names);
        let colon = rng.pick(&[": ", ":", ":  "]);
        let value = match rng.range(0, 3) {
            0 => "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8".to_owned(),
            1 => format!("\"{}-{:x}\"", rng.word(), rng.u32()),
            2 => format!("{}={}; path=/", rng.word(), rng.u32()),
            _ => sentence(rng),
        };
        text += &format!("{name}{colon}{value}\r\n");
    }
    text
}

fn chunked(rng: &mut Rng, body: &[u8]) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(rng.range(100, 700)) {
        chunks.extend(cat![format!("{:x}\r\n", chunk.len()), chunk, "\r\n"]);
    }
    cat![chunks, "0\r\n\r\n"]
}

fn websocket(rng: &mut Rng) -> Turns {
    let upgrade = format!(
        "GET /{} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        rng.word(),
        host(rng)
    );
    let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let mut turns = vec![says(Client, upgrade), says(Server, switched)];
    for _ in 0..rng.range(1, 4) {
        let [asked, told] = [blob(rng, 300), blob(rng, 300)];
        let masked = rng.bytes(4);
        turns.push(says(Client, cat![frame_head(0x80, asked.len()), masked, asked]));
        turns.push(says(Server, cat![frame_head(0, told.len()), told]));
    }
    turns
}

fn frame_head(mask: u8, len: usize) -> Vec<u8> {
    if len < 126 { vec![0x82, mask | len as u8] } else { cat![[0x82, mask | 126], be16(len)] }
}

fn http2(rng: &mut Rng) -> Turns {
    let setting =
        |rng: &mut Rng| cat![be16(rng.of(&[1, 2, 3, 4, 5, 6])), be32(rng.of(&[0x4000, 0x1_0000, 0xf_ffff]))];
    let settings = |rng: &mut Rng| {
        let list: Vec<u8> = (0..rng.range(0, 5)).flat_map(|_| setting(rng)).collect();
        http_frame(4, 0, 0, list)
    };
    let block = cat![[0x82, 0x87, 0x84], blob(rng, 200)];
    let client = cat![
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        settings(rng),
        http_frame(8, 0, 0, be32(0xf_0001)),
        http_frame(1, 5, 1, block)
    ];
    let data = blob(rng, 800);
    let server =
        cat![settings(rng), http_frame(4, 1, 0, []), http_frame(1, 4, 1, [0x88]), http_frame(0, 1, 1, data)];
    in_turns([client, server, http_frame(4, 1, 0, [])])
}

fn http_frame(kind: u8, flags: u8, stream: usize, body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![be24(body.as_ref().len()), [kind, flags], be32(stream), body]
}

/// UPnP Device Architecture 2.0, section 1.
fn ssdp(rng: &mut Rng) -> Turns {
    let kind = rng.pick(&["upnp:rootdevice", "ssdp:all", "urn:schemas-upnp-org:device:MediaServer:1"]);
    if rng.one_in(3) {
        let notify = format!(
            "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age={}\r\nLOCATION: http://{}/d.xml\r\nNT: {kind}\r\nNTS: ssdp:alive\r\nUSN: uuid:{:08x}::{kind}\r\n\r\n",
            rng.u16(),
            address(rng),
            rng.u32()
        );
        return vec![says(Client, notify)];
    }
    let search = format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: {}\r\nST: {kind}\r\n\r\n",
        rng.range(1, 5)
    );
    let found = format!(
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://{}/d.xml\r\nSERVER: {}\r\nST: {kind}\r\nUSN: uuid:{:08x}::{kind}\r\n\r\n",
        address(rng),
        sentence(rng),
        rng.u32()
    );
    vec![says(Client, search), says(Server, found)]
}
