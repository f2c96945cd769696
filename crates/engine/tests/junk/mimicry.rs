//! What begins as a port's protocol does, and is none: the first bytes are right, what follows is raw.

use offport_fingerprint::Protocol;
use offport_wire::Transport;

use super::{noise, size};
use crate::traffic::{Client, Rng, Server, Speaker};

/// Who says it, and what.
type Mask = (Protocol, Transport, &'static str, fn(&mut Rng) -> Vec<(Speaker, Vec<u8>)>);

const TCP: Transport = Transport::TCP;
const UDP: Transport = Transport::UDP;

pub(crate) const MASKS: &[Mask] = &[
    (Protocol::Tls, TCP, "tls: record header, raw", |rng| client(&[0x16, 3, 1], rng)),
    (Protocol::Tls, TCP, "tls: handshake of a kind that is none", |rng| {
        let body = noise(rng);
        vec![(Client, [&[0x16, 3, 1][..], &be16(body.len()), &[99], &body[1..]].concat())]
    }),
    (Protocol::Tls, TCP, "tls: hello of random bytes", |rng| {
        let body = noise(rng);
        let head = [&[0x16, 3, 1][..], &be16(body.len() + 4), &[1, 0], &be16(body.len())].concat();
        vec![(Client, [head, body].concat())]
    }),
    (Protocol::Tls, TCP, "tls: application data, no handshake", |rng| {
        let body = noise(rng);
        vec![(Client, [&[0x17, 3, 3][..], &be16(body.len()), &body].concat())]
    }),
    (Protocol::Tls, TCP, "tls: random bytes as an answer", |rng| {
        vec![(Client, hello(rng)), (Server, noise(rng))]
    }),
    (Protocol::Tls, TCP, "tls: hello, then raw", |rng| {
        vec![(Client, hello(rng)), (Client, long(rng)), (Client, long(rng))]
    }),
    (Protocol::Tls, TCP, "tls: server pours behind a record header", |rng| server(&[0x16, 3, 3], rng)),
    (Protocol::Http, TCP, "http: GET, then raw", |rng| client(b"GET ", rng)),
    (Protocol::Http, TCP, "http: POST /, then raw", |rng| client(b"POST / ", rng)),
    (Protocol::Http, TCP, "http: request line, then raw", |rng| client(b"POST /upload HTTP/1.1\r\n", rng)),
    (Protocol::Http, TCP, "http: request line and empty line, then raw", |rng| {
        vec![
            (Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
            (Client, long(rng)),
            (Client, long(rng)),
        ]
    }),
    (Protocol::Http, TCP, "http: status line, then raw", |rng| server(b"HTTP/1.1 200 OK\r\n", rng)),
    (Protocol::Http, TCP, "http: version, then raw", |rng| server(b"HTTP/1.1 ", rng)),
    (Protocol::Http, TCP, "http: request, raw answer", |rng| {
        vec![
            (Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
            (Server, long(rng)),
            (Server, long(rng)),
        ]
    }),
    (Protocol::Ssh, TCP, "ssh: SSH-, then raw", |rng| client(b"SSH-", rng)),
    (Protocol::Ssh, TCP, "ssh: identification, then raw", |rng| client(b"SSH-2.0-OpenSSH_9.2\r\n", rng)),
    (Protocol::Ssh, TCP, "ssh: server's identification, then raw", |rng| {
        server(b"SSH-2.0-OpenSSH_9.2\r\n", rng)
    }),
    (Protocol::Smtp, TCP, "smtp: 220, then raw", |rng| server(b"220 ", rng)),
    (Protocol::Smtp, TCP, "smtp: greeting, then raw", |rng| server(b"220 mx.example.org ESMTP\r\n", rng)),
    (Protocol::Smtp, TCP, "smtp: EHLO, then raw", |rng| client(b"EHLO a\r\n", rng)),
    (Protocol::Ftp, TCP, "ftp: 220, then raw", |rng| server(b"220 ", rng)),
    (Protocol::Ftp, TCP, "ftp: USER, then raw", |rng| client(b"USER ", rng)),
    (Protocol::Pop3, TCP, "pop3: +OK, then raw", |rng| server(b"+OK ", rng)),
    (Protocol::Imap, TCP, "imap: * OK, then raw", |rng| server(b"* OK ", rng)),
    (Protocol::Dns, UDP, "dns: id, flags and counts, then raw", |rng| {
        let id = rng.bytes(2);
        client(&[&id[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat(), rng)
    }),
    (Protocol::Dns, UDP, "dns: random counts", |rng| {
        let id = rng.bytes(2);
        client(&[&id[..], &[1, 0]].concat(), rng)
    }),
    (Protocol::Dns, UDP, "dns: answer of random bytes", |rng| {
        let id = rng.bytes(2);
        server(&[&id[..], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]].concat(), rng)
    }),
    (Protocol::Dns, TCP, "dns: length, then raw", |rng| {
        let body = noise(rng);
        vec![(Client, [&be16(body.len())[..], &body].concat())]
    }),
    (Protocol::Quic, UDP, "quic: long header, then raw", |rng| client(&[0xc3, 0, 0, 0, 1], rng)),
    (Protocol::Quic, UDP, "quic: random bytes with a fixed bit", |rng| {
        let first = 0x40 | rng.byte() & 0x3f;
        client(&[first], rng)
    }),
    (Protocol::Quic, UDP, "quic: unknown version", |rng| {
        let version = rng.bytes(4);
        client(&[&[0xc0][..], &version].concat(), rng)
    }),
    (Protocol::Ntp, UDP, "ntp: first byte, then raw", |rng| client(&[0x23], rng)),
    (Protocol::Ntp, UDP, "ntp: answer's first byte, then raw", |rng| server(&[0x24], rng)),
    (Protocol::Snmp, UDP, "snmp: sequence and version, then raw", |rng| {
        client(b"\x30\x82\x01\x10\x02\x01\x01\x04\x06public", rng)
    }),
    (Protocol::Ldap, TCP, "ldap: sequence and id, then raw", |rng| {
        client(b"\x30\x84\0\0\x01\0\x02\x01\x01", rng)
    }),
    (Protocol::Kerberos, TCP, "kerberos: length and tag, then raw", |rng| {
        client(b"\0\0\x01\0\x6a\x81\xfd", rng)
    }),
    (Protocol::Kerberos, UDP, "kerberos: tag, then raw", |rng| client(b"\x6a\x81\xfd\x30\x81", rng)),
    (Protocol::Rdp, TCP, "rdp: tpkt, then raw", |rng| client(b"\x03\0\0\x13\x0e\xe0", rng)),
    (Protocol::Smb, TCP, "smb: magic, then raw", |rng| client(b"\0\0\0\x85\xffSMB", rng)),
    (Protocol::Smb, TCP, "smb: magic of version 2, then raw", |rng| client(b"\0\0\0\xe8\xfeSMB", rng)),
    (Protocol::Dcerpc, TCP, "dcerpc: version, then raw", |rng| client(b"\x05\0\x0b\x03", rng)),
    (Protocol::Mysql, TCP, "mysql: greeting's first bytes, then raw", |rng| server(b"\x4a\0\0\0\x0a", rng)),
    (Protocol::Mysql, TCP, "mysql: version, then raw", |rng| server(b"\x4a\0\0\0\x0a8.0.36\0", rng)),
    (Protocol::Postgresql, TCP, "postgresql: startup, then raw", |rng| client(b"\0\0\0\x54\0\x03\0\0", rng)),
    (Protocol::Tds, TCP, "tds: prelogin header, then raw", |rng| client(b"\x12\x01\0\x2f\0\0\x01\0", rng)),
    (Protocol::OracleTns, TCP, "oracle-tns: connect header, then raw", |rng| {
        client(b"\0\xc8\0\0\x01\0\0\0", rng)
    }),
    (Protocol::Redis, TCP, "redis: array, then raw", |rng| client(b"*3\r\n", rng)),
    (Protocol::Mongodb, TCP, "mongodb: length, then raw", |rng| client(b"\xd4\0\0\0\x01\0\0\0\0\0\0\0", rng)),
    (Protocol::Mqtt, TCP, "mqtt: connect's first bytes, then raw", |rng| client(b"\x10\x40\0\x04MQTT", rng)),
    (Protocol::Sip, TCP, "sip: INVITE, then raw", |rng| client(b"INVITE sip:", rng)),
    (Protocol::Rtsp, TCP, "rtsp: OPTIONS, then raw", |rng| client(b"OPTIONS rtsp://", rng)),
    (Protocol::Dhcp, UDP, "dhcp: operation and hardware, then raw", |rng| client(&[1, 1, 6, 0], rng)),
    (Protocol::Dhcpv6, UDP, "dhcpv6: type, then raw", |rng| client(&[1], rng)),
    (Protocol::Tftp, UDP, "tftp: opcode, then raw", |rng| client(&[0, 1], rng)),
    (Protocol::Rpc, TCP, "rpc: fragment header, then raw", |rng| client(b"\x80\0\0\x28", rng)),
    (Protocol::Rpc, UDP, "rpc: id and call, then raw", |rng| client(b"\x12\x34\x56\x78\0\0\0\0", rng)),
    (Protocol::Modbus, TCP, "modbus: header, then raw", |rng| client(&[0, 1, 0, 0, 0, 6, 1], rng)),
    (Protocol::Dnp3, TCP, "dnp3: start bytes, then raw", |rng| client(&[5, 0x64], rng)),
    (Protocol::Isakmp, UDP, "isakmp: cookies and version, then raw", |rng| {
        let cookie = rng.bytes(8);
        client(&[&cookie[..], &[0; 8], &[33, 0x20]].concat(), rng)
    }),
    (Protocol::Stun, TCP, "stun: header, then raw", |rng| client(b"\0\x01\0\x40\x21\x12\xa4\x42", rng)),
    (Protocol::Socks, TCP, "socks: version, then raw", |rng| client(&[5], rng)),
    (Protocol::NetbiosNs, UDP, "netbios-ns: header, then raw", |rng| {
        client(b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0", rng)
    }),
    (Protocol::NetbiosSsn, TCP, "netbios-ssn: request header, then raw", |rng| client(b"\x81\0\0\x44", rng)),
    (Protocol::Ssdp, UDP, "ssdp: M-SEARCH, then raw", |rng| client(b"M-SEARCH ", rng)),
    (Protocol::Wireguard, UDP, "wireguard: type, then raw", |rng| client(&[1, 0, 0, 0], rng)),
    (Protocol::Dtls, UDP, "dtls: record header, then raw", |rng| client(b"\x16\xfe\xff\0\0\0\0", rng)),
];

fn client(start: &[u8], rng: &mut Rng) -> Vec<(Speaker, Vec<u8>)> {
    vec![(Client, [start, &noise(rng)].concat())]
}

fn server(start: &[u8], rng: &mut Rng) -> Vec<(Speaker, Vec<u8>)> {
    vec![(Server, [start, &noise(rng)].concat())]
}

fn long(rng: &mut Rng) -> Vec<u8> {
    let len = size(rng) + 200;
    rng.bytes(len)
}

/// A ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2).
fn hello(rng: &mut Rng) -> Vec<u8> {
    let random = rng.bytes(32);
    [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3][..], &random, &[0, 0, 2, 0xc0, 0x2f, 1, 0]].concat()
}

fn be16(value: usize) -> [u8; 2] {
    (value as u16).to_be_bytes()
}
