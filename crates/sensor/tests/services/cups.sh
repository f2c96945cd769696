# service: CUPS: IPP, and IPP under TLS on the same port
# packages: cups-daemon cups-client curl openssl
# flow: 631/tcp http
# flow: 631/tcp tls

serve() {
    certificate
    mkdir -p cups/{ssl,spool,cache,state} /run/cups
    cp cert.pem cups/ssl/server.example.crt
    cp key.pem cups/ssl/server.example.key
    cat >cups/cupsd.conf <<EOF
Listen 0.0.0.0:631
DefaultEncryption IfRequested
WebInterface No
<Location />
Order allow,deny
Allow all
</Location>
EOF
    cat >cups/cups-files.conf <<EOF
ServerRoot $work/cups
ServerKeychain $work/cups/ssl
RequestRoot $work/cups/spool
CacheDir $work/cups/cache
StateDir $work/cups/state
ErrorLog stderr
AccessLog /dev/null
EOF
    exec cupsd -f -c "$work/cups/cupsd.conf" -s "$work/cups/cups-files.conf"
}

visit() {
    export CUPS_SERVER=server.example:631
    lpstat -H -r
    lpstat -a || true
    lpstat -E -r
    echo hello | lp -d nowhere || true
    curl -sS "http://server.example:631/" -o /dev/null
    curl -sSk "https://server.example:631/" -o /dev/null
}
