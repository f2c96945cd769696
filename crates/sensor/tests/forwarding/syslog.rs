//! Syslog: over a socket of the host's and UDP to the test itself, over TCP to rsyslog.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::daemon::{Daemon, can_run};
use crate::lab::{Lab, SERVER};
use crate::raw_flows::RawFlows;
use crate::rfc5424::{Parsed, parse};
use crate::sensor::Sensor;

/// What a message must say of its event.
fn assert_says(parsed: &Parsed, event: &Value) {
    let action = event["event"]["action"].as_str().unwrap();
    assert_eq!((parsed.facility, parsed.host.as_str(), parsed.app.as_str()), (16, "test", "offportd"));
    assert_eq!(parsed.id, if action == "flagged" { "flagged" } else { "ended" });
    assert_eq!(parsed.timestamp, event["@timestamp"].as_str().unwrap());
    for (name, value) in [
        ("flow_id", &event["offport"]["flow_id"]),
        ("verdict", &event["offport"]["verdict"]),
        ("severity", &event["offport"]["severity"]),
        ("source", &event["source"]["ip"]),
        ("transport", &event["network"]["transport"]),
    ] {
        assert_eq!(parsed.data[name], value.as_str().unwrap(), "{name}");
    }
    assert_eq!((parsed.data["destination"].as_str(), parsed.data["port"].as_str()), (SERVER, "80"));
}

#[test]
fn datagrams_to_a_socket_of_the_host_are_rfc_5424() {
    if !can_run(&[]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let config = format!(
        "[flow.timeouts]\nclosed = \"1s\"\n[syslog]\nenabled = true\npath = \"{}\"\nmessage = \"json\"\n",
        path.display()
    );
    let mut sensor = Sensor::start(&lab, &config);
    flows.run(1..6, 0.05);
    sensor.wait_until("all have ended", |sensor| sensor.events().len() == 10);
    assert_eq!(sensor.end("-TERM"), Some(0));
    for event in sensor.events() {
        let mut bytes = [0; 65536];
        let length = socket.recv(&mut bytes).unwrap();
        let parsed = parse(&bytes[..length]);
        assert_says(&parsed, &event);
        assert_eq!(serde_json::from_str::<Value>(&parsed.text).unwrap(), event);
    }
}

#[test]
fn datagrams_over_udp_are_rfc_5424() {
    if !can_run(&["python3"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    let got = folder.path().join("got");
    // A TCP port of the same number says that it listens.
    let script = "import socket, sys\n\
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nu.bind(('127.0.0.1', 5514))\n\
        t = socket.socket()\nt.bind(('127.0.0.1', 5514))\nt.listen()\n\
        while True: open(sys.argv[1], 'ab').write(u.recv(65536) + b'\\n')\n";
    let _receiver = Daemon::start(&lab, 5514, "python3", &["-c", script, got.to_str().unwrap()]);
    let config = "[syslog]\nenabled = true\ntransport = \"udp\"\nserver = \"127.0.0.1:5514\"\n";
    let mut sensor = Sensor::start(&lab, config);
    flows.run(1..4, 0.05);
    let lines = || std::fs::read(&got).unwrap_or_default();
    sensor.wait_until("they are received", |_| lines().iter().filter(|&&byte| byte == b'\n').count() >= 3);
    let events = sensor.events();
    for (line, event) in lines().split(|&byte| byte == b'\n').zip(&events) {
        let parsed = parse(line);
        assert_says(&parsed, event);
        assert_eq!(parsed.text, event["message"].as_str().unwrap());
    }
}

/// rsyslog on TCP port 6514: it writes what came, and what it understood of it.
fn rsyslog(lab: &Lab, folder: &Path) -> Daemon {
    let path = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "global(workDirectory=\"{}\" maxMessageSize=\"64k\")\n\
         module(load=\"imtcp\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"6514\")\n\
         template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
         template(name=\"read\" type=\"string\" string=\"%msgid% %app-name% %syslogfacility-text% %hostname%\\n\")\n\
         action(type=\"omfile\" file=\"{}\" template=\"raw\")\n\
         action(type=\"omfile\" file=\"{}\" template=\"read\")\n",
        folder.display(),
        path("raw"),
        path("read"),
    );
    std::fs::write(path("rsyslog.conf"), config).unwrap();
    Daemon::start(lab, 6514, "rsyslogd", &["-n", "-f", &path("rsyslog.conf"), "-i", &path("pid")])
}

#[test]
fn rsyslog_gets_all_though_it_is_killed_between() {
    if !can_run(&["rsyslogd"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[flow.timeouts]\nclosed = \"1s\"\n[syslog]\nenabled = true\ntransport = \"tcp\"\nserver = \"127.0.0.1:6514\"\n\
         timeout = \"1s\"\nspool = \"{}\"\n",
        folder.path().join("spool").display()
    );
    let raw = || std::fs::read_to_string(folder.path().join("raw")).unwrap_or_default();
    let server = rsyslog(&lab, folder.path());
    let mut sensor = Sensor::start(&lab, &config);
    flows.run(1..6, 0.05);
    sensor.wait_until("five have ended", |_| raw().lines().count() == 10);
    // Nothing is under way when it dies: over TCP that would be lost.
    server.kill();
    sensor.wait_until("it is missed", |sensor| {
        sensor.metric("offport_forward_connected", &["sink=\"syslog\""]) == 0
    });
    flows.run(6..11, 0.05);
    sensor.wait_until("all are in the spool", |sensor| {
        sensor.metric("offport_forward_waiting", &["sink=\"syslog\""]) == 10
    });
    let events = sensor.events();
    assert_eq!(sensor.end("-KILL"), None);
    let _server = rsyslog(&lab, folder.path());
    let mut sensor = Sensor::start(&lab, &config);
    sensor.wait_until("all are received", |_| raw().lines().count() == 20);
    assert_eq!(sensor.end("-TERM"), Some(0));

    assert_eq!(events.len(), 20);
    for (line, event) in raw().lines().zip(&events) {
        assert_says(&parse(line.as_bytes()), event);
    }
    let read: BTreeSet<String> =
        std::fs::read_to_string(folder.path().join("read")).unwrap().lines().map(str::to_owned).collect();
    let expected = ["ended offportd local0 test", "flagged offportd local0 test"].map(str::to_owned);
    assert_eq!(read, BTreeSet::from(expected), "rsyslog understands them");
}
