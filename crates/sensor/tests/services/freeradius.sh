# service: FreeRADIUS: authentication, accounting, status
# packages: freeradius freeradius-utils
# flow: 1812/udp radius
# flow: 1813/udp radius

serve() {
    cp -rL /etc/freeradius/3.0 raddb
    rm -f raddb/sites-enabled/* raddb/mods-enabled/eap
    cat >raddb/sites-enabled/test <<EOF
server test {
    listen {
        type = auth
        ipaddr = *
        port = 1812
    }
    listen {
        type = acct
        ipaddr = *
        port = 1813
    }
    authorize {
        pap
        update control {
            &Cleartext-Password := "secret"
        }
        chap
        pap
    }
    authenticate {
        pap
        chap
    }
    accounting {
        ok
    }
}
EOF
    printf 'client all {\n ipaddr = 0.0.0.0/0\n secret = testing\n}\n' >raddb/clients.conf
    chown -R freerad raddb
    sed -i 's/^\(\s*\)user = .*//; s/^\(\s*\)group = .*//' raddb/radiusd.conf
    exec freeradius -f -l stdout -d "$work/raddb"
}

visit() {
    radtest alice secret "$server" 0 testing
    radtest -t chap alice secret "$server" 0 testing
    radtest alice wrong "$server" 0 testing || true
    echo 'User-Name = alice, Acct-Status-Type = Start, Acct-Session-Id = 1' | radclient "$server" acct testing
}
