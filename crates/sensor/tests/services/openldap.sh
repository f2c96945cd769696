# service: OpenLDAP: TCP, StartTLS, TLS at once
# packages: slapd ldap-utils openssl gnutls-bin libnss3-tools curl
# flow: 389/tcp ldap
# flow: 636/tcp tls

serve() {
    certificate
    mkdir db
    cat >slapd.conf <<EOF
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $work/slapd.pid
TLSCertificateFile $work/cert.pem
TLSCertificateKeyFile $work/key.pem
database mdb
directory $work/db
suffix "dc=example"
rootdn "cn=admin,dc=example"
rootpw secret
EOF
    exec slapd -d none -f slapd.conf -h 'ldap:/// ldaps:///'
}

visit() {
    export LDAPTLS_CACERT=$work/cert.pem
    local admin=(-x -D cn=admin,dc=example -w secret)
    ldapadd "${admin[@]}" -H ldap://server.example <<'EOF'
dn: dc=example
objectClass: dcObject
objectClass: organization
dc: example
o: example
EOF
    ldapsearch "${admin[@]}" -H ldap://server.example -b dc=example
    ldapsearch "${admin[@]}" -H ldap://server.example -ZZ -b dc=example
    ldapsearch "${admin[@]}" -H ldaps://server.example -b dc=example
    ldapsearch -x -H ldap://server.example -s base -b '' + >/dev/null
    ldapwhoami -x -D cn=nobody -w wrong -H ldap://server.example || true
    ldapmodify "${admin[@]}" -H ldap://server.example <<<$'dn: dc=example\nchangetype: modify\nreplace: o\no: other'
    curl -sS "ldap://server.example/dc=example?o?base" || true
    greet 389 ldap
    greet 636
}
