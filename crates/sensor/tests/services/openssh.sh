# service: OpenSSH: commands, files, wrong passwords, ports forwarded; old and new key exchanges; PuTTY, Paramiko, libssh2
# packages: openssh-server openssh-client putty-tools python3-paramiko lftp netcat-openbsd
# flow: 22/tcp ssh

serve() {
    ssh-keygen -q -t ed25519 -N '' -f hostkey
    ssh-keygen -q -t rsa -N '' -f rsakey
    ssh-keygen -q -t ed25519 -N '' -f userkey
    mkdir -p /run/sshd
    cat >sshd_config <<EOF
HostKey $work/hostkey
HostKey $work/rsakey
AuthorizedKeysFile $work/userkey.pub
UsePAM no
StrictModes no
PermitRootLogin yes
Banner $work/hosts.serve
Subsystem sftp internal-sftp
KexAlgorithms +diffie-hellman-group14-sha1
HostKeyAlgorithms +ssh-rsa
EOF
    exec /usr/sbin/sshd -D -e -f sshd_config
}

visit() {
    local options=(-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -o BatchMode=yes)
    local with=("${options[@]}" -i userkey)
    ssh "${with[@]}" root@server.example true
    ssh "${with[@]}" -C root@server.example 'head -c 2000000 /dev/urandom' >/dev/null
    ssh "${with[@]}" -o KexAlgorithms=diffie-hellman-group14-sha1 -o HostKeyAlgorithms=ssh-rsa -c aes128-ctr root@server.example true
    ssh "${with[@]}" -o RekeyLimit=100K root@server.example cat </bin/ls >/dev/null
    ssh "${options[@]}" -o PubkeyAuthentication=no root@server.example true || true
    scp -q "${with[@]}" /bin/ls root@server.example:/run/work/copy
    sftp -q "${with[@]}" root@server.example <<<'ls /'
    ssh-keyscan server.example >/dev/null
    puttygen userkey -O private -o userkey.ppk
    plink -batch -hostkey "$(ssh-keygen -lf hostkey.pub | cut -d' ' -f2)" -i userkey.ppk root@server.example true
    /usr/bin/python3 - <<'EOF'
import paramiko
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect('server.example', username='root', key_filename='userkey', allow_agent=False, timeout=10)
print(client.exec_command('hostname')[1].read())
client.open_sftp().listdir('/')
client.close()
EOF
    # Whoever only looks who is there.
    timeout 1 nc "$server" 22 || true
    printf 'SSH-2.0-scanner\r\n' | nc -q 0 "$server" 22
}
