# service: the agents of Zabbix and of Nagios (NRPE)
# packages: zabbix-agent nagios-nrpe-server nagios-nrpe-plugin
# flow: 10050/tcp zabbix
# flow: 5666/tcp tls
# flow: 5667/tcp nrpe displaced (without TLS, beside the one with it)

serve() {
    printf '%s\n' "PidFile=$work/zabbix.pid" 'LogType=console' 'Server=0.0.0.0/0' >zabbix.conf
    printf '%s\n' "pid_file=$work/nrpe.pid" 'nrpe_user=nobody' 'nrpe_group=nogroup' "allowed_hosts=$client" 'command[hello]=/bin/echo hello' >nrpe.cfg
    sed 's/^pid_file.*/server_port=5667/' nrpe.cfg >plain.cfg
    nrpe -c nrpe.cfg -f &
    nrpe -n -c plain.cfg -f &
    chmod 777 .
    as zabbix zabbix_agentd -f -c "$work/zabbix.conf" &
    wait
}

visit() {
    /usr/lib/nagios/plugins/check_nrpe -H "$server" -c hello
    /usr/lib/nagios/plugins/check_nrpe -n -p 5667 -H "$server" -c hello
    /usr/bin/python3 - <<'EOF'
import socket, struct
with socket.create_connection(('server.example', 10050), timeout=10) as agent:
    agent.sendall(b'ZBXD\1' + struct.pack('<II', 10, 0) + b'agent.ping')
    assert agent.recv(100).startswith(b'ZBXD\1')
EOF
}
