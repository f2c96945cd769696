# service: nginx: keep-alive, pipelining, large headers, slow and broken-off requests; TLS 1.2 and 1.3, 0-RTT, HTTP/2
# packages: nginx-light curl wget openssl gnutls-bin libnss3-tools apache2-utils nghttp2-client hey lynx w3m aria2 netcat-openbsd
# flow: 80/tcp http
# flow: 443/tcp tls

serve() {
    certificate
    mkdir www
    echo hello >www/index.html
    head -c 5000000 /dev/urandom >www/large
    cat >nginx.conf <<EOF
daemon off; pid nginx.pid; user root;
events {}
http {
  access_log off; root $work/www; large_client_header_buffers 4 32k; client_max_body_size 20m;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi; default_type text/html;
  ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_early_data on; ssl_protocols TLSv1.2 TLSv1.3;
  server {
    listen 80; listen 443 ssl http2;
    location /none { return 204; }
    location /moved { return 301 /; }
    location /closed { return 444; }
  }
}
EOF
    exec nginx -p "$work" -c nginx.conf -e stderr
}

visit() {
    browse http://server.example
    browse https://server.example
    greet 443
    curl -sS -o /dev/null -L http://server.example/none http://server.example/moved http://server.example/large
    curl -sS -o /dev/null --cacert cert.pem https://server.example/large -T www/large --next http://server.example/ -T www/large
    curl -sS -o /dev/null http://server.example/closed || true
    ab -q -k -n 50 -c 5 http://server.example/ >/dev/null
    ab -q -n 20 -c 5 http://server.example/ >/dev/null
    hey -n 20 -c 2 http://server.example/ >/dev/null
    hey -n 20 -c 2 -h2 https://server.example/ >/dev/null
    h2load -n 20 -c 2 -m 5 https://server.example/ >/dev/null
    nghttp -n https://server.example/ https://server.example/large
    lynx -dump http://server.example/
    w3m -dump http://server.example/
    aria2c -q --check-certificate=false -x 4 -k 1M -o twice https://server.example/large
    # Requests in a row without waiting; one byte at a time; a header that is never finished; bare line ends.
    printf 'GET /?%d HTTP/1.1\r\nHost: server.example\r\n\r\n' {1..20} | timeout 2 nc -q 1 "$server" 80 >/dev/null || true
    for byte in G E T ' ' / ' ' H T T P / 1 . 1 '\r' '\n' H o s t : a '\r' '\n' '\r' '\n'; do
        # shellcheck disable=SC2059 # these are formats
        printf "$byte"
        sleep 0.02
    done | timeout 5 nc -q 1 "$server" 80 >/dev/null
    printf 'GET / HTTP/1.1\r\nHost: ser' | nc -q 0 "$server" 80
    printf '\r\nGET / HTTP/1.0\n\n' | nc -q 1 "$server" 80 >/dev/null
    { printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'; sleep 2; printf 'GET /later HTTP/1.1\r\nHost: a\r\n\r\n'; } |
        nc -q 1 "$server" 80 >/dev/null
    # A session, its resumption, and a request in the first flight of the next.
    printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' >request
    { cat request; sleep 0.5; } | openssl s_client -connect "$server:443" -tls1_3 -sess_out session -quiet -no_ign_eof >/dev/null
    openssl s_client -connect "$server:443" -tls1_3 -sess_in session -early_data request </dev/null | grep 'Early data was accepted'
}
