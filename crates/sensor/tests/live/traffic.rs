//! Real sockets in the lab's hosts, by Python's standard library: bounded in count and time.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::lab::{Lab, SERVER};

/// A server that answers each connection's first bytes with `answer` on `port`, until dropped. Pinned to a CPU.
pub(crate) struct Server(Child);

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) fn start(lab: &Lab, port: u16, answer: &str, cpu: usize) -> Self {
        let script = format!(
            "import os, socketserver\n\
             os.sched_setaffinity(0, [{cpu}])\n\
             class Handler(socketserver.BaseRequestHandler):\n\
             \x20   def handle(self):\n\
             \x20       self.request.settimeout(20)\n\
             \x20       while self.request.recv(65536):\n\
             \x20           if {answer:?}: self.request.sendall({answer:?}.encode('latin1'))\n\
             class Server(socketserver.ThreadingTCPServer):\n\
             \x20   allow_reuse_address = True\n\
             \x20   request_queue_size = 512\n\
             \x20   daemon_threads = True\n\
             Server(('{SERVER}', {port}), Handler).serve_forever()\n"
        );
        Self::run(lab, port, &script)
    }

    /// A Python script on the server host that listens on `port`.
    pub(crate) fn run(lab: &Lab, port: u16, script: &str) -> Self {
        let child = lab
            .command(&lab.servers, "python3")
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Dropped, it ends and waits for the child, whatever happens below.
        let server = Self(child);
        let filter = format!("sport = :{port}");
        for _ in 0..500 {
            let listening = lab.exec(&lab.servers, "ss", &["-ltnH", &filter]);
            if !listening.stdout.is_empty() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nothing listens on port {port}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a Python script on the client host and returns what it prints.
pub(crate) fn client(lab: &Lab, script: &str) -> String {
    let output = lab.exec(&lab.clients, "timeout", &["60", "python3", "-c", script]);
    String::from_utf8(output.stdout).unwrap()
}

/// `count` connections one after the other, each sending `request` and waiting for an answer. Pinned to a CPU.
pub(crate) fn connections(lab: &Lab, port: u16, count: u32, request: &str, cpu: usize) {
    client(
        lab,
        &format!(
            "import os, socket\n\
             os.sched_setaffinity(0, [{cpu}])\n\
             for _ in range({count}):\n\
             \x20   s = socket.create_connection(('{SERVER}', {port}), timeout=10)\n\
             \x20   s.sendall({request:?}.encode('latin1'))\n\
             \x20   assert s.recv(65536)\n\
             \x20   s.close()\n"
        ),
    );
}

/// One connection that sends `hex` and keeps still for `seconds`; prints the time of the first byte.
pub(crate) fn pour(lab: &Lab, port: u16, hex: &str, seconds: f64) -> f64 {
    client(
        lab,
        &format!(
            "import socket, time\n\
             s = socket.create_connection(('{SERVER}', {port}), timeout=10)\n\
             print(time.time(), flush=True)\n\
             s.sendall(bytes.fromhex('{hex}'))\n\
             time.sleep({seconds})\n\
             s.close()\n"
        ),
    )
    .trim()
    .parse()
    .unwrap()
}

/// One HTTP exchange on `port`: `up` bytes to the server, then the client closes its side, then `down` bytes back. Little
/// is under way at any time, so that no queue of the lab overflows.
pub(crate) fn transfer(lab: &Lab, port: u16, up: usize, down: usize) {
    let window = "import socket\n\
                  def window(s):\n\
                  \x20   for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):\n\
                  \x20       s.setsockopt(socket.SOL_SOCKET, option, 49152)\n\
                  \x20   return s\n\
                  def drain(s):\n\
                  \x20   while s.recv(65536): pass\n";
    let script = format!(
        "{window}\
         l = window(socket.socket())\n\
         l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
         l.bind(('{SERVER}', {port}))\n\
         l.listen()\n\
         s = l.accept()[0]\n\
         s.settimeout(20)\n\
         drain(s)\n\
         s.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: {down}\\r\\n\\r\\n' + b'd' * {down})\n\
         s.close()\n"
    );
    let mut server = lab
        .command(&lab.servers, "timeout")
        .args(["60", "python3", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let filter = format!("sport = :{port}");
    for _ in 0..500 {
        if !lab.exec(&lab.servers, "ss", &["-ltnH", &filter]).stdout.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    client(
        lab,
        &format!(
            "{window}\
             s = window(socket.socket())\n\
             s.settimeout(20)\n\
             s.connect(('{SERVER}', {port}))\n\
             s.sendall(b'POST / HTTP/1.1\\r\\nContent-Length: {up}\\r\\n\\r\\n' + b'u' * {up})\n\
             s.shutdown(socket.SHUT_WR)\n\
             drain(s)\n\
             s.close()\n"
        ),
    );
    assert!(server.wait().unwrap().success());
}

/// `count` connections at the same time, each with an HTTP request of `bytes` bytes.
pub(crate) fn parallel(lab: &Lab, port: u16, count: u32, bytes: u32) {
    client(
        lab,
        &format!(
            "import socket, time\n\
             all = [socket.create_connection(('{SERVER}', {port}), timeout=10) for _ in range({count})]\n\
             for s in all: s.sendall(b'POST / HTTP/1.1\\r\\nContent-Length: {bytes}\\r\\n\\r\\n')\n\
             for _ in range(0, {bytes}, 4000):\n\
             \x20   for s in all: s.sendall(b'x' * 4000)\n\
             \x20   time.sleep(0.005)\n\
             time.sleep(0.3)\n\
             for s in all: s.close()\n"
        ),
    );
}
