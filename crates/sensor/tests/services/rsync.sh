# service: rsync's daemon
# packages: rsync
# flow: 873/tcp rsync

serve() {
    mkdir files
    cp /bin/ls files
    printf '%s\n' 'use chroot = no' '[files]' "path = $work/files" 'read only = no' 'uid = root' 'gid = root' >rsyncd.conf
    exec rsync --daemon --no-detach --config=rsyncd.conf --log-file=/dev/stderr
}

visit() {
    rsync "$server::"
    rsync -a "$server::files/" copy/
    rsync -az /bin/true "$server::files/"
    rsync "$server::nowhere" || true
}
