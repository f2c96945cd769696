# service: Dropbear, with its own client and OpenSSH's
# packages: dropbear-bin openssh-client
# flow: 22/tcp ssh

serve() {
    dropbearkey -t ed25519 -f hostkey
    dropbearkey -t ed25519 -f userkey
    mkdir -p root/.ssh
    dropbearkey -y -f userkey | grep ^ssh >root/.ssh/authorized_keys
    dropbearconvert dropbear openssh userkey userkey.openssh
    chmod -R go= root userkey.openssh
    mount --bind root /root
    exec dropbear -F -E -r hostkey -p 22
}

visit() {
    dbclient -y -y -i userkey root@server.example true
    dbclient -y -y -i userkey root@server.example 'head -c 300000 /dev/urandom' >/dev/null
    ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i userkey.openssh root@server.example hostname
}
