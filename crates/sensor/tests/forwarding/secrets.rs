//! Encryption and secrets: a server that shows a certificate of the authority in `ca`, and wants to know who calls.

use std::path::Path;
use std::process::Command;

use crate::daemon::{Daemon, can_run};
use crate::lab::Lab;
use crate::raw_flows::RawFlows;
use crate::sensor::Sensor;

/// An authority (`ca.pem`), and a certificate of 127.0.0.1 by it (`server.pem`, `server.key`).
fn certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    let authority = format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=test-authority");
    let server = format!(
        "req -x509 {key} -CA ca.pem -CAkey ca.key -keyout server.key -out server.pem -subj /CN=test-server \
         -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
    );
    for arguments in [authority, server] {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn nats_over_tls_with_a_token() {
    if !can_run(&["nats-server", "openssl"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let nats = |token: &str| {
        let options = format!(
            "listen: \"127.0.0.1:4222\"\njetstream {{ store_dir: \"{}\" }}\nauthorization {{ token: \"{token}\" }}\n\
             tls {{ cert_file: \"{}\", key_file: \"{}\" }}\n",
            path("store"),
            path("server.pem"),
            path("server.key"),
        );
        std::fs::write(path("nats.conf"), options).unwrap();
        Daemon::start(&lab, 4222, "nats-server", &["-c", &path("nats.conf")])
    };
    std::fs::write(path("token"), "s3cret\n").unwrap();
    let config = |ca: &str| {
        format!(
            "[nats]\nenabled = true\nurl = \"tls://127.0.0.1:4222\"\ntoken = \"{}\"\nca = \"{ca}\"\nspool = \"{}\"\n\
             drain = \"0s\"\n",
            path("token"),
            path("spool"),
        )
    };
    // Authorities that know nothing of it.
    let wrong = nats("another");
    let mut sensor = Sensor::start(&lab, &config(""));
    sensor.wait_for_log("UnknownIssuer");
    assert_eq!(sensor.end("-TERM"), Some(0));
    let mut sensor = Sensor::start(&lab, &config(&path("ca.pem")));
    sensor.wait_for_log("authorization violation");
    flows.run(1..4, 0.02);
    // From now on the token is right. There is no stream yet, so that is what it then lacks.
    wrong.kill();
    let _right = nats("s3cret");
    sensor.wait_until("it is let in", |sensor| {
        let there = sensor.metric("offport_forward_waiting", &["sink=\"nats\""]) >= 3;
        let failed = sensor.metric("offport_forward_failed_total", &["sink=\"nats\""]);
        there && failed > 0
    });
    crate::nats::make_stream_over_tls(&lab, &path("ca.pem"), "s3cret");
    sensor.wait_until("all is sent", |sensor| {
        sensor.metric("offport_forward_sent_total", &["sink=\"nats\""]) >= 3
            && sensor.metric("offport_forward_waiting", &["sink=\"nats\""]) == 0
    });
}

#[test]
fn alertmanager_over_tls_with_a_password() {
    if !can_run(&["prometheus-alertmanager", "openssl", "python3", "curl"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let hash =
        "import crypt; print(crypt.crypt('s3cret', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)), end='')";
    let hash = Command::new("python3").args(["-W", "ignore", "-c", hash]).output().unwrap();
    let web = format!(
        "tls_server_config:\n  cert_file: {}\n  key_file: {}\nbasic_auth_users:\n  offport: {}\n",
        path("server.pem"),
        path("server.key"),
        String::from_utf8(hash.stdout).unwrap(),
    );
    std::fs::write(path("web.yml"), web).unwrap();
    std::fs::write(path("alertmanager.yml"), "route:\n  receiver: none\nreceivers:\n- name: none\n").unwrap();
    let arguments = [
        format!("--config.file={}", path("alertmanager.yml")),
        format!("--storage.path={}", path("data")),
        format!("--web.config.file={}", path("web.yml")),
        "--web.listen-address=127.0.0.1:9093".to_owned(),
        "--cluster.listen-address=".to_owned(),
    ];
    let _alertmanager = Daemon::start(&lab, 9093, "prometheus-alertmanager", &arguments);
    // "offport:wrong", until it is mended.
    std::fs::write(path("header"), "Basic b2ZmcG9ydDp3cm9uZw==\n").unwrap();
    let config = format!(
        "[alertmanager]\nenabled = true\nurl = \"https://127.0.0.1:9093\"\nauthorization = \"{}\"\nca = \"{}\"\n\
         spool = \"{}\"\n",
        path("header"),
        path("ca.pem"),
        path("spool"),
    );
    let mut sensor = Sensor::start(&lab, &config);
    sensor.wait_for_log("401 Unauthorized");
    flows.run(1..2, 0.02);
    std::fs::write(path("header"), "Basic b2ZmcG9ydDpzM2NyZXQ=\n").unwrap();
    sensor.wait_until("it is sent", |sensor| {
        sensor.metric("offport_forward_sent_total", &["sink=\"alertmanager\""]) >= 1
    });
    let url = "https://127.0.0.1:9093/api/v2/alerts";
    let ca = path("ca.pem");
    let output = lab.exec(&lab.tap, "curl", &["-s", "--cacert", &ca, "-u", "offport:s3cret", url]);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with('['), "{output:?}");
}
