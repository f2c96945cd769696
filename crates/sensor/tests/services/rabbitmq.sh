# service: RabbitMQ: AMQP 0-9-1; Erlang's port mapper
# packages: rabbitmq-server amqp-tools erlang-base
# flow: 5672/tcp amqp
# flow: 4369/tcp epmd

serve() {
    export RABBITMQ_MNESIA_BASE=$work/mnesia RABBITMQ_LOGS=- RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_ENABLED_PLUGINS_FILE=$work/plugins
    export RABBITMQ_PID_FILE=$work/pid RABBITMQ_CONFIG_FILE=$work/rabbitmq
    echo 'loopback_users = none' >rabbitmq.conf
    echo '[].' >plugins
    exec /usr/lib/rabbitmq/bin/rabbitmq-server
}

visit() {
    local to=(-u "amqp://guest:guest@$server")
    amqp-declare-queue "${to[@]}" -q news
    amqp-publish "${to[@]}" -r news -b hello
    amqp-get "${to[@]}" -q news
    amqp-publish -u "amqp://guest:wrong@$server" -r news -b hello || true
    epmd -names -address "$server" || true
    erl -noshell -eval "erl_epmd:names({10,217,145,10}), halt()."
}
