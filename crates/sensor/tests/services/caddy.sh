# service: Caddy: Go's TLS, HTTP/2 and HTTP/3
# packages: caddy curl wget openssl gnutls-bin libnss3-tools hey ngtcp2-client
# flow: 80/tcp http
# flow: 443/tcp tls
# flow: 443/udp quic

serve() {
    certificate
    cat >Caddyfile <<EOF
{
    admin off
    auto_https off
}
:80 {
    respond "hello"
}
https://server.example {
    tls $work/cert.pem $work/key.pem
    respond "hello"
}
EOF
    exec caddy run --config Caddyfile --adapter caddyfile
}

visit() {
    browse http://server.example
    browse https://server.example
    greet 443
    hey -n 10 -c 2 -h2 https://server.example/ >/dev/null
    timeout 10 gtlsclient --exit-on-all-streams-close --no-quic-dump --no-http-dump "$server" 443 https://server.example/ >/dev/null
}
