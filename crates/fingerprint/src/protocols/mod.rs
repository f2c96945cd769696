//! One file per protocol; this is their table.

use crate::probe::Probe;

mod adb;
mod ads;
mod aerospike;
mod afp;
mod ajp;
mod amqp;
mod atg;
mod babel;
mod bacnet;
mod beanstalkd;
mod beats;
mod bfd;
mod bgp;
mod bitcoin;
mod bittorrent;
mod bjnp;
mod bolt;
mod c1222;
mod c37118;
mod can_eth;
mod capwap;
mod cassandra;
mod ceph;
mod chargen;
mod clickhouse;
mod cnip;
mod coap;
mod codesys;
mod collectd;
mod cpha;
mod cups_browsing;
mod cvs;
mod daytime;
mod dcerpc;
mod devp2p;
mod dhcp;
mod dhcpv6;
mod diameter;
mod dict;
mod distcc;
mod dlep;
mod dlms;
mod dnp3;
pub(crate) mod dns;
mod drda;
mod dropbox_lsp;
mod dtls;
mod edonkey;
mod egd;
mod elasticsearch;
mod enip;
mod epmd;
mod erldp;
mod ether_sio;
mod ethercat;
mod fastcgi;
mod finger;
mod fins;
mod firebird;
mod fix;
mod fluentd;
mod ftp;
mod gdb_remote;
mod ge_srtp;
mod gearman;
mod gelf;
mod giop;
mod git;
mod gnutella;
mod gopher;
mod graphite;
mod gtp;
mod h323;
mod hart_ip;
mod hazelcast;
mod hislip;
mod hl7;
mod hsrp;
mod http;
mod http2;
mod ica;
mod ident;
mod iec104;
mod ignite;
mod imap;
mod ipfix;
mod ipmi;
mod irc;
mod isakmp;
mod iscsi;
mod java_serialized;
mod jdwp;
mod jetdirect;
mod kafka;
mod kerberos;
mod kismet;
mod knxip;
mod l2tp;
mod ldap;
mod ldp;
mod lisp;
mod llmnr;
mod lpd;
mod managesieve;
mod mdns;
mod melsec;
mod memcached;
mod minecraft;
mod mms;
mod modbus;
mod mongodb;
mod mp2t;
mod mpd;
mod mqtt;
mod mqtt_sn;
mod msdp;
mod mssql_browser;
mod munin;
mod mysql;
mod natpmp;
mod nats;
mod nbd;
mod ndmp;
mod netbios_dgm;
mod netbios_ns;
mod netbios_ssn;
mod netflow;
mod nntp;
mod nrpe;
mod nsq;
mod ntp;
mod nut;
mod olsr;
mod opcua;
mod openvpn;
mod openwire;
mod oracle_tns;
mod pana;
mod pcep;
mod pcp;
mod pcworx;
mod pfcp;
mod pop3;
mod postgresql;
mod pptp;
mod ptp;
mod pulsar;
mod quake;
pub(crate) mod quic;
mod radius;
mod raknet;
mod rdp;
mod redis;
mod rethinkdb;
mod rip;
mod rlogin;
mod rmi;
mod rpc;
mod rsh;
mod rsync;
mod rtmp;
mod rtp;
mod rtps;
mod rtsp;
mod rx;
mod s7comm;
mod s_bus;
mod scgi;
mod sflow;
mod sip;
mod skinny;
mod slp;
mod smb;
mod smpp;
mod smtp;
mod snmp;
mod socks;
mod source_engine;
mod spice;
mod ssdp;
mod ssh;
mod statsd;
mod steam;
mod stomp;
mod stratum;
mod stun;
mod svn;
mod syslog;
mod t3;
mod tacacs;
mod tarantool;
mod tds;
mod teamspeak;
mod teamviewer;
mod telnet;
mod teredo;
mod tftp;
mod thrift;
mod tivoconnect;
mod tls;
mod tplink_smarthome;
mod tridium_fox;
mod uwsgi;
mod vnc;
mod wccp;
mod websocket;
mod whois;
mod wireguard;
mod wow;
mod ws_discovery;
mod x11;
mod xdmcp;
mod xmpp;
mod zabbix;
mod zmtp;
mod zookeeper;

/// Every probe. Where two protocols can look alike to the byte, the more specific one stands first.
pub(crate) const PROBES: &[Probe] = &[
    // What there is most of: where it is proven, few others are asked.
    tls::PROBE,
    http::PROBE,
    // These four share a format: each stands before the ones that would take its messages for their own.
    netbios_ns::PROBE,
    mdns::PROBE,
    llmnr::PROBE,
    dns::PROBE,
    quic::PROBE,
    dhcp::PROBE,
    ntp::PROBE,
    stun::PROBE,
    ssdp::PROBE,
    snmp::PROBE,
    dtls::PROBE,
    smb::PROBE,
    ldap::PROBE,
    kerberos::PROBE,
    dcerpc::PROBE,
    ssh::PROBE,
    smtp::PROBE,
    ftp::PROBE,
    modbus::PROBE,
    dnp3::PROBE,
    netbios_dgm::PROBE,
    isakmp::PROBE,
    mqtt::PROBE,
    sip::PROBE,
    rtp::PROBE,
    // All others.
    adb::PROBE,
    ads::PROBE,
    aerospike::PROBE,
    afp::PROBE,
    ajp::PROBE,
    amqp::PROBE,
    atg::PROBE,
    babel::PROBE,
    bacnet::PROBE,
    beanstalkd::PROBE,
    beats::PROBE,
    bfd::PROBE,
    bgp::PROBE,
    bitcoin::PROBE,
    bittorrent::PROBE,
    bjnp::PROBE,
    bolt::PROBE,
    c1222::PROBE,
    c37118::PROBE,
    can_eth::PROBE,
    capwap::PROBE,
    cassandra::PROBE,
    ceph::PROBE,
    chargen::PROBE,
    clickhouse::PROBE,
    cnip::PROBE,
    coap::PROBE,
    codesys::PROBE,
    collectd::PROBE,
    cpha::PROBE,
    cups_browsing::PROBE,
    cvs::PROBE,
    daytime::PROBE,
    devp2p::PROBE,
    dhcpv6::PROBE,
    diameter::PROBE,
    dict::PROBE,
    distcc::PROBE,
    dlep::PROBE,
    dlms::PROBE,
    drda::PROBE,
    dropbox_lsp::PROBE,
    edonkey::PROBE,
    egd::PROBE,
    elasticsearch::PROBE,
    enip::PROBE,
    epmd::PROBE,
    erldp::PROBE,
    ether_sio::PROBE,
    ethercat::PROBE,
    fastcgi::PROBE,
    finger::PROBE,
    fins::PROBE,
    firebird::PROBE,
    fix::PROBE,
    fluentd::PROBE,
    gdb_remote::PROBE,
    ge_srtp::PROBE,
    gearman::PROBE,
    gelf::PROBE,
    giop::PROBE,
    git::PROBE,
    gnutella::PROBE,
    gopher::PROBE,
    graphite::PROBE,
    gtp::PROBE,
    h323::PROBE,
    hart_ip::PROBE,
    hazelcast::PROBE,
    hislip::PROBE,
    hl7::PROBE,
    hsrp::PROBE,
    http2::PROBE,
    ica::PROBE,
    ident::PROBE,
    iec104::PROBE,
    ignite::PROBE,
    imap::PROBE,
    ipfix::PROBE,
    ipmi::PROBE,
    irc::PROBE,
    iscsi::PROBE,
    java_serialized::PROBE,
    jdwp::PROBE,
    jetdirect::PROBE,
    kafka::PROBE,
    kismet::PROBE,
    knxip::PROBE,
    l2tp::PROBE,
    ldp::PROBE,
    lisp::PROBE,
    lpd::PROBE,
    managesieve::PROBE,
    melsec::PROBE,
    memcached::PROBE,
    minecraft::PROBE,
    mms::PROBE,
    mongodb::PROBE,
    mp2t::PROBE,
    mpd::PROBE,
    mqtt_sn::PROBE,
    msdp::PROBE,
    mssql_browser::PROBE,
    munin::PROBE,
    // Its start request can be read as the answer to the greeting of MySQL, which has no magic.
    pptp::PROBE,
    mysql::PROBE,
    natpmp::PROBE,
    nats::PROBE,
    nbd::PROBE,
    ndmp::PROBE,
    netbios_ssn::PROBE,
    netflow::PROBE,
    nntp::PROBE,
    nrpe::PROBE,
    nsq::PROBE,
    // A call's transaction id can be the beginning of an NTP header.
    rpc::PROBE,
    nut::PROBE,
    olsr::PROBE,
    opcua::PROBE,
    // A Follow_Up with its usual TLV begins and is as long as a reset of OpenVPN.
    ptp::PROBE,
    openvpn::PROBE,
    openwire::PROBE,
    oracle_tns::PROBE,
    pana::PROBE,
    pcep::PROBE,
    pcp::PROBE,
    pcworx::PROBE,
    pfcp::PROBE,
    pop3::PROBE,
    postgresql::PROBE,
    pulsar::PROBE,
    quake::PROBE,
    radius::PROBE,
    raknet::PROBE,
    rdp::PROBE,
    redis::PROBE,
    rethinkdb::PROBE,
    rip::PROBE,
    rlogin::PROBE,
    rmi::PROBE,
    rsh::PROBE,
    rsync::PROBE,
    rtmp::PROBE,
    rtps::PROBE,
    rtsp::PROBE,
    rx::PROBE,
    s7comm::PROBE,
    s_bus::PROBE,
    scgi::PROBE,
    sflow::PROBE,
    skinny::PROBE,
    slp::PROBE,
    smpp::PROBE,
    socks::PROBE,
    source_engine::PROBE,
    spice::PROBE,
    statsd::PROBE,
    steam::PROBE,
    stomp::PROBE,
    stratum::PROBE,
    svn::PROBE,
    syslog::PROBE,
    t3::PROBE,
    tacacs::PROBE,
    tarantool::PROBE,
    tds::PROBE,
    teamspeak::PROBE,
    teamviewer::PROBE,
    telnet::PROBE,
    teredo::PROBE,
    tftp::PROBE,
    thrift::PROBE,
    tivoconnect::PROBE,
    tplink_smarthome::PROBE,
    tridium_fox::PROBE,
    uwsgi::PROBE,
    vnc::PROBE,
    wccp::PROBE,
    websocket::PROBE,
    whois::PROBE,
    wireguard::PROBE,
    wow::PROBE,
    ws_discovery::PROBE,
    x11::PROBE,
    xdmcp::PROBE,
    xmpp::PROBE,
    zabbix::PROBE,
    zmtp::PROBE,
    zookeeper::PROBE,
];
