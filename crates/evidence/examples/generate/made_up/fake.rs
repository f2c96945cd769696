//! What flows say of themselves.

use std::fmt::{self, Write};

use offport_fingerprint::Protocol;

use super::services::What;
use super::timeline::Record;

/// The columns of which some text is made up.
pub(crate) const TEXTS: [&str; 7] = [
    "tls_client_server_name",
    "offport_tls_ja4",
    "dns_question_name",
    "url_domain",
    "url_original",
    "http_request_method",
    "user_agent_original",
];

/// The text of one of them; whether there is one.
pub(crate) fn text(column: &str, record: &Record, to: &mut impl Write) -> Result<bool, fmt::Error> {
    let What::Spoken(protocol) = record.service.service().what else { return Ok(false) };
    let (server, number) = (record.server.0, record.number);
    match (protocol, column) {
        (Protocol::Tls | Protocol::Quic, "tls_client_server_name") | (Protocol::Http, "url_domain") => {
            write!(to, "www{}.host-{server}.example.com", number % 4)?;
        }
        (Protocol::Tls | Protocol::Quic, "offport_tls_ja4") => {
            let kind = record.client.trait_of(number % 3) % 200;
            write!(to, "t13d1516h2_8daaf615{kind:04x}_e5627efa{:04x}", kind * 7)?;
        }
        (Protocol::Dns, "dns_question_name") => write!(to, "name-{}.example.net", number % 50_000)?,
        (Protocol::Http, "url_original") => write!(to, "/page/{}?q={}", number % 500, number % 7)?,
        (Protocol::Http, "http_request_method") => {
            to.write_str(if number.is_multiple_of(9) { "POST" } else { "GET" })?;
        }
        (Protocol::Http, "user_agent_original") => write!(to, "curl/8.{}.0", record.client.0 % 12)?,
        _ => return Ok(false),
    }
    Ok(true)
}
