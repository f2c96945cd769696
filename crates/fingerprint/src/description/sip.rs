//! SIP: RFC 3261, sections 7 and 20.

use super::message::{Answer, Headers, Request, UserInfo};
use super::{Description, Field, opening};
use crate::exchange::Exchange;

pub(super) fn describe(exchange: &Exchange<'_>, description: &mut Description) {
    for side in [&exchange.client, &exchange.server] {
        let bytes = opening(exchange, side);
        if let Some(answer) = Answer::read(bytes, &[b"SIP"]) {
            description.number(Field::SipStatus, answer.status.into());
            parties(&answer.headers, description);
        } else if let Some(request) = Request::read(bytes) {
            description.text(Field::SipMethod, request.method, true);
            description.uri(Field::UrlOriginal, request.target, request.whole, UserInfo::NameOnly);
            parties(&request.headers, description);
        }
    }
}

fn parties(headers: &Headers<'_>, description: &mut Description) {
    // The short names are those of section 7.3.3.
    for (field, name, short) in [(Field::SipFrom, &b"From"[..], b"f"), (Field::SipTo, b"To", b"t")] {
        if let Some(value) = headers.get(name).or_else(|| headers.get(short)) {
            description.uri(field, value.value, value.whole, UserInfo::NameOnly);
        }
    }
    if let Some(agent) = headers.get(b"User-Agent") {
        description.text(Field::UserAgent, agent.value, agent.whole);
    }
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::Sip;
    use crate::talk::Talk;

    #[test]
    fn who_calls_whom() {
        let invite = b"INVITE sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nf: \"Alice\" <sip:alice@a.example>;tag=1\r\n\
            To: <sip:bob:secret@b.example>\r\nUser-Agent: phone/1\r\nAuthorization: Digest secret\r\n\r\n";
        let answer = b"SIP/2.0 180 Ringing\r\nFrom: x\r\n\r\n";
        assert_eq!(
            said(Sip, &Talk::udp().client(invite).server(answer)),
            "offport.sip.method=INVITE url.original=sip:bob@b.example \
             offport.sip.from=\"Alice\" <sip:alice@a.example>;tag=1 offport.sip.to=<sip:bob:…@b.example> \
             user_agent.original=phone/1 offport.sip.status_code=180"
        );
        assert_eq!(
            said(Sip, &Talk::udp().client(&invite[..73])),
            "offport.sip.method=INVITE url.original=sip:bob@b.example offport.sip.from=\"Alice\" <sip:…"
        );
    }
}
