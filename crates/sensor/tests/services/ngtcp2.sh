# service: ngtcp2: QUIC with GnuTLS, address validation by Retry, 0-RTT, another version
# packages: ngtcp2-server ngtcp2-client openssl
# flow: 443/udp quic
# flow: 4433/udp quic

serve() {
    certificate
    mkdir www
    head -c 300000 /dev/urandom >www/index.html
    gtlsserver -q -d www "$server" 4433 key.pem cert.pem --validate-addr &
    exec gtlsserver -q -d www "$server" 443 key.pem cert.pem
}

visit() {
    local port get=(timeout 10 gtlsclient -q --exit-on-all-streams-close --session-file=session --tp-file=params)
    for port in 443 4433; do
        "${get[@]}" --disable-early-data "$server" "$port" "https://server.example:$port/index.html"
        "${get[@]}" "$server" "$port" "https://server.example:$port/index.html"
    done
    "${get[@]}" --version=v2draft "$server" 443 https://server.example/index.html || true
}
