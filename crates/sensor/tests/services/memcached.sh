# service: memcached: text and binary, TCP and UDP
# packages: memcached libmemcached-tools netcat-openbsd
# flow: 11211/tcp memcached
# flow: 11211/udp memcached

serve() { exec memcached -u nobody -l 0.0.0.0 -U 11211; }

visit() {
    memccp --servers="$server" /etc/hostname
    memccat --servers="$server" hostname
    memcstat --servers="$server" >/dev/null
    memcping --servers="$server"
    memccp --binary --servers="$server" /etc/hostname
    printf 'set a 0 0 3\r\nabc\r\nget a\r\ndelete a\r\nversion\r\nquit\r\n' | nc -q 1 "$server" 11211
    printf '\0\1\0\0\0\1\0\0get a\r\n' | nc -u -w 1 "$server" 11211
}
