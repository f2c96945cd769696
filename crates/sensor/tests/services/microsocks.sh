# service: MicroSocks: SOCKS 5 with a password
# packages: microsocks curl
# flow: 1080/tcp socks

serve() {
    /usr/bin/python3 -m http.server 80 &
    listening 80
    exec microsocks -u alice -P secret
}

visit() {
    curl -sS -x "socks5://alice:secret@$server" http://$server/ http://$server/nowhere -o /dev/null
    curl -sS -x "socks5://alice:wrong@$server" http://$server/ -o /dev/null || true
}
