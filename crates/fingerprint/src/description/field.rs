//! The fields of a description.

macro_rules! fields {
    ($($variant:ident = $name:literal, $kind:ident, $example:literal, $meaning:literal;)*) => {
        /// What a [`super::Value`] is of. Names without `offport.` are those of the Elastic Common Schema 9.1 (its field
        /// reference: DNS, HTTP, TLS, URL, User, User agent).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $(#[doc = $meaning] $variant,)* }

        impl Field {
            /// Every field, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Dotted name, as in records and events.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What its values are.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            /// A value as it may be, in JSON.
            pub const fn example(self) -> &'static str {
                match self { $(Self::$variant => $example,)* }
            }

            /// What it says, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// A list of strings.
    List,
    /// `true`.
    Flag,
}

fields! {
    HttpMethod = "http.request.method", Text, r#""GET""#,
        "Method of the first request, as it was sent; of RTSP and SSDP likewise.";
    UrlDomain = "url.domain", Text, r#""www.example.com""#,
        "The request's `Host`, without a port.";
    UrlOriginal = "url.original", Text, r#""/index.html?q=1""#,
        "The request's target, query included; user and password before an `@` are not shown. SIP: the request's URI.";
    UserAgent = "user_agent.original", Text, r#""curl/8.5.0""#,
        "The client's `User-Agent` (HTTP, RTSP, SSDP, SIP).";
    HttpVersion = "http.version", Text, r#""1.1""#,
        "Version in the first start line.";
    HttpStatus = "http.response.status_code", Number, "200",
        "Status of the first answer.";
    HttpServer = "offport.http.server", Text, r#""nginx/1.24.0""#,
        "The `Server` field of the first answer (HTTP, RTSP, SSDP).";

    NetworkApplication = "network.application", Text, r#""anydesk""#,
        "What runs over TLS, by the client's hello: `anydesk`, `teamviewer` (their vendors' hosts), `tor` (a random host that \
        does not exist, no ALPN, no session ticket). A guess: a client can name any host.";
    TlsServerName = "tls.client.server_name", Text, r#""www.example.com""#,
        "Server name in the client's hello (TLS, DTLS, QUIC).";
    TlsAlpn = "offport.tls.client_alpn", List, r#"["h2", "http/1.1"]"#,
        "Application protocols that the client offers, in its order.";
    TlsClientVersion = "offport.tls.client_version", Text, r#""1.3""#,
        "The highest version that the client offers.";
    TlsJa4 = "offport.tls.ja4", Text, r#""t13d1516h2_8daaf6152771_e5627efa2ab1""#,
        "JA4 of the client's hello. Absent where the kept bytes end before it can be told.";
    TlsJa3 = "tls.client.ja3", Text, r#""ada70206e40642a3e4461f35503241d5""#,
        "JA3 of the client's hello (not of DTLS and QUIC). Absent as above.";
    TlsVersion = "tls.version", Text, r#""1.3""#,
        "Version that the server chose.";
    TlsVersionProtocol = "tls.version_protocol", Text, r#""tls""#,
        "`tls`, `ssl` or `dtls`, with the version.";
    TlsCipher = "tls.cipher", Text, r#""TLS_AES_128_GCM_SHA256""#,
        "Cipher suite that the server chose; those without a common name as `0x5600`.";
    TlsNextProtocol = "tls.next_protocol", Text, r#""h2""#,
        "Application protocol that the server chose; encrypted in TLS 1.3.";
    QuicVersion = "offport.quic.version", Text, r#""1""#,
        "Version in the first long header: `1`, `2`, `draft-29`, `Q046`, else its number.";

    SshClient = "offport.ssh.client", Text, r#""SSH-2.0-OpenSSH_9.2""#,
        "The client's identification line.";
    SshServer = "offport.ssh.server", Text, r#""SSH-2.0-OpenSSH_9.2p1 Debian-2""#,
        "The server's identification line.";
    SshHassh = "offport.ssh.hassh", Text, r#""8a8ae540028bf433cd68356c1b9e8d5b""#,
        "HASSH of the client's algorithms. Absent where the kept bytes do not hold the lists whole, which is the rule.";
    SshHasshServer = "offport.ssh.hassh_server", Text, r#""d93f46d063c4382b6232a4d77db532b2""#,
        "HASSH of the server's algorithms; as above.";

    DnsType = "dns.type", Text, r#""query""#,
        "`query`, or `answer` when one was seen (DNS, mDNS, LLMNR, NetBIOS names).";
    DnsId = "dns.id", Text, r#""6699""#,
        "Transaction id.";
    DnsOpCode = "dns.op_code", Text, r#""QUERY""#,
        "Operation.";
    DnsQuestionName = "dns.question.name", Text, r#""www.example.com""#,
        "Name of the first question, as it was sent; a dot within a label is `\\.`.";
    DnsQuestionType = "dns.question.type", Text, r#""AAAA""#,
        "Its type; one without a common name as `TYPE123`.";
    DnsQuestionClass = "dns.question.class", Text, r#""IN""#,
        "Its class.";
    DnsResponseCode = "dns.response_code", Text, r#""NXDOMAIN""#,
        "Of an answer.";
    DnsAnswers = "offport.dns.answers", Number, "2",
        "Records in the answer section, as its header counts them.";

    UserName = "user.name", Text, r#""alice""#,
        "The user that the client says it is: FTP, POP3, RDP's cookie, PostgreSQL, MySQL, RADIUS, Kerberos. Not verified.";
    Banner = "offport.banner", Text, r#""220 mail.example.com ESMTP""#,
        "First line of the server: SMTP, FTP, POP3, IMAP, NNTP.";
    SmtpHelo = "offport.smtp.helo", Text, r#""client.example.com""#,
        "What the client calls itself in EHLO, HELO or LHLO.";
    VncVersion = "offport.vnc.version", Text, r#""003.008""#,
        "The server's version, or the client's.";

    SipMethod = "offport.sip.method", Text, r#""INVITE""#,
        "Method of the first request.";
    SipStatus = "offport.sip.status_code", Number, "200",
        "Status of the first answer.";
    SipFrom = "offport.sip.from", Text, r#""<sip:alice@example.com>;tag=1""#,
        "The `From` field; a password in its URI is not shown.";
    SipTo = "offport.sip.to", Text, r#""<sip:bob@example.com>""#,
        "The `To` field; likewise.";

    SmbDialects = "offport.smb.dialects", List, r#"["2.0.2", "3.1.1"]"#,
        "Dialects that the client offers.";
    SmbDialect = "offport.smb.dialect", Text, r#""3.1.1""#,
        "The dialect that the server chose.";
    RdpRequested = "offport.rdp.requested_protocols", List, r#"["tls", "credssp"]"#,
        "Security that the client asks for; none of these is `rdp`.";
    RdpProtocol = "offport.rdp.protocol", Text, r#""credssp""#,
        "Security that the server chose.";

    MysqlVersion = "offport.mysql.version", Text, r#""8.0.36""#,
        "The server's version.";
    PostgresqlDatabase = "offport.postgresql.database", Text, r#""orders""#,
        "Database that the client asks for.";
    PostgresqlApplication = "offport.postgresql.application", Text, r#""psql""#,
        "Name that the client's program gives itself.";
    TdsClientVersion = "offport.tds.client_version", Text, r#""11.0.0""#,
        "Version in the client's PRELOGIN.";
    TdsServerVersion = "offport.tds.server_version", Text, r#""15.0.2000""#,
        "Version in the server's.";
    RedisCommand = "offport.redis.command", Text, r#""PING""#,
        "The first command, without its arguments.";

    KerberosMessage = "offport.kerberos.message", Text, r#""AS-REQ""#,
        "Type of the first message.";
    KerberosRealm = "offport.kerberos.realm", Text, r#""EXAMPLE.COM""#,
        "Realm that is asked.";
    KerberosService = "offport.kerberos.service", Text, r#""krbtgt/EXAMPLE.COM""#,
        "Service that a ticket is asked for.";
    LdapOperation = "offport.ldap.operation", Text, r#""bind""#,
        "The first operation.";
    LdapName = "offport.ldap.name", Text, r#""cn=admin,dc=example,dc=com""#,
        "Name that binds, or base of the search.";
    LdapAuthentication = "offport.ldap.authentication", Text, r#""simple""#,
        "Of a bind: `anonymous`, `simple`, or the SASL mechanism.";

    MqttVersion = "offport.mqtt.version", Text, r#""3.1.1""#,
        "Version that the client speaks.";
    MqttClientId = "offport.mqtt.client_id", Text, r#""sensor-17""#,
        "What the client calls itself.";
    SnmpVersion = "offport.snmp.version", Text, r#""2c""#,
        "Version; the community is a secret and not shown.";
    SnmpPdu = "offport.snmp.pdu", Text, r#""get-next-request""#,
        "Type of the first PDU, where it is not encrypted.";
    DhcpMessage = "offport.dhcp.message", Text, r#""DHCPDISCOVER""#,
        "Type of the client's message, or else of the server's.";
    DhcpHostName = "offport.dhcp.host_name", Text, r#""laptop-7""#,
        "Name that the client gives itself.";
    DhcpVendorClass = "offport.dhcp.vendor_class", Text, r#""MSFT 5.0""#,
        "The client's vendor class.";
    DhcpClientMac = "offport.dhcp.client_mac", Text, r#""02-00-00-00-00-01""#,
        "The client's Ethernet address.";

    Cut = "offport.description_cut", Flag, "true",
        "There was more to show than a description holds.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_none_stands_inside_another() {
        for (at, one) in Field::ALL.iter().enumerate() {
            for other in &Field::ALL[at + 1..] {
                let inside = |outer: &str, inner: &str| {
                    outer.strip_prefix(inner).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                let (one, other) = (one.name(), other.name());
                assert!(!inside(one, other) && !inside(other, one), "{one}, {other}");
            }
        }
    }
}
