//! DNS, and tunnels through it.

use super::*;

pub(crate) fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = [&id.to_be_bytes()[..], b"\x01\0\0\x01\0\0\0\0\0\0"].concat();
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    [&message[..], &[0], &kind.to_be_bytes(), &[0, 1]].concat()
}

fn answer(id: u16, name: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut message = query(id, name, kind);
    message[2..8].copy_from_slice(b"\x81\x80\0\x01\0\x01");
    [
        &message[..],
        b"\xc0\x0c",
        &kind.to_be_bytes(),
        b"\0\x01\0\0\0\x3c",
        &(data.len() as u16).to_be_bytes(),
        data,
    ]
    .concat()
}

/// A name below a domain of its own, with 40 bytes of data.
fn loaded(seed: u64) -> String {
    let hex = |seed| random(seed, 20).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{}.{}.t.example.com", hex(2 * seed), hex(2 * seed + 1))
}

fn datagrams(exchanged: &[(Speaker, Vec<u8>)]) -> (FlowRecord, Bench) {
    let (client, resolver) = ((HOME, 40_000), (OUTSIDE, 53));
    let mut bench = Bench::default();
    for (from, bytes) in exchanged {
        bench.now = bench.now + Duration::from_millis(1);
        match from {
            Client => bench.udp(client, resolver, bytes),
            Server => bench.udp(resolver, client, bytes),
        }
    }
    let record = bench.finish()[0];
    (record, bench)
}

fn turns(count: u16, name: impl Fn(u16) -> String) -> Said {
    (0..count)
        .flat_map(|id| {
            [(Client, query(id, &name(id), 1)), (Server, answer(id, &name(id), 1, &[192, 0, 2, 1]))]
        })
        .collect()
}

#[test]
fn dns_and_tunnels_through_it() {
    let usual = turns(60, |id| format!("host-{id}.example.com"));
    let (record, mut bench) = datagrams(&usual);
    assert_eq!((record.judgement.unwrap().verdict, record.breach), (Verdict::Expected, None));
    assert_eq!(bench.worker.counters().watched, 1);
    let tunnel = turns(60, |id| loaded(id.into()));
    for one_sided in [None, Some(Client), Some(Server)] {
        let heard: Said =
            tunnel.iter().filter(|(from, _)| one_sided.is_none_or(|side| side == *from)).cloned().collect();
        let (record, bench) = datagrams(&heard);
        let expected = (one_sided != Some(Server)).then_some(Breach::DnsTunnel);
        assert_eq!(record.breach, expected, "{one_sided:?}");
        assert_eq!(bench.raised(EventPhase::Flagged), usize::from(expected.is_some()));
    }
    let raw: Said = (0..3).map(|seed| (Client, random(70 + seed, 300))).collect();
    let (record, _) = datagrams(&[&usual[..2], &raw].concat());
    assert_eq!(record.breach, Some(Breach::DnsMessage));
}

#[test]
fn dns_in_a_stream() {
    let framed = |said: Said| -> Said {
        said.into_iter()
            .map(|(from, bytes)| (from, [&(bytes.len() as u16).to_be_bytes(), &bytes[..]].concat()))
            .collect()
    };
    let usual = framed(turns(12, |id| format!("host-{id}.example.com")));
    is_honest(53, &usual);
    for from in [Client, Server] {
        is_found_out(53, &[&usual[..4], &[(from, random(80, 400))]].concat(), Breach::DnsMessage);
    }
    is_found_out(53, &framed(turns(30, |id| loaded(id.into()))), Breach::DnsTunnel);
}
