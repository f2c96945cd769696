# service: PostgreSQL: with and without TLS, SCRAM, a wrong password, a cancelled query
# packages: postgresql openssl
# flow: 5432/tcp postgresql

serve() {
    certificate
    local bin
    bin=$(echo /usr/lib/postgresql/*/bin | awk '{ print $NF }')
    mkdir pg
    cp key.pem pg/key.pem
    chmod 600 pg/key.pem
    chown -R postgres pg
    echo secret >password
    as postgres "$bin/initdb" -D "$work/pg/data" -A scram-sha-256 --pwfile=password -N >/dev/null
    echo 'host all all 0.0.0.0/0 scram-sha-256' >>pg/data/pg_hba.conf
    exec setpriv --reuid postgres --regid postgres --clear-groups "$bin/postgres" -D "$work/pg/data" -c 'listen_addresses=*' \
        -c unix_socket_directories="$work/pg" -c ssl=on -c ssl_cert_file="$work/cert.pem" -c ssl_key_file="$work/pg/key.pem" -c fsync=off
}

visit() {
    local to="host=$server user=postgres dbname=postgres"
    export PGPASSWORD=secret
    psql -qAt "$to sslmode=disable" -c 'select version()' -c "select repeat('x', 9000)" >/dev/null
    psql -qAt "$to sslmode=require" -c 'select ssl from pg_stat_ssl limit 1'
    psql -qAt "$to sslmode=prefer gssencmode=prefer" -c 'create table t as select generate_series(1, 1000) n' -c '\copy t to /dev/null'
    psql -qAt "$to sslmode=disable options='-c statement_timeout=100'" -c 'select pg_sleep(9)' || true
    PGPASSWORD=wrong psql "$to sslmode=disable" -c 'select 1' || true
    timeout -s INT 1 psql "$to sslmode=disable" -c 'select pg_sleep(9)' || true
    pg_isready -h "$server"
    openssl s_client -brief -starttls postgres -connect "$server:5432" </dev/null
}
