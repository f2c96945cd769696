# service: rpcbind and NFS-Ganesha: portmapper, mount, NFS 3 and 4; libnfs
# packages: rpcbind nfs-ganesha nfs-ganesha-vfs libnfs-utils
# flow: 111/tcp rpc
# flow: 111/udp rpc
# flow: 2049/tcp rpc
# flow: */tcp rpc displaced (mountd has no port of its own: RFC 1833)

serve() {
    mkdir -p share /run/rpcbind /run/ganesha
    mount -t tmpfs none /var/lib/nfs
    mkdir -p /var/lib/nfs/ganesha
    cp /bin/true share
    cat >ganesha.conf <<EOF
NFS_CORE_PARAM { Enable_NLM = false; Enable_RQUOTA = false; Protocols = 3, 4; }
NFSv4 { RecoveryBackend = fs; Grace_Period = 5; Lease_Lifetime = 5; Graceless = true; }
EXPORT {
    Export_Id = 1; Path = $work/share; Pseudo = /share; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
    FSAL { Name = VFS; }
}
EOF
    rpcbind -f -w &
    listening 111
    exec ganesha.nfsd -F -L "$work/ganesha.log" -f ganesha.conf -p /run/ganesha.pid
}

visit() {
    rpcinfo -p "$server"
    rpcinfo -T udp "$server"
    rpcinfo -u "$server" 100000 2
    nfs-ls "nfs://$server$work/share?version=3"
    nfs-cat "nfs://$server$work/share/true?version=3" >/dev/null
}
