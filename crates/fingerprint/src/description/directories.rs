//! Who asks a directory: Kerberos (RFC 4120, sections 5.2.2 and 5.4.1), LDAP (RFC 4511, sections 4.2 and 4.5), RADIUS
//! (RFC 2865, section 5).

use offport_wire::Transport;

use super::{Description, Field, opening};
use crate::ber::{Element, tag};
use crate::exchange::Exchange;
use crate::reader::Reader;
use crate::scan::Scan;

pub(super) fn kerberos(exchange: &Exchange<'_>, description: &mut Description) {
    for side in [&exchange.client, &exchange.server] {
        let bytes = opening(exchange, side);
        let bytes = match exchange.transport {
            // A length (RFC 4120, section 7.2.2).
            Transport::TCP => bytes.get(4..).unwrap_or_default(),
            _ => bytes,
        };
        let _ = kerberos_message(bytes, description);
    }
}

fn kerberos_message(bytes: &[u8], description: &mut Description) -> Option<()> {
    let mut message = read(&mut Scan::new(bytes))?;
    let (name, is_request) = match message.tag & 0x1f {
        10 => ("AS-REQ", true),
        11 => ("AS-REP", false),
        12 => ("TGS-REQ", true),
        13 => ("TGS-REP", false),
        14 => ("AP-REQ", false),
        15 => ("AP-REP", false),
        30 => ("KRB-ERROR", false),
        _ => return None,
    };
    description.word(Field::KerberosMessage, name);
    let mut fields = read(&mut message.content).filter(|_| is_request)?;
    let mut body = field(&mut fields.content, 4)?;
    let mut body = read(&mut body.content)?.content;
    while let Some(mut element) = read(&mut body) {
        let value = read(&mut element.content)?;
        match element.tag.wrapping_sub(tag::context(0)) {
            1 => principal(value, Field::UserName, description),
            2 => text(value, Field::KerberosRealm, description),
            3 => principal(value, Field::KerberosService, description),
            _ => {}
        }
    }
    Some(())
}

/// The parts of a PrincipalName with a slash between them, if all of it is there.
fn principal(name: Element<'_>, into: Field, description: &mut Description) {
    let mut content = name.content;
    let Some(mut parts) = field(&mut content, 1).and_then(|mut parts| read(&mut parts.content)) else {
        return;
    };
    let whole = parts.content.is_whole();
    let mut texts: Vec<&[u8]> = Vec::new();
    while let Some(part) = read(&mut parts.content) {
        texts.push(part.content.rest());
    }
    if whole {
        description.text(into, &texts.join(&b'/'), true);
    }
}

/// `[number]` among the elements that follow.
fn field<'a>(scan: &mut Scan<'a>, number: u8) -> Option<Element<'a>> {
    std::iter::from_fn(|| read(scan)).find(|element| element.tag == tag::context(number))
}

fn read<'a>(scan: &mut Scan<'a>) -> Option<Element<'a>> {
    Element::read(scan).ok()
}

fn text(value: Element<'_>, field: Field, description: &mut Description) {
    description.text(field, value.content.rest(), value.content.is_whole());
}

pub(super) fn ldap(exchange: &Exchange<'_>, description: &mut Description) {
    let _ = ldap_request(opening(exchange, &exchange.client), description);
}

fn ldap_request(bytes: &[u8], description: &mut Description) -> Option<()> {
    const SIMPLE: u8 = 0x80;
    let mut envelope = read(&mut Scan::new(bytes))?.content;
    let _id = read(&mut envelope)?;
    let operation = read(&mut envelope)?;
    let mut content = operation.content;
    let name = match operation.tag & 0x1f {
        0 => "bind",
        2 => "unbind",
        3 => "search",
        6 => "modify",
        8 => "add",
        10 => "delete",
        12 => "modify-dn",
        14 => "compare",
        16 => "abandon",
        23 => "extended",
        _ => return None,
    };
    description.word(Field::LdapOperation, name);
    match name {
        "bind" => {
            let _version = read(&mut content)?;
            let dn = read(&mut content)?;
            text(dn, Field::LdapName, description);
            let mut authentication = read(&mut content)?;
            match authentication.tag {
                SIMPLE if authentication.length == 0 => {
                    description.word(Field::LdapAuthentication, "anonymous")
                }
                SIMPLE => description.word(Field::LdapAuthentication, "simple"),
                sasl if sasl == tag::context(3) => {
                    text(read(&mut authentication.content)?, Field::LdapAuthentication, description);
                }
                _ => {}
            }
        }
        "search" => text(read(&mut content)?, Field::LdapName, description),
        _ => {}
    }
    Some(())
}

pub(super) fn radius(exchange: &Exchange<'_>, description: &mut Description) {
    const HEADER: usize = 20;
    const USER_NAME: u8 = 1;
    for side in [&exchange.client, &exchange.server] {
        let mut reader = Reader::new(opening(exchange, side).get(HEADER..).unwrap_or_default());
        while let Some((kind, length)) = reader.u8().zip(reader.u8()) {
            let Some(value) = usize::from(length).checked_sub(2).and_then(|length| reader.take(length))
            else {
                break;
            };
            if kind == USER_NAME {
                description.text(Field::UserName, value, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::{Kerberos, Ldap, Radius};
    use crate::talk::Talk;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16).to_be_bytes();
        [&[tag, 0x82][..], &length, content].concat()
    }

    fn name(parts: &[&str]) -> Vec<u8> {
        let parts: Vec<u8> = parts.iter().flat_map(|part| element(0x1b, part.as_bytes())).collect();
        element(0x30, &[element(0xa0, &[2, 1, 1]), element(0xa1, &element(0x30, &parts))].concat())
    }

    fn as_request() -> Vec<u8> {
        let body = element(
            0x30,
            &[
                element(0xa0, &[3, 5, 0, 0x50, 0, 0, 0]),
                element(0xa1, &name(&["alice"])),
                element(0xa2, &element(0x1b, b"EXAMPLE.COM")),
                element(0xa3, &name(&["krbtgt", "EXAMPLE.COM"])),
                element(0xa7, &[2, 1, 9]),
            ]
            .concat(),
        );
        let fields = [element(0xa1, &[2, 1, 5]), element(0xa2, &[2, 1, 10]), element(0xa4, &body)].concat();
        element(0x6a, &element(0x30, &fields))
    }

    #[test]
    fn who_asks_kerberos_for_what() {
        let request = as_request();
        let whole = "offport.kerberos.message=AS-REQ user.name=alice offport.kerberos.realm=EXAMPLE.COM \
            offport.kerberos.service=krbtgt/EXAMPLE.COM";
        assert_eq!(said(Kerberos, &Talk::udp().client(&request)), whole);
        let framed = [&(request.len() as u32).to_be_bytes()[..], &request].concat();
        assert_eq!(said(Kerberos, &Talk::tcp().client(&framed)), whole);
        for len in 0..request.len() {
            let text = said(Kerberos, &Talk::udp().client(&request[..len]));
            let cut = text.strip_suffix('…').unwrap_or(&text);
            assert!(whole.starts_with(cut), "{len}: {text}");
        }
        let error =
            element(0x7e, &element(0x30, &[element(0xa0, &[2, 1, 5]), element(0xa1, &[2, 1, 30])].concat()));
        assert_eq!(said(Kerberos, &Talk::udp().server(&error)), "offport.kerberos.message=KRB-ERROR");
    }

    #[test]
    fn who_binds_and_never_with_what_password() {
        let request = |operation: Vec<u8>| element(0x30, &[&[2, 1, 1][..], &operation].concat());
        let bind = |authentication: Vec<u8>| {
            request(element(0x60, &[&[2, 1, 3][..], &element(4, b"cn=admin,dc=x"), &authentication].concat()))
        };
        let told = |message: &[u8]| said(Ldap, &Talk::tcp().client(message));
        let head = "offport.ldap.operation=bind offport.ldap.name=cn=admin,dc=x offport.ldap.authentication";
        assert_eq!(told(&bind(element(0x80, b"secret"))), format!("{head}=simple"));
        assert_eq!(told(&bind(element(0x80, b""))), format!("{head}=anonymous"));
        let sasl = [element(4, b"GSS-SPNEGO"), element(4, b"secret")].concat();
        assert_eq!(told(&bind(element(0xa3, &sasl))), format!("{head}=GSS-SPNEGO"));
        assert_eq!(
            told(&request(element(0x63, &element(4, b"dc=x")))),
            "offport.ldap.operation=search offport.ldap.name=dc=x"
        );
        let cut = &bind(element(0x80, b"secret"))[..21];
        assert_eq!(told(cut), "offport.ldap.operation=bind offport.ldap.name=cn=…");
    }

    #[test]
    fn radius_user() {
        let request = [&[1, 7, 0, 44][..], &[9; 16], b"\x02\x12secretsecretsecr", b"\x01\x07alice"].concat();
        assert_eq!(said(Radius, &Talk::udp().client(&request)), "user.name=alice");
        assert_eq!(said(Radius, &Talk::udp().client(&request[..request.len() - 1])), "");
    }
}
