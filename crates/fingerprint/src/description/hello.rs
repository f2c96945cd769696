//! Hellos of TLS (RFC 8446, section 4.1; RFC 5246, section 7.4.1) and DTLS (RFC 6347, section 4.2.1), as far as they are
//! there.

use crate::reader::Reader;

pub(super) const SERVER_NAME: u16 = 0;
pub(super) const GROUPS: u16 = 10;
pub(super) const POINT_FORMATS: u16 = 11;
pub(super) const SIGNATURES: u16 = 13;
pub(super) const ALPN: u16 = 16;
pub(super) const VERSIONS: u16 = 43;

/// Types of handshake messages.
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;

/// A handshake message whose end may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) body: &'a [u8],
    /// Its length as its header gives it.
    pub(super) len: usize,
}

/// The extensions of a hello in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions<'a> {
    list: Vec<(u16, &'a [u8], bool)>,
    /// Whether the header of each is there.
    pub(super) whole: bool,
}

/// A client's hello.
#[derive(Clone, Debug)]
pub(super) struct ClientHello<'a> {
    pub(super) version: u16,
    pub(super) ciphers: Vec<u16>,
    pub(super) extensions: Extensions<'a>,
}

/// A server's hello.
#[derive(Clone, Debug)]
pub(super) struct ServerHello<'a> {
    pub(super) version: u16,
    pub(super) cipher: u16,
    pub(super) extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// `None` unless all before the extensions is there. A hello over datagrams has a cookie.
    pub(super) fn read(message: Message<'a>, datagrams: bool) -> Option<Self> {
        let mut reader = Reader::new(message.body);
        let version = reader.u16_be()?;
        random_and_session(&mut reader)?;
        if datagrams {
            let cookie = reader.u8()?;
            reader.take(cookie.into())?;
        }
        let length = reader.u16_be()?;
        let ciphers = numbers(reader.take(length.into())?);
        let compressions = reader.u8()?;
        reader.take(compressions.into())?;
        Some(Self { version, ciphers, extensions: Extensions::read(reader, message) })
    }
}

impl<'a> ServerHello<'a> {
    /// `None` unless all before the extensions is there.
    pub(super) fn read(message: Message<'a>) -> Option<Self> {
        let mut reader = Reader::new(message.body);
        let version = reader.u16_be()?;
        random_and_session(&mut reader)?;
        let cipher = reader.u16_be()?;
        let _compression = reader.u8()?;
        Some(Self { version, cipher, extensions: Extensions::read(reader, message) })
    }
}

fn random_and_session(reader: &mut Reader<'_>) -> Option<()> {
    reader.take(32)?;
    let session = reader.u8()?;
    reader.take(session.into()).map(drop)
}

impl<'a> Extensions<'a> {
    /// What `reader` has left of `message`.
    fn read(mut reader: Reader<'a>, message: Message<'a>) -> Self {
        let mut extensions = Self::default();
        let room = (message.len + reader.len()).checked_sub(message.body.len());
        let Some(length) = reader.u16_be().map(usize::from) else {
            // Before TLS 1.2 there may be none at all.
            extensions.whole = room == Some(0);
            return extensions;
        };
        if room != Some(length + 2) {
            return extensions;
        }
        let mut left = length;
        while let Some((kind, len)) = header(&mut reader) {
            let Some(behind) = left.checked_sub(4 + len) else { return extensions };
            left = behind;
            let rest = reader.rest();
            match reader.take(len) {
                Some(content) => extensions.list.push((kind, content, true)),
                None => {
                    extensions.list.push((kind, rest, false));
                    break;
                }
            }
        }
        extensions.whole = left == 0;
        extensions
    }

    /// Types in their order.
    pub(super) fn kinds(&self) -> impl Iterator<Item = u16> {
        self.list.iter().map(|&(kind, ..)| kind)
    }

    /// Whether there is one of this type, as far as can be told.
    pub(super) fn has(&self, kind: u16) -> bool {
        self.kinds().any(|known| known == kind)
    }

    /// The content of the first of this type, if all of it is there.
    pub(super) fn content(&self, kind: u16) -> Option<&'a [u8]> {
        self.list
            .iter()
            .find(|&&(known, ..)| known == kind)
            .filter(|(.., whole)| *whole)
            .map(|&(_, content, _)| content)
    }

    /// Whether it is known what an extension of this type holds, or that there is none.
    pub(super) fn knows(&self, kind: u16) -> bool {
        self.content(kind).is_some() || self.whole && !self.has(kind)
    }

    /// The host name (RFC 6066, section 3).
    pub(super) fn server_name(&self) -> Option<&'a [u8]> {
        let mut reader = Reader::new(self.content(SERVER_NAME)?);
        let _list = reader.u16_be()?;
        reader.u8().filter(|&host_name| host_name == 0)?;
        let length = reader.u16_be()?;
        reader.take(length.into())
    }

    /// Application protocols (RFC 7301, section 3.1).
    pub(super) fn protocols(&self) -> Vec<&'a [u8]> {
        let mut reader =
            Reader::new(self.content(ALPN).and_then(|content| content.get(2..)).unwrap_or_default());
        std::iter::from_fn(|| {
            let length = reader.u8()?;
            reader.take(length.into())
        })
        .collect()
    }

    /// Numbers of two bytes behind a length of `prefix` bytes.
    pub(super) fn numbers(&self, kind: u16, prefix: usize) -> Vec<u16> {
        numbers(self.content(kind).and_then(|content| content.get(prefix..)).unwrap_or_default())
    }

    /// The one version that a server chose (RFC 8446, section 4.2.1).
    pub(super) fn chosen_version(&self) -> Option<u16> {
        numbers(self.content(VERSIONS)?).first().copied()
    }
}

/// Type and length.
fn header(reader: &mut Reader<'_>) -> Option<(u16, usize)> {
    let mut ahead = *reader;
    let (kind, len) = (ahead.u16_be()?, ahead.u16_be()?);
    *reader = ahead;
    Some((kind, len.into()))
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair)).collect()
}

/// RFC 8701, section 2: values that say nothing.
pub(super) const fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}
