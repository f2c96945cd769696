# service: svnserve
# packages: subversion
# flow: 3690/tcp svn

serve() {
    svnadmin create files
    printf '%s\n' '[general]' 'anon-access = write' >files/conf/svnserve.conf
    exec svnserve -d --foreground -r "$work"
}

visit() {
    svn mkdir -q -m first "svn://$server/files/trunk"
    svn checkout -q "svn://$server/files" copy
    svn log "svn://$server/files"
    svn list "svn://$server/nowhere" || true
}
