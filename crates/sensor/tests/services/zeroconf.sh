# service: multicast DNS by Avahi and by Python's zeroconf; wsdd; a search for UPnP devices by MiniUPnP
# packages: avahi-daemon python3-zeroconf wsdd miniupnpc curl
# flow: 5353/udp mdns
# flow: 3702/udp ws-discovery
# flow: 5357/tcp http
# flow: */udp ssdp

serve() {
    ip route add 224.0.0.0/4 dev s0
    printf '%s\n' '[server]' 'use-ipv6=no' 'enable-dbus=no' 'allow-interfaces=s0' '[publish]' 'publish-workstation=yes' >avahi.conf
    wsdd -4 -i s0 -n server &
    exec avahi-daemon --no-rlimits --no-drop-root --no-chroot -f "$work/avahi.conf"
}

visit() {
    ip route add 224.0.0.0/4 dev c0
    ip route add 239.255.255.250 dev c0 2>/dev/null || true
    upnpc -m c0 -l || true
    wsdd -4 -i c0 -D -n client &
    /usr/bin/python3 - <<'EOF'
import time, zeroconf
with zeroconf.Zeroconf(interfaces=['10.217.145.233'], ip_version=zeroconf.IPVersion.V4Only) as zero:
    zeroconf.ServiceBrowser(zero, '_workstation._tcp.local.', handlers=[lambda **_: None])
    time.sleep(3)
EOF
    # The client has asked for what it has found, if it has found it by now.
    curl -sS --retry 10 --retry-connrefused --retry-delay 1 -o /dev/null http://server.example:5357/
}
