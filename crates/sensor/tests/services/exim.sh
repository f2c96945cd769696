# service: Exim: STARTTLS, TLS at once, authentication, pipelining; swaks, curl, smtplib
# packages: exim4-daemon-light swaks libnet-ssleay-perl curl openssl gnutls-bin netcat-openbsd
# flow: 25/tcp smtp
# flow: 465/tcp tls
# flow: 587/tcp smtp

serve() {
    certificate
    mkdir spool
    chown Debian-exim spool
    cat >exim.conf <<EOF
primary_hostname = server.example
spool_directory = $work/spool
log_file_path = $work/spool/%slog
daemon_smtp_ports = 25 : 465 : 587
tls_on_connect_ports = 465
tls_advertise_hosts = *
tls_certificate = $work/cert.pem
tls_privatekey = $work/key.pem
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin acl
accept:
  accept
begin routers
drop:
  driver = redirect
  data = :blackhole:
begin transports
begin retry
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = true
EOF
    exec exim4 -bdf -C "$work/exim.conf" -oP "$work/spool/pid"
}

visit() {
    local to=(--to bob@example --from alice@example --server "$server")
    swaks "${to[@]}" >/dev/null
    swaks "${to[@]}" --tls --port 587 >/dev/null
    swaks "${to[@]}" --auth PLAIN --auth-user alice --auth-password secret --pipeline >/dev/null
    swaks "${to[@]}" --attach @/bin/ls >/dev/null
    printf 'Subject: hello\n\nthis is mail\n' >mail
    curl -sS "smtp://$server" --mail-from a@example --mail-rcpt b@example -T mail
    curl -sSk --ssl-reqd "smtp://$server:587" --mail-from a@example --mail-rcpt b@example -T mail
    curl -sSk "smtps://$server" --mail-from a@example --mail-rcpt b@example -T mail
    greet 25 smtp
    greet 465
    /usr/bin/python3 - <<'EOF'
import smtplib, ssl
context = ssl.create_default_context(cafile='cert.pem')
with smtplib.SMTP('server.example') as mail:
    mail.starttls(context=context)
    for _ in range(3):
        mail.sendmail('a@example', ['b@example', 'c@example'], b'Subject: x\r\n\r\n' + b'caf\xe9 \xff\r\n' * 500)
with smtplib.SMTP('server.example') as mail:
    mail.noop()
    mail.verify('bob')
    mail.docmd('NONSENSE')
EOF
    printf 'EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\nDATA\r\n' | timeout 5 nc -q 1 "$server" 25 || true
}
