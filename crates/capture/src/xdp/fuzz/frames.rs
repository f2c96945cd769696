//! Frames of every kind that is followed, nested at will, built from a tape of choices: whatever bytes the tape has, the
//! frame is well-formed but for what a choice says. Shrinking the tape shrinks the frame.

/// Choices, then zeros.
#[derive(Debug)]
pub struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    /// From the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// One of `count`.
    fn pick(&mut self, count: u8) -> u8 {
        self.byte() % count
    }

    /// True once in `count` times, never on an empty tape.
    fn rarely(&mut self, count: u8) -> bool {
        self.byte() % count == count - 1
    }

    fn port(&mut self) -> [u8; 2] {
        let common = [80u16, 443, 53, 4789, 4790, 6081, 2152, 3544];
        match self.pick(3) {
            0 => [0x9c, self.byte()],
            1 => common[usize::from(self.pick(3))].to_be_bytes(),
            _ => common[usize::from(self.pick(8))].to_be_bytes(),
        }
    }

    fn addresses<const N: usize>(&mut self) -> [u8; N] {
        // Few of them, so that both directions and equal ends come up.
        let mut bytes = [0; N];
        bytes[0] = 10;
        bytes[N - 1] = self.pick(4);
        bytes[N / 2] = self.pick(2) * 0xff;
        bytes
    }
}

/// An Ethernet frame. Up to `depth` tunnels inside one another.
pub fn ethernet(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    let mut frame = vec![[0, 2, 0x45, 0x60, 0x10][usize::from(tape.pick(5))]];
    frame.extend([0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    behind_addresses(tape, depth, &mut frame);
    frame
}

/// From the EtherType on.
fn behind_addresses(tape: &mut Tape<'_>, depth: u8, frame: &mut Vec<u8>) {
    let tags = if tape.rarely(4) { tape.pick(6) } else { 0 };
    for _ in 0..tags {
        frame.extend([[0x81, 0], [0x88, 0xa8], [0x91, 0], [0x92, 0]][usize::from(tape.pick(4))]);
        frame.extend([tape.pick(2) * 0xe1, tape.byte()]);
    }
    match tape.pick(12) {
        0..5 => add(frame, &[8, 0], &ipv4(tape, depth)),
        5..8 => add(frame, &[0x86, 0xdd], &ipv6(tape, depth)),
        8 => {
            let kind = [0x88, 0x47 + tape.pick(2)];
            add(frame, &kind, &mpls(tape, depth));
        }
        9 => {
            let content = ppp(tape, depth);
            frame.extend([0x88, 0x64, 0x11, 0, 0, 7]);
            frame.extend((content.len() as u16).to_be_bytes());
            frame.extend(content);
        }
        10 => {
            let mut content = vec![0xaa, 0xaa, 3, 0, 0, [0, 0xf8, 1][usize::from(tape.pick(3))]];
            match tape.pick(4) {
                0 => content = [&[6, 6, 3][..], &ipv4(tape, depth)].concat(),
                1 if depth > 0 => behind_addresses(tape, depth - 1, &mut content),
                _ => add(&mut content, &[8, 0], &ipv4(tape, depth)),
            }
            frame.extend((content.len().min(0x5ff) as u16).to_be_bytes());
            frame.extend(content);
            frame.extend(vec![0; usize::from(tape.pick(9))]);
        }
        _ => add(frame, &[8, 6], &[0; 28]),
    }
}

fn add(frame: &mut Vec<u8>, header: &[u8], content: &[u8]) {
    frame.extend(header);
    frame.extend(content);
}

fn ipv4(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    let options = if tape.rarely(4) { tape.pick(11) } else { 0 };
    let (mut protocol, mut content) = content(tape, depth, 4);
    if tape.rarely(8) {
        let words = tape.pick(4);
        let header = [&[protocol, words][..], &vec![0; usize::from(words) * 4 + 6]].concat();
        content = [header, content].concat();
        protocol = 51;
    }
    let length = 20 + usize::from(options) * 4;
    let total = match tape.pick(16) {
        15 => 0,
        14 => (length + content.len()).saturating_sub(usize::from(tape.pick(24))),
        _ => length + content.len(),
    };
    let fragment =
        if tape.rarely(12) { [[0x20, 0], [0, 7], [0x20, 7]][usize::from(tape.pick(3))] } else { [0x40, 0] };
    let mut packet = vec![0x45 + options, 0];
    packet.extend((total as u16).to_be_bytes());
    packet.extend([tape.byte(), 9]);
    packet.extend(fragment);
    packet.extend([64, protocol, 0, 0]);
    packet.extend(tape.addresses::<4>());
    packet.extend(tape.addresses::<4>());
    packet.extend(vec![1; usize::from(options) * 4]);
    packet.extend(content);
    packet.extend(vec![0; if tape.rarely(6) { 14 } else { 0 }]);
    packet
}

fn ipv6(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    let (mut next, mut content) = content(tape, depth, 6);
    let extensions = if tape.rarely(3) { tape.pick(12) } else { 0 };
    for _ in 0..extensions {
        let kind = [0, 43, 60, 135, 139, 140, 51, 44, 44, 60, 0, 43][usize::from(tape.pick(12))];
        let mut header = vec![next, 0, 0, 0, 0, 0, 0, tape.byte()];
        match kind {
            44 => header[3] = [0, 0, 0, 1, 8][usize::from(tape.pick(5))],
            51 => {
                header[1] = 1 + tape.pick(3);
                header.resize((usize::from(header[1]) + 2) * 4, 0);
            }
            _ => {
                header[1] = tape.pick(3);
                header.resize((usize::from(header[1]) + 1) * 8, 0);
            }
        }
        next = kind;
        content = [header, content].concat();
    }
    let length = match tape.pick(16) {
        15 => 0,
        14 => content.len().saturating_sub(usize::from(tape.pick(24))),
        _ => content.len(),
    };
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((length as u16).to_be_bytes());
    packet.extend([next, 64]);
    packet.extend(tape.addresses::<16>());
    packet.extend(tape.addresses::<16>());
    packet.extend(content);
    packet.extend(vec![0; if tape.rarely(6) { 14 } else { 0 }]);
    packet
}

fn ip(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    if tape.pick(2) == 0 { ipv4(tape, depth) } else { ipv6(tape, depth) }
}

/// Protocol number, and what it stands for.
fn content(tape: &mut Tape<'_>, depth: u8, version: u8) -> (u8, Vec<u8>) {
    let plain = depth == 0 || tape.pick(2) == 0;
    match if plain { tape.pick(8) } else { 8 + tape.pick(8) } {
        0..3 => {
            let options = if tape.rarely(3) { tape.pick(11) } else { 0 };
            let mut segment = [tape.port(), tape.port()].concat();
            let flags =
                if tape.rarely(4) { [0x02, 0x12, 0x11, 0x14, 0xd8][usize::from(tape.pick(5))] } else { 0x18 };
            segment.extend([0, 0, 0, 1, 0, 0, 0, 2, (5 + options) << 4, flags, 1, 0, 0, 0, 0, 0]);
            segment.extend(vec![1; usize::from(options) * 4 + usize::from(tape.pick(20))]);
            (6, segment)
        }
        3 | 4 => (17, {
            let ports = [tape.port(), tape.port()];
            let payload = vec![tape.byte(); usize::from(tape.pick(40))];
            udp(tape, ports, &payload)
        }),
        5 => (132, sctp(tape)),
        6 => {
            let number = if version == 4 { 1 } else { 58 };
            let kinds: [u8; 8] =
                if version == 4 { [8, 0, 3, 4, 5, 11, 12, 13] } else { [128, 129, 1, 2, 3, 4, 133, 135] };
            let mut message = vec![kinds[usize::from(tape.pick(8))], 0, 0, 0, 0, tape.byte(), 0, 1];
            if tape.pick(4) > 0 {
                let quote = ip(tape, depth.saturating_sub(1));
                let kept = quote.len().saturating_sub(usize::from(tape.pick(3)) * 10);
                message.extend(&quote[..kept]);
            }
            (if tape.rarely(10) { 59 - number } else { number }, message)
        }
        7 => ([50, 89, 2, 103][usize::from(tape.pick(4))], vec![tape.byte(); 24]),
        8 => (4, ipv4(tape, depth - 1)),
        9 => (41, ipv6(tape, depth - 1)),
        10 => (137, mpls(tape, depth - 1)),
        11 | 12 => (47, gre(tape, depth - 1)),
        _ => (17, udp_tunnel(tape, depth - 1)),
    }
}

fn udp(tape: &mut Tape<'_>, ports: [[u8; 2]; 2], payload: &[u8]) -> Vec<u8> {
    let length = match tape.pick(16) {
        15 => 0,
        14 => (payload.len() + 8).saturating_sub(usize::from(tape.pick(12))),
        _ => payload.len() + 8,
    };
    [&ports.concat()[..], &(length as u16).to_be_bytes(), &[0, 0], payload].concat()
}

fn sctp(tape: &mut Tape<'_>) -> Vec<u8> {
    let mut packet = [tape.port(), tape.port()].concat();
    packet.extend([0; 8]);
    for _ in 0..tape.pick(19) {
        let kind = [0u8, 1, 3, 64, 6, 14][usize::from(tape.pick(6))];
        let length = 4 + u16::from(tape.pick(24));
        packet.extend([kind, 3]);
        packet.extend(length.to_be_bytes());
        packet.extend(vec![0; usize::from(length).next_multiple_of(4) - 4]);
    }
    packet
}

fn mpls(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    let depth = depth.saturating_sub(1);
    let labels = if tape.rarely(4) { 1 + tape.pick(9) } else { 1 };
    let mut stack = Vec::new();
    for label in 1..=labels {
        stack.extend([0, 1, 0x20 | u8::from(label == labels), 64]);
    }
    match tape.pick(4) {
        0 => stack.extend(ip(tape, depth)),
        1 => add(&mut stack, &[0, 0, 0, 0], &ethernet(tape, depth)),
        2 => stack.extend(ethernet(tape, depth)),
        _ => add(&mut stack, &[tape.byte() & 0x1f, 0, 0, 0], &ethernet(tape, depth)),
    }
    stack
}

fn ppp(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    let depth = depth.saturating_sub(1);
    let mut packet = if tape.pick(2) == 0 { vec![] } else { vec![0xff, 3] };
    match tape.pick(5) {
        0 => add(&mut packet, &[0, 0x21], &ipv4(tape, depth)),
        1 => add(&mut packet, &[0x21], &ipv4(tape, depth)),
        2 => add(&mut packet, &[0, 0x57], &ipv6(tape, depth)),
        3 => add(&mut packet, &[2, 0x81], &mpls(tape, depth)),
        _ => add(&mut packet, &[0xc0, 0x21], &[1, 1, 0, 4]),
    }
    packet
}

fn gre(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    if tape.pick(6) == 5 {
        let content = ppp(tape, depth);
        let (sequence, ack) = (tape.pick(4) > 0, tape.pick(2));
        let mut packet = vec![0x20 | u8::from(sequence) << 4, 1 | ack << 7, 0x88, 0x0b];
        packet.extend((content.len() as u16).to_be_bytes());
        packet.extend([0, 9]);
        packet.extend(vec![0; usize::from(sequence) * 4 + usize::from(ack) * 4]);
        packet.extend(content);
        return packet;
    }
    let flags = [0u8, 0x80, 0x20, 0x10, 0xb0, 0x40][usize::from(tape.pick(6))];
    let words = [0x80, 0x20, 0x10].iter().filter(|flag| flags & **flag != 0).count();
    let (kind, content): ([u8; 2], Vec<u8>) = match tape.pick(10) {
        0 | 1 => ([8, 0], ipv4(tape, depth)),
        2 => ([0x86, 0xdd], ipv6(tape, depth)),
        3 => ([0x65, 0x58], ethernet(tape, depth)),
        4 if flags & 0x10 == 0 => ([0x88, 0xbe], ethernet(tape, depth)),
        4 => ([0x88, 0xbe], [&[0x10, 0, tape.byte(), 7, 0, 0, 0, 0][..], &ethernet(tape, depth)].concat()),
        5 => {
            let subheader = tape.pick(2);
            let kind = [0u8, 0, 2, 3][usize::from(tape.pick(4))];
            let mut header = vec![0x20, 0, tape.byte(), 7, 0, 0, 0, 0, 0, 0, kind << 2, subheader];
            header.extend(vec![0; usize::from(subheader) * 8]);
            let inner = if kind == 2 { ip(tape, depth) } else { ethernet(tape, depth) };
            ([0x22, 0xeb], [header, inner].concat())
        }
        6 => ([0x88, 0x47], mpls(tape, depth)),
        7 => ([0x88, 0x0b], ppp(tape, depth)),
        8 => {
            let header = if tape.pick(2) == 0 { vec![] } else { vec![0, 0, 0, 0] };
            ([0x88, 0x3e], [header, ipv4(tape, depth)].concat())
        }
        _ => ([8, 6], vec![0; 28]),
    };
    [&[flags, 0][..], &kind, &vec![0; words * 4], &content].concat()
}

fn udp_tunnel(tape: &mut Tape<'_>, depth: u8) -> Vec<u8> {
    let (port, payload): (u16, Vec<u8>) = match tape.pick(4) {
        0 => {
            let (flags, protocol) =
                [(8, 0), (12, 1), (12, 2), (12, 3), (12, 4), (0, 0)][usize::from(tape.pick(6))];
            let inner = match protocol {
                1 => ipv4(tape, depth),
                2 => ipv6(tape, depth),
                _ => ethernet(tape, depth),
            };
            (
                [4789, 4790][usize::from(tape.pick(2))],
                [&[flags, 0, 0, protocol, tape.byte(), 0, 7, 0][..], &inner].concat(),
            )
        }
        1 => {
            let options = tape.pick(4);
            let (kind, inner) = match tape.pick(4) {
                0 => ([8, 0], ipv4(tape, depth)),
                1 => ([0x86, 0xdd], ipv6(tape, depth)),
                2 => ([8, 6], vec![0; 28]),
                _ => ([0x65, 0x58], ethernet(tape, depth)),
            };
            let header =
                [&[options, 0][..], &kind, &[0, tape.byte(), 7, 0], &vec![0; usize::from(options) * 4]]
                    .concat();
            (6081, [header, inner].concat())
        }
        2 => {
            let flags = 0x30 | tape.pick(8);
            let mut fields = Vec::new();
            if flags & 7 != 0 {
                let extensions = tape.pick(11);
                fields.extend([0, 0, 0, if extensions > 0 { 0x85 } else { 0 }]);
                for number in (0..extensions).filter(|_| flags & 4 != 0) {
                    let words = 1 + tape.pick(3);
                    let mut header = vec![0; usize::from(words) * 4];
                    header[0] = words;
                    let next = if number + 1 < extensions { 0x85 } else { 0 };
                    header.splice(header.len() - 1.., [next]);
                    fields.extend(header);
                }
            }
            fields.extend(ip(tape, depth));
            let length = (fields.len() as u16).to_be_bytes();
            let kind = if tape.rarely(8) { 1 } else { 255 };
            (2152, [&[flags, kind][..], &length, &[0, 0, 0, 5], &fields].concat())
        }
        _ => {
            let mut payload = Vec::new();
            if tape.rarely(3) {
                let (client, auth) = (tape.pick(5), tape.pick(5));
                payload.extend([0, 1, client, auth]);
                payload.extend(vec![1; usize::from(client) + usize::from(auth) + 9]);
            }
            if tape.rarely(3) {
                payload.extend([0, 0, 1, 2, 3, 4, 5, 6]);
            }
            payload.extend(ipv6(tape, depth));
            (3544, payload)
        }
    };
    let ports = [tape.port(), if tape.rarely(8) { tape.port() } else { port.to_be_bytes() }];
    udp(tape, ports, &payload)
}
