# service: ProFTPD: active and passive, AUTH TLS and TLS at once; curl, lftp, tnftp, ftplib, wget
# packages: proftpd-core proftpd-mod-crypto curl lftp tnftp wget openssl
# workers: 1 (a transfer of a millisecond may be over before a worker that is kept waiting reads its control connection)
# flow: 21/tcp ftp
# flow: 990/tcp tls
# flow: */tcp ftp-data displaced (whose ports the control connections name)
# flow: */tcp tls displaced (data connections under TLS)

serve() {
    certificate
    mkdir home
    head -c 200000 /dev/urandom >home/noise
    chmod 777 home
    local common="ServerName test
MaxInstances 20
User nobody
Group nogroup
WtmpLog off
TransferLog none
UseReverseDNS off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile $work/passwd
AllowOverwrite on
ModulePath /usr/lib/proftpd
LoadModule mod_tls.c
TLSEngine on
TLSECCertificateFile $work/cert.pem
TLSECCertificateKeyFile $work/key.pem
TLSOptions NoSessionReuseRequired
ScoreboardFile $work/scoreboard
DelayEngine off"
    printf '%s\n' "$common" "PidFile $work/pid" 'Port 21' >explicit.conf
    printf '%s\n' "${common/NoSessionReuseRequired/NoSessionReuseRequired UseImplicitSSL}" "PidFile $work/pid2" 'Port 990' |
        sed 's#scoreboard#scoreboard2#' >implicit.conf
    echo "alice:$(openssl passwd -6 secret):65534:65534::$work/home:/bin/sh" >passwd
    chmod 600 passwd
    proftpd -n -c "$work/implicit.conf" &
    exec proftpd -n -c "$work/explicit.conf"
}

visit() {
    local user=(-u alice:secret)
    curl -sS "${user[@]}" "ftp://$server/" "ftp://$server/noise" -o /dev/null -o /dev/null
    curl -sS "${user[@]}" -P - "ftp://$server/noise" -o /dev/null
    curl -sS "${user[@]}" -T hosts.visit "ftp://$server/text"
    curl -sSk "${user[@]}" --ssl-reqd "ftp://$server/noise" -o /dev/null
    curl -sSk "${user[@]}" "ftps://$server/" -o /dev/null
    curl -sS -u alice:wrong "ftp://$server/" || true
    lftp -u alice,secret -e 'set ssl:verify-certificate no; ls; get noise -o lftp.noise; bye' "ftp://$server"
    wget -q --user=alice --password=secret -O /dev/null "ftp://$server/noise"
    printf 'user alice secret\nbinary\npassive\nls\nget noise tnftp.noise\nquit\n' | tnftp -n "$server"
    openssl s_client -brief -starttls ftp -connect "$server:21" </dev/null
    /usr/bin/python3 - <<'EOF'
import ftplib
with ftplib.FTP('server.example', 'alice', 'secret') as ftp:
    ftp.sendcmd('FEAT')
    ftp.mlsd()
    ftp.set_pasv(False)
    ftp.retrlines('LIST')
EOF
}
