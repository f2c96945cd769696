//! The virtual environment with the engines, and Java.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Installed(PathBuf);

impl Installed {
    /// `None`, and loudly: something is missing.
    pub(crate) fn find() -> Option<Self> {
        let folder = std::env::var_os("OFFPORT_ENGINES");
        let folder = folder.map_or_else(|| PathBuf::from("/usr/local/lib/offport-engines"), PathBuf::from);
        let wanted = std::fs::read(scripts().join("requirements.txt")).unwrap();
        let is_there = std::fs::read(folder.join("requirements.txt")).is_ok_and(|there| there == wanted);
        let has_java =
            Command::new("java").arg("-version").output().is_ok_and(|output| output.status.success());
        if is_there && has_java {
            return Some(Self(folder));
        }
        let missing = if is_there { "Java" } else { "DuckDB and Spark" };
        let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
        assert!(!promised, "OFFPORT_REQUIRE promises root, and with it {missing}: scripts/setup test");
        eprintln!("SKIPPED: needs {missing}: scripts/setup test");
        None
    }

    /// One of the scripts beside this file; times are in UTC.
    pub(crate) fn python(&self, script: &str) -> Command {
        let mut command = Command::new(self.0.join("bin/python"));
        command.arg(scripts().join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
            .env("TZ", "UTC")
            .env("SPARK_LOCAL_IP", "127.0.0.1")
            .env("PYSPARK_PYTHON", self.0.join("bin/python"));
        command
    }

    /// A class of Spark's; the process becomes Java.
    pub(crate) fn spark(&self, class: &str) -> Command {
        let python = std::fs::read_dir(self.0.join("lib")).unwrap().next().unwrap().unwrap();
        let spark = python.path().join("site-packages/pyspark");
        let mut command = Command::new(spark.join("bin/spark-class"));
        command.arg(class).env("SPARK_HOME", spark);
        command.env("SPARK_LOCAL_IP", "127.0.0.1").env("SPARK_DAEMON_MEMORY", "256m");
        command
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines")
}
