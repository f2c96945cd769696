//! enip: EtherNet/IP.
//!
//! Specification: The CIP Networks Library, volume 2 (EtherNet/IP Adaptation of CIP), section 2-3 (encapsulation) and 2-6
//! (common packet format). The encapsulation header proves it: command, length, status and options that agree with it;
//! or, of implicit messages over UDP, a sequenced address item and a data item that fills the datagram.

use crate::answer::Proof;
use crate::exchange::Exchange;
use crate::name::Protocol;
use crate::probe::{Match, Probe, Sides, Transports};
use crate::scan::{Message, Scan, Step, require, weigh_either_way};

pub(crate) const PROBE: Probe = Probe {
    protocol: Protocol::Enip,
    transports: Transports::TCP_UDP,
    sides: Sides::Either,
    strongest: Proof::Structure,
    datagram: &[&[(0, |byte| is_command(byte) || byte == ITEMS[0])]],
    stream: &[],
    check,
};

const HEADER: usize = 24;
const LIST_SERVICES: u8 = 0x04;
const LIST_IDENTITY: u8 = 0x63;
const LIST_INTERFACES: u8 = 0x64;
const REGISTER_SESSION: u8 = 0x65;
const UNREGISTER_SESSION: u8 = 0x66;
const SEND_RR_DATA: u8 = 0x6f;
const SEND_UNIT_DATA: u8 = 0x70;
const INDICATE_STATUS: u8 = 0x72;
const CANCEL: u8 = 0x73;
/// Two items, of which the first is a sequenced address of eight bytes.
const ITEMS: [u8; 6] = [2, 0, 0x02, 0x80, 8, 0];

/// The low octets of the commands, but for the one of no operation.
const fn is_command(low: u8) -> bool {
    matches!(
        low,
        LIST_SERVICES
            | LIST_IDENTITY
            | LIST_INTERFACES
            | REGISTER_SESSION
            | UNREGISTER_SESSION
            | SEND_RR_DATA
            | SEND_UNIT_DATA
            | INDICATE_STATUS
            | CANCEL
    )
}

fn check(exchange: &Exchange<'_>) -> Match {
    weigh_either_way(exchange, |message| message_of(message, true), |message| message_of(message, false))
}

fn message_of(message: Message<'_>, from_client: bool) -> Step<Proof> {
    let mut scan = message.scan();
    if message.is_datagram() && message.bytes.first() == Some(&ITEMS[0]) {
        implicit(&mut scan, message.total)?;
    } else {
        encapsulated(&mut scan, message, from_client)?;
    }
    Ok(Proof::Structure)
}

fn implicit(scan: &mut Scan<'_>, total: usize) -> Step<()> {
    const CONNECTED_DATA: u8 = 0xb1;
    /// Both items' headers, and the address.
    const OVERHEAD: usize = 18;
    scan.expect(&ITEMS)?;
    scan.skip(8)?;
    scan.expect(&[CONNECTED_DATA, 0])?;
    let length = usize::from(scan.u16_le()?);
    require(OVERHEAD + length == total)
}

fn encapsulated(scan: &mut Scan<'_>, message: Message<'_>, from_client: bool) -> Step<()> {
    /// The last of the status codes of section 2-3.5.
    const LAST_STATUS: u64 = 0x6a;
    // All of the header of no operation may be zero: it proves nothing, and what is behind it counts.
    if !message.is_datagram() && scan.rest().first() == Some(&0) {
        scan.expect(&[0; HEADER])?;
    }
    let command = scan.u8_if(is_command)?;
    scan.expect(&[0])?;
    let length = scan.le(2, lengths(command, from_client))? as usize;
    require(!message.is_datagram() || HEADER + length == message.total)?;
    scan.skip(4)?;
    scan.le(4, if from_client { 0..=0 } else { 0..=LAST_STATUS })?;
    scan.skip(8)?;
    scan.expect(&[0; 4])?;
    let mut data = scan.part(length)?;
    match command {
        // Version and options.
        REGISTER_SESSION if length == 4 => {
            data.u16_le()?;
            data.expect(&[0, 0])
        }
        // Interface handle, that of CIP; timeout; number of items.
        SEND_RR_DATA | SEND_UNIT_DATA if length > 0 => {
            data.expect(&[0; 4])?;
            data.skip(2)?;
            data.le(2, 1..=8).map(drop)
        }
        _ => Ok(()),
    }
}

/// How long a command's data may be.
const fn lengths(command: u8, from_client: bool) -> std::ops::RangeInclusive<u64> {
    /// Section 2-3.3: all but the header.
    const MOST: u64 = 65511;
    match (command, from_client) {
        (REGISTER_SESSION, true) => 4..=4,
        (REGISTER_SESSION, false) => 0..=4,
        (LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES, true) | (UNREGISTER_SESSION | CANCEL, _) => 0..=0,
        (LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES, false) => 0..=MOST,
        // An error comes back without data.
        (_, false) => 0..=MOST,
        _ => 8..=MOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::random_yeses;
    use crate::trial::Trial;

    fn encapsulation(command: u8, status: u8, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u16).to_le_bytes();
        let mut message = vec![command, 0, length[0], length[1], 1, 2, 3, 4, status, 0, 0, 0];
        message.extend(b"_context");
        message.extend([0; 4]);
        message.extend(data);
        message
    }

    fn unconnected() -> Vec<u8> {
        let mut data = vec![0, 0, 0, 0, 10, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0, 6, 0];
        data.extend([1, 2, 0x20, 1, 0x24, 1]);
        encapsulation(SEND_RR_DATA, 0, &data)
    }

    #[test]
    fn sessions() {
        let tcp = Trial::tcp(check);
        let register = encapsulation(REGISTER_SESSION, 0, &[1, 0, 0, 0]);
        tcp.client_proves(&register, Proof::Structure);
        tcp.server_proves(&register, Proof::Structure);
        tcp.client_proves(&unconnected(), Proof::Structure);
        tcp.server_proves(&encapsulation(SEND_RR_DATA, 0x64, &[]), Proof::Structure);
        tcp.client_proves(&encapsulation(LIST_IDENTITY, 0, &[]), Proof::Structure);
        assert_eq!(tcp.both(&register, &register), Match::Yes(Proof::Structure));
        assert_eq!(Trial::tcp(check).midstream().server(&unconnected()), Match::Yes(Proof::Structure));
    }

    #[test]
    fn no_operation_in_front() {
        let tcp = Trial::tcp(check);
        let register = encapsulation(REGISTER_SESSION, 0, &[1, 0, 0, 0]);
        tcp.client_proves(&[&[0; HEADER][..], &register].concat(), Proof::Structure);
        assert_eq!(tcp.client(&[0; HEADER]), Match::Maybe);
        assert_eq!(tcp.client(&[0; 2 * HEADER]), Match::No);
    }

    #[test]
    fn datagrams() {
        let udp = Trial::udp(check);
        let identity = encapsulation(LIST_IDENTITY, 0, &[1, 0, 0x0c, 0, 2, 0, 1, 0]);
        udp.client_proves(&encapsulation(LIST_IDENTITY, 0, &[]), Proof::Structure);
        udp.server_proves(&identity, Proof::Structure);
        udp.client_proves(&identity, Proof::Structure);
        let implicit = [&ITEMS[..], &[1, 2, 3, 4, 9, 0, 0, 0], &[0xb1, 0, 6, 0], &[5; 6]].concat();
        udp.client_proves(&implicit, Proof::Structure);
        assert_eq!(udp.client(&implicit[..23]), Match::No);
    }

    #[test]
    fn near_misses() {
        let tcp = Trial::tcp(check);
        for offset in [1, 3, 8, 20, 21] {
            let mut wrong = encapsulation(REGISTER_SESSION, 0, &[1, 0, 0, 0]);
            wrong[offset] = 0x70;
            assert_eq!(tcp.client(&wrong), Match::No, "byte {offset}");
        }
        assert_eq!(tcp.client(&[0; 48]), Match::No);
        assert_eq!(tcp.client(b"echo\n"), Match::No);
        let identity = encapsulation(LIST_IDENTITY, 0, &[]);
        assert_eq!(tcp.both(&identity, b"HTTP/1.1 400 Bad Request\r\n"), Match::No);
        assert_eq!(Trial::udp(check).client(&[&identity[..], &[0]].concat()), Match::No);
    }

    #[test]
    fn noise() {
        Trial::tcp(check).refuses_noise(100_000);
        assert_eq!(random_yeses(100_000, check), 0);
    }
}
