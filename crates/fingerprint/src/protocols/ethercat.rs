//! ethercat: EtherCAT over UDP.
//!
//! Specification: IEC 61158-4-12 (EtherCAT data link layer) and ETG.1000.4, clause 5 (frames and datagrams). A frame header
//! whose length is the datagram's, and commands that chain to its end, prove it; of a frame that is longer than what is
//! kept, two of them.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, require, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Ethercat,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(1, |high| high >> 3 == 2)]],
    stream: &[],
    check,
};

/// Of a datagram: command, index, address, length, interrupt; working counter behind the data.
const OVERHEAD: usize = 12;

fn check(exchange: &Exchange<'_>) -> Match {
    // What comes back has passed every station and is of the same form.
    weigh(exchange, frame, frame)
}

fn frame(message: Message<'_>) -> Step<Proof> {
    const LENGTH: u16 = 0x07ff;
    const RESERVED: u16 = 0x0800;
    const COMMANDS: u16 = 1;
    /// As many as fit an Ethernet frame.
    const MOST: usize = 128;
    let mut scan = message.scan();
    let header = scan.u16_le()?;
    require(header >> 12 == COMMANDS && header & RESERVED == 0)?;
    let mut room = usize::from(header & LENGTH);
    require(room >= OVERHEAD && room + 2 == message.total)?;
    for count in 0..MOST {
        match datagram(&mut scan, &mut room) {
            Ok(true) => {}
            Ok(false) => return Ok(Proof::Structure),
            Err(Stop::Short) if count >= 2 => return Ok(Proof::Structure),
            Err(Stop::Short) if count == 1 => return Ok(Proof::Heuristic),
            Err(stop) => return Err(stop),
        }
    }
    Err(Stop::Wrong)
}

/// One datagram within the frame; whether another follows.
fn datagram(scan: &mut Scan<'_>, room: &mut usize) -> Step<bool> {
    /// From no operation to auto increment read, multiple write.
    const LAST_COMMAND: u8 = 14;
    const LENGTH: u16 = 0x07ff;
    const RESERVED: u16 = 0x3800;
    const MORE: u16 = 0x8000;
    scan.u8_if(|command| command <= LAST_COMMAND)?;
    scan.skip(1 + 4)?;
    let word = scan.u16_le()?;
    require(word & RESERVED == 0)?;
    let length = usize::from(word & LENGTH);
    *room = room.checked_sub(OVERHEAD + length).ok_or(Stop::Wrong)?;
    let more = word & MORE != 0;
    require(more == (*room > 0))?;
    scan.skip(2 + length + 2)?;
    Ok(more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn frame_of(datagrams: &[(u8, usize)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (index, &(command, length)) in datagrams.iter().enumerate() {
            let more = if index + 1 < datagrams.len() { 0x8000 } else { 0 };
            body.extend([command, index as u8, 1, 0x10, 0x30, 1]);
            body.extend((length as u16 | more).to_le_bytes());
            body.extend([0, 0]);
            body.extend(vec![0x5a; length]);
            body.extend([1, 0]);
        }
        let header = (body.len() as u16 | 0x1000).to_le_bytes();
        [&header[..], &body].concat()
    }

    #[test]
    fn frames_of_both_sides() {
        let udp = Trial::udp(check);
        for datagrams in [&[(7, 2)][..], &[(4, 2), (5, 16), (12, 64)], &[(10, 300), (10, 100), (10, 1000)]] {
            udp.client_proves(&frame_of(datagrams), Proof::Structure);
            udp.server_proves(&frame_of(datagrams), Proof::Structure);
        }
        assert_eq!(udp.client(&frame_of(&[(10, 300), (12, 900)])), Match::Yes(Proof::Heuristic));
        assert_eq!(udp.client(&frame_of(&[(12, 1000)])), Match::Maybe);
    }

    #[test]
    fn near_misses() {
        let udp = Trial::udp(check);
        let good = frame_of(&[(4, 2), (5, 16)]);
        for (offset, value) in [(0, 45), (1, 0x40), (1, 0x18), (2, 15), (8, 3), (9, 0), (9, 0x88), (22, 17)] {
            let mut wrong = good.clone();
            wrong[offset] = value;
            assert_eq!(udp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(udp.client(&good[..20]), Match::No);
        assert_eq!(udp.both(&good, b"raw data"), Match::No);
    }

    #[test]
    fn noise() {
        Trial::udp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
