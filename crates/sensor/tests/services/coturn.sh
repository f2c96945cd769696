# service: coturn: STUN and TURN over UDP, TCP, TLS and DTLS
# packages: coturn openssl
# flow: 3478/udp stun
# flow: 3478/tcp stun
# flow: 5349/tcp tls
# flow: 5349/udp dtls

serve() {
    certificate
    exec turnserver -n -L "$server" -E "$server" --user alice:secret -r example --lt-cred-mech --cert cert.pem --pkey key.pem \
        --no-cli --userdb "$work/turn.db" --pidfile "$work/pid" --log-file stdout --allow-loopback-peers
}

visit() {
    local talk=(turnutils_uclient -u alice -w secret -y -n 5 -m 1 -c)
    turnutils_stunclient "$server"
    "${talk[@]}" "$server"
    "${talk[@]}" -t "$server"
    "${talk[@]}" -t -S -p 5349 "$server"
    "${talk[@]}" -S -p 5349 "$server"
}
