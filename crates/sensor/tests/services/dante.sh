# service: Dante: SOCKS 4 and 5, with HTTP and TLS inside
# packages: dante-server curl openssl netcat-openbsd
# flow: 1080/tcp socks

serve() {
    certificate
    openssl s_server -quiet -www -accept 443 -key key.pem -cert cert.pem &
    /usr/bin/python3 -m http.server 80 &
    cat >danted.conf <<EOF
logoutput: stderr
internal: s0 port = 1080
external: s0
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: root
client pass { from: 0/0 to: 0/0 }
socks pass { from: 0/0 to: 0/0 }
EOF
    listening 80
    listening 443
    exec danted -f danted.conf
}

visit() {
    local version
    for version in socks4 socks5 socks5h; do
        curl -sS -x "$version://$server" http://$server/ -o /dev/null
        curl -sSk -x "$version://$server" https://$server/ -o /dev/null
    done
    printf 'GET / HTTP/1.0\r\n\r\n' | nc -X 5 -x "$server:1080" -q 1 "$server" 80 >/dev/null
}
