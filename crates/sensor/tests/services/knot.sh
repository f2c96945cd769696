# service: Knot DNS and NSD: zone transfer from the one to the other, NOTIFY
# packages: knot nsd bind9-dnsutils
# flow: 53/udp dns
# flow: 53/tcp dns

serve() {
    zone >example.zone
    chmod 777 .
    cat >knot.conf <<EOF
server:
    listen: 0.0.0.0@53
    rundir: $work
    pidfile: $work/knot.pid
database:
    storage: $work/db
remote:
  - id: other
    address: $client@53
acl:
  - id: all
    address: 0.0.0.0/0
    action: transfer
zone:
  - domain: example
    storage: $work
    file: example.zone
    notify: other
    acl: all
EOF
    exec knotd -c knot.conf
}

visit() {
    cat >nsd.conf <<EOF
server:
    ip-address: $client
    zonesdir: ""
    zonelistfile: ""
    database: ""
    xfrdfile: ""
    xfrdir: "$work"
    pidfile: ""
    username: ""
remote-control:
    control-enable: no
zone:
    name: example
    request-xfr: AXFR $server NOKEY
    allow-notify: 0.0.0.0/0 NOKEY
EOF
    nsd -d -c nsd.conf &
    dig "@$server" server.example a.wild.example TXT >/dev/null
    dig "@$server" +tcp +dnssec server.example >/dev/null
    until dig "@$client" +short server.example | grep -q .; do sleep 0.2; done
}
