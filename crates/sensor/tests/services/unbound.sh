# service: Unbound: recursion, DNS over TLS
# packages: unbound bind9-dnsutils knot-dnsutils openssl
# flow: 53/udp dns
# flow: 53/tcp dns
# flow: 853/tcp tls

serve() {
    certificate
    cat >unbound.conf <<EOF
server:
    directory: "$work"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    interface: 0.0.0.0@53
    interface: 0.0.0.0@853
    tls-service-key: "$work/key.pem"
    tls-service-pem: "$work/cert.pem"
    tls-port: 853
    access-control: 0.0.0.0/0 allow
    module-config: "iterator"
    local-data: "server.example. A $server"
    do-not-query-localhost: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@1
EOF
    exec unbound -d -c unbound.conf
}

visit() {
    dig "@$server" server.example nowhere.invalid >/dev/null
    dig "@$server" +tcp server.example >/dev/null
    kdig "@$server" +tls server.example server.example MX >/dev/null
    dig "@$server" +timeout=1 +tries=1 example.org >/dev/null || true
    openssl s_client -brief -connect "$server:853" </dev/null
}
