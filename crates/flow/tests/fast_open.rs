//! Data on SYN and SYN-ACK (RFC 7413; RFC 9293, section 3.4, allows it anyway).

mod support;

use support::*;

const CLIENT: End4 = (1, 40_000);
const SERVER: End4 = (2, 80);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn client_said(mut bench: Bench) -> Vec<u8> {
    bench.finish();
    assert_eq!(bench.book.ended.len(), 1, "one flow");
    let last = &bench.book.concluded[0];
    assert_eq!(last.client, address(CLIENT));
    assert!(!last.midstream);
    last.first[0].clone()
}

#[test]
fn data_that_is_not_acknowledged_comes_again_in_other_pieces() {
    for size in [2, 5, 13, REQUEST.len()] {
        let mut bench = Bench::default();
        bench.tcp(CLIENT, SERVER, SYN, 100, &REQUEST[..10]);
        bench.tcp(SERVER, CLIENT, SYN | ACK, 500, b"");
        bench.tcp(CLIENT, SERVER, ACK, 101, b"");
        for (at, piece) in REQUEST.chunks(size).enumerate() {
            bench.tcp(CLIENT, SERVER, ACK, 101 + (at * size) as u32, piece);
        }
        assert_eq!(client_said(bench), REQUEST, "{size}");
    }
}

#[test]
fn a_syn_comes_again_with_and_without_its_data() {
    for (first, second) in [(REQUEST, &b""[..]), (b"", REQUEST), (REQUEST, REQUEST), (&REQUEST[..9], REQUEST)]
    {
        let mut bench = Bench::default();
        bench.tcp(CLIENT, SERVER, SYN, 100, first);
        bench.wait(1.0);
        bench.tcp(CLIENT, SERVER, SYN, 100, second);
        bench.tcp(SERVER, CLIENT, SYN | ACK, 500, b"");
        bench.tcp(CLIENT, SERVER, ACK, 101, REQUEST);
        assert_eq!(client_said(bench), REQUEST);
    }
}

#[test]
fn a_syn_ack_may_carry_the_answer() {
    let mut bench = Bench::default();
    bench.tcp(CLIENT, SERVER, SYN, 100, REQUEST);
    bench.tcp(SERVER, CLIENT, SYN | ACK, 500, b"HTTP/1.1 ");
    bench.tcp(SERVER, CLIENT, ACK, 510, b"200 OK\r\n");
    bench.finish();
    let last = &bench.book.concluded[0];
    assert_eq!(last.first, [REQUEST.to_vec(), b"HTTP/1.1 200 OK\r\n".to_vec()]);
}
