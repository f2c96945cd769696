# service: stunnel at both ends, with a pre-shared key, and hitch: telnet, Redis and HTTP in TLS
# packages: stunnel4 hitch curl openssl redis-server redis-tools
# flow: 6380/tcp tls
# flow: 8443/tcp tls

serve() {
    certificate
    echo "client:$(printf '0123456789abcdef%.0s' 1 2 3)" >psk
    redis-server --bind 127.0.0.1 --port 6379 --save '' &
    /usr/bin/python3 -m http.server 80 &
    cat >server.conf <<EOF
foreground = yes
pid =
[redis]
accept = 6380
connect = 127.0.0.1:6379
ciphers = PSK
PSKsecrets = $work/psk
EOF
    hitch --frontend='[*]:8443' --backend='[127.0.0.1]:80' --alpn-protos=http/1.1 -u nobody "$work/both.pem" &
    listening 80
    listening 6379
    exec stunnel server.conf
}

visit() {
    cat >client.conf <<EOF
foreground = yes
pid =
[redis]
client = yes
accept = 127.0.0.1:6379
connect = $server:6380
PSKsecrets = $work/psk
EOF
    stunnel client.conf &
    listening 6379
    redis-cli set greeting hello
    redis-cli info >/dev/null
    curl -sS --cacert cert.pem https://server.example:8443/ https://server.example:8443/nowhere -o /dev/null
}
