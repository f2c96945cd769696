//! The XDP program against `offport_wire`, its definition, for fuzzing and for the property tests that share it: the same flow, the
//! same hash, the same reason. Needs the privilege to load the program.

mod frames;

use offport_wire::{Frame, LinkType, Packet, Parsed, Timestamp, TransportHeader, parse, steer};

pub use frames::{Tape, ethernet};

use super::{Account, CaptureError, DryRun, Fate, MultiBuffer, Options, Verdict};

const SEED: u64 = 0x0123_4567_89ab_cdef;
const WORKERS: u16 = 3;

/// Tunnels inside one another, in frames from a tape.
pub const DEPTH: u8 = 6;
/// The kernel runs the program on no shorter frame.
const SHORTEST: usize = 14;
/// Longer frames are cut: so much lies in one buffer.
const LONGEST: usize = 3_000;

/// The program for frames of several buffers, and the one for a single one.
pub struct Programs {
    several: DryRun,
    one: DryRun,
}

impl Programs {
    /// Loads both.
    ///
    /// # Errors
    /// The kernel does not take them from this user.
    pub fn load() -> Result<Self, CaptureError> {
        let load = |multi_buffer| {
            let workers = WORKERS.try_into().unwrap_or(std::num::NonZeroU16::MIN);
            let options = Options { workers, multi_buffer, seed: Some(SEED), ..Options::default() };
            DryRun::new(&options, WORKERS.into())
        };
        Ok(Self { several: load(MultiBuffer::On)?, one: load(MultiBuffer::Off)? })
    }

    /// What becomes of a frame of 14 to 3000 bytes.
    ///
    /// # Panics
    /// The programs do not run, or do not agree.
    pub fn run(&self, bytes: &[u8]) -> Fate {
        let [several, one] = [&self.several, &self.one].map(|program| program.run(bytes));
        let fate = several.expect("the kernel runs a program that it has loaded");
        assert_eq!(one.expect("the kernel runs a program that it has loaded"), fate, "one buffer or several");
        fate
    }

    /// Runs the program on a frame, made as long as it must be, and asserts that it comes to what the parser comes to. Says what
    /// became of the frame.
    ///
    /// # Panics
    /// When it does not.
    pub fn agree(&self, mut bytes: Vec<u8>) -> &'static str {
        bytes.resize(bytes.len().clamp(SHORTEST, LONGEST), 0);
        let fate = self.run(&bytes);
        if fate.unreached {
            // It gave up: allowed for what is beyond its reach, and then a worker gets the frame.
            assert_eq!(fate.verdict, Verdict::Redirect);
            return "unreached";
        }
        let wire_len = bytes.len() as u32;
        let frame =
            Frame { bytes: &bytes, link: LinkType::Ethernet, wire_len, time: Timestamp::ZERO, interface: 0 };
        match parse(&frame) {
            Ok(parsed) => {
                let hash = steer::hash(SEED, &parsed);
                assert_eq!(fate.counted, "redirected", "{parsed:?}");
                assert_eq!(fate.hash, hash, "{parsed:?}");
                assert_eq!(fate.worker, Some(steer::slot(hash) % u32::from(WORKERS)));
                assert_eq!(fate.verdict, Verdict::Redirect);
                assert_eq!(fate.account, account(&parsed, fate.account), "{parsed:?}");
                if fate.account.is_some() {
                    return "shuntable";
                }
            }
            Err(reason) => {
                assert_eq!(fate.account, None);
                assert_eq!(fate.counted, reason.label());
                assert_eq!(fate.verdict, Verdict::Drop);
            }
        }
        fate.counted
    }

    /// The frame that any bytes stand for ([`frame`]).
    ///
    /// # Panics
    /// When program and parser do not agree about it.
    pub fn any(&self, data: &[u8]) {
        self.agree(frame(data));
    }
}

/// What the program must make of a packet for the shunt table. It may leave out what it settled for: datagrams on a
/// tunnel's port.
fn account(parsed: &Parsed<'_>, found: Option<Account>) -> Option<Account> {
    let Parsed::Packet(packet) = parsed else { return None };
    let adds = match packet.transport {
        TransportHeader::Tcp(tcp) => !tcp.flags.syn() && !tcp.flags.fin() && !tcp.flags.rst(),
        TransportHeader::Udp => {
            let (from, to) = (packet.source().1, packet.destination().1);
            let on_tunnel_port = [4789, 8472, 4790, 6081, 2152, 3544].contains(&to) || from == 3544;
            !on_tunnel_port || found.is_some()
        }
        _ => false,
    };
    let Packet { key, direction, ip_bytes, payload_len, .. } = *packet;
    (adds && !packet.icmp_error).then_some(Account { key, direction, bytes: ip_bytes, payload: payload_len })
}

/// A frame from any bytes. The first says of which kind: the rest as it is; the rest behind an EtherType that is followed; or one
/// made from a tape, with so many bytes changed, inserted, or cut off at its end, each by three bytes in front of the tape.
fn frame(data: &[u8]) -> Vec<u8> {
    const KINDS: [[u8; 2]; 6] = [[8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0x47], [0x88, 0x64], [0, 100]];
    let Some((&kind, rest)) = data.split_first() else { return Vec::new() };
    match kind {
        0 => rest.to_vec(),
        1..=6 => [&[2; 12], &KINDS[usize::from(kind - 1)][..], rest].concat(),
        _ => {
            let changes = usize::from(kind % 8) * 3;
            let (changes, tape) = rest.split_at(changes.min(rest.len()));
            let mut bytes = ethernet(&mut Tape::new(tape), DEPTH);
            for change in changes.chunks_exact(3) {
                let at = usize::from(u16::from_be_bytes([change[0] & 0x0f, change[1]])) % bytes.len();
                match change[0] >> 4 {
                    0 => bytes.truncate(at + 1),
                    1 => bytes.insert(at, change[2]),
                    2 => bytes[at] ^= change[2],
                    _ => bytes[at] = change[2],
                }
            }
            bytes
        }
    }
}
