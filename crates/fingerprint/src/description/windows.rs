//! SMB (\[MS-SMB2\] sections 2.2.3 and 2.2.4; \[MS-CIFS\] section 2.2.4.52) and RDP (\[MS-RDPBCGR\] sections 2.2.1.1 and
//! 2.2.1.2).

use super::{Description, Field};
use crate::cotp::{self, Tpdu};
use crate::exchange::Exchange;
use crate::reader::Reader;
use crate::scan::Scan;

/// Length in front of a message on TCP.
const TRANSPORT: usize = 4;

pub(super) fn smb(exchange: &Exchange<'_>, description: &mut Description) {
    if let Some(dialects) = exchange.client.bytes.get(TRANSPORT..).and_then(offered) {
        description.list(Field::SmbDialects, dialects.iter().map(String::as_bytes));
    }
    if let Some(dialect) = exchange.server.bytes.get(TRANSPORT..).and_then(chosen) {
        description.word(Field::SmbDialect, dialect);
    }
}

/// The dialects of a NEGOTIATE request, all of which must be there.
fn offered(message: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(message);
    match reader.take(4)? {
        b"\xfeSMB" => {
            negotiate_2(&mut reader)?;
            // Structure size, count; security mode, reserved, capabilities, GUID, contexts or start time.
            let size = little(&mut reader)?;
            let count = usize::from(little(&mut reader)?);
            reader.take(2 + 2 + 4 + 16 + 8)?;
            let dialects = reader.take(2 * count)?.as_chunks().0;
            (size == 36).then(|| dialects.iter().map(|&pair| dialect(u16::from_le_bytes(pair))).collect())
        }
        b"\xffSMB" => {
            const NEGOTIATE: u8 = 0x72;
            reader.u8().filter(|&command| command == NEGOTIATE)?;
            // The rest of the header, no words.
            reader.take(27)?;
            reader.u8().filter(|&words| words == 0)?;
            let length = little(&mut reader)?;
            // Each with a 2 in front and a zero behind it.
            let text = reader.take(length.into())?.strip_suffix(b"\0")?.split(|&byte| byte == 0);
            text.map(|name| name.strip_prefix(b"\x02").map(|name| String::from_utf8_lossy(name).into_owned()))
                .collect()
        }
        _ => None,
    }
}

/// The dialect of an SMB 2 NEGOTIATE response.
fn chosen(message: &[u8]) -> Option<String> {
    let mut reader = Reader::new(message);
    reader.take(4).filter(|magic| magic == b"\xfeSMB")?;
    negotiate_2(&mut reader)?;
    let size = little(&mut reader)?;
    let _security_mode = little(&mut reader)?;
    let revision = little(&mut reader)?;
    (size == 65).then(|| dialect(revision))
}

/// Steps over the rest of an SMB 2 header, if its command is NEGOTIATE.
fn negotiate_2(reader: &mut Reader<'_>) -> Option<()> {
    const HEADER: usize = 64;
    // Structure size, credit charge, status.
    reader.take(2 + 2 + 4)?;
    little(reader).filter(|&command| command == 0)?;
    reader.take(HEADER - 4 - 10).map(drop)
}

fn dialect(revision: u16) -> String {
    match revision {
        0x0202 => "2.0.2".to_owned(),
        0x0210 => "2.1".to_owned(),
        // Any of version 2: the client is to ask once more.
        0x02ff => "2".to_owned(),
        0x0300 => "3.0".to_owned(),
        0x0302 => "3.0.2".to_owned(),
        0x0311 => "3.1.1".to_owned(),
        _ => format!("0x{revision:04x}"),
    }
}

fn little(reader: &mut Reader<'_>) -> Option<u16> {
    reader.take(2)?.first_chunk().map(|&pair| u16::from_le_bytes(pair))
}

pub(super) fn rdp(exchange: &Exchange<'_>, description: &mut Description) {
    if let Ok(Tpdu::ConnectionRequest(variable)) = cotp::read(&mut Scan::new(exchange.client.bytes)) {
        request(variable.rest(), description);
    }
    if let Ok(Tpdu::ConnectionConfirm(variable)) = cotp::read(&mut Scan::new(exchange.server.bytes)) {
        const RESPONSE: u8 = 2;
        if let Some(chosen) = negotiation(variable.rest(), RESPONSE) {
            description.word(Field::RdpProtocol, security(chosen).first().copied().unwrap_or("rdp"));
        }
    }
}

fn request(variable: &[u8], description: &mut Description) {
    const REQUEST: u8 = 1;
    const COOKIE: &[u8] = b"Cookie: mstshash=";
    let line = variable.windows(2).position(|pair| pair == b"\r\n");
    if let Some(user) = variable.strip_prefix(COOKIE) {
        let end = line.and_then(|end| end.checked_sub(COOKIE.len()));
        description.text(Field::UserName, &user[..end.unwrap_or(user.len())], end.is_some());
    }
    // A cookie or a token, each a line, may stand in front.
    let behind = match variable {
        [REQUEST, ..] => variable,
        _ => line.and_then(|end| variable.get(end + 2..)).unwrap_or_default(),
    };
    if let Some(asked) = negotiation(behind, REQUEST) {
        let names = security(asked);
        let names = if names.is_empty() { vec!["rdp"] } else { names };
        description.list(Field::RdpRequested, names.into_iter().map(str::as_bytes));
    }
}

/// Type, flags, length 8, and the protocols, all little-endian.
fn negotiation(bytes: &[u8], kind: u8) -> Option<u32> {
    let mut reader = Reader::new(bytes);
    reader.u8().filter(|&known| known == kind)?;
    let _flags = reader.u8()?;
    little(&mut reader).filter(|&length| length == 8)?;
    reader.u32_le()
}

fn security(protocols: u32) -> Vec<&'static str> {
    [(1, "tls"), (2, "credssp"), (4, "rdstls"), (8, "credssp_early"), (16, "aad")]
        .into_iter()
        .filter_map(|(bit, name)| (protocols & bit != 0).then_some(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::description::testing::said;
    use crate::name::Protocol::{Rdp, Smb};
    use crate::talk::Talk;

    fn smb2(body: &[u8]) -> Vec<u8> {
        let header = [&b"\xfeSMB"[..], &[64, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 50]].concat();
        [&[0, 0, 0, (header.len() + body.len()) as u8][..], &header, body].concat()
    }

    #[test]
    fn dialects_offered_and_chosen() {
        let request = smb2(
            &[&[36, 0, 2, 0, 1, 0, 0, 0][..], &[0; 4], &[7; 16], &[0; 8], &[0x02, 0x02, 0x11, 0x03]].concat(),
        );
        let response = smb2(&[65, 0, 1, 0, 0x11, 0x03, 0, 0]);
        assert_eq!(
            said(Smb, &Talk::tcp().client(&request).server(&response)),
            "offport.smb.dialects=2.0.2|3.1.1 offport.smb.dialect=3.1.1"
        );
        assert_eq!(said(Smb, &Talk::tcp().client(&request[..request.len() - 1])), "");
        assert_eq!(said(Smb, &Talk::tcp().server(&response[..73])), "");
        let old = [&b"\0\0\0\x54\xffSMB\x72"[..], &[0; 27], &[0, 23, 0], b"\x02NT LM 0.12\0\x02SMB 2.002\0"]
            .concat();
        assert_eq!(said(Smb, &Talk::tcp().client(&old)), "offport.smb.dialects=NT LM 0.12|SMB 2.002");
        assert_eq!(said(Smb, &Talk::tcp().client(&old[..old.len() - 1])), "");
    }

    #[test]
    fn rdp_cookie_and_security() {
        let request = |variable: &[u8]| {
            let len = variable.len() as u8;
            [&[3, 0, 0, 11 + len, 6 + len, 0xe0, 0, 0, 0, 0, 0][..], variable].concat()
        };
        let confirm = [3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 2, 0, 0, 0];
        let cookie = b"Cookie: mstshash=ACME\\alice\r\n\x01\0\x08\0\x03\0\0\0";
        assert_eq!(
            said(Rdp, &Talk::tcp().client(&request(cookie)).server(&confirm)),
            r"user.name=ACME\\alice offport.rdp.requested_protocols=tls|credssp offport.rdp.protocol=credssp"
        );
        assert_eq!(said(Rdp, &Talk::tcp().client(&request(cookie)[..30])), "user.name=AC…");
        assert_eq!(
            said(Rdp, &Talk::tcp().client(&request(b"\x01\0\x08\0\0\0\0\0"))),
            "offport.rdp.requested_protocols=rdp"
        );
        assert_eq!(said(Rdp, &Talk::tcp().client(&request(b"Cookie: msts=1.2.3\r\n"))), "");
    }
}
