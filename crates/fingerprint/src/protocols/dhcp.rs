//! DHCP and BOOTP: RFC 2131, section 2; RFC 951; options in RFC 2132.
//!
//! Proven from either side by structure: the fixed header, the magic cookie 99.130.83.99 behind it, and options that
//! chain to their end. BOOTP without the cookie has only its header: a heuristic.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, Stop, weigh};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Dhcp,
    transports: Transports::UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| matches!(byte, 1 | 2))]],
    stream: &[],
    check,
};

/// RFC 2131, section 3.
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];

/// RFC 951, section 3: the header with its vendor area.
const BOOTP_LEN: usize = 300;

const OPTION_PAD: u8 = 0;
const OPTION_END: u8 = 255;
const OPTION_MESSAGE_TYPE: u8 = 53;

fn check(exchange: &Exchange<'_>) -> Match {
    weigh(exchange, message, message)
}

fn message(message: Message<'_>) -> Step<Proof> {
    let mut scan = message.scan();
    // BOOTREQUEST, BOOTREPLY.
    scan.u8_if(|op| op == 1 || op == 2)?;
    let hardware = scan.u8_if(|hardware| hardware != 0)?;
    let address_len = scan.u8_if(|len| len <= 16)?;
    scan.u8_if(|hops| hops <= 16)?;
    // Transaction id, seconds.
    scan.skip(6)?;
    let flags = scan.u16_be()?;
    // Four addresses.
    scan.skip(16)?;
    let padding = scan.take(16)?.get(usize::from(address_len)..).unwrap_or_default();
    let address_is_padded = padding.iter().all(|&byte| byte == 0);
    // Server name and boot file.
    scan.skip(64 + 128)?;
    match scan.expect(&MAGIC_COOKIE) {
        Ok(()) => options(&mut scan).map(|()| Proof::Structure),
        Err(_)
            if hardware == 1
                && address_len == 6
                && address_is_padded
                && flags & 0x7fff == 0
                && message.total >= BOOTP_LEN =>
        {
            Ok(Proof::Heuristic)
        }
        Err(stop) => Err(stop),
    }
}

/// RFC 2132, section 2. The end option may be missing, as old BOOTP servers have it; behind it is padding.
fn options(scan: &mut Scan<'_>) -> Step<()> {
    loop {
        if scan.is_empty() && scan.is_whole() {
            return Ok(());
        }
        let step = option(scan);
        match step {
            Ok(true) => {}
            // The bound cut the options.
            Ok(false) | Err(Stop::Short) => return Ok(()),
            Err(Stop::Wrong) => return Err(Stop::Wrong),
        }
    }
}

/// One option; false at the end.
fn option(scan: &mut Scan<'_>) -> Step<bool> {
    match scan.u8()? {
        OPTION_PAD => Ok(true),
        OPTION_END => Ok(false),
        OPTION_MESSAGE_TYPE => {
            scan.u8_if(|len| len == 1)?;
            // RFC 2132, section 9.6, to RFC 7724.
            scan.u8_if(|kind| (1..=18).contains(&kind)).map(|_| true)
        }
        _ => {
            let len = scan.u8()?;
            scan.skip(usize::from(len)).map(|()| true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{Noise, Talk, random_yeses};

    fn header(op: u8) -> Vec<u8> {
        let mut packet = vec![op, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0];
        packet.extend([0; 16]);
        packet.extend([0, 0x53, 0, 1, 2, 3]);
        packet.resize(236, 0);
        packet
    }

    fn with_options(op: u8, options: &[u8]) -> Vec<u8> {
        [&header(op)[..], &MAGIC_COOKIE, options].concat()
    }

    const STRUCTURE: Match = Match::Yes(Proof::Structure);

    #[test]
    fn discover_and_offer() {
        let discover = with_options(1, &[53, 1, 1, 55, 3, 1, 3, 6, 255, 0, 0, 0]);
        let offer = with_options(2, &[53, 1, 2, 54, 4, 192, 0, 2, 1, 51, 4, 0, 0, 14, 16, 255]);
        assert_eq!(Talk::udp().client(&discover).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().client(&discover).server(&offer).ask(check), STRUCTURE);
        assert_eq!(Talk::udp().server(&offer).ask(check), STRUCTURE);
        let long = with_options(
            1,
            &[&[53, 1, 1][..], &[43, 255], &[1; 255], &[60, 200], &[b'v'; 200], &[255]].concat(),
        );
        assert_eq!(Talk::udp().client(&long).ask(check), STRUCTURE);
    }

    #[test]
    fn bootp_without_cookie() {
        let mut bootp = header(1);
        bootp.resize(300, 0);
        assert_eq!(Talk::udp().client(&bootp).ask(check), Match::Yes(Proof::Heuristic));
        bootp.truncate(280);
        assert_eq!(Talk::udp().client(&bootp).ask(check), Match::No);
    }

    #[test]
    fn near_misses() {
        assert_eq!(Talk::udp().client(&with_options(1, &[53, 1, 99, 255])).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&with_options(1, &[53, 1, 1, 12, 200, 1])).ask(check), Match::No);
        assert_eq!(Talk::udp().client(&with_options(3, &[53, 1, 1, 255])).ask(check), Match::No);
        let junk = [&[1, 1, 6, 0][..], &Noise::new(6).bytes(300)].concat();
        assert_eq!(Talk::udp().client(&junk).ask(check), Match::No);
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
