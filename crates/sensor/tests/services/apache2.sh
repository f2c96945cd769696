# service: Apache httpd: HTTP/2 in the clear by prior knowledge and by upgrade, TLS, WebDAV verbs
# packages: apache2-bin curl nghttp2-client wget openssl gnutls-bin libnss3-tools
# flow: 80/tcp http
# flow: 443/tcp tls

serve() {
    certificate
    mkdir www
    echo hello >www/index.html
    {
        echo "ServerRoot $work"
        for module in mpm_event authz_core dir mime ssl http2 socache_shmcb dav dav_fs; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        cat <<EOF
Listen 80
Listen 443
ServerName server.example
TypesConfig /dev/null
PidFile $work/httpd.pid
ErrorLog /dev/stderr
DocumentRoot $work/www
User www-data
Group www-data
Protocols h2 h2c http/1.1
SSLCertificateFile $work/cert.pem
SSLCertificateKeyFile $work/key.pem
DavLockDB $work/lock
<VirtualHost *:443>
SSLEngine on
</VirtualHost>
<Directory $work/www>
Dav On
</Directory>
EOF
    } >httpd.conf
    exec apache2 -f "$work/httpd.conf" -DFOREGROUND
}

visit() {
    browse http://server.example
    browse https://server.example
    greet 443
    curl -sS --http2-prior-knowledge http://server.example/
    curl -sS --http2 http://server.example/
    nghttp -nu http://server.example/
    nghttp -n http://server.example/
    h2load -n 20 -c 2 http://server.example/ >/dev/null
    for verb in OPTIONS PROPFIND TRACE DELETE; do curl -sS -o /dev/null -X "$verb" http://server.example/nowhere; done
    curl -sS -o /dev/null -X PROPFIND -H 'Depth: 1' -d '<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>' http://server.example/
}
