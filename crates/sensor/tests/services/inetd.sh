# service: inetd: telnet, finger, daytime, chargen; GNU's telnet
# packages: inetutils-inetd inetutils-telnetd inetutils-telnet fingerd finger netcat-openbsd
# flow: 13/tcp daytime undecided (a date is all it says, and may be any text: RFC 867)
# flow: 19/tcp chargen
# flow: 23/tcp telnet
# flow: 79/tcp finger

serve() {
    cat >inetd.conf <<EOF
daytime stream tcp nowait root internal
chargen stream tcp nowait root internal
telnet stream tcp nowait root /usr/sbin/telnetd telnetd -h -E /bin/date
finger stream tcp nowait root /usr/sbin/in.fingerd in.fingerd
EOF
    exec inetutils-inetd -d "$work/inetd.conf"
}

visit() {
    { sleep 1; } | telnet "$server" || true
    finger "@$server" || true
    finger "root@$server"
    nc -w 2 "$server" 13 </dev/null
    nc -w 2 "$server" 19 </dev/null | head -n 500 >/dev/null || true
}
