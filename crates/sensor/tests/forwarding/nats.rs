//! NATS JetStream: whoever is killed, and whenever, no event is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::daemon::{Daemon, can_run, wait_until};
use crate::lab::Lab;
use crate::raw_flows::RawFlows;
use crate::sensor::Sensor;

/// A JetStream client of the protocol's own words, in the server's namespace: it makes the stream, or reads all that a new
/// consumer is given, acknowledges it, and prints (subject, Nats-Msg-Id, payload) of each.
const CLIENT: &str = r#"
import json, socket, ssl, sys
what, authority, token = sys.argv[1:]
s = socket.create_connection(('127.0.0.1', 4222), timeout=20)
while authority and not s.recv(1) == b'\n': pass
if authority: s = ssl.create_default_context(cafile=authority).wrap_socket(s, server_hostname='127.0.0.1')
f = s.makefile('rwb')
if not authority: f.readline()
def say(line, payload=None):
    f.write(line.encode() + b'\r\n' + (b'' if payload is None else payload + b'\r\n')); f.flush()
options = {'verbose': False, 'headers': True, 'no_responders': True} | ({'auth_token': token} if token else {})
say('CONNECT ' + json.dumps(options))
say('SUB reply.> 1')
def receive():
    while True:
        words = f.readline().decode().split()
        if not words: sys.exit('the server has gone')
        if words[0] == 'PING': say('PONG')
        if words[0] not in ('MSG', 'HMSG'): continue
        data = f.read(int(words[-1]) + 2)[:-2]
        head = int(words[-2]) if words[0] == 'HMSG' else 0
        answer_to = words[3] if len(words) > (5 if head else 4) else None
        return words[1], answer_to, data[:head].decode(), data[head:]
def ask(subject, **question):
    payload = json.dumps(question).encode()
    say(f'PUB {subject} reply.api {len(payload)}', payload)
    answer = json.loads(receive()[3])
    if 'error' in answer: sys.exit(str(answer['error']))
    return answer
if what == 'make':
    ask('$JS.API.STREAM.CREATE.OFFPORT', name='OFFPORT', subjects=['offport.>'], storage='file')
else:
    made = ask('$JS.API.CONSUMER.CREATE.OFFPORT', stream_name='OFFPORT',
        config={'ack_policy': 'explicit', 'deliver_policy': 'all', 'max_ack_pending': -1})
    left = made['num_pending']
    question = json.dumps({'batch': left, 'expires': 10**10}).encode()
    if left: say(f"PUB $JS.API.CONSUMER.MSG.NEXT.OFFPORT.{made['name']} reply.next {len(question)}", question)
    for _ in range(left):
        subject, answer_to, head, payload = receive()
        ids = [line.split(': ', 1)[1] for line in head.split('\r\n') if line.startswith('Nats-Msg-Id: ')]
        print(json.dumps([subject, ids, json.loads(payload)]))
        say(f'PUB {answer_to} 4', b'+ACK')
"#;

/// JetStream on port 4222.
pub(crate) fn server(lab: &Lab, store: &Path) -> Daemon {
    let store = store.display().to_string();
    Daemon::start(lab, 4222, "nats-server", &["-js", "-sd", &store, "-a", "127.0.0.1", "-p", "4222"])
}

/// Runs the client; what it prints.
pub(crate) fn client(lab: &Lab, what: &str) -> Vec<Value> {
    let output = lab.exec(&lab.tap, "timeout", &["60", "python3", "-c", CLIENT, what, "", ""]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Makes the stream on a server that shows a certificate and wants a token.
pub(crate) fn make_stream_over_tls(lab: &Lab, authority: &str, token: &str) {
    lab.exec(&lab.tap, "timeout", &["60", "python3", "-c", CLIENT, "make", authority, token]);
}

/// What the stream holds: by id, flow and action of each message; every copy of an id is the same.
pub(crate) fn stored(lab: &Lab, subject: &str) -> BTreeMap<String, (String, String)> {
    let mut stored = BTreeMap::new();
    for message in client(lab, "read").iter().filter(|message| message[0] == subject) {
        let [id] = message[1].as_array().unwrap().as_slice() else { panic!("no id, or two: {message}") };
        let name = name(&message[2]);
        let before = stored.insert(id.as_str().unwrap().to_owned(), name.clone());
        assert!(before.is_none_or(|before| before == name), "two messages of one id");
    }
    stored
}

/// Flow and action.
pub(crate) fn name(document: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&document["offport"]["flow_id"]), text(&document["event"]["action"]))
}

/// The sensor's configuration.
pub(crate) fn config(spool: &Path) -> String {
    format!(
        "[flow.timeouts]\nclosed = \"1s\"\n[nats]\nenabled = true\nstream = \"OFFPORT\"\nrecords_subject = \"offport.flows\"\n\
         timeout = \"1s\"\nspool = \"{}\"\n",
        spool.display()
    )
}

/// Kills the sensor, and names the events that were in its file and in the forwarder's charge by then.
pub(crate) fn kill(mut sensor: Sensor<'_>, events: &mut BTreeSet<(String, String)>) {
    let (written, records) = (sensor.events(), sensor.flows());
    let count = (written.len() + records.len()) as u64;
    sensor.wait_until("all of them are in the spool", |sensor| {
        sensor.metric("offport_forward_accepted_total", &["sink=\"nats\""]) >= count
    });
    assert_eq!(sensor.end("-KILL"), None);
    events.extend(written.iter().map(name));
}

#[test]
fn no_event_is_missing_though_server_and_sensor_are_killed() {
    if !can_run(&["nats-server"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    let (store, spool) = (folder.path().join("store"), folder.path().join("spool"));
    let config = config(&spool);
    let mut events = BTreeSet::new();

    // There is a server, and it goes.
    let nats = server(&lab, &store);
    client(&lab, "make");
    let mut sensor = Sensor::start(&lab, &config);
    std::thread::scope(|scope| {
        scope.spawn(|| flows.run(1..60, 0.02));
        sensor.wait_until("some are sent", |sensor| {
            sensor.metric("offport_forward_sent_total", &["sink=\"nats\""]) >= 10
        });
        nats.kill();
    });
    sensor.wait_until("the server is missed", |sensor| {
        sensor.metric("offport_forward_failed_total", &["sink=\"nats\""]) > 0
            && sensor.metric("offport_forward_waiting", &["sink=\"nats\""]) > 0
    });
    assert_eq!(sensor.metric("offport_forward_connected", &["sink=\"nats\""]), 0);
    assert!(sensor.metric("offport_forward_spooled_bytes", &["sink=\"nats\""]) > 0);

    // The sensor is killed while the server is away, and again in the middle of all when it is back.
    kill(sensor, &mut events);
    let mut sensor = Sensor::start(&lab, &config);
    let nats = server(&lab, &store);
    std::thread::scope(|scope| {
        scope.spawn(|| flows.run(60..160, 0.02));
        sensor.wait_until("some more events", |sensor| sensor.events().len() >= 30);
        kill(sensor, &mut events);
    });

    // The server is killed once more, and the sensor ends by itself: all is sent, the last records too.
    let mut sensor = Sensor::start(&lab, &config);
    let _nats = std::thread::scope(|scope| {
        scope.spawn(|| flows.run(160..220, 0.02));
        sensor.wait_until("some more events", |sensor| sensor.events().len() >= 20);
        nats.kill();
        server(&lab, &store)
    });
    sensor.wait_until("all is sent", |sensor| {
        sensor.events().len() >= 60
            && sensor.metric("offport_forward_waiting", &["sink=\"nats\""]) == 0
            && sensor.metric("offport_forward_connected", &["sink=\"nats\""]) == 1
    });
    flows.run(220..222, 0.02);
    assert_eq!(sensor.end("-TERM"), Some(0));
    events.extend(sensor.events().iter().map(name));
    let records: BTreeSet<_> = sensor.flows().iter().map(name).collect();
    assert!(events.len() > 150 && records.len() > 60, "{} events, {} records", events.len(), records.len());

    let stored_events = stored(&lab, "offport.events");
    let names: BTreeSet<_> = stored_events.values().cloned().collect();
    let missing: Vec<_> = events.difference(&names).collect();
    assert!(missing.is_empty(), "{} of {} events are missing: {missing:?}", missing.len(), events.len());
    assert_eq!(stored_events.len(), names.len(), "an event goes by one id, however often it was sent");
    let names: BTreeSet<_> = stored(&lab, "offport.flows").into_values().collect();
    assert!(records.is_subset(&names), "{:?} are missing", records.difference(&names).collect::<Vec<_>>());
}

#[test]
fn a_stream_that_does_not_take_them_is_waited_for() {
    if !can_run(&["nats-server"]) {
        return;
    }
    let lab = Lab::new();
    let flows = RawFlows::new(&lab);
    let folder = tempfile::tempdir().unwrap();
    let _nats = server(&lab, &folder.path().join("store"));
    let mut sensor = Sensor::start(&lab, &config(&folder.path().join("spool")));
    flows.run(1..4, 0.05);
    sensor.wait_for_log("no stream found");
    assert_eq!(sensor.metric("offport_forward_sent_total", &["sink=\"nats\""]), 0);
    client(&lab, "make");
    sensor.wait_until("all is sent", |sensor| {
        sensor.metric("offport_forward_sent_total", &["sink=\"nats\""]) >= 3
            && sensor.metric("offport_forward_waiting", &["sink=\"nats\""]) == 0
    });
    wait_until("the stream has them", || stored(&lab, "offport.events").len() >= 3);
}
