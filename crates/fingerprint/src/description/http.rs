//! HTTP/1 and what has its form: RTSP, SSDP, WebSocket's opening (RFC 9112; RFC 2326; UPnP Device Architecture 2.0,
//! section 1). Of HTTP/2, the version.

use super::message::{Answer, Request, UserInfo};
use super::{Description, Field, opening};
use crate::exchange::Exchange;
use crate::start_line::Version;

pub(super) fn describe(exchange: &Exchange<'_>, description: &mut Description) {
    for side in [&exchange.client, &exchange.server] {
        let bytes = opening(exchange, side);
        if is_version_2(bytes) {
            description.word(Field::HttpVersion, "2");
        } else if let Some(answer) = Answer::read(bytes, &[b"HTTP", b"RTSP"]) {
            describe_answer(&answer, description);
        } else if let Some(request) = Request::read(bytes) {
            describe_request(&request, description);
        }
    }
}

/// The preface of the client, or the frame that a server begins with: SETTINGS (RFC 9113, section 3.4).
fn is_version_2(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PRI * HTTP/2.0\r\n") || matches!(bytes, [0, 0, _, 4, 0, 0, 0, 0, 0, ..])
}

fn describe_request(request: &Request<'_>, description: &mut Description) {
    description.text(Field::HttpMethod, request.method, true);
    if let Some(host) = request.headers.get(b"Host") {
        let name = without_port(host.value);
        description.text(Field::UrlDomain, name, host.whole || name.len() < host.value.len());
    }
    description.uri(Field::UrlOriginal, request.target, request.whole, UserInfo::Hidden);
    if let Some(agent) = request.headers.get(b"User-Agent") {
        description.text(Field::UserAgent, agent.value, agent.whole);
    }
    if let Version::Is(_, number) = request.version {
        description.text(Field::HttpVersion, number, true);
    }
}

fn describe_answer(answer: &Answer<'_>, description: &mut Description) {
    description.number(Field::HttpStatus, answer.status.into());
    description.text(Field::HttpVersion, answer.version, true);
    if let Some(server) = answer.headers.get(b"Server") {
        description.text(Field::HttpServer, server.value, server.whole);
    }
}

/// RFC 9110, section 7.2: a host, which may be an IPv6 address in brackets, and perhaps a port.
fn without_port(host: &[u8]) -> &[u8] {
    let end = match host {
        [b'[', ..] => host.iter().position(|&byte| byte == b']').map(|bracket| bracket + 1),
        _ => host.iter().position(|&byte| byte == b':'),
    };
    end.map_or(host, |end| &host[..end])
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::{Http, Rtsp, Ssdp};
    use crate::talk::Talk;

    const GET: &[u8] =
        b"GET /index.html?q=1 HTTP/1.1\r\nHost: www.example.com:8080\r\nAuthorization: Basic c2VjcmV0\r\n\
        Cookie: session=secret\r\nUser-Agent: curl/8.5.0\r\n\r\n";

    #[test]
    fn a_request_and_its_answer() {
        let answer =
            b"HTTP/1.0 404 Not Found\r\nServer: nginx/1.24.0\r\nSet-Cookie: secret\r\n\r\nUser-Agent: body";
        assert_eq!(
            said(Http, &Talk::tcp().client(GET).server(answer)),
            "http.request.method=GET url.domain=www.example.com url.original=/index.html?q=1 \
             user_agent.original=curl/8.5.0 http.version=1.1 http.response.status_code=404 \
             offport.http.server=nginx/1.24.0"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let request = b"GET http://me:secret@proxy/ HTTP/1.1\r\nProxy-Authorization: Basic secret\r\n\
            Host: x\r\nCookie: secret\r\n\r\nsecret";
        assert!(!said(Http, &Talk::tcp().client(request)).contains("secret"));
        assert!(!said(Http, &Talk::tcp().client(GET)).contains("c2Vj"));
    }

    #[test]
    fn what_is_cut_says_so() {
        for (len, text) in [
            (3, ""),
            (24, "http.request.method=GET url.original=/index.html?q=1…"),
            (12, "http.request.method=GET url.original=/index.h…"),
            (41, "http.request.method=GET url.domain=www.e… url.original=/index.html?q=1 http.version=1.1"),
        ] {
            assert_eq!(said(Http, &Talk::tcp().client(&GET[..len])), text);
        }
    }

    #[test]
    fn roles_that_were_guessed_wrong_do_not_matter() {
        let text =
            said(Http, &Talk::tcp().client(b"HTTP/1.1 200 OK\r\n\r\n").server(b"PUT /x HTTP/1.1\r\n\r\n"));
        assert_eq!(
            text,
            "http.response.status_code=200 http.version=1.1 http.request.method=PUT url.original=/x"
        );
    }

    #[test]
    fn relatives() {
        let rtsp = b"DESCRIBE rtsp://u:p@cam/1 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: VLC\r\n\r\n";
        assert_eq!(
            said(Rtsp, &Talk::tcp().client(rtsp).server(b"RTSP/1.0 401 Unauthorized\r\nServer: Cam\r\n\r\n")),
            "http.request.method=DESCRIBE url.original=rtsp://…@cam/1 user_agent.original=VLC http.version=1.0 \
             http.response.status_code=401 offport.http.server=Cam"
        );
        let search = b"M-SEARCH * HTTP/1.1\r\nHOST: [ff02::c]:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n";
        assert_eq!(
            said(Ssdp, &Talk::udp().client(search)),
            "http.request.method=M-SEARCH url.domain=[ff02::c] url.original=* http.version=1.1"
        );
        assert_eq!(said(Http, &Talk::tcp().client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), "http.version=2");
        assert_eq!(said(Http, &Talk::tcp().server(&[0, 0, 0, 4, 0, 0, 0, 0, 0])), "http.version=2");
    }
}
