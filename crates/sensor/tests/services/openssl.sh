# service: OpenSSL's server: TLS 1.0 to 1.3, 0-RTT, client certificates, PSK; DTLS 1.2
# packages: openssl gnutls-bin libnss3-tools curl
# flow: 443/tcp tls
# flow: 853/tcp tls
# flow: 5684/udp dtls

serve() {
    certificate
    local server_of=(openssl s_server -quiet -cipher ALL:@SECLEVEL=0)
    "${server_of[@]}" -accept 443 -key key.pem -cert cert.pem -verify 1 -early_data -no_anti_replay &
    "${server_of[@]}" -accept 853 -psk 0123456789abcdef -nocert &
    "${server_of[@]}" -accept 5684 -dtls -listen -key key.pem -cert cert.pem </dev/zero &
    wait
}

visit() {
    local version get=(openssl s_client -brief -cipher ALL:@SECLEVEL=0 -connect "$server:443")
    for version in -tls1 -tls1_1 -tls1_2 -tls1_3; do
        printf 'GET / HTTP/1.0\r\n\r\n' | "${get[@]}" "$version" -ign_eof >/dev/null
    done
    printf 'GET / HTTP/1.0\r\n\r\n' | "${get[@]}" -cert cert.pem -key key.pem -ign_eof >/dev/null
    "${get[@]}" -curves P-521 </dev/null
    "${get[@]}" -cipher NULL-SHA256 -tls1_2 </dev/null || true
    openssl s_client -brief -connect "$server:853" -psk 0123456789abcdef </dev/null || true
    greet 443
    timeout 10 gnutls-cli --insecure --logfile=/dev/null -p 443 --priority 'NORMAL:-VERS-ALL:+VERS-TLS1.2' server.example </dev/null
    printf 'GET / HTTP/1.0\r\n\r\n' >request
    openssl s_client -connect "$server:443" -sess_out session -ign_eof <request >/dev/null
    openssl s_client -connect "$server:443" -sess_in session -early_data request -ign_eof </dev/null >/dev/null
    timeout 5 openssl s_client -brief -dtls -connect "$server:5684" <<<hello || true
}
