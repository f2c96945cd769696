# service: WebSockets by Python's websockets, in the clear and over TLS
# packages: python3-websockets openssl
# flow: 80/tcp http
# flow: 443/tcp tls

serve() {
    certificate
    exec /usr/bin/python3 - <<'EOF'
import asyncio, ssl, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain('cert.pem', 'key.pem')
    async with websockets.serve(echo, '0.0.0.0', 80), websockets.serve(echo, '0.0.0.0', 443, ssl=context):
        await asyncio.Future()
asyncio.run(main())
EOF
}

visit() {
    /usr/bin/python3 - <<'EOF'
import asyncio, os, ssl, websockets
async def talk(url, **more):
    async with websockets.connect(url, **more) as socket:
        for message in ['hello', os.urandom(200), os.urandom(100_000), 'x' * 3000]:
            await socket.send(message)
            assert await socket.recv() == message
        await (await socket.ping())
        await asyncio.sleep(1)
        await socket.send('bye')
        await socket.recv()
context = ssl.create_default_context(cafile='cert.pem')
asyncio.run(talk('ws://server.example/chat'))
asyncio.run(talk('ws://server.example/', compression=None, extra_headers={'Cookie': 'a=' + 'x' * 3000}))
asyncio.run(talk('wss://server.example/', ssl=context))
EOF
}
