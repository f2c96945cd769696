//! Devices: MQTT (OASIS MQTT 3.1.1 and 5.0, section 3.1), SNMP (RFC 1157; RFC 3416, section 3), DHCP (RFC 2131, section 2;
//! RFC 2132).

use super::{Description, Field, opening};
use crate::ber::Element;
use crate::exchange::Exchange;
use crate::reader::Reader;
use crate::scan::Scan;

pub(super) fn mqtt(exchange: &Exchange<'_>, description: &mut Description) {
    let _ = mqtt_connect(exchange.client.bytes, description);
}

fn mqtt_connect(bytes: &[u8], description: &mut Description) -> Option<()> {
    const CONNECT: u8 = 0x10;
    const BRIDGE: u8 = 0x80;
    let mut reader = Reader::new(bytes);
    reader.u8().filter(|&first| first == CONNECT)?;
    variable_length(&mut reader)?;
    let name_length = reader.u16_be()?;
    reader.take(name_length.into())?;
    let level = reader.u8()? & !BRIDGE;
    let version = match level {
        3 => "3.1",
        4 => "3.1.1",
        5 => "5.0",
        _ => return None,
    };
    description.word(Field::MqttVersion, version);
    // Flags, keep-alive.
    reader.take(3)?;
    if level == 5 {
        let properties = variable_length(&mut reader)?;
        reader.take(properties)?;
    }
    let length = usize::from(reader.u16_be()?);
    let rest = reader.rest();
    let id = rest.get(..length);
    description.text(Field::MqttClientId, id.unwrap_or(rest), id.is_some());
    Some(())
}

/// MQTT 5.0, section 1.5.5.
fn variable_length(reader: &mut Reader<'_>) -> Option<usize> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = reader.u8()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

pub(super) fn snmp(exchange: &Exchange<'_>, description: &mut Description) {
    for side in [&exchange.client, &exchange.server] {
        let _ = snmp_message(opening(exchange, side), description);
    }
}

fn snmp_message(bytes: &[u8], description: &mut Description) -> Option<()> {
    const PDUS: [&str; 9] = [
        "get-request",
        "get-next-request",
        "response",
        "set-request",
        "trap",
        "get-bulk-request",
        "inform-request",
        "snmpv2-trap",
        "report",
    ];
    let mut message = Element::read(&mut Scan::new(bytes)).ok()?.content;
    let version = Element::read(&mut message).ok()?.unsigned().ok()?;
    let name = match version {
        0 => "1",
        1 => "2c",
        3 => "3",
        _ => return None,
    };
    description.word(Field::SnmpVersion, name);
    let _community = Element::read(&mut message).ok().filter(|_| version != 3)?;
    let pdu = Element::read(&mut message).ok()?.tag;
    description.word(Field::SnmpPdu, *PDUS.get(usize::from(pdu & 0x1f)).filter(|_| pdu & 0xe0 == 0xa0)?);
    Some(())
}

pub(super) fn dhcp(exchange: &Exchange<'_>, description: &mut Description) {
    for side in [&exchange.client, &exchange.server] {
        let _ = dhcp_message(opening(exchange, side), description);
    }
}

fn dhcp_message(bytes: &[u8], description: &mut Description) -> Option<()> {
    const ETHERNET: [u8; 2] = [1, 6];
    const COOKIE: &[u8] = &[99, 130, 83, 99];
    let mut reader = Reader::new(bytes);
    let _operation = reader.u8()?;
    let hardware = reader.take(2)?;
    reader.take(28 - 3)?;
    let mac = reader.take(6)?;
    // The rest of the hardware address, server name, boot file.
    reader.take(10 + 64 + 128)?;
    reader.take(4).filter(|cookie| *cookie == COOKIE)?;
    let mut options = Vec::new();
    while let Some(code) = reader.u8() {
        match code {
            0 => {}
            255 => break,
            _ => {
                let length = usize::from(reader.u8()?);
                let rest = reader.rest();
                options.push((code, rest.get(..length).unwrap_or(rest), length <= rest.len()));
                if reader.take(length).is_none() {
                    break;
                }
            }
        }
    }
    let option = |code: u8| options.iter().find(|(known, ..)| *known == code);
    if let Some(&(_, &[kind], true)) = option(53) {
        description.word(Field::DhcpMessage, message_type(kind)?);
    }
    for (code, field) in [(12, Field::DhcpHostName), (60, Field::DhcpVendorClass)] {
        if let Some(&(_, text, whole)) = option(code) {
            description.text(field, text, whole);
        }
    }
    if hardware == ETHERNET {
        let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02X}")).collect();
        description.word(Field::DhcpClientMac, mac.join("-"));
    }
    Some(())
}

/// RFC 2132, section 9.6.
const fn message_type(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "DHCPDISCOVER",
        2 => "DHCPOFFER",
        3 => "DHCPREQUEST",
        4 => "DHCPDECLINE",
        5 => "DHCPACK",
        6 => "DHCPNAK",
        7 => "DHCPRELEASE",
        8 => "DHCPINFORM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::{Dhcp, Mqtt, Snmp};
    use crate::talk::Talk;

    #[test]
    fn mqtt_clients() {
        let told = |bytes: &[u8]| said(Mqtt, &Talk::tcp().client(bytes));
        let old = b"\x10\x1f\0\x04MQTT\x04\xc2\0\x3c\0\x05plc-1\0\x02me\0\x06secret";
        assert_eq!(told(old), "offport.mqtt.version=3.1.1 offport.mqtt.client_id=plc-1");
        assert_eq!(told(&old[..17]), "offport.mqtt.version=3.1.1 offport.mqtt.client_id=plc…");
        let new = b"\x10\x17\0\x04MQTT\x05\x02\0\x3c\x05\x11\0\0\0\x0a\0\x05plc-1";
        assert_eq!(told(new), "offport.mqtt.version=5.0 offport.mqtt.client_id=plc-1");
        assert_eq!(told(b"\x10\x0e\0\x06MQIsdp\x03\x02\0\x3c\0\0"), "offport.mqtt.version=3.1");
    }

    #[test]
    fn snmp_version_and_request_but_no_community() {
        let told = |bytes: &[u8]| said(Snmp, &Talk::udp().client(bytes));
        let message =
            b"\x30\x1b\x02\x01\x01\x04\x06secret\xa1\x0e\x02\x01\x07\x02\x01\0\x02\x01\0\x30\x03\x30\x01\x05";
        assert_eq!(told(message), "offport.snmp.version=2c offport.snmp.pdu=get-next-request");
        assert_eq!(told(&message[..8]), "offport.snmp.version=2c");
        assert_eq!(
            told(b"\x30\x10\x02\x01\x03\x30\x0b\x02\x01\x07\x02\x02\x05\xdc\x04\x01\x04\x02"),
            "offport.snmp.version=3"
        );
    }

    #[test]
    fn dhcp_hosts() {
        let head =
            [&[1, 1, 6, 0][..], &[7; 24], &[2, 0, 0, 0, 0, 0xab], &[0; 202], &[99, 130, 83, 99]].concat();
        let options = b"\x35\x01\x01\0\x0c\x08laptop-7\x3c\x08MSFT 5.0\xff";
        let message = [&head[..], options].concat();
        assert_eq!(
            said(Dhcp, &Talk::udp().client(&message)),
            "offport.dhcp.message=DHCPDISCOVER offport.dhcp.host_name=laptop-7 offport.dhcp.vendor_class=MSFT 5.0 \
             offport.dhcp.client_mac=02-00-00-00-00-AB"
        );
        assert_eq!(
            said(Dhcp, &Talk::udp().client(&message[..250])),
            "offport.dhcp.message=DHCPDISCOVER offport.dhcp.host_name=lapt… offport.dhcp.client_mac=02-00-00-00-00-AB"
        );
        assert_eq!(said(Dhcp, &Talk::udp().client(&head[..239])), "");
    }
}
