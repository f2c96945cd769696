# service: libcoap: CoAP over UDP and TCP, with DTLS and TLS
# packages: libcoap3-bin
# flow: 5683/udp coap
# flow: 5683/udp coap undecided (a short request and its short answer)
# flow: 5683/tcp - unknown (over TCP, as RFC 8323 has it, CoAP is not known)
# flow: 5684/udp dtls
# flow: 5684/tcp tls

serve() { exec coap-server-openssl -k 0123456789abcdef -A 0.0.0.0; }

visit() {
    local get=(coap-client-openssl -B 3 -m get -k 0123456789abcdef -u alice)
    "${get[@]}" "coap://$server/time"
    "${get[@]}" "coap://$server/.well-known/core"
    "${get[@]}" -s 2 "coap://$server/time"
    "${get[@]}" "coap+tcp://$server/time"
    "${get[@]}" "coaps://$server/time"
    "${get[@]}" "coaps+tcp://$server/time"
    coap-client-notls -B 3 -m put -e hello "coap://$server/example_data"
}
