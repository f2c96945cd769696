# service: HAProxy behind HAProxy: PROXY protocol 1 and 2 before HTTP and TLS
# packages: haproxy curl wget openssl
# flow: 80/tcp http
# flow: 443/tcp tls
# flow: 80/tcp - undecided (a health check sends a PROXY header and closes)
# flow: 8080/tcp http

common='defaults
    timeout connect 5s
    timeout client 20s
    timeout server 20s
'

serve() {
    certificate
    cat >server.cfg <<EOF
$common
frontend web
    mode http
    bind :80 accept-proxy
    bind :8080
    bind :443 accept-proxy ssl crt $work/both.pem alpn h2,http/1.1
    http-request return status 200 content-type text/plain string hello
EOF
    exec haproxy -db -f server.cfg
}

visit() {
    local version
    {
        echo "$common"
        for version in '' -v2; do
            cat <<EOF
listen plain$version
    mode tcp
    bind 127.0.0.1:80${#version}
    server web $server:80 send-proxy$version check
listen tls$version
    mode tcp
    bind 127.0.0.1:443${#version}
    server web $server:443 send-proxy$version
EOF
        done
    } >client.cfg
    haproxy -db -f client.cfg &
    listening 4433
    for version in 0 3; do
        curl -sS "http://127.0.0.1:80$version/" "http://127.0.0.1:80$version/nowhere"
        curl -sSk "https://127.0.0.1:443$version/"
    done
    curl -sS --haproxy-protocol http://server.example/
    browse http://server.example:8080
}
