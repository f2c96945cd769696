# service: dictd
# packages: dictd dict
# flow: 2628/tcp dict

serve() {
    printf '%s\n' 'offport' ' a sensor' >words
    printf 'offport\tA\tL\n' >test.index
    printf 'offport\n  a sensor\n' >test.dict
    printf 'access { allow * }\ndatabase test { data "%s/test.dict" index "%s/test.index" }\n' "$work" "$work" >dictd.conf
    exec dictd -d nodetach -c dictd.conf
}

visit() {
    dict -h "$server" -D
    dict -h "$server" offport || true
    dict -h "$server" -m sensor || true
}
