//! A Spark cluster on loopback: a master and two workers, each a process of its own, with a core and 1 GiB.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::installed::Installed;

const WORKERS: usize = 2;

pub(crate) struct Cluster {
    master: String,
    /// Workers first: they end their executors when they are told to end.
    processes: Vec<Child>,
}

impl Cluster {
    pub(crate) fn start(installed: &Installed, folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let master = format!("spark://127.0.0.1:{port}");
        let run = |mut command: Command, name: &str| {
            let log = File::create(folder.join(name).with_extension("log")).unwrap();
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
        };
        let mut command = installed.spark("org.apache.spark.deploy.master.Master");
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--webui-port", "0"]);
        let mut cluster = Self { master, processes: vec![run(command, "master")] };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for the master");
            std::thread::sleep(Duration::from_millis(50));
        }
        for number in 1..=WORKERS {
            let name = format!("worker-{number}");
            let mut command = installed.spark("org.apache.spark.deploy.worker.Worker");
            command.args(["--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g"]);
            command.arg("--work-dir").arg(folder.join(&name)).arg(&cluster.master);
            cluster.processes.insert(0, run(command, &name));
        }
        cluster
    }

    /// Its URL.
    pub(crate) fn master(&self) -> &str {
        &self.master
    }

    pub(crate) const fn workers(&self) -> usize {
        WORKERS
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let begun = Instant::now();
            while process.try_wait().is_ok_and(|ended| ended.is_none())
                && begun.elapsed() < Duration::from_secs(10)
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
