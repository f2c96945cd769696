# service: pymodbus, with libmodbus' mbpoll
# packages: python3-pymodbus python3-serial-asyncio mbpoll
# flow: 502/tcp modbus

serve() {
    exec /usr/bin/python3 - <<'EOF'
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext
try:
    from pymodbus.server.sync import StartTcpServer
except ImportError:
    from pymodbus.server import StartTcpServer
StartTcpServer(context=ModbusServerContext(slaves=ModbusSlaveContext(), single=True), address=('0.0.0.0', 502))
EOF
}

visit() {
    local kind
    for kind in 0 1 3 4; do mbpoll -1 -t "$kind" -r 1 -c 10 "$server"; done
    mbpoll -1 -t 4 -r 1 "$server" 1 2 3
}
