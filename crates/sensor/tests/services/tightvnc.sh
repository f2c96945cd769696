# service: TightVNC, with a password; vncsnapshot
# packages: tightvncserver vncsnapshot xfonts-base
# flow: 5900/tcp vnc

serve() {
    # "secret", as DES with VNC's fixed key makes it.
    printf '\xdb\xd8\x3c\xfd\x72\x7a\x14\x58' >password
    exec Xtightvnc :0 -geometry 320x200 -depth 24 -rfbport 5900 -rfbauth password -fp /usr/share/fonts/X11/misc
}

visit() {
    timeout 5 vncsnapshot -passwd password "$server:0" screen.jpg
}
