# service: git's daemon, protocol versions 0 to 2; git over HTTP
# packages: git
# flow: 9418/tcp git
# flow: 80/tcp http

serve() {
    git init -q --bare files.git
    git -C files.git -c user.name=a -c user.email=a@example commit-tree -m first "$(git -C files.git mktree </dev/null)" >head
    git -C files.git update-ref refs/heads/master "$(cat head)"
    git -C files.git update-server-info
    git daemon --base-path="$work" --export-all --reuseaddr &
    exec /usr/bin/python3 -m http.server 80
}

visit() {
    local version
    for version in 0 1 2; do
        git -c protocol.version=$version ls-remote "git://$server/files.git"
        git -c protocol.version=$version clone -q "git://$server/files.git" "copy$version"
    done
    git clone -q "http://$server/files.git" copy
    git ls-remote "git://$server/nowhere.git" || true
}
