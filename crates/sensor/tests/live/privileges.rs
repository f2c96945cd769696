//! What a running sensor has given up, as the kernel tells it, and that it still does all that it has to.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use crate::lab::{self, Lab};
use crate::sensor::Sensor;
use crate::traffic::{self, Server};

/// CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON, CAP_BPF (capability.h).
const KEPT: u64 = 1 << 12 | 1 << 13 | 1 << 38 | 1 << 39;

/// `/proc/PID/task/*/status`: the thread's name, and what it says.
fn threads(pid: u32) -> Vec<BTreeMap<String, String>> {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).ok())
        .map(|status| {
            let lines = status.lines().filter_map(|line| line.split_once(':'));
            lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
        })
        .collect()
}

/// CAP_IPC_LOCK: kept besides where the limit of locked memory cannot be raised.
const LOCKS: u64 = 1 << 14;

/// All sets of a thread's capabilities in one, but the bounding set.
fn capabilities(thread: &BTreeMap<String, String>) -> u64 {
    let set = |name: &str| u64::from_str_radix(&thread[name], 16).unwrap();
    ["CapInh", "CapPrm", "CapEff", "CapAmb"].iter().map(|name| set(name)).fold(0, |all, set| all | set)
}

#[test]
fn an_unprivileged_user_watches_and_attaches_again() {
    if !lab::root() {
        return;
    }
    let lab = Lab::new();
    let mut sensor =
        Sensor::start_as(&lab, "nobody", "[privileges]\nuser = \"nobody\"\nsandbox = \"require\"");
    let nobody = Command::new("id").args(["-u", "nobody"]).output().unwrap().stdout;
    let nobody = String::from_utf8(nobody).unwrap().trim().to_owned();

    let threads = threads(sensor.pid());
    let names: Vec<&str> = threads.iter().map(|thread| thread["Name"].as_str()).collect();
    for wanted in ["offportd", "offport-w0", "offport-w1", "offport-http", "offport-packets", "offport-flows"]
    {
        assert!(names.contains(&wanted), "{wanted} is not among {names:?}");
    }
    for thread in &threads {
        let name = thread["Name"].as_str();
        assert_eq!(thread["Uid"].split_whitespace().collect::<Vec<_>>(), [&nobody; 4], "{name}");
        assert_eq!((thread["NoNewPrivs"].as_str(), thread["Seccomp"].as_str()), ("1", "2"), "{name}");
        let kept = if name == "offportd" { KEPT } else { 0 };
        assert_eq!(capabilities(thread) & !if kept == 0 { 0 } else { LOCKS }, kept, "{name}");
        assert_eq!(u64::from_str_radix(&thread["CapBnd"], 16), Ok(0), "{name}");
        let filters = if name.starts_with("offport-w") { "3" } else { "2" };
        assert_eq!(thread["Seccomp_filters"], filters, "{name}");
    }

    let _server = Server::start(&lab, 80, "", 1);
    traffic::pour(&lab, 80, "0102030405060708f0f1f2f3", 0.2);
    sensor.wait_until("the raw data is flagged", |sensor| !sensor.events().is_empty());

    // Everything that was opened with privileges is opened again without them.
    sensor.signal("-HUP");
    lab.ip("link delete mirror");
    sensor.wait_for_log("gone");
    lab.add_tap();
    sensor.wait_for_log("back");
    sensor.wait_until("/readyz is well again", |sensor| sensor.get("/readyz").starts_with("ready"));
    traffic::pour(&lab, 80, "1102030405060708f0f1f2f3", 0.2);
    sensor.wait_until("raw data is flagged again", |sensor| {
        sensor.metric("offport_flows_judged_total", &["verdict=\"unrecognised\""]) > 1
    });

    assert_eq!(sensor.end("-TERM"), Some(0), "{}", sensor.logged.join("\n"));
    for name in ["events.jsonl", "flows.jsonl", "store"] {
        let owner = std::fs::metadata(sensor.path(name)).unwrap().uid();
        assert_eq!(owner.to_string(), nobody, "{name}");
    }
}
