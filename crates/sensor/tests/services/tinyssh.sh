# service: TinySSH
# packages: tinysshd openssh-client socat
# flow: 22/tcp ssh

serve() {
    tinysshd-makekey keys
    ssh-keygen -q -t ed25519 -N '' -f userkey
    mkdir -p root/.ssh
    cp userkey.pub root/.ssh/authorized_keys
    chmod -R go= root
    mount --bind root /root
    exec socat TCP-LISTEN:22,fork,reuseaddr EXEC:"tinysshd -v keys"
}

visit() {
    ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i userkey root@server.example hostname
    ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i userkey root@server.example 'head -c 300000 /dev/urandom' >/dev/null
}
