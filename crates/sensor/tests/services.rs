//! Real servers and clients of Debian on their own ports, watched live: no alarm, and every flow is what it is known to be.
//!
//! A file of `services/` is one service: what it needs and which flows it makes stand in its head, `serve` and `visit` are
//! the two sides. `scripts/setup test` installs what the heads name. With `OFFPORT_KEEP=DIR` each service leaves its
//! capture, records and logs in a folder of `DIR`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test may fail in any way"
)]

#[allow(dead_code, reason = "shared with the live tests")]
#[path = "live/lab.rs"]
mod lab;
#[path = "services/run.rs"]
mod run;
#[allow(dead_code, reason = "shared with the live tests")]
#[path = "live/sensor.rs"]
mod sensor;
#[path = "services/service.rs"]
mod service;

use std::path::Path;

use crate::service::Service;

macro_rules! services {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            run::raises_no_alarm(stringify!($name));
        })+

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

services! {
    aiosmtpd
    apache2
    bind9
    bird
    caddy
    chrony
    coturn
    cups
    dante
    dict
    dnsmasq
    dovecot
    dropbear
    etcd
    exim
    fastcgi
    freeradius
    git
    gnutls
    grpc
    haproxy
    inetd
    kamailio
    kerberos
    knot
    libcoap
    lighttpd
    mariadb
    memcached
    microsocks
    modbus
    mosquitto
    nghttpx
    nginx
    ngircd
    ngtcp2
    openldap
    openssh
    openssl
    openvpn
    postgresql
    proftpd
    prosody
    rabbitmq
    redis
    rpcbind
    rsync
    rsyslog
    samba
    snmpd
    squid
    stunnel
    svnserve
    tftpd
    tightvnc
    tinyproxy
    tinyssh
    unbound
    vsftpd
    websockets
    zabbix
    zeroconf
}

#[test]
fn every_file_of_the_folder_is_a_service_here() {
    let mut files: Vec<String> = std::fs::read_dir(service::folder())
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(".sh").map(str::to_owned)
        })
        .filter(|name| name != "prelude")
        .collect();
    files.sort_unstable();
    assert_eq!(files, NAMES, "in the order of the alphabet");
}

/// docs/services.md is written from the heads by `OFFPORT_BLESS=1 cargo test -p offport-sensor --test services`.
#[test]
fn the_page_lists_every_service() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/services.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let rows: String = NAMES.iter().map(|name| Service::read(name).row()).collect();
    let (begin, end) = ("<!-- services: written by a test, see below -->\n", "<!-- end of services -->");
    let (head, rest) = written.split_once(begin).unwrap();
    let (_, foot) = rest.split_once(end).unwrap();
    let page = format!("{head}{begin}| service | ports | packages |\n|---|---|---|\n{rows}{end}{foot}");
    if std::env::var_os("OFFPORT_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    } else {
        assert_eq!(written, page, "OFFPORT_BLESS=1 writes it anew");
    }
}
