# service: chrony: NTP, and NTS by TLS
# packages: openssl libcap2 libgnutls30 libnettle8 libseccomp2 libedit2
# unpacked: chrony
# flow: 123/udp ntp
# flow: 4460/tcp tls

serve() {
    certificate
    printf '%s\n' 'local stratum 8' 'allow all' "ntsservercert $work/cert.pem" "ntsserverkey $work/key.pem" 'bindcmdaddress /' \
        "ntsdumpdir $work" 'pidfile /run/chronyd.pid' >chrony.conf
    exec "$(unpacked chrony)/usr/sbin/chronyd" -d -x -u root -F 0 -f "$work/chrony.conf"
}

visit() {
    local chronyd
    chronyd=$(unpacked chrony)/usr/sbin/chronyd
    "$chronyd" -Q -x -u root -F 0 -t 10 "server $server iburst maxsamples 4" 'pidfile /run/visitor.pid'
    "$chronyd" -Q -x -u root -F 0 -t 10 "server server.example iburst nts maxsamples 4" "ntstrustedcerts $work/cert.pem" 'pidfile /run/visitor.pid'
}
