# service: Squid: requests for other hosts, CONNECT and TLS through the tunnel
# packages: squid curl wget openssl
# flow: 3128/tcp http
# flow: 8080/tcp http
# flow: 80/tcp http

serve() {
    certificate
    mkdir www
    echo hello >www/index.html
    /usr/bin/python3 -m http.server -d www 80 &
    openssl s_server -quiet -www -accept 443 -key key.pem -cert cert.pem &
    mkdir -p /run/squid
    chmod 777 /run/squid
    cat >squid.conf <<EOF
http_port 3128
http_port 8080
http_access allow all
pid_filename $work/squid.pid
cache_log /dev/null
access_log none
shutdown_lifetime 0
pinger_enable off
visible_hostname server.example

EOF
    chmod 777 .
    listening 80
    listening 443
    exec squid -N -f squid.conf
}

visit() {
    local port
    for port in 3128 8080; do
        browse http://server.example -x "http://$server:$port"
        curl -sS --cacert cert.pem -x "http://$server:$port" https://server.example/ -o /dev/null
        https_proxy=http://$server:$port wget -q --ca-certificate=cert.pem -O /dev/null https://server.example/
        curl -sS -p -x "http://$server:$port" http://server.example/
        curl -sS -x "http://$server:$port" https://server.example:1/ || true
    done
}
