//! One file per protocol; this is their table.

use crate::probe::Probe;

mod bittorrent;
mod dcerpc;
mod dhcp;
mod dhcpv6;
mod dnp3;
mod dns;
mod dtls;
mod ftp;
mod http;
mod http2;
mod imap;
mod isakmp;
mod kerberos;
mod ldap;
mod llmnr;
mod mdns;
mod modbus;
mod mongodb;
mod mqtt;
mod mysql;
mod netbios_ns;
mod netbios_ssn;
mod ntp;
mod openvpn;
mod oracle_tns;
mod pop3;
mod postgresql;
mod quic;
mod rdp;
mod redis;
mod rpc;
mod rtp;
mod rtsp;
mod s7comm;
mod sip;
mod smb;
mod smtp;
mod snmp;
mod socks;
mod ssdp;
mod ssh;
mod stun;
mod syslog;
mod tds;
mod telnet;
mod tftp;
mod tls;
mod vnc;
mod websocket;
mod wireguard;

/// Every probe. Where two protocols can look alike to the byte, the more specific one stands first.
pub(crate) const PROBES: &[Probe] = &[
    bittorrent::PROBE,
    dcerpc::PROBE,
    dhcp::PROBE,
    dhcpv6::PROBE,
    dnp3::PROBE,
    // These four share a format: each stands before the ones that would take its messages for their own.
    netbios_ns::PROBE,
    mdns::PROBE,
    llmnr::PROBE,
    dns::PROBE,
    dtls::PROBE,
    ftp::PROBE,
    http::PROBE,
    http2::PROBE,
    imap::PROBE,
    isakmp::PROBE,
    kerberos::PROBE,
    ldap::PROBE,
    modbus::PROBE,
    mongodb::PROBE,
    mqtt::PROBE,
    mysql::PROBE,
    netbios_ssn::PROBE,
    ntp::PROBE,
    openvpn::PROBE,
    oracle_tns::PROBE,
    pop3::PROBE,
    postgresql::PROBE,
    quic::PROBE,
    rdp::PROBE,
    redis::PROBE,
    rpc::PROBE,
    rtp::PROBE,
    rtsp::PROBE,
    s7comm::PROBE,
    sip::PROBE,
    smb::PROBE,
    smtp::PROBE,
    snmp::PROBE,
    socks::PROBE,
    ssdp::PROBE,
    ssh::PROBE,
    stun::PROBE,
    syslog::PROBE,
    tds::PROBE,
    telnet::PROBE,
    tftp::PROBE,
    tls::PROBE,
    vnc::PROBE,
    websocket::PROBE,
    wireguard::PROBE,
];
