use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram as Receiver;

use super::super::message::Kind;
use super::*;

fn messages(bodies: &[&str]) -> Vec<Message> {
    bodies.iter().map(|body| Message::new(Kind::Event, String::new(), body.as_bytes().to_vec())).collect()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn syslog(road: Road) -> Syslog {
    Syslog::new(road, Duration::from_secs(5))
}

#[test]
fn over_tcp_each_message_follows_its_length() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut syslog = syslog(Road::Tcp(listener.local_addr().unwrap().to_string()));
    block_on(async {
        let delivery = syslog.deliver(&messages(&["<1>1 a", "<1>1 line\nfeed"])).await;
        assert_eq!((delivery.sent, delivery.failure), (2, None));
        // The server goes and comes back: a connection that was closed is not used.
        let (mut first, _) = listener.accept().unwrap();
        let mut bytes = [0; 64];
        let count = first.read(&mut bytes).unwrap();
        assert_eq!(&bytes[..count], b"6 <1>1 a14 <1>1 line\nfeed");
        drop(first);
        // Until the kernel has told the client.
        while matches!(&syslog.socket, Some(Socket::Tcp(stream)) if !is_closed(stream)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let delivery = syslog.deliver(&messages(&["again"])).await;
        assert_eq!((delivery.sent, delivery.failure), (1, None));
    });
    let (mut second, _) = listener.accept().unwrap();
    drop(syslog);
    let mut text = String::new();
    second.read_to_string(&mut text).unwrap();
    assert_eq!(text, "5 again");
}

#[test]
fn a_datagram_is_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut syslog = syslog(Road::Unix(path.clone()));
    block_on(async {
        assert!(syslog.deliver(&messages(&["a"])).await.failure.is_some(), "nobody is there");
        let receiver = Receiver::bind(&path).unwrap();
        let delivery = syslog.deliver(&messages(&["a", "bc"])).await;
        assert_eq!((delivery.sent, delivery.failure), (2, None));
        let mut bytes = [0; 16];
        assert_eq!(receiver.recv(&mut bytes).unwrap(), 1);
        assert_eq!(receiver.recv(&mut bytes).unwrap(), 2);
    });
}

#[test]
fn what_fits_no_datagram_is_refused_and_the_rest_goes_on() {
    let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut syslog = syslog(Road::Udp(receiver.local_addr().unwrap().to_string()));
    let long = "x".repeat(70_000);
    let delivery = block_on(async { syslog.deliver(&messages(&[&long, "short"])).await });
    assert_eq!((delivery.sent, delivery.refused, delivery.failure), (1, 1, None));
    let mut bytes = [0; 16];
    assert_eq!(receiver.recv(&mut bytes).unwrap(), 5);
}
