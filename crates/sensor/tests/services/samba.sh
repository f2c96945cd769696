# service: Samba: SMB 1, 2 and 3, signed and sealed, NetBIOS sessions and names
# packages: samba smbclient samba-common-bin
# flow: 137/udp netbios-ns
# flow: 138/udp netbios-dgm
# flow: 139/tcp netbios-ssn
# flow: 445/tcp smb

serve() {
    mkdir -p state share /run/samba/nmbd
    chmod 777 share
    cp /bin/ls share
    cat >smb.conf <<EOF
[global]
netbios name = server
workgroup = test
server min protocol = NT1
map to guest = bad user
guest account = root
passdb backend = tdbsam:$work/state/passdb.tdb
private dir = $work/state
lock directory = $work/state
state directory = $work/state
cache directory = $work/state
pid directory = /run/samba
ncalrpc dir = /run/samba/rpc
log file = /dev/stderr
load printers = no
interfaces = $server/24
[share]
path = $work/share
guest ok = yes
read only = no
EOF
    nmbd -F --no-process-group -s smb.conf &
    exec smbd -F --no-process-group -s smb.conf
}

visit() {
    local get=(smbclient -s smb.conf -N "//$server/share" -c 'ls; get ls /dev/null; put hosts.visit text; rm text')
    local protocol
    for protocol in NT1 SMB2 SMB3; do
        "${get[@]}" -m "$protocol" --option='client min protocol=NT1'
    done
    "${get[@]}" -p 139
    smbclient -s smb.conf -N -L "$server"
    smbclient -s smb.conf -U alice%wrong "//$server/nowhere" -c ls || true
    nmblookup -s smb.conf -U "$server" server
    nmblookup -s smb.conf -A "$server"
}
