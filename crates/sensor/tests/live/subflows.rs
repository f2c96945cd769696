//! Multipath TCP of the kernel (RFC 8684): a connection over two addresses of the client.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::lab::{self, CLIENT, Lab, SERVER};
use crate::sensor::{Sensor, assert_identity};
use crate::traffic::{self, Server};

/// The client's other address.
const OTHER: &str = "10.217.145.234";
/// `IPPROTO_MPTCP`.
const MPTCP: u32 = 262;

#[test]
fn what_the_kernel_sends_by_another_subflow_is_no_alarm() {
    if !lab::root() {
        return;
    }
    if !Path::new("/proc/sys/net/mptcp").exists() {
        let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
        assert!(
            !promised,
            "OFFPORT_REQUIRE promises root, but the kernel has no Multipath TCP (CONFIG_MPTCP)"
        );
        eprintln!("SKIPPED: the kernel has no Multipath TCP");
        return;
    }
    let lab = Lab::new();
    lab.exec(&lab.clients, "ip", &["address", "add", &format!("{OTHER}/24"), "dev", "c0"]);
    for namespace in [&lab.clients, &lab.servers] {
        lab.exec(namespace, "ip", &["mptcp", "limits", "set", "subflow", "1", "add_addr_accepted", "1"]);
    }
    lab.exec(&lab.clients, "ip", &["mptcp", "endpoint", "add", OTHER, "dev", "c0", "subflow"]);
    let mut sensor = Sensor::start(&lab, "");
    let _server = Server::run(
        &lab,
        80,
        &format!(
            "import socket\n\
             s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, {MPTCP})\n\
             s.bind(('{SERVER}', 80))\n\
             s.listen()\n\
             c, _ = s.accept()\n\
             while c.recv(1 << 16): pass\n\
             c.close()\n"
        ),
    );
    // SOL_MPTCP, MPTCP_INFO: its first byte is the number of subflows besides the first (linux/mptcp.h).
    traffic::client(
        &lab,
        &format!(
            "import random, socket, time\n\
             body = bytes(0x80 | byte for byte in random.Random(1).randbytes(1 << 20))\n\
             s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, {MPTCP})\n\
             s.settimeout(20)\n\
             s.connect(('{SERVER}', 80))\n\
             s.sendall(b'POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: %d\\r\\n\\r\\n' % (8 * len(body)))\n\
             while not s.getsockopt(284, 1, 1)[0]: time.sleep(0.01)\n\
             for _ in range(8): s.sendall(body)\n\
             s.close()\n"
        ),
    );
    sensor.wait_until("both flows are judged", |sensor| {
        sensor.metric("offport_flows_judged_total", &["transport=\"tcp\""]) == 2
    });
    sensor.wait_until("both flows have ended", |sensor| {
        sensor.metric("offport_flows_ended_total", &["reason=\"fin\""]) >= 2
    });
    std::thread::sleep(Duration::from_millis(1_000));
    let metrics = sensor.get("/metrics");
    assert_eq!(crate::sensor::sum(&metrics, "offport_mptcp_subflows_total", &[]), 1);
    assert_identity(&metrics);
    assert_eq!(sensor.end("-TERM"), Some(0));
    assert!(sensor.events().is_empty(), "{:?}", sensor.events());
    let flows = sensor.flows();
    let from = |ip: &str| flows.iter().rfind(|flow| flow["source"]["ip"] == ip).unwrap()["offport"].clone();
    let (first, other) = (from(CLIENT), from(OTHER));
    assert_eq!((&first["verdict"], &first["tcp"]["subflow"]), (&"expected".into(), &().into()));
    assert_eq!((&other["verdict"], &other["tcp"]["subflow"]), (&"undecided".into(), &true.into()));
    // Where in the data it begins is the kernel's choice: what it says may look encrypted, or not.
    let reasons: Vec<_> = other["reasons"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!((reasons.first(), reasons.last()), (Some(&"no_known_protocol"), Some(&"subflow")));
    assert_eq!(other["tcp"]["midstream"], false);
}
