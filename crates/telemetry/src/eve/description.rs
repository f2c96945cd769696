//! A description by the names that EVE has for it (Suricata user guide 8.0, "EVE JSON Format" and "EVE Index"): `http`,
//! `tls`, `quic`, `dns` (version 3), `ssh`, `smb`. What EVE has no name for is left out.

use offport_fingerprint::{Description, Field, Value};
use serde_json::json;

use crate::nested::{self, Object, put};

/// The objects of the protocols that a flow's description is of.
pub(super) fn objects(description: &Description) -> Object {
    let mut object = Object::new();
    // SIP and RTSP have some of HTTP's fields.
    let is_http = !has(description, Field::SipMethod);
    let tls = if has(description, Field::QuicVersion) { "quic" } else { "tls" };
    for (field, value) in description.iter() {
        let path = match field {
            Field::HttpMethod => "http.http_method",
            Field::UrlDomain => "http.hostname",
            Field::UrlOriginal if is_http => "http.url",
            Field::UserAgent if is_http => "http.http_user_agent",
            Field::HttpStatus => "http.status",
            Field::TlsServerName => &format!("{tls}.sni"),
            Field::TlsJa4 => &format!("{tls}.ja4"),
            Field::TlsAlpn => &format!("{tls}.client_alpns"),
            Field::TlsJa3 => "tls.ja3.hash",
            Field::QuicVersion => "quic.version",
            Field::SshHassh => "ssh.client.hassh.hash",
            Field::SshHasshServer => "ssh.server.hassh.hash",
            Field::SmbDialects => "smb.client_dialects",
            Field::SmbDialect => "smb.dialect",
            _ => {
                rewritten(field, value, &mut object);
                continue;
            }
        };
        put(&mut object, path, nested::json(value));
    }
    dns(description, &mut object);
    object
}

/// Those whose values EVE writes in another way.
fn rewritten(field: Field, value: &Value, object: &mut Object) {
    let Value::Text(text) = value else { return };
    match field {
        Field::HttpVersion => put(object, "http.protocol", format!("HTTP/{text}").into()),
        Field::TlsVersion => put(object, "tls.version", format!("TLS {text}").into()),
        Field::SshClient => ssh("ssh.client", text, object),
        Field::SshServer => ssh("ssh.server", text, object),
        _ => {}
    }
}

/// `SSH-protoversion-softwareversion`.
fn ssh(side: &str, text: &str, object: &mut Object) {
    let mut parts = text.splitn(3, '-').skip(1);
    for name in ["proto_version", "software_version"] {
        if let Some(part) = parts.next().filter(|part| !part.is_empty()) {
            put(object, &format!("{side}.{name}"), part.into());
        }
    }
}

fn dns(description: &Description, object: &mut Object) {
    let text = |field| match description.get(field) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let Some(kind) = text(Field::DnsType) else { return };
    let mut dns = Object::new();
    dns.insert("version".to_owned(), 3.into());
    dns.insert("type".to_owned(), if kind == "query" { "request" } else { "response" }.into());
    if let Some(id) = text(Field::DnsId).and_then(|id| id.parse::<u16>().ok()) {
        dns.insert("id".to_owned(), id.into());
    }
    if let Some(code) = text(Field::DnsResponseCode) {
        dns.insert("rcode".to_owned(), code.into());
    }
    if let Some(name) = text(Field::DnsQuestionName) {
        let mut query = Object::new();
        query.insert("rrname".to_owned(), name.into());
        if let Some(kind) = text(Field::DnsQuestionType) {
            query.insert("rrtype".to_owned(), kind.into());
        }
        dns.insert("queries".to_owned(), json!([query]));
    }
    object.insert("dns".to_owned(), dns.into());
}

fn has(description: &Description, field: Field) -> bool {
    description.get(field).is_some()
}
