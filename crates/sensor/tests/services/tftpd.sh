# service: tftpd-hpa: to and fro, with options
# packages: tftpd-hpa tftp-hpa curl
# flow: 69/udp tftp
# flow: */udp tftp displaced (transfers leave from a port that the server chooses: RFC 1350, section 4)
# flow: */udp - unknown (a transfer whose beginning was read behind later blocks)
# flow: */udp - undecided (the same, when only acknowledgements were read so far)

serve() {
    mkdir tftp
    head -c 50000 /dev/urandom >tftp/noise
    chmod -R 777 tftp
    exec in.tftpd -L -u nobody -c -s -v -P /run/tftpd.pid "$work/tftp"
}

visit() {
    tftp -m binary "$server" -c get noise copy
    tftp -m ascii "$server" -c put hosts.visit text
    curl -sS --tftp-blksize 1400 "tftp://$server/noise" -o /dev/null
    tftp "$server" -c get nowhere || true
}
