# service: ngIRCd, with ii, and over TLS
# packages: ngircd ii openssl netcat-openbsd
# flow: 6667/tcp irc
# flow: 6697/tcp tls

serve() {
    certificate
    cat >ngircd.conf <<EOF
[Global]
Name = server.example
Info = test
ServerGID = nogroup
ServerUID = nobody
Ports = 6667
[Options]
Ident = no
DNS = no
PAM = no
[SSL]
CertFile = $work/cert.pem
KeyFile = $work/key.pem
Ports = 6697
EOF
    exec ngircd -n -f "$work/ngircd.conf"
}

visit() {
    timeout 3 ii -i irc -s server.example -n alice &
    sleep 1
    echo '/j #test hello' >irc/server.example/in
    printf 'NICK bob\r\nUSER bob 0 * :Bob\r\nJOIN #test\r\nPRIVMSG #test :hello\r\nQUIT\r\n' | nc -q 2 "$server" 6667
    printf 'NICK eve\r\nUSER eve 0 * :Eve\r\nQUIT\r\n' | openssl s_client -quiet -ign_eof -connect "$server:6697"
    wait || true
}
