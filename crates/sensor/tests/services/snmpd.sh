# service: Net-SNMP's agent: versions 1, 2c and 3, UDP and TCP; traps
# packages: snmpd snmp snmptrapd
# flow: 161/udp snmp
# flow: 161/tcp snmp
# flow: 162/udp snmp

serve() {
    mkdir state
    export SNMP_PERSISTENT_DIR=$work/state
    printf '%s\n' 'rocommunity public' 'createUser alice SHA secretsecret AES secretsecret' 'rouser alice priv' >snmpd.conf
    printf '%s\n' 'disableAuthorization yes' >trap.conf
    snmptrapd -f -Lo -C -c trap.conf udp:162 &
    exec snmpd -f -Lo -C -c snmpd.conf udp:161 tcp:161
}

visit() {
    export SNMP_PERSISTENT_DIR=$work/visitor MIBS=
    snmpget -v1 -c public "$server" .1.3.6.1.2.1.1.3.0
    snmpwalk -v2c -c public "$server" .1.3.6.1.2.1.1 >/dev/null
    snmpbulkwalk -v2c -c public "tcp:$server" .1.3.6.1.2.1.2 >/dev/null
    snmpget -v3 -u alice -l authPriv -a SHA -A secretsecret -x AES -X secretsecret "$server" .1.3.6.1.2.1.1.1.0
    snmpget -v2c -c wrong -t 1 -r 0 "$server" .1.3.6.1.2.1.1.3.0 || true
    snmptrap -v1 -c public "$server" .1.3.6.1.4.1.8072 "$client" 6 17 '' .1.3.6.1.2.1.1.5.0 s hello
    snmptrap -v2c -c public "$server" '' .1.3.6.1.6.3.1.1.5.1
    snmpinform -v2c -c public "$server" '' .1.3.6.1.6.3.1.1.5.3
}
