# service: aiosmtpd: SMTP without ESMTP
# packages: python3-aiosmtpd
# flow: 25/tcp smtp

serve() { exec aiosmtpd -n -l 0.0.0.0:25; }

visit() {
    /usr/bin/python3 - <<'EOF'
import smtplib
with smtplib.SMTP('server.example') as mail:
    mail.helo('client.example')
    mail.sendmail('a@example', 'b@example', 'Subject: x\r\n\r\nhello\r\n')
EOF
}
