# service: Kamailio: SIP over UDP, TCP and WebSocket handshakes; sipsak, SIPp
# packages: kamailio sipsak sip-tester
# flow: 5060/udp sip
# flow: 5060/tcp sip

serve() {
    cat >kamailio.cfg <<EOF
#!KAMAILIO
log_stderror=yes
children=1
tcp_children=1
listen=udp:0.0.0.0:5060
listen=tcp:0.0.0.0:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
request_route {
    if (method == "ACK") exit;
    sl_send_reply("200", "OK");
}
EOF
    exec kamailio -DD -E -m 16 -M 4 -f kamailio.cfg
}

visit() {
    sipsak -s "sip:alice@$server"
    sipsak -U -C "sip:alice@$client" -x 60 -s "sip:alice@$server" || true
    sipsak --transport=tcp -s "sip:alice@$server" || true
    sipp -sn uac -m 3 -r 10 -d 100 -nostdin "$server" -timeout 10 >/dev/null || true
    sipp -sn uac -m 3 -r 10 -d 100 -t t1 -nostdin "$server" -timeout 10 >/dev/null || true
}
