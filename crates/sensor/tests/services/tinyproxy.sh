# service: Tinyproxy: requests for other hosts, CONNECT
# packages: tinyproxy curl openssl
# flow: 8888/tcp http

serve() {
    certificate
    openssl s_server -quiet -www -accept 443 -key key.pem -cert cert.pem &
    /usr/bin/python3 -m http.server 80 &
    printf '%s\n' 'Port 8888' 'Timeout 20' 'ConnectPort 443' >tinyproxy.conf
    listening 80
    listening 443
    exec tinyproxy -d -c tinyproxy.conf
}

visit() {
    curl -sS -x "http://$server:8888" http://server.example/ http://server.example/nowhere -o /dev/null
    curl -sS --cacert cert.pem -x "http://$server:8888" https://server.example/ -o /dev/null
    curl -sS -x "http://$server:8888" https://server.example:444/ || true
}
