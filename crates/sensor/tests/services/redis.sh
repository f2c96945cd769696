# service: Redis: RESP 2 and 3, inline commands, pipelining, subscriptions, a replica; TLS on its own port
# packages: redis-server redis-tools openssl netcat-openbsd
# flow: 6379/tcp redis
# flow: 6380/tcp tls

serve() {
    certificate
    exec redis-server --bind 0.0.0.0 --port 6379 --protected-mode no --save '' --tls-port 6380 --tls-cert-file cert.pem \
        --tls-key-file key.pem --tls-ca-cert-file cert.pem --tls-auth-clients no --repl-diskless-sync-delay 0
}

visit() {
    redis-cli -h server.example set greeting hello
    redis-cli -h server.example -3 hgetall nothing
    redis-cli -h server.example -r 20 incr counter >/dev/null
    redis-cli -h server.example -a wrong ping || true
    redis-cli -h server.example --tls --cacert cert.pem -p 6380 info >/dev/null
    redis-benchmark -h server.example -n 200 -c 5 -P 8 -t set,get -q >/dev/null
    timeout 1 redis-cli -h server.example subscribe news || true
    printf 'PING\r\nget greeting\r\nQUIT\r\n' | nc -q 1 "$server" 6379
    redis-server --port 6381 --bind 127.0.0.1 --save '' --replicaof "$server" 6379 &
    until redis-cli -p 6381 get greeting 2>/dev/null | grep hello; do sleep 0.1; done
}
