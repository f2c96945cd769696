# service: Mosquitto: MQTT 3.1, 3.1.1 and 5, TLS, WebSockets
# packages: mosquitto mosquitto-clients python3-websockets openssl
# flow: 1883/tcp mqtt
# flow: 8883/tcp tls
# flow: 8080/tcp http

serve() {
    certificate
    cat >mosquitto.conf <<EOF
user root
allow_anonymous true
listener 1883
listener 8080
protocol websockets
listener 8883
certfile $work/cert.pem
keyfile $work/key.pem
EOF
    exec mosquitto -c mosquitto.conf
}

visit() {
    local version
    for version in mqttv31 mqttv311 mqttv5; do
        mosquitto_sub -h server.example -V "$version" -t 'news/#' -C 1 -W 10 &
        sleep 0.3
        mosquitto_pub -h server.example -V "$version" -t news/today -m hello -q 2
        wait $!
    done
    mosquitto_pub -h server.example -u alice -P secret --will-topic end --will-payload bye -t news -f /bin/true
    mosquitto_pub -h server.example -p 8883 --cafile cert.pem -t news -m hello
    /usr/bin/python3 - <<'EOF'
import asyncio, websockets
async def main():
    async with websockets.connect('ws://server.example:8080/', subprotocols=['mqtt']) as socket:
        await socket.send(b'\x10\x11\0\4MQTT\4\2\0\x3c\0\5alice')
        assert (await socket.recv())[0] == 0x20
asyncio.run(main())
EOF
}
