# service: fcgiwrap by FastCGI, gearmand, beanstalkd, distcc
# packages: fcgiwrap spawn-fcgi libfcgi-bin gearman-job-server gearman-tools beanstalkd distcc netcat-openbsd
# flow: 9000/tcp fastcgi displaced (all kinds of servers listen there, so the port is reserved for none)
# flow: 4730/tcp gearman
# flow: 4730/tcp - unknown (the text commands of administrators)
# flow: 11300/tcp beanstalkd
# flow: 3632/tcp distcc

serve() {
    printf '#!/bin/sh\necho "Content-Type: text/plain"; echo; echo hello\n' >hello.cgi
    chmod 755 hello.cgi
    chmod 777 .
    spawn-fcgi -n -p 9000 -a 0.0.0.0 -- /usr/sbin/fcgiwrap &
    gearmand -L 0.0.0.0 -l stderr &
    beanstalkd -l 0.0.0.0 &
    exec distccd --no-detach --daemon --allow 0.0.0.0/0 --user nobody --log-stderr --listen 0.0.0.0 --enable-tcp-insecure
}

visit() {
    SCRIPT_FILENAME=$work/hello.cgi REQUEST_METHOD=GET cgi-fcgi -bind -connect "$server:9000"
    gearman -h "$server" -w -f reverse -c 1 -- rev &
    gearman -h "$server" -f reverse hello
    gearadmin -h "$server" --status
    printf 'put 0 0 60 5\r\nhello\r\nreserve\r\ndelete 1\r\nquit\r\n' | nc -q 1 "$server" 11300
    echo 'int main(void) { return 0; }' >main.c
    DISTCC_HOSTS=$server DISTCC_FALLBACK=0 DISTCC_DIR=$work distcc gcc -c main.c -o main.o
}
