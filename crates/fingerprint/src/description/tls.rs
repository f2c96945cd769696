//! TLS (RFC 8446, section 5.1; RFC 6066; RFC 7301) and DTLS (RFC 6347, section 4).

use super::application::application;
use super::hello::{CLIENT_HELLO, ClientHello, Message, SERVER_HELLO, ServerHello, VERSIONS};
use super::ja::{Carrier, highest_version, ja3, ja4};
use super::{Description, Field, cipher_suites, opening};
use crate::exchange::Exchange;
use crate::reader::Reader;

/// Type of records that carry handshake messages.
const HANDSHAKE: u8 = 22;

pub(super) fn describe(exchange: &Exchange<'_>, description: &mut Description) {
    if let Some(message) = message(&handshake(exchange.client.bytes), CLIENT_HELLO) {
        describe_client(message, Carrier::Tcp, description);
    }
    if let Some(message) = message(&handshake(exchange.server.bytes), SERVER_HELLO) {
        describe_server(message, description);
    }
}

pub(super) fn describe_datagrams(exchange: &Exchange<'_>, description: &mut Description) {
    if let Some(message) = datagram_message(opening(exchange, &exchange.client), CLIENT_HELLO) {
        describe_client(message, Carrier::Datagrams, description);
    }
    if let Some(message) = datagram_message(opening(exchange, &exchange.server), SERVER_HELLO) {
        describe_server(message, description);
    }
}

pub(super) fn describe_client(message: Message<'_>, carrier: Carrier, description: &mut Description) {
    let Some(hello) = ClientHello::read(message, carrier == Carrier::Datagrams) else { return };
    if let Some(name) = hello.extensions.server_name() {
        description.text(Field::TlsServerName, name, true);
    }
    if let Some(application) = application(&hello) {
        description.word(Field::NetworkApplication, application);
    }
    description.list(Field::TlsAlpn, hello.extensions.protocols());
    if let Some((_, number)) = highest_version(&hello).and_then(version) {
        description.word(Field::TlsClientVersion, number);
    }
    if let Some(ja4) = ja4(&hello, carrier) {
        description.word(Field::TlsJa4, ja4);
    }
    if let Some(ja3) = ja3(&hello).filter(|_| carrier == Carrier::Tcp) {
        description.word(Field::TlsJa3, ja3);
    }
}

fn describe_server(message: Message<'_>, description: &mut Description) {
    let Some(hello) = ServerHello::read(message) else { return };
    let extensions = &hello.extensions;
    if extensions.knows(VERSIONS)
        && let Some((protocol, number)) = version(extensions.chosen_version().unwrap_or(hello.version))
    {
        description.word(Field::TlsVersion, number);
        description.word(Field::TlsVersionProtocol, protocol);
    }
    description.word(Field::TlsCipher, cipher_suites::name(hello.cipher));
    if let Some(protocol) = extensions.protocols().first() {
        description.text(Field::TlsNextProtocol, protocol, true);
    }
}

const fn version(version: u16) -> Option<(&'static str, &'static str)> {
    Some(match version {
        0x0304 => ("tls", "1.3"),
        0x0303 => ("tls", "1.2"),
        0x0302 => ("tls", "1.1"),
        0x0301 => ("tls", "1.0"),
        0x0300 => ("ssl", "3.0"),
        0xfefc => ("dtls", "1.3"),
        0xfefd => ("dtls", "1.2"),
        0xfeff | 0x0100 => ("dtls", "1.0"),
        _ => return None,
    })
}

/// The content of the handshake records that a stream begins with.
fn handshake(stream: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut reader = Reader::new(stream);
    while reader.u8() == Some(HANDSHAKE) && reader.u16_be().is_some() {
        let Some(length) = reader.u16_be().map(usize::from) else { break };
        let Some(fragment) = reader.take(length) else {
            content.extend_from_slice(reader.rest());
            break;
        };
        content.extend_from_slice(fragment);
    }
    content
}

/// The message that handshake content begins with, if it is of this kind.
pub(super) fn message(content: &[u8], kind: u8) -> Option<Message<'_>> {
    let mut reader = Reader::new(content);
    let header = reader.u32_be()?;
    let len = (header & 0x00ff_ffff) as usize;
    let body = reader.rest();
    (header >> 24 == u32::from(kind)).then(|| Message { body: body.get(..len).unwrap_or(body), len })
}

/// The message that the first record of a datagram begins with, if it is of this kind and in one fragment.
fn datagram_message(datagram: &[u8], kind: u8) -> Option<Message<'_>> {
    /// Version, epoch, sequence number.
    const RECORD: usize = 2 + 2 + 6;
    let mut reader = Reader::new(datagram);
    reader.u8().filter(|&content| content == HANDSHAKE)?;
    reader.take(RECORD)?;
    let record = usize::from(reader.u16_be()?);
    let header = reader.u32_be()?;
    let len = (header & 0x00ff_ffff) as usize;
    let _sequence = reader.u16_be()?;
    // Offset and length of the fragment, 24 bits each.
    let (offset, fragment) = (reader.take(3)?, reader.take(3)?);
    let is_whole = offset == [0; 3] && fragment == &len.to_be_bytes()[5..] && record >= 12 + len;
    let body = reader.rest();
    (header >> 24 == u32::from(kind) && is_whole)
        .then(|| Message { body: body.get(..len).unwrap_or(body), len })
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::{Dtls, Tls};
    use crate::talk::Talk;

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
    }

    fn numbers(list: &[u16]) -> Vec<u8> {
        list.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn with_length(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
    }

    fn handshake_message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
    }

    fn record(content: &[u8]) -> Vec<u8> {
        [&[22, 3, 1][..], &with_length(content)].concat()
    }

    /// The hello of JA4's published example, GREASE included, in the example's order. `share` bytes of key share.
    fn example(share: usize) -> Vec<u8> {
        let ciphers = numbers(&[
            0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ]);
        let name = b"www.example.com";
        let signatures = numbers(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
        let extensions = [
            extension(0x1a1a, &[]),
            extension(0x001b, &[2, 0, 2]),
            extension(0x0000, &with_length(&[&[0][..], &with_length(name)].concat())),
            extension(0x0033, &vec![7; share]),
            extension(0x0010, &with_length(b"\x02h2\x08http/1.1")),
            extension(0x4469, &[0, 3, 2, b'h', b'2']),
            extension(0x0017, &[]),
            extension(0x002d, &[1, 1]),
            extension(0x000d, &with_length(&signatures)),
            extension(0x0005, &[1, 0, 0, 0, 0]),
            extension(0x0023, &[]),
            extension(0x0012, &[]),
            extension(0x002b, &[&[6][..], &numbers(&[0x2a2a, 0x0304, 0x0303])].concat()),
            extension(0xff01, &[0]),
            extension(0x000b, &[1, 0]),
            extension(0x000a, &with_length(&numbers(&[0x3a3a, 29, 23, 24]))),
            extension(0x0015, &[0; 20]),
        ]
        .concat();
        [&[3, 3][..], &[9; 32], &[0], &with_length(&ciphers), &[1, 0], &with_length(&extensions)].concat()
    }

    const JA4: &str = "t13d1516h2_8daaf6152771_e5627efa2ab1";

    #[test]
    fn the_published_example_of_ja4() {
        let client = record(&handshake_message(1, &example(40)));
        let ja3 = "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,\
            27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23-24,0";
        let ja3 = super::super::hex(&<md5::Md5 as md5::Digest>::digest(ja3));
        assert_eq!(
            said(Tls, &Talk::tcp().client(&client)),
            format!(
                "tls.client.server_name=www.example.com offport.tls.client_alpn=h2|http/1.1 \
                 offport.tls.client_version=1.3 offport.tls.ja4={JA4} tls.client.ja3={ja3}"
            )
        );
    }

    /// A hello of a client that names a host and offers what it says.
    fn hello_to(host: &str, offers: &[Vec<u8>]) -> Vec<u8> {
        let name = extension(0, &with_length(&[&[0][..], &with_length(host.as_bytes())].concat()));
        let extensions = [name, offers.concat()].concat();
        let body = [&[3, 3][..], &[9; 32], &[0, 0, 2, 0x13, 1, 1, 0], &with_length(&extensions)].concat();
        record(&handshake_message(1, &body))
    }

    #[test]
    fn what_runs_over_it() {
        let groups = || vec![extension(0x000a, &[0, 2, 0, 29])];
        let with = |extra| [groups(), vec![extra]].concat();
        let cases = [
            ("www.t3i3cugfu7.com", groups(), Some("tor")),
            ("www.example.com", groups(), None),
            ("www.t3i3cugfu7.com", with(extension(16, b"\0\x03\x02h2")), None),
            ("www.t3i3cugfu7.com", with(extension(35, b"")), None),
            ("relay-1.net.anydesk.com", groups(), Some("anydesk")),
            ("router1.teamviewer.com", with(extension(35, b"")), Some("teamviewer")),
        ];
        for (host, offers, application) in cases {
            let text = said(Tls, &Talk::tcp().client(&hello_to(host, &offers)));
            let told = text.split(' ').find_map(|field| field.strip_prefix("network.application="));
            assert_eq!(told, application, "{text}");
        }
        // Of a hello that is cut, what it has not is not known.
        let hello = hello_to("www.t3i3cugfu7.com", &groups());
        let cut = said(Tls, &Talk::tcp().client(&hello[..hello.len() - 8]));
        assert!(cut.contains("server_name") && !cut.contains("application"), "{cut}");
    }

    #[test]
    fn a_hello_in_several_records() {
        let message = handshake_message(1, &example(40));
        let client = [record(&message[..70]), record(&message[70..71]), record(&message[71..])].concat();
        assert!(said(Tls, &Talk::tcp().client(&client)).contains(JA4));
    }

    #[test]
    fn of_a_hello_that_is_cut_only_what_is_there() {
        // A post-quantum key share.
        let client = record(&handshake_message(1, &example(1216)));
        assert_eq!(said(Tls, &Talk::tcp().client(&client)), "tls.client.server_name=www.example.com");
        // With every length: never something else than of the whole.
        let client = record(&handshake_message(1, &example(40)));
        let whole = said(Tls, &Talk::tcp().client(&client));
        let mut lens = Vec::new();
        for len in 0..client.len() {
            let text = said(Tls, &Talk::tcp().client(&client[..len]));
            assert!(text.split(' ').all(|field| field.is_empty() || whole.contains(field)), "{len}: {text}");
            lens.push(text.len());
        }
        assert!(lens.is_sorted());
        // The padding is not needed: its header is.
        assert!(said(Tls, &Talk::tcp().client(&client[..client.len() - 20])).contains(JA4));
        assert!(!said(Tls, &Talk::tcp().client(&client[..client.len() - 21])).contains("ja4"));
    }

    #[test]
    fn lengths_that_do_not_agree_make_no_fingerprint() {
        let mut body = example(40);
        let at = body.len() - 20 - 1;
        body[at] += 1;
        let client = record(&handshake_message(1, &body));
        assert!(!said(Tls, &Talk::tcp().client(&client)).contains("ja4"));
    }

    #[test]
    fn a_bare_hello_of_tls_1_0() {
        let body = [&[3, 1][..], &[9; 32], &[0], &[0, 2, 0, 5], &[1, 0]].concat();
        assert_eq!(
            said(Tls, &Talk::tcp().client(&record(&handshake_message(1, &body)))),
            format!(
                "offport.tls.client_version=1.0 offport.tls.ja4=t10i010000_{}_000000000000 tls.client.ja3={}",
                &super::super::hex(&<sha2::Sha256 as sha2::Digest>::digest("0005"))[..12],
                super::super::hex(&<md5::Md5 as md5::Digest>::digest("769,5,,,")),
            )
        );
    }

    #[test]
    fn what_the_server_chose() {
        let hello = |extensions: &[u8]| {
            let body = [&[3, 3][..], &[9; 32], &[0], &[0x13, 0x01], &[0], &with_length(extensions)].concat();
            record(&handshake_message(2, &body))
        };
        let tls_1_3 = hello(&extension(0x002b, &[3, 4]));
        assert_eq!(
            said(Tls, &Talk::tcp().server(&tls_1_3)),
            "tls.version=1.3 tls.version_protocol=tls tls.cipher=TLS_AES_128_GCM_SHA256"
        );
        let tls_1_2 = hello(&extension(0x0010, &with_length(b"\x02h2")));
        assert_eq!(
            said(Tls, &Talk::tcp().server(&tls_1_2)),
            "tls.version=1.2 tls.version_protocol=tls tls.cipher=TLS_AES_128_GCM_SHA256 tls.next_protocol=h2"
        );
        // Cut where an extension may still say 1.3.
        assert_eq!(
            said(Tls, &Talk::tcp().server(&tls_1_3[..tls_1_3.len() - 6])),
            "tls.cipher=TLS_AES_128_GCM_SHA256"
        );
    }

    #[test]
    fn hellos_over_datagrams() {
        let ciphers = with_length(&numbers(&[0xc02b, 0xc02f]));
        let extensions = extension(0x0000, &with_length(&[&[0][..], &with_length(b"turn.example")].concat()));
        let body =
            [&[0xfe, 0xfd][..], &[9; 32], &[0], &[2, 1, 1], &ciphers, &[1, 0], &with_length(&extensions)]
                .concat();
        let datagram = |offset: u8| {
            let length = &(body.len() as u32).to_be_bytes()[1..];
            let message = [&[1][..], length, &[0, 0], &[0, 0, offset], length, &body].concat();
            [&[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0][..], &with_length(&message)].concat()
        };
        let text = said(Dtls, &Talk::udp().client(&datagram(0)));
        assert!(
            text.starts_with("tls.client.server_name=turn.example offport.tls.client_version=1.2 offport.tls.ja4=dd2d020100_"),
            "{text}"
        );
        assert!(!text.contains("ja3"));
        assert_eq!(said(Dtls, &Talk::udp().client(&datagram(1))), "");
    }

    #[test]
    fn nothing_of_other_records() {
        assert_eq!(said(Tls, &Talk::tcp().client(&[21, 3, 1, 0, 2, 2, 40]).server(&[23, 3, 3, 0, 1, 0])), "");
    }
}
