//! The sample: an ordinary minute, and three incidents in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use offport_wire::Timestamp;

use super::payload::{
    application_data, client_hello, dns_answer, dns_query, http_request, http_response, ntp, random,
    server_hello, ssh_kexinit, ssh_packet,
};
use super::scene::{Scene, Side, Tcp};

/// 2026-03-02 10:00:00 UTC.
const START: Timestamp = Timestamp::from_nanos(1_772_445_600_000_000_000);

const WEB: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);
const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
const MAIL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 25);
const SHELL: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 22);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);
const WORKPLACE: Ipv4Addr = Ipv4Addr::new(10, 217, 145, 20);
/// The host that the incidents come from.
const DATABASE: Ipv4Addr = Ipv4Addr::new(10, 217, 145, 233);

/// All of it. Servers have documentation addresses (RFC 5737, RFC 3849), clients private ones.
pub fn story() -> Scene {
    let mut scene = Scene::new(START);
    everyday(&mut scene);
    incidents(&mut scene);
    scene
}

fn everyday(scene: &mut Scene) {
    let workplace = |port| end(WORKPLACE, port);
    scene.at(Duration::from_millis(10));
    scene.arp(WORKPLACE, Ipv4Addr::new(10, 217, 145, 1));

    for (id, name, address) in [(0x1a2b, "www.example.com", WEB), (0x1a2c, "mail.example.org", MAIL)] {
        let resolver = end(RESOLVER, 53);
        scene.udp(workplace(40_000 + id), resolver, &dns_query(id, name));
        scene.udp(resolver, workplace(40_000 + id), &dns_answer(id, name, address.octets()));
    }

    scene.at(Duration::from_millis(100));
    let page = "<!doctype html><title>Example</title>".to_owned() + &"<p>Nothing to see.</p>".repeat(200);
    scene
        .tcp(workplace(41_001), end(WEB, 80))
        .open()
        .say(Side::Client, &http_request("www.example.com", "/"))
        .say(Side::Server, &http_response(&page))
        .close();
    let six = |host: u16, port| {
        SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host)), port)
    };
    scene
        .tcp(six(0x20, 41_002), six(0x80, 80))
        .open()
        .say(Side::Client, &http_request("www.example.com", "/six"))
        .say(Side::Server, &http_response("<!doctype html><title>Six</title>"))
        .close();

    scene.at(Duration::from_millis(400));
    scene
        .tcp(workplace(41_003), end(WEB, 443))
        .open()
        .say(Side::Client, &client_hello("www.example.com"))
        .say(Side::Server, &server_hello())
        .say(Side::Client, &application_data(7, 300))
        .say(Side::Server, &application_data(8, 9000))
        .close();

    scene.at(Duration::from_millis(900));
    ssh(&mut scene.tcp(workplace(41_004), end(SHELL, 22)), 10).close();
    // Moved to another port, as many are: worth a statistic, no alarm.
    ssh(&mut scene.tcp(workplace(41_005), end(SHELL, 50_022)), 20).close();

    scene.at(Duration::from_millis(1500));
    scene
        .tcp(workplace(41_006), end(MAIL, 25))
        .open()
        .say(Side::Server, b"220 mail.example.org ESMTP ready\r\n")
        .say(Side::Client, b"EHLO workplace.example.com\r\n")
        .say(Side::Server, b"250-mail.example.org\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n")
        .say(Side::Client, b"QUIT\r\n")
        .say(Side::Server, b"221 Bye\r\n")
        .close();
    scene.udp(workplace(123), end(RESOLVER, 123), &ntp(3, 0));
    scene.udp(end(RESOLVER, 123), workplace(123), &ntp(4, 2));
    // Nobody at home.
    scene.tcp(workplace(41_007), end(MAIL, 143)).refuse();
}

fn incidents(scene: &mut Scene) {
    let database = |port| end(DATABASE, port);
    // A dump pours out on port 80: no HTTP, no answer.
    scene.at(Duration::from_secs(5));
    scene.tcp(database(51_001), end(ELSEWHERE, 80)).open().say(Side::Client, &random(99, 64 << 10)).close();

    scene.at(Duration::from_secs(8));
    ssh(&mut scene.tcp(database(51_002), end(ELSEWHERE, 443)), 30).close();

    scene.at(Duration::from_secs(11));
    for round in 0..6 {
        scene.udp(database(51_003), end(ELSEWHERE, 53), &random(200 + round, 180));
        scene.udp(end(ELSEWHERE, 53), database(51_003), &random(300 + round, 60));
    }
}

/// RFC 4253: both sides send a banner, then what they can do, and exchange keys (RFC 5656, section 4); what follows is encrypted.
fn ssh<'a, 'b>(connection: &'a mut Tcp<'b>, seed: u64) -> &'a mut Tcp<'b> {
    connection
        .open()
        .say(Side::Server, b"SSH-2.0-OpenSSH_9.2\r\n")
        .say(Side::Client, b"SSH-2.0-OpenSSH_9.2\r\n")
        .say(Side::Server, &ssh_kexinit(seed))
        .say(Side::Client, &ssh_kexinit(seed + 2))
        .say(Side::Client, &ssh_packet(&[&[30, 0, 0, 0, 32][..], &random(seed + 6, 32)].concat(), seed))
        .say(Side::Server, &ssh_packet(&[&[31][..], &random(seed + 7, 190)].concat(), seed))
        .say(Side::Server, &ssh_packet(&[21], seed))
        .say(Side::Client, &ssh_packet(&[21], seed))
        .say(Side::Client, &random(seed + 4, 400))
        .say(Side::Server, &random(seed + 5, 900))
}

fn end(ip: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.into(), port)
}
