# service: rsyslog: UDP, TCP, octet counting, TLS; util-linux's logger
# packages: rsyslog rsyslog-gnutls bsdutils
# flow: 514/udp syslog
# flow: 514/tcp syslog
# flow: 601/tcp syslog
# flow: 6514/tcp tls

serve() {
    certificate
    cat >server.conf <<EOF
global(workDirectory="$work" DefaultNetstreamDriverCAFile="$work/cert.pem" DefaultNetstreamDriverCertFile="$work/cert.pem"
    DefaultNetstreamDriverKeyFile="$work/key.pem")
module(load="imudp")
module(load="imtcp")
input(type="imudp" port="514")
input(type="imtcp" port="514")
input(type="imtcp" port="601")
input(type="imtcp" port="6514" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
*.* action(type="omfile" file="$work/messages")
EOF
    exec rsyslogd -n -f "$work/server.conf" -i "$work/server.pid"
}

visit() {
    cat >client.conf <<EOF
global(workDirectory="$work" DefaultNetstreamDriverCAFile="$work/cert.pem")
module(load="imuxsock" SysSock.Name="/run/log.socket")
*.* action(type="omfwd" target="$server" port="514" protocol="udp")
*.* action(type="omfwd" target="$server" port="514" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format")
*.* action(type="omfwd" target="$server" port="601" protocol="tcp" TCP_Framing="octet-counted")
*.* action(type="omfwd" target="$server" port="6514" protocol="tcp" streamDriver="gtls" streamDriverMode="1" streamDriverAuthMode="anon")
EOF
    rsyslogd -n -f "$work/client.conf" -i "$work/client.pid" &
    for _ in {1..100}; do [[ ! -S /run/log.socket ]] || break; sleep 0.1; done
    local number
    for number in {1..5}; do logger -u /run/log.socket "message $number"; done
    logger -n "$server" --rfc3164 hello
    logger -n "$server" --rfc5424 hello
    logger -n "$server" -T -P 601 --octet-count --rfc5424 hello
    # Over each of the four.
    for _ in {1..150}; do [[ $(grep -c 'message 5' messages) -lt 4 ]] || return 0; sleep 0.1; done
    cat messages
    return 1
}
