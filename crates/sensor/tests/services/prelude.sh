# prelude.sh SERVICE serve|visit: one side of a service, in a mount, process and host-name namespace of its own.
# $work is the folder of both sides and where they start, $server and $client their addresses, also known as server.example and client.example.
set -Eeuo pipefail
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*}/$1.sh"

# Nothing outlives the service but what is in $work: all else can be read only, or is thrown away.
mount -t tmpfs none /run
mkdir -m 755 /run/work
mkdir -m 1777 /run/lock
mount --bind "$work" /run/work
for folder in / /dev; do mount -o remount,bind,ro "$folder"; done
for folder in /tmp /var/log /var/tmp /dev/shm; do mount -t tmpfs none "$folder"; done
cd /run/work
work=$PWD
export HOME=$work
printf '%s\n' '127.0.0.1 localhost' "$server server.example server" "$client client.example client" >"$work/hosts.$2"
mount --bind "$work/hosts.$2" /etc/hosts
mount --bind /dev/null /etc/resolv.conf
if [[ $2 == serve ]]; then hostname server.example; else hostname client.example; fi

# certificate: $work/cert.pem of server.example, signed by itself; $work/key.pem; both in $work/both.pem.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=server.example \
        -addext "subjectAltName=DNS:server.example,IP:$server" -keyout "$work/key.pem" -out "$work/cert.pem"
    cat "$work/key.pem" "$work/cert.pem" >"$work/both.pem"
    chmod 644 "$work/key.pem" "$work/both.pem"
} 2>/dev/null

# listening PORT: waits until something does.
listening() { until [[ -n $(ss -ltnH "sport = :$1") ]]; do sleep 0.05; done; }

# zone: a zone file of "example".
zone() {
    printf '%s\n' '$ORIGIN example.' '$TTL 60' '@ SOA ns admin 1 60 60 60 60' '@ NS ns' '@ MX 10 server' \
        "ns A $server" "server A $server" '*.wild TXT "anything at all"'
}

# as USER COMMAND...
as() {
    local user=$1
    shift
    setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"
}

# unpacked PACKAGE: the folder that scripts/setup unpacked it to.
unpacked() { echo "/usr/local/lib/offport-services/$1"; }

# browse URL [CURL OPTION...]: what browsers, scripts and slow or odd clients ask of a web server; curl speaks TLS by OpenSSL,
# wget by GnuTLS.
browse() {
    local url=$1 get=(curl -sS --max-time 20 --cacert "$work/cert.pem" -o /dev/null "${@:2}")
    [[ $url == https:* ]] || "${get[@]}" --http1.0 "$url/"
    "${get[@]}" "$url/" "$url/nowhere" "$url/"
    "${get[@]}" -I "$url/"
    "${get[@]}" -r 0-1 "$url/"
    printf 'Cookie: a=%06000d\n' 0 >"$work/cookie"
    "${get[@]}" -H "@$work/cookie" "$url/"
    "${get[@]}" -H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue' --data-binary @/bin/ls "$url/" || true # some answer before they have read all
    "${get[@]}" --compressed -z '2038-01-01' "$url/"
    wget -q --ca-certificate="$work/cert.pem" --no-proxy -O /dev/null "$url/"
    /usr/bin/python3 - "$url" "$work/cert.pem" <<'EOF'
import http.client, ssl, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
if url.scheme == 'https':
    web = http.client.HTTPSConnection(url.netloc, context=ssl.create_default_context(cafile=sys.argv[2]), timeout=20)
else:
    web = http.client.HTTPConnection(url.netloc, timeout=20)
for method, path in [('GET', '/'), ('POST', '/nowhere'), ('OPTIONS', '/'), ('GET', '/')]:
    web.request(method, path, body=b'a=b' if method == 'POST' else None)
    web.getresponse().read()
EOF
}

# greet PORT [STARTTLS]: handshakes by OpenSSL, GnuTLS and NSS, the last without STARTTLS only. Each closes at once; not every
# server agrees with each on a cipher, or waits for their farewell.
greet() {
    local version name=(${2:+-starttls "$2"})
    for version in -tls1_2 -tls1_3; do
        openssl s_client -brief "$version" "${name[@]}" -connect "$server:$1" -CAfile "$work/cert.pem" </dev/null ||
            echo "not by OpenSSL, $version"
    done
    timeout 10 gnutls-cli --logfile=/dev/null --x509cafile="$work/cert.pem" -p "$1" ${2:+--starttls-proto="$2"} server.example </dev/null ||
        echo 'not by GnuTLS'
    [[ -n ${2:-} ]] || timeout 10 tstclnt -h server.example -p "$1" -o -D -Q </dev/null || echo 'not by NSS'
}

if [[ $2 == visit ]]; then
    # The first process of a namespace is deaf to signals that it does not handle.
    trap 'exit 124' TERM
    set -x
fi
"$2"
