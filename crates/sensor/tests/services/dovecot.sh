# service: Dovecot: IMAP, POP3, LMTP, ManageSieve and submission; STARTTLS and TLS at once
# packages: dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-managesieved dovecot-submissiond curl openssl gnutls-bin libnss3-tools swaks
# flow: 24/tcp smtp displaced (LMTP has the form of SMTP, and no port is reserved for it: RFC 2033)
# flow: 110/tcp pop3
# flow: 143/tcp imap
# flow: 587/tcp smtp
# flow: 993/tcp tls
# flow: 995/tcp tls
# flow: 4190/tcp managesieve

serve() {
    certificate
    mkdir mail
    chmod 777 . mail
    cat >dovecot.conf <<EOF
base_dir = /run/dovecot
protocols = imap pop3 lmtp sieve submission
log_path = /dev/stderr
ssl_cert = <$work/cert.pem
ssl_key = <$work/key.pem
disable_plaintext_auth = no
mail_location = maildir:$work/mail
hostname = server.example
submission_relay_host = 127.0.0.1
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$work/mail
}
first_valid_uid = 1
service lmtp {
  inet_listener lmtp {
    port = 24
  }
}
EOF
    exec dovecot -F -c "$work/dovecot.conf"
}

visit() {
    swaks --protocol LMTP --server "$server" --port 24 --from a@example --to alice@example >/dev/null
    local url
    for url in imap imaps pop3 pop3s; do
        curl -sSk -u alice:x "$url://$server/" >/dev/null
    done
    curl -sSk -u alice:x --ssl-reqd "imap://$server/INBOX;MAILINDEX=1" >/dev/null
    curl -sSk -u alice:x --ssl-reqd "pop3://$server/1" >/dev/null
    greet 143 imap
    greet 110 pop3
    greet 993
    greet 995
    timeout 5 gnutls-cli --insecure --logfile=/dev/null --starttls-proto=sieve -p 4190 server.example </dev/null || true
    /usr/bin/python3 - <<'EOF'
import imaplib, poplib, smtplib, time
mail = imaplib.IMAP4('server.example')
mail.login('alice', 'x')
mail.select()
mail.append('INBOX', None, None, b'Subject: large\r\n\r\n' + b'x' * 70 + b'\r\n' * 30_000)
mail.fetch('1:*', '(FLAGS BODY[])')
mail.search(None, 'ALL')
time.sleep(1)
mail.noop()
mail.logout()
mail = imaplib.IMAP4_SSL('server.example')
try:
    mail.login('', '')
except imaplib.IMAP4.error:
    pass
mail.logout()
mail = poplib.POP3('server.example')
mail.user('alice')
mail.pass_('x')
mail.retr(1)
mail.quit()
mail = smtplib.SMTP('server.example', 587)
mail.ehlo()
mail.quit()
EOF
}
