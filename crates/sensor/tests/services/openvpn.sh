# service: OpenVPN: UDP and TCP, tls-auth, tls-crypt
# packages: openvpn openssl iputils-ping
# flow: 1194/udp openvpn
# flow: 1194/tcp openvpn

common=(openvpn --dev-type tun --topology subnet --verb 1 --dh none --keepalive 1 10 --data-ciphers AES-256-GCM)

serve() {
    certificate
    openvpn --genkey secret shared.key
    local with=("${common[@]}" --ca cert.pem --cert cert.pem --key key.pem)
    "${with[@]}" --proto udp --dev tun0 --server 10.9.0.0 255.255.255.0 --tls-crypt shared.key --duplicate-cn &
    exec "${with[@]}" --proto tcp-server --dev tun1 --server 10.9.1.0 255.255.255.0 --tls-auth shared.key 0 --duplicate-cn
}

visit() {
    local with=(openvpn --dev-type tun --verb 1 --client --nobind --ca cert.pem --cert cert.pem --key key.pem --remote "$server" 1194
        --data-ciphers AES-256-GCM)
    "${with[@]}" --proto udp --dev tun0 --tls-crypt shared.key &
    "${with[@]}" --proto tcp-client --dev tun1 --tls-auth shared.key 1 &
    local network
    for network in 0 1; do
        until ping -qc 3 -i 0.2 -W 1 "10.9.$network.1"; do sleep 0.3; done
    done
}
