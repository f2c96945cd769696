# service: BIRD at both ends: BGP, BFD, RIP
# packages: bird2
# flow: 179/tcp bgp
# flow: 4784/udp bfd
# flow: 520/udp rip

config() { # OWN OTHER INTERFACE
    cat <<EOF
router id $1;
protocol device {}
protocol bfd { interface "$3" { interval 200 ms; }; }
protocol static { ipv4; route 192.0.2.0/24 blackhole; }
protocol bgp { local $1 as 65001; neighbor $2 as 65001; bfd on; ipv4 { import all; export all; }; connect delay time 1; }
protocol rip { ipv4 { export all; }; interface "$3" { update time 3; }; }
EOF
}

serve() {
    config "$server" "$client" s0 >server.conf
    exec bird -f -c server.conf -s /run/bird.socket -P /run/bird.pid
}

visit() {
    config "$client" "$server" c0 >client.conf
    bird -f -c client.conf -s /run/bird.socket -P /run/bird.pid &
    sleep 1
    until birdc -s /run/bird.socket show protocols | grep -q Established; do sleep 0.5; done
    sleep 2
}
