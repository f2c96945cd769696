//! Control systems: Modbus/TCP, DNP3 (IEEE 1815), S7 over ISO transport (RFC 1006), IEC 60870-5-104, EtherNet/IP, BACnet/IP.

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Modbus, modbus),
    Grammar::udp(Protocol::Modbus, modbus),
    Grammar::tcp(Protocol::Dnp3, dnp3),
    Grammar::udp(Protocol::Dnp3, dnp3),
    Grammar::tcp(Protocol::S7comm, s7),
    Grammar::tcp(Protocol::Iec104, iec104),
    Grammar::tcp(Protocol::Enip, enip),
    Grammar::udp(Protocol::Bacnet, bacnet),
];

/// "Modbus messaging on TCP/IP implementation guide", section 3.1.3: MBAP header and PDU.
fn modbus(rng: &mut Rng) -> Turns {
    let unit = if rng.one_in(2) { 1 } else { rng.byte() };
    let mut turns = Vec::new();
    let first = rng.u16();
    for number in 0..rng.range(1, 3) {
        let adu = |pdu: Vec<u8>| {
            cat![first.wrapping_add(number as u16).to_be_bytes(), [0, 0], be16(pdu.len() + 1), [unit], pdu]
        };
        let (at, count) = (rng.range(0, 9_999), rng.range(1, 120));
        let data = rng.bytes(count * 2);
        let (asked, told) = match rng.range(0, 5) {
            0 => (cat![[1], be16(at), be16(count)], cat![[1], len8(&data[..count.div_ceil(8)])]),
            1 => (cat![[6], be16(at), be16(count)], cat![[6], be16(at), be16(count)]),
            2 => (cat![[16], be16(at), be16(count), len8(&data)], cat![[16], be16(at), be16(count)]),
            3 => (cat![[3], be16(at), be16(count)], vec![0x83, rng.range(1, 4) as u8]),
            4 => (cat![[4], be16(at), be16(count)], cat![[4], len8(&data)]),
            _ => (cat![[3], be16(at), be16(count)], cat![[3], len8(&data)]),
        };
        turns.push(says(Client, adu(asked)));
        turns.push(says(Server, adu(told)));
    }
    turns
}

/// Annex E: the polynomial of 16 bits 0x3d65, reflected, inverted.
fn dnp3_crc(block: &[u8]) -> [u8; 2] {
    let mut crc = 0_u16;
    for byte in block {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xa6bc };
        }
    }
    (!crc).to_le_bytes()
}

fn dnp3(rng: &mut Rng) -> Turns {
    let (master, outstation) = (rng.range(1, 3), rng.range(10, 1_000));
    let frame = |control: u8, to: usize, from: usize, data: &[u8]| {
        let head = cat![[0x05, 0x64, data.len() as u8 + 5, control], le16(to), le16(from)];
        let blocks: Vec<u8> = data.chunks(16).flat_map(|block| cat![block, dnp3_crc(block)]).collect();
        cat![head, dnp3_crc(&head), blocks]
    };
    if rng.one_in(5) {
        // Request link status; status of link.
        return in_turns([frame(0xc9, outstation, master, &[]), frame(0x0b, master, outstation, &[])]);
    }
    let sequence = rng.range(0, 15) as u8;
    let request = cat![[0xc0 | sequence, 0xc0 | sequence, 1], [60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6]];
    let points = rng.bytes(20);
    let response = cat![[0xc0 | sequence, 0xc0 | sequence, 0x81, 0, 0], [30, 1, 0, 0, 3], points];
    in_turns([frame(0xc4, outstation, master, &request), frame(0x44, master, outstation, &response)])
}

/// TPKT (RFC 1006, section 6).
pub(super) fn tpkt(body: impl AsRef<[u8]>) -> Vec<u8> {
    cat![[3, 0], be16(body.as_ref().len() + 4), body]
}

/// COTP connection request (ISO 8073, section 13.3), S7 communication set-up and a read.
fn s7(rng: &mut Rng) -> Turns {
    let (slot, source) = (rng.range(0, 3) as u8, rng.range(1, 0x7fff));
    let options = [0xc0, 1, 0x0a, 0xc1, 2, 1, 0, 0xc2, 2, 1, slot];
    let request = cat![[0xe0], be16(0), be16(source), [0], options];
    let confirm = cat![[0xd0], be16(source), be16(rng.range(1, 99)), [0], options];
    let data = |pdu: Vec<u8>| tpkt(cat![[2, 0xf0, 0x80], pdu]);
    let job = |reference: usize, parameters: &[u8], data: &[u8]| {
        cat![[0x32, 1, 0, 0], be16(reference), be16(parameters.len()), be16(data.len()), parameters, data]
    };
    let ack = |reference: usize, parameters: &[u8], data: &[u8]| {
        cat![
            [0x32, 3, 0, 0],
            be16(reference),
            be16(parameters.len()),
            be16(data.len()),
            [0, 0],
            parameters,
            data
        ]
    };
    let setup = [0xf0, 0, 0, 1, 0, 1, 1, 0xe0];
    let read = [4, 1, 0x12, 0x0a, 0x10, 2, 0, 4, 0, 1, 0x84, 0, 0, 0];
    let value = rng.bytes(4);
    in_turns([
        tpkt(len8(request)),
        tpkt(len8(confirm)),
        data(job(1, &setup, &[])),
        data(ack(1, &setup, &[])),
        data(job(2, &read, &[])),
        data(ack(2, &[4, 1], &cat![[0xff, 4, 0, 32], value])),
    ])
}

/// IEC 60870-5-104, section 5: U frames, then an interrogation.
fn iec104(rng: &mut Rng) -> Turns {
    let station = rng.range(1, 999);
    let interrogation =
        |cause: u8| cat![[0x68, 14, 0, 0, 0, 0, 100, 1, cause, 0], le16(station), [0, 0, 0, 20]];
    in_turns([vec![0x68, 4, 7, 0, 0, 0], vec![0x68, 4, 11, 0, 0, 0], interrogation(6), interrogation(7)])
}

/// CIP volume 2, section 2-3: encapsulation; RegisterSession, SendRRData.
fn enip(rng: &mut Rng) -> Turns {
    let context = rng.bytes(8);
    let message = |command: usize, session: usize, body: &[u8]| {
        cat![le16(command), le16(body.len()), le32(session), le32(0), context, le32(0), body]
    };
    let session = rng.u32() as usize;
    if rng.one_in(3) {
        return vec![says(Client, message(0x63, 0, &[]))];
    }
    let read = [0x0e, 3, 0x20, 1, 0x24, 1, 0x30, 1];
    let rr = cat![le32(0), le16(10), le16(2), le16(0), le16(0), le16(0xb2), le16(read.len()), read];
    in_turns([
        message(0x65, 0, &[1, 0, 0, 0]),
        message(0x65, session, &[1, 0, 0, 0]),
        message(0x6f, session, &rr),
    ])
}

/// ASHRAE 135, annex J: Who-Is, I-Am, ReadProperty.
fn bacnet(rng: &mut Rng) -> Turns {
    let frame = |function: u8, body: &[u8]| cat![[0x81, function], be16(body.len() + 4), body];
    let instance = rng.range(1, 99_999);
    if rng.one_in(2) {
        return vec![says(Client, frame(0x0b, &[1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 8]))];
    }
    let object = be32(0x0200_0000 | instance);
    let read = cat![[1, 4, 0, 5, rng.byte(), 0x0c, 0x0c], object, [0x19, 0x4d]];
    vec![says(Client, frame(0x0a, &read))]
}
