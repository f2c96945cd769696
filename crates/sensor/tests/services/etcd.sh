# service: etcd: gRPC by Go, JSON over HTTP
# packages: etcd-server etcd-client curl
# flow: 2379/tcp http

serve() {
    exec etcd --data-dir data --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls "http://$server:2379" \
        --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
}

visit() {
    export ETCDCTL_API=3
    local talk=(etcdctl --endpoints="http://$server:2379")
    "${talk[@]}" put greeting hello
    "${talk[@]}" get greeting
    timeout 1 "${talk[@]}" watch greeting || true
    curl -sS "http://$server:2379/version" "http://$server:2379/v3/kv/range" -d '{"key": "Zm9v"}'
}
