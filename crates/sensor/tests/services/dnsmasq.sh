# service: dnsmasq: DNS, DHCP to BusyBox's client, TFTP
# packages: dnsmasq bind9-dnsutils busybox-static curl
# flow: 53/udp dns
# flow: 53/tcp dns
# flow: 67/udp dhcp
# flow: */udp dhcp
# flow: 69/udp tftp
# flow: */udp tftp displaced (transfers leave from a port that the server chooses: RFC 1350, section 4)

serve() {
    mkdir tftp
    head -c 20000 /dev/urandom >tftp/boot
    exec dnsmasq --no-daemon --conf-file=/dev/null --interface=s0 --no-resolv --no-hosts --user=root --pid-file \
        --address="/server.example/$server" --dhcp-range=10.217.145.50,10.217.145.60,2m --dhcp-leasefile="$work/leases" \
        --dhcp-authoritative --enable-tftp --tftp-root="$work/tftp" --no-ping
}

visit() {
    dig "@$server" server.example >/dev/null
    dig "@$server" +tcp server.example >/dev/null
    busybox udhcpc -i c0 -f -n -q -s /bin/true
    curl -sS "tftp://$server/boot" -o /dev/null
    curl -sS "tftp://$server/nowhere" -o /dev/null || true
}
