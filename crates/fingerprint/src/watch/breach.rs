//! Which rules a flow can break.

use crate::name::Protocol;

macro_rules! breaches {
    ($($variant:ident = $protocol:ident $name:literal, $text:literal;)*) => {
        /// A rule that was broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Breach { $(#[doc = $text] $variant,)* }

        impl Breach {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Lower-case name, as in records and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What was found, in one sentence without a full stop; names the specification.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whose rule it is. After STARTTLS that is TLS, whatever the flow began as.
            pub const fn protocol(self) -> Protocol {
                match self { $(Self::$variant => Protocol::$protocol,)* }
            }

            /// Position in `ALL`.
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

breaches! {
    TlsRecord = Tls "tls_record", "what stands where a record must begin is none (RFC 8446, section 5.1)";
    TlsOrder = Tls "tls_order", "a message that cannot come there, or application data without a handshake (RFC 8446, section 4; RFC 5246, section 7.3)";
    TlsPlaintext = Tls "tls_plaintext", "application data that no cipher has made: too few byte values for its length";
    HttpRequest = Http "http_request", "what stands where a request must begin is none (RFC 9112, section 3)";
    HttpStatus = Http "http_status", "what stands where an answer must begin is neither one nor text (RFC 9112, section 4)";
    HttpHeader = Http "http_header", "what stands among header lines is none (RFC 9112, section 5)";
    HttpLength = Http "http_length", "a message is not as long as it declared, or a chunk not where it must begin (RFC 9112, sections 6 and 7)";
    HttpTunnel = Http "http_tunnel", "the client uses a tunnel that no server has agreed to (RFC 9110, section 9.3.6)";
    HttpFrame = Http "http_frame", "what stands where an HTTP/2 frame must begin is none (RFC 9113, sections 4.1 and 6)";
    SshBanner = Ssh "ssh_banner", "what stands for an identification is none (RFC 4253, section 4.2)";
    SshPacket = Ssh "ssh_packet", "what stands where a packet must begin is none (RFC 4253, section 6)";
    SshOrder = Ssh "ssh_order", "a message that cannot come before the keys are there (RFC 4253, section 7)";
    DnsMessage = Dns "dns_message", "messages whose header, names, counts and length do not agree (RFC 1035, section 4)";
    DnsRole = Dns "dns_role", "answers from the side that asks, or questions from the side that answers (RFC 1035, section 4.1.1)";
    DnsAnswer = Dns "dns_answer", "answers that repeat another question than the one asked under their id (RFC 5452, section 9.1)";
    DnsTunnel = Dns "dns_tunnel", "names or answers below one domain that carry data: many, none twice, long, and without pattern";
    SmtpCommand = Smtp "smtp_command", "what stands where commands must begin is none (RFC 5321, section 4.1)";
    SmtpReply = Smtp "smtp_reply", "what stands where replies must begin is none (RFC 5321, section 4.2)";
    SmtpOrder = Smtp "smtp_order", "a message is asked for and sent that has no recipient (RFC 5321, section 4.1.4)";
    SmtpContent = Smtp "smtp_content", "what is sent as a message does not begin with text (RFC 5322, section 2.1)";
    FtpCommand = Ftp "ftp_command", "what stands where commands must begin is none (RFC 959, section 5.3)";
    FtpReply = Ftp "ftp_reply", "what stands where replies must begin is none (RFC 959, section 4.2)";
    FtpOrder = Ftp "ftp_order", "the server begins a transfer for a client that has not said who it is (RFC 959, section 5.4)";
    Pop3Command = Pop3 "pop3_command", "what stands where commands must begin is none (RFC 1939, section 3)";
    Pop3Reply = Pop3 "pop3_reply", "what stands where replies must begin is none (RFC 1939, section 3)";
    ImapCommand = Imap "imap_command", "what stands where commands must begin is none (RFC 9051, section 2.2.1)";
    ImapReply = Imap "imap_reply", "what stands where replies must begin is none (RFC 9051, section 2.2.2)";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_the_protocol_and_are_unique() {
        let mut names: Vec<_> = Breach::ALL.iter().map(|breach| breach.name()).collect();
        for breach in Breach::ALL {
            assert!(breach.name().starts_with(&format!("{}_", breach.protocol())), "{breach:?}");
            assert_eq!(Breach::ALL[breach.index()], *breach);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Breach::ALL.len());
    }
}
