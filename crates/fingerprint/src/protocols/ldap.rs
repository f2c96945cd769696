//! ldap: LDAP version 2 and 3 over TCP, connectionless LDAP over UDP.
//!
//! Specifications: RFC 4511, sections 4 and 5.1; \[MS-ADTS\] sections 3.1.1.3.1.3.4 and 5.1.1.1 (UDP, Sicily binds);
//! RFC 4422, section 3.7 and RFC 4121, section 4.2.6.2 (a SASL security layer, midstream). A message of either
//! side proves it: a sequence, a message id, an operation of that side whose length agrees, and its first
//! fields. An operation that fills the message to the byte is plausible, though its own fields contradict.

use crate::answer::Proof;
use crate::ber::{Element, tag};
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ldap,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| byte == tag::SEQUENCE)]],
    stream: &[],
    check,
};

/// `[APPLICATION number]` of the operations (RFC 4511, appendix B).
const BIND_REQUEST: u8 = tag::application(0);
const BIND_RESPONSE: u8 = tag::application(1);
/// NULL, so primitive.
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = tag::application(3);
const SEARCH_ENTRY: u8 = tag::application(4);
const SEARCH_DONE: u8 = tag::application(5);
const MODIFY_REQUEST: u8 = tag::application(6);
const MODIFY_RESPONSE: u8 = tag::application(7);
const ADD_REQUEST: u8 = tag::application(8);
const ADD_RESPONSE: u8 = tag::application(9);
/// LDAPDN, so primitive.
const DELETE_REQUEST: u8 = 0x4a;
const DELETE_RESPONSE: u8 = tag::application(11);
const RENAME_REQUEST: u8 = tag::application(12);
const RENAME_RESPONSE: u8 = tag::application(13);
const COMPARE_REQUEST: u8 = tag::application(14);
const COMPARE_RESPONSE: u8 = tag::application(15);
/// MessageID, so primitive.
const ABANDON_REQUEST: u8 = 0x50;
const SEARCH_REFERENCE: u8 = tag::application(19);
const EXTENDED_REQUEST: u8 = tag::application(23);
const EXTENDED_RESPONSE: u8 = tag::application(24);
const INTERMEDIATE_RESPONSE: u8 = tag::application(25);

type Operation = fn(Element<'_>) -> Step<()>;

fn check(exchange: &Exchange<'_>) -> Match {
    let midstream = exchange.midstream;
    weigh_either_way(
        exchange,
        |message| side(message, midstream, request_kind, request),
        |message| side(message, midstream, response_kind, response),
    )
}

fn side(message: Message<'_>, midstream: bool, kind: fn(u8) -> bool, operation: Operation) -> Step<Proof> {
    match ldap_message(message, kind, operation) {
        Err(Stop::Wrong) if midstream && !message.is_datagram() => wrapped(&mut message.scan()),
        answer => answer,
    }
}

fn ldap_message(message: Message<'_>, kind: fn(u8) -> bool, operation: Operation) -> Step<Proof> {
    let mut scan = message.scan();
    let mut envelope = Element::expect(&mut scan, tag::SEQUENCE)?;
    // A connectionless search may be answered by an entry and its end in one datagram.
    require(envelope.total() <= message.total)?;
    let mut room = envelope.length;
    let id = Element::expect_in(&mut envelope.content, tag::INTEGER, &mut room)?;
    require((1..=5).contains(&id.length))?;
    require(id.unsigned()? <= i32::MAX as u32)?;
    let mut ahead = envelope.content;
    ahead.u8_if(kind)?;
    let protocol_op = Element::read_in(&mut envelope.content, &mut room)?;
    match operation(protocol_op) {
        Err(Stop::Wrong) if room == 0 && protocol_op.length > 0 => return Ok(Proof::Heuristic),
        operation => operation?,
    }
    if room > 0 && protocol_op.content.is_whole() {
        match Element::expect_in(&mut envelope.content, tag::context(0), &mut room) {
            Ok(_) => require(room == 0)?,
            Err(Stop::Short) => {}
            Err(Stop::Wrong) => return Err(Stop::Wrong),
        }
    }
    Ok(Proof::Structure)
}

fn request_kind(kind: u8) -> bool {
    matches!(
        kind,
        BIND_REQUEST
            | UNBIND_REQUEST
            | SEARCH_REQUEST
            | MODIFY_REQUEST
            | ADD_REQUEST
            | DELETE_REQUEST
            | RENAME_REQUEST
            | COMPARE_REQUEST
            | ABANDON_REQUEST
            | EXTENDED_REQUEST
    )
}

fn request(operation: Element<'_>) -> Step<()> {
    let (mut content, mut room) = (operation.content, operation.length);
    match operation.tag {
        BIND_REQUEST => {
            let version = Element::expect_in(&mut content, tag::INTEGER, &mut room)?;
            require((1..=127).contains(&version.unsigned()?))?;
            whole_string(&mut content, &mut room)?;
            // Simple, SASL, or Microsoft's three Sicily steps.
            content.u8_if(|choice| matches!(choice, 0x80 | 0xa3 | 0x89..=0x8b)).map(drop)
        }
        UNBIND_REQUEST => require(operation.length == 0),
        ABANDON_REQUEST => require((1..=5).contains(&operation.length)),
        SEARCH_REQUEST => {
            whole_string(&mut content, &mut room)?;
            let scope = Element::expect_in(&mut content, tag::ENUMERATED, &mut room)?;
            require(scope.unsigned()? <= 3)?;
            let aliases = Element::expect_in(&mut content, tag::ENUMERATED, &mut room)?;
            require(aliases.unsigned()? <= 3)
        }
        EXTENDED_REQUEST => content.expect(&[0x80]),
        DELETE_REQUEST => Ok(()),
        _ => Element::expect_in(&mut content, tag::OCTET_STRING, &mut room).map(drop),
    }
}

fn response_kind(kind: u8) -> bool {
    matches!(
        kind,
        BIND_RESPONSE
            | SEARCH_ENTRY
            | SEARCH_DONE
            | MODIFY_RESPONSE
            | ADD_RESPONSE
            | DELETE_RESPONSE
            | RENAME_RESPONSE
            | COMPARE_RESPONSE
            | SEARCH_REFERENCE
            | EXTENDED_RESPONSE
            | INTERMEDIATE_RESPONSE
    )
}

fn response(operation: Element<'_>) -> Step<()> {
    let (mut content, mut room) = (operation.content, operation.length);
    match operation.tag {
        SEARCH_ENTRY => {
            whole_string(&mut content, &mut room)?;
            Element::expect_in(&mut content, tag::SEQUENCE, &mut room).map(drop)
        }
        SEARCH_REFERENCE => Element::expect_in(&mut content, tag::OCTET_STRING, &mut room).map(drop),
        INTERMEDIATE_RESPONSE => content.u8_if(|field| matches!(field, 0x80 | 0x81)).map(drop),
        _ => {
            // LDAPResult: code, matched name, diagnostic message.
            let code = Element::expect_in(&mut content, tag::ENUMERATED, &mut room)?;
            require((1..=2).contains(&code.length))?;
            whole_string(&mut content, &mut room)?;
            Element::expect_in(&mut content, tag::OCTET_STRING, &mut room).map(drop)
        }
    }
}

/// An OCTET STRING of which all must be there before what follows it can be read.
fn whole_string(content: &mut Scan<'_>, room: &mut usize) -> Step<()> {
    let string = Element::expect_in(content, tag::OCTET_STRING, room)?;
    if string.content.is_whole() { Ok(()) } else { Err(Stop::Short) }
}

/// A buffer of a SASL security layer that holds a Kerberos wrap token. Other SASL protocols send the same.
fn wrapped(scan: &mut Scan<'_>) -> Step<Proof> {
    const FLAGS: u8 = 0x07;
    scan.be(4, 16..=0x00ff_ffff)?;
    scan.expect(&[5, 4])?;
    scan.u8_if(|flags| flags & !FLAGS == 0)?;
    scan.expect(&[0xff])?;
    // Extra count and right rotation count.
    scan.be(2, 0..=0xff)?;
    scan.be(2, 0..=0xff)?;
    Ok(Proof::Heuristic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        // Active Directory always writes lengths in four octets.
        let mut bytes = vec![tag, 0x84];
        bytes.extend((content.len() as u32).to_be_bytes());
        bytes.extend(content);
        bytes
    }

    fn envelope(operation: &[u8]) -> Vec<u8> {
        let mut content = vec![2, 1, 7];
        content.extend(operation);
        element(0x30, &content)
    }

    fn search() -> Vec<u8> {
        let mut operation = b"\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00".to_vec();
        operation.extend(b"\x87\x0bobjectclass\x30\x00");
        element(SEARCH_REQUEST, &operation)
    }

    #[test]
    fn requests() {
        let tcp = Trial::tcp(check);
        tcp.client_proves(b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", Proof::Structure);
        tcp.client_proves(b"\x30\x05\x02\x01\x03\x42\x00", Proof::Structure);
        tcp.client_proves(&envelope(&search()), Proof::Structure);
        tcp.client_proves(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037", Proof::Structure);
        tcp.client_proves(b"\x30\x0b\x02\x01\x02\x4a\x02cn\xa0\x02\x30\x00", Proof::Structure);
        Trial::udp(check).client_proves(&envelope(&search()), Proof::Structure);
    }

    #[test]
    fn responses() {
        let tcp = Trial::tcp(check);
        tcp.server_proves(b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00", Proof::Structure);
        tcp.server_proves(&envelope(&element(SEARCH_ENTRY, b"\x04\x02cn\x30\x00")), Proof::Structure);
        let mut datagram = envelope(&element(SEARCH_ENTRY, b"\x04\x02cn\x30\x00"));
        datagram.extend(b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00");
        Trial::udp(check).server_proves(&datagram, Proof::Structure);
    }

    #[test]
    fn fields_that_contradict_in_lengths_that_agree() {
        let tcp = Trial::tcp(check);
        let bind = b"\x30\x1d\x02\x01\x01\x60\x18\x02\x01\x03\x04\x0bcn=admin,dc=\x80\x04pass";
        tcp.client_proves(bind, Proof::Heuristic);
        let mut lengths = bind.to_vec();
        lengths[6] -= 1;
        assert_eq!(tcp.client(&lengths), Match::No);
        tcp.server_proves(b"\x30\x06\x02\x01\x01\x61\x01\x0b", Proof::Heuristic);
    }

    #[test]
    fn a_security_layer_in_midstream() {
        let token = b"\0\0\0\x40\x05\x04\x06\xff\0\0\0\x1c\0\0\0\0\x12\x34";
        Trial::tcp(check).midstream().client_proves(token, Proof::Heuristic);
        assert_eq!(Trial::tcp(check).client(token), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        // SNMP: a sequence and a number, then a string.
        assert_eq!(tcp.client(b"\x30\x26\x02\x01\x01\x04\x06public"), Match::No);
        assert_eq!(tcp.client(b"\x30\x0c\x02\x01\x01\x61"), Match::No, "a response from the client");
        assert_eq!(tcp.client(b"\x30\x0c\x02\x01\x01\x60\x08"), Match::No, "longer than its envelope");
        assert_eq!(tcp.client(b"\x30\x05\x02\x01\x03\x42\x01"), Match::No);
        assert_eq!(Trial::udp(check).client(&envelope(&search())[..20]), Match::No);
        assert_eq!(tcp.both(&envelope(&search()), b"ERR"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        Trial::udp(check).refuses_noise(100_000);
    }
}
