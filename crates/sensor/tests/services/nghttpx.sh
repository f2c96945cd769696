# service: nghttpx: HTTP/2 in the clear by prior knowledge and by upgrade, TLS, an HTTP/1 server behind
# packages: nghttp2-proxy nghttp2-client curl wget openssl
# flow: 80/tcp http
# flow: 443/tcp tls
# flow: 8000/tcp http

serve() {
    certificate
    mkdir www
    echo hello >www/index.html
    /usr/bin/python3 -m http.server -d www 8000 &
    listening 8000
    exec nghttpx -b '127.0.0.1,8000' -f '*,80;no-tls' -f '*,443' --host-rewrite key.pem cert.pem
}

visit() {
    browse http://server.example
    browse https://server.example
    browse http://server.example:8000
    curl -sS --http2-prior-knowledge http://server.example/
    curl -sS --http2 http://server.example/
    nghttp -nu http://server.example/
    h2load -n 20 -c 2 -m 4 http://server.example/ >/dev/null
    h2load --h1 -n 20 -c 2 -m 4 http://server.example/ >/dev/null
}
