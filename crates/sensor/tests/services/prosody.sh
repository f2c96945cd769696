# service: Prosody: XMPP of clients and servers, STARTTLS, BOSH, TLS at once
# packages: prosody openssl gnutls-bin curl
# flow: 5222/tcp xmpp
# flow: 5223/tcp tls
# flow: 5269/tcp xmpp
# flow: 5280/tcp http

serve() {
    certificate
    cat >prosody.lua <<EOF
pidfile = "$work/prosody.pid"
data_path = "$work"
run_as_root = true
interfaces = { "*" }
modules_enabled = { "saslauth", "tls", "disco", "roster", "bosh", "register", "ping", "dialback" }
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
c2s_direct_tls_ports = { 5223 }
http_interfaces = { "*" }
https_ports = {}
ssl = { key = "$work/key.pem", certificate = "$work/cert.pem" }
log = { info = "*console" }
VirtualHost "server.example"
EOF
    exec prosody -F --config prosody.lua
}

visit() {
    openssl s_client -brief -starttls xmpp -xmpphost server.example -connect "$server:5222" </dev/null || true
    openssl s_client -brief -starttls xmpp-server -xmpphost server.example -connect "$server:5269" </dev/null || true
    openssl s_client -brief -connect "$server:5223" </dev/null || true
    timeout 5 gnutls-cli --logfile=/dev/null --insecure --starttls-proto=xmpp -p 5222 server.example </dev/null || true
    curl -sS "http://$server:5280/http-bind" -H 'Content-Type: text/xml' -d '<body rid="1" xmlns="http://jabber.org/protocol/httpbind" to="server.example" xml:lang="en" wait="1" hold="1" ver="1.6"/>'
    /usr/bin/python3 - <<'EOF'
import base64, socket
talk = socket.create_connection(('server.example', 5222), timeout=10)
def say(text, until):
    talk.sendall(text.encode())
    heard = b''
    while until.encode() not in heard:
        heard += talk.recv(4096)
open_stream = "<?xml version='1.0'?><stream:stream to='server.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
say(open_stream, '</stream:features>')
say("<iq type='set' id='1'><query xmlns='jabber:iq:register'><username>alice</username><password>secret</password></query></iq>", 'result')
say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>" % base64.b64encode(b'\0alice\0secret').decode(), 'success')
say(open_stream, '</stream:features>')
say("<iq type='set' id='2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", '<jid>')
EOF
}
