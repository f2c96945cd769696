# service: gRPC by Python's grpcio, in the clear and over TLS: calls and streams
# packages: python3-grpcio openssl
# flow: 80/tcp http
# flow: 443/tcp tls

serve() {
    certificate
    exec /usr/bin/python3 - <<'EOF'
import concurrent.futures, grpc
class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method.endswith('Stream'):
            return grpc.stream_stream_rpc_method_handler(lambda requests, _: requests)
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=[Echo()])
server.add_insecure_port('0.0.0.0:80')
pair = open('key.pem', 'rb').read(), open('cert.pem', 'rb').read()
server.add_secure_port('0.0.0.0:443', grpc.ssl_server_credentials([pair]))
server.start()
server.wait_for_termination()
EOF
}

visit() {
    /usr/bin/python3 - <<'EOF'
import grpc, os
credentials = grpc.ssl_channel_credentials(open('cert.pem', 'rb').read())
for channel in [grpc.insecure_channel('server.example:80'), grpc.secure_channel('server.example:443', credentials)]:
    with channel:
        for size in [1, 200, 100_000]:
            data = os.urandom(size)
            assert channel.unary_unary('/test.Echo/Call')(data, timeout=20) == data
        pieces = [os.urandom(3000) for _ in range(20)]
        assert list(channel.stream_stream('/test.Echo/Stream')(iter(pieces), timeout=20)) == pieces
EOF
}
