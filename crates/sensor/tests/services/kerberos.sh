# service: MIT Kerberos: tickets over UDP and TCP, with and without a right password
# packages: krb5-kdc krb5-user krb5-admin-server
# flow: 88/udp kerberos
# flow: 88/tcp kerberos

serve() {
    cat >krb5.conf <<EOF
[libdefaults]
default_realm = EXAMPLE
dns_lookup_kdc = false
[realms]
EXAMPLE = {
    kdc = $server
}
EOF
    sed 's/^dns.*/udp_preference_limit = 1/' krb5.conf >tcp.conf
    cat >kdc.conf <<EOF
[kdcdefaults]
kdc_ports = 88
kdc_tcp_ports = 88
[realms]
EXAMPLE = {
    database_name = $work/principal
    key_stash_file = $work/stash
    acl_file = $work/acl
}
EOF
    export KRB5_CONFIG=$work/krb5.conf KRB5_KDC_PROFILE=$work/kdc.conf
    kdb5_util create -s -W -P master
    kadmin.local addprinc -pw secret +requires_preauth alice
    kadmin.local addprinc -randkey host/server.example
    exec krb5kdc -n
}

visit() {
    local config
    for config in krb5.conf tcp.conf; do
        export KRB5_CONFIG=$work/$config KRB5CCNAME=FILE:$work/tickets
        kinit alice <<<secret
        kvno host/server.example
        kinit alice <<<wrong || true
        kinit nobody <<<wrong || true
    done
}
