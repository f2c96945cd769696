# service: MariaDB: with and without TLS, a wrong password; the client and PyMySQL
# packages: mariadb-server-core mariadb-client-core python3-pymysql openssl
# flow: 3306/tcp mysql

serve() {
    certificate
    mkdir data
    local common=(--no-defaults --datadir="$work/data" --user=root --lc-messages-dir=/usr/share/mysql --innodb-log-file-size=4M
        --innodb-buffer-pool-size=8M --socket="$work/socket" --pid-file="$work/pid")
    {
        printf '%s\n' 'create database mysql;' 'use mysql;'
        cat /usr/share/mysql/mysql_system_tables.sql
        cat /usr/share/mysql/mysql_system_tables_data.sql
        printf '%s\n' 'flush privileges;' "create user alice identified by 'secret';" 'grant all on *.* to alice;'
    } >start.sql
    mariadbd "${common[@]}" --bootstrap <start.sql
    exec mariadbd "${common[@]}" --skip-name-resolve --ssl-cert="$work/cert.pem" --ssl-key="$work/key.pem"
}

visit() {
    local as=(mariadb --no-defaults -h "$server" -u alice)
    "${as[@]}" -psecret --skip-ssl -e 'select version(); create database d; use d; create table t (x text); insert t values (repeat("x", 9000)); select * from t' >/dev/null
    "${as[@]}" -psecret --ssl -e 'show status like "ssl_version"'
    "${as[@]}" -psecret -C -e 'select 1'
    "${as[@]}" -pwrong -e 'select 1' || true
    openssl s_client -brief -starttls mysql -connect "$server:3306" </dev/null || true
    /usr/bin/python3 - <<'EOF'
import pymysql
base = pymysql.connect(host='server.example', user='alice', password='secret', database='d')
with base.cursor() as cursor:
    cursor.execute('select x from t where x like %s', ['x%'])
    cursor.fetchall()
base.close()
EOF
}
