# service: vsftpd: anonymous, passive and active
# packages: curl libpam0g libwrap0
# unpacked: vsftpd
# workers: 1 (a transfer of a millisecond may be over before a worker that is kept waiting reads its control connection)
# flow: 21/tcp ftp
# flow: */tcp ftp-data displaced (whose ports the control connections name)

serve() {
    mkdir -p ftp/pub /run/vsftpd/empty
    head -c 100000 /dev/urandom >ftp/pub/noise
    cat >vsftpd.conf <<EOF
listen=YES
background=NO
anonymous_enable=YES
anon_root=$work/ftp
secure_chroot_dir=/run/vsftpd/empty
ftp_username=bin
nopriv_user=nobody
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
EOF
    "$(unpacked vsftpd)/usr/sbin/vsftpd" "$work/vsftpd.conf" &
    wait
}

visit() {
    curl -sS "ftp://$server/pub/" "ftp://$server/pub/noise" -o /dev/null -o /dev/null
    curl -sS --disable-epsv "ftp://$server/pub/noise" -o /dev/null
    curl -sS -P - "ftp://$server/pub/" -o /dev/null
    curl -sS "ftp://$server/nowhere" || true
}
