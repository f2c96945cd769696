//! A server that speaks S3: moto, a process of its own on loopback, killed by its own process id when dropped.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const BUCKET: &str = "flows";

pub struct Server(Child);

/// Where `scripts/setup test` has put it. `None`, and loudly: it has not.
pub fn installed() -> Option<PathBuf> {
    let folder = std::env::var_os("OFFPORT_ENGINES");
    let folder = folder.map_or_else(|| PathBuf::from("/usr/local/lib/offport-engines"), PathBuf::from);
    if folder.join("bin/moto_server").exists() {
        return Some(folder);
    }
    let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
    assert!(!promised, "OFFPORT_REQUIRE promises root, and with it an S3 server: scripts/setup test");
    eprintln!("SKIPPED: needs an S3 server: scripts/setup test");
    None
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Starts it, with a bucket.
    pub fn start(installed: &Path, port: u16) -> Self {
        let child = Command::new(installed.join("bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self(child);
        let begun = Instant::now();
        while !make_bucket(port).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for the server");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn make_bucket(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Downloads everything into a folder; how many files, and how many records DuckDB counts in the bucket.
pub fn read_back(installed: &Path, port: u16, folder: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upload/read_back.py");
    let output = Command::new(installed.join("bin/python"))
        .arg(script)
        .args([&format!("http://127.0.0.1:{port}"), BUCKET, "some/prefix"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
