# service: BIND: UDP, TCP, zone transfer, DNS over TLS and over HTTPS, dynamic update with TSIG
# packages: bind9 bind9-dnsutils bind9-host knot-dnsutils ldnsutils
# flow: 53/udp dns
# flow: 53/tcp dns
# flow: 443/tcp tls
# flow: 853/tcp tls

serve() {
    certificate
    zone >example.zone
    cat >named.conf <<EOF
tls own { cert-file "$work/cert.pem"; key-file "$work/key.pem"; };
key "alice" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0"; };
options {
    directory "$work"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
    listen-on port 53 { any; }; listen-on port 853 tls own { any; }; listen-on port 443 tls own http default { any; };
};
controls {};
zone "example" { type primary; file "example.zone"; allow-transfer { any; }; allow-update { key alice; }; };
EOF
    exec named -g -u root -c named.conf
}

visit() {
    local kind
    for kind in A AAAA MX SOA NS ANY TXT HTTPS; do
        dig +tries=1 "@$server" "$kind" server.example >/dev/null
        kdig "@$server" "$kind" nowhere.example >/dev/null
    done
    dig "@$server" +tcp server.example MX +keepopen nowhere.example NS example SOA >/dev/null
    dig "@$server" +dnssec +nsid +cookie +subnet=192.0.2.0/24 +padding=128 server.example >/dev/null
    dig "@$server" +noedns server.example >/dev/null
    dig "@$server" CH TXT version.bind >/dev/null
    dig "@$server" -x 192.0.2.1 >/dev/null
    dig "@$server" AXFR example >/dev/null
    dig "@$server" IXFR=1 example >/dev/null
    dig "@$server" +tls server.example >/dev/null
    dig "@$server" +https server.example >/dev/null
    kdig "@$server" +tls server.example +https server.example >/dev/null
    host server.example "$server"
    drill "@$server" server.example >/dev/null
    drill -t "@$server" server.example >/dev/null
    printf 'server %s\nzone example\nupdate add new.example 60 A 192.0.2.1\nsend\n' "$server" |
        nsupdate -y hmac-sha256:alice:c2VjcmV0c2VjcmV0c2VjcmV0
    echo "nameserver $server" >resolv.conf
    mount --bind resolv.conf /etc/resolv.conf
    getent ahosts new.example
    getent ahosts nowhere.example || true
}
