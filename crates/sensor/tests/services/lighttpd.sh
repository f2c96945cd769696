# service: lighttpd with four TLS libraries: GnuTLS, mbed TLS, NSS, wolfSSL
# packages: lighttpd lighttpd-mod-gnutls lighttpd-mod-mbedtls lighttpd-mod-nss lighttpd-mod-wolfssl curl wget openssl gnutls-bin libnss3-tools
# flow: 8080/tcp http
# flow: 443/tcp tls
# flow: 8443/tcp tls
# flow: 9443/tcp tls
# flow: 10443/tcp tls

serve() {
    certificate
    mkdir www
    echo hello >www/index.html
    local port module
    for module in gnutls:443 mbedtls:8443 nss:9443 wolfssl:10443; do
        port=${module#*:} module=${module%:*}
        cat >"$module.conf" <<EOF
server.modules = ("mod_indexfile", "mod_staticfile", "mod_$module")
server.document-root = "$work/www"
server.port = $port
server.upload-dirs = ("$work")
index-file.names = ("index.html")
ssl.engine = "enable"
ssl.pemfile = "$work/cert.pem"
ssl.privkey = "$work/key.pem"
EOF
        lighttpd -D -f "$module.conf" &
    done
    cat >plain.conf <<EOF
server.modules = ("mod_indexfile", "mod_staticfile")
server.document-root = "$work/www"
server.port = 8080
server.upload-dirs = ("$work")
index-file.names = ("index.html")
EOF
    exec lighttpd -D -f plain.conf
}

visit() {
    browse http://server.example:8080
    for port in 443 8443 9443 10443; do
        curl -sS --cacert cert.pem "https://server.example:$port/" "https://server.example:$port/nowhere"
        greet "$port" || true # not every pair of libraries agrees on a cipher
    done
}
