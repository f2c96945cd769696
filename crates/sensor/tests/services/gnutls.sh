# service: GnuTLS's server: HTTP over TLS, DTLS
# packages: gnutls-bin openssl curl wget libnss3-tools
# flow: 443/tcp tls
# flow: 4433/udp dtls

serve() {
    certificate
    gnutls-serv -q --http -p 443 --x509keyfile key.pem --x509certfile cert.pem --earlydata &
    exec gnutls-serv -q --udp --echo -p 4433 --x509keyfile key.pem --x509certfile cert.pem
}

visit() {
    curl -sS --cacert cert.pem https://server.example/ -o /dev/null
    wget -q --ca-certificate=cert.pem -O /dev/null https://server.example/
    greet 443
    timeout 5 gnutls-cli --logfile=/dev/null --insecure --udp -p 4433 server.example <<<hello || true
    timeout 5 openssl s_client -brief -dtls1_2 -connect "$server:4433" <<<hello || true
}
