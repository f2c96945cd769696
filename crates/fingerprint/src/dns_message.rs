//! Walks a message of the DNS format (RFC 1035, section 4), which dns, mdns, llmnr and netbios-ns share.
//!
//! The walk checks that counts, names, record lengths and the message's own length agree, and collects what tells
//! the four apart. It allocates nothing; compression pointers must point backwards, so every name ends.

use crate::reader::Reader;

/// RFC 1035, section 4.1.1.
pub(crate) const HEADER_LEN: usize = 12;

/// RFC 1035, section 2.3.4: the wire form of a name, length bytes and root included.
const NAME_MAX: usize = 255;

/// The most pointers in one name. Far above what compression yields; a chain of pointers through other records' data
/// would have every name walk all of it.
const POINTERS_MAX: u32 = 32;

/// The smallest question (root name, type, class) and the smallest record (with TTL and an empty RDATA).
const QUESTION_MIN: u64 = 5;
const RECORD_MIN: u64 = 11;

const TYPE_A: u16 = 1;
const TYPE_NS: u16 = 2;
const TYPE_CNAME: u16 = 5;
const TYPE_SOA: u16 = 6;
const TYPE_PTR: u16 = 12;
const TYPE_MX: u16 = 15;
const TYPE_TXT: u16 = 16;
const TYPE_AAAA: u16 = 28;
const TYPE_SRV: u16 = 33;
const TYPE_DNAME: u16 = 39;
const TYPE_OPT: u16 = 41;

/// NetBIOS NB and NBSTAT (RFC 1002, section 4.2.1.3); NBSTAT has the number of SRV.
const TYPE_NB: u16 = 0x20;
const TYPE_NBSTAT: u16 = 0x21;

const CLASS_IN: u16 = 1;

/// mDNS uses the top bit of the class: "unicast response wanted" in questions, "flush the cache" in records
/// (RFC 6762, sections 5.4 and 10.2).
const CLASS_TOP_BIT: u16 = 0x8000;

/// The header's fields, as they stand (RFC 1035, section 4.1.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) questions: u16,
    pub(crate) answers: u16,
    pub(crate) authorities: u16,
    pub(crate) additionals: u16,
}

impl Header {
    pub(crate) const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(crate) const fn opcode(&self) -> u16 {
        self.flags >> 11 & 0xf
    }

    /// TC; queries of DNS have no use for it, and LLMNR ignores it there.
    pub(crate) const fn is_truncated(&self) -> bool {
        self.is_response() && self.flags & 0x0200 != 0
    }

    pub(crate) const fn rcode(&self) -> u16 {
        self.flags & 0xf
    }

    /// The entries that the header announces need at least this many bytes, header included.
    fn least_len(&self) -> u64 {
        let records = u64::from(self.answers) + u64::from(self.authorities) + u64::from(self.additionals);
        HEADER_LEN as u64 + u64::from(self.questions) * QUESTION_MIN + records * RECORD_MIN
    }

    fn is_empty(&self) -> bool {
        self.least_len() == HEADER_LEN as u64
    }
}

/// What a walk found. The marks are true as soon as one entry shows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) header: Header,
    /// Entries (questions and records) that were walked whole.
    pub(crate) entries: u32,
    /// Type of the first question.
    pub(crate) first_type: Option<u16>,
    /// The class of a question or record has the mDNS top bit.
    pub(crate) class_top_bit: bool,
    /// A name ends in `.local`.
    pub(crate) local_name: bool,
    /// The first name is a NetBIOS name in first-level encoding (RFC 1001, section 14.1).
    pub(crate) netbios_name: bool,
    /// A record is of type NB or NBSTAT, or a question asks for it.
    pub(crate) netbios_type: bool,
}

/// The outcome of a walk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Walk {
    /// No DNS message starts like this.
    Malformed,
    /// A header, then entries that break off with no more behind them than a slip of the sender leaves.
    Broken(Message),
    /// Valid so far, but not even one entry is there whole. Fields of the header that are still to come are zero.
    Short(Header),
    /// Valid as far as the bytes go, with at least one whole entry, or a whole message without entries.
    Valid(Message),
}

/// The most that a message may hold behind the place where it breaks off: about one question or record. What carries
/// more than that there is not a slip.
const BROKEN_MAX: usize = 64;

/// Walks the message that `bytes` starts with and that is `len` bytes long on the wire (`len ≥ bytes.len()`).
pub(crate) fn walk(bytes: &[u8], len: usize) -> Walk {
    if len < HEADER_LEN {
        return Walk::Malformed;
    }
    let header = header_so_far(bytes);
    // A truncated response may keep the counts of the whole one (RFC 2181, section 9, as implemented).
    let room = if header.is_truncated() { usize::from(u16::MAX) } else { len };
    if header.least_len() > room as u64 && len > HEADER_LEN + BROKEN_MAX {
        return Walk::Malformed;
    }
    if bytes.len() < HEADER_LEN {
        return if bytes.len() < len { Walk::Short(header) } else { Walk::Malformed };
    }
    let mut walker = Walker {
        message: bytes,
        at: HEADER_LEN,
        found: Message {
            header,
            entries: 0,
            first_type: None,
            class_top_bit: false,
            local_name: false,
            netbios_name: false,
            netbios_type: false,
        },
    };
    let may_end_early = bytes.len() < len || header.is_truncated();
    match walker.entries() {
        Ok(()) if walker.at == len => Walk::Valid(walker.found),
        Err(Stop::Short) if may_end_early && walker.found.entries > 0 => Walk::Valid(walker.found),
        Err(Stop::Short) if bytes.len() < len => Walk::Short(header),
        // An entry is wrong, or everything announced was there, and bytes are left over.
        _ if len.saturating_sub(walker.at) <= BROKEN_MAX => Walk::Broken(walker.found),
        _ => Walk::Malformed,
    }
}

/// The header's whole fields; zero where the bytes end.
pub(crate) fn header_so_far(bytes: &[u8]) -> Header {
    let mut reader = Reader::new(bytes);
    let mut field = || match reader.u16_be() {
        Some(field) => field,
        None => u16::from(reader.u8().unwrap_or(0)) << 8,
    };
    Header {
        id: field(),
        flags: field(),
        questions: field(),
        answers: field(),
        authorities: field(),
        additionals: field(),
    }
}

/// Why a walk stopped.
enum Stop {
    /// The bytes ended.
    Short,
    Malformed,
}

struct Walker<'a> {
    message: &'a [u8],
    at: usize,
    found: Message,
}

impl Walker<'_> {
    fn entries(&mut self) -> Result<(), Stop> {
        let header = self.found.header;
        for _ in 0..header.questions {
            self.question()?;
            self.found.entries += 1;
        }
        for count in [header.answers, header.authorities, header.additionals] {
            for _ in 0..count {
                self.record()?;
                self.found.entries += 1;
            }
        }
        if header.is_empty() && self.message.len() > HEADER_LEN { Err(Stop::Malformed) } else { Ok(()) }
    }

    fn question(&mut self) -> Result<(), Stop> {
        let name = self.name()?;
        let (kind, class) = (self.u16()?, self.u16()?);
        self.class(class)?;
        self.note(name, kind);
        if self.found.first_type.is_none() {
            self.found.first_type = Some(kind);
        }
        Ok(())
    }

    fn record(&mut self) -> Result<(), Stop> {
        let name = self.name()?;
        let (kind, class) = (self.u16()?, self.u16()?);
        // dnscrypt-proxy fills its padding (RFC 7830) into an OPT record whose type and class it leaves zero.
        let is_opt = kind == TYPE_OPT || name.is_root && kind == 0 && class == 0;
        if !is_opt {
            self.class(class)?;
        } else if !name.is_root {
            // RFC 6891, section 6.1.2: the name is the root; the class is a payload size.
            return Err(Stop::Malformed);
        }
        self.take(4)?;
        let rdata_len = usize::from(self.u16()?);
        let end = self.at + rdata_len;
        // NetBIOS gives the numbers of DNS types its own RDATA.
        if !name.is_netbios && rdata_len > 0 {
            self.rdata(if is_opt { TYPE_OPT } else { kind }, class, end)?;
        }
        if end > self.message.len() {
            return Err(Stop::Short);
        }
        self.at = end;
        self.note(name, kind);
        Ok(())
    }

    /// RDATA of the types whose form RFC 1035, 2782, 3596, 6672 and 6891 fix must fill its length.
    fn rdata(&mut self, kind: u16, class: u16, end: usize) -> Result<(), Stop> {
        let len = end - self.at;
        let fills = match kind {
            TYPE_A if class & !CLASS_TOP_BIT == CLASS_IN => len == 4,
            TYPE_AAAA => len == 16,
            TYPE_NS | TYPE_CNAME | TYPE_PTR | TYPE_DNAME => {
                self.name()?;
                self.at == end
            }
            TYPE_MX => {
                self.take(2)?;
                self.name()?;
                self.at == end
            }
            TYPE_SRV => {
                self.take(6)?;
                self.name()?;
                self.at == end
            }
            TYPE_SOA => {
                self.name()?;
                self.name()?;
                self.at + 20 == end
            }
            TYPE_TXT => {
                while self.at < end {
                    let len = self.u8()?;
                    self.at += usize::from(len);
                }
                self.at == end
            }
            TYPE_OPT => {
                while self.at < end {
                    self.take(2)?;
                    let len = self.u16()?;
                    self.at += usize::from(len);
                }
                self.at == end
            }
            _ => true,
        };
        if fills { Ok(()) } else { Err(Stop::Malformed) }
    }

    fn class(&mut self, class: u16) -> Result<(), Stop> {
        // IN, CH, HS, NONE, ANY (RFC 1035, section 3.2.4; RFC 2136, section 1.3).
        match class & !CLASS_TOP_BIT {
            1 | 3 | 4 | 254 | 255 => {
                self.found.class_top_bit |= class & CLASS_TOP_BIT != 0;
                Ok(())
            }
            _ => Err(Stop::Malformed),
        }
    }

    fn note(&mut self, name: Name, kind: u16) {
        self.found.local_name |= name.is_local;
        self.found.netbios_type |= matches!(kind, TYPE_NB | TYPE_NBSTAT);
        if self.found.entries == 0 {
            self.found.netbios_name = name.is_netbios;
        }
    }

    /// Reads a name and follows its pointers.
    fn name(&mut self) -> Result<Name, Stop> {
        let mut name = Name { is_root: true, is_local: false, is_netbios: false };
        let mut wire_len = 0;
        // A pointer goes to "a prior occurrence": before the piece that it stands in (RFC 1035, section 4.1.4).
        let mut piece = self.at;
        let mut at = self.at;
        let mut after = None;
        let mut pointers = 0;
        loop {
            let length = *self.message.get(at).ok_or(Stop::Short)?;
            match length >> 6 {
                0b00 if length == 0 => {
                    self.at = after.unwrap_or(at + 1);
                    return Ok(name);
                }
                0b00 => {
                    let label = self.message.get(at + 1..).ok_or(Stop::Short)?;
                    let label = label.get(..usize::from(length)).ok_or(Stop::Short)?;
                    if name.is_root {
                        name.is_netbios = is_first_level_encoded(label);
                    }
                    name.is_root = false;
                    name.is_local = label.eq_ignore_ascii_case(b"local");
                    at += 1 + label.len();
                    wire_len += 1 + label.len();
                    if wire_len >= NAME_MAX {
                        return Err(Stop::Malformed);
                    }
                }
                0b11 => {
                    let low = *self.message.get(at + 1).ok_or(Stop::Short)?;
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    after = after.or(Some(at + 2));
                    pointers += 1;
                    if target < HEADER_LEN || target >= piece || pointers > POINTERS_MAX {
                        return Err(Stop::Malformed);
                    }
                    (piece, at) = (target, target);
                }
                // 0b01 and 0b10: extended and unallocated label types (RFC 6891, section 5).
                _ => return Err(Stop::Malformed),
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Stop> {
        let bytes = self.message.get(self.at..).and_then(|rest| rest.get(..count)).ok_or(Stop::Short)?;
        self.at += count;
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u8, Stop> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Result<u16, Stop> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

#[derive(Clone, Copy)]
struct Name {
    is_root: bool,
    /// The last label is `local`.
    is_local: bool,
    /// The first label is a NetBIOS name.
    is_netbios: bool,
}

/// RFC 1001, section 14.1: 16 bytes, each as two letters from `A` to `P`.
fn is_first_level_encoded(label: &[u8]) -> bool {
    label.len() == 32 && label.iter().all(|byte| (b'A'..=b'P').contains(byte))
}

/// Builds messages for the tests of the protocols that share the format.
#[cfg(test)]
pub(crate) mod build {
    /// A name in wire form, from its dotted form; `.` and the empty string are the root.
    pub(crate) fn name(dotted: &str) -> Vec<u8> {
        let mut wire = Vec::new();
        for label in dotted.split('.').filter(|label| !label.is_empty()) {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        wire
    }

    /// The name `workgroup<20>` or the like in first-level encoding.
    pub(crate) fn netbios_name(text: &str) -> Vec<u8> {
        let mut wire = vec![32];
        for index in 0..16 {
            let byte = text.as_bytes().get(index).copied().unwrap_or(b' ');
            wire.extend([b'A' + (byte >> 4), b'A' + (byte & 0xf)]);
        }
        wire.push(0);
        wire
    }

    pub(crate) fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
        [id, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
    }

    pub(crate) fn question(name: &[u8], kind: u16, class: u16) -> Vec<u8> {
        [name, &kind.to_be_bytes(), &class.to_be_bytes()].concat()
    }

    pub(crate) fn record(name: &[u8], kind: u16, class: u16, rdata: &[u8]) -> Vec<u8> {
        let len = (rdata.len() as u16).to_be_bytes();
        [name, &kind.to_be_bytes(), &class.to_be_bytes(), &[0, 0, 14, 16], &len, rdata].concat()
    }

    /// The message behind its length, as on TCP (RFC 1035, section 4.2.2).
    pub(crate) fn on_tcp(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u16).to_be_bytes(), message].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::build::{header, name, question, record};
    use super::*;

    fn valid(bytes: &[u8]) -> Option<Message> {
        match walk(bytes, bytes.len()) {
            Walk::Valid(message) => Some(message),
            Walk::Short(_) | Walk::Broken(_) | Walk::Malformed => None,
        }
    }

    #[test]
    fn a_reply_with_pointers_is_walked_to_its_end() {
        let reply = [
            header(7, 0x8180, [1, 2, 0, 1]),
            question(&name("www.example.com"), TYPE_A, 1),
            record(&[0xc0, 12], TYPE_CNAME, 1, &[1, b'a', 0xc0, 16]),
            record(&[0xc0, 45], TYPE_A, 1, &[192, 0, 2, 1]),
            record(&[0], TYPE_OPT, 1232, &[0, 10, 0, 2, 1, 2]),
        ]
        .concat();
        assert_eq!(valid(&reply).map(|message| message.entries), Some(4));
    }

    #[test]
    fn pointers_must_go_back() {
        let to_itself = [header(7, 0x0100, [1, 0, 0, 0]), question(&[0xc0, 12], TYPE_A, 1)].concat();
        assert!(valid(&to_itself).is_none());
        let into_the_header =
            [header(7, 0x0100, [1, 0, 0, 0]), question(&[1, b'a', 0xc0, 4], TYPE_A, 1)].concat();
        assert!(valid(&into_the_header).is_none());
    }

    #[test]
    fn pointers_end() {
        let chain = |links: u16| {
            let pointers: Vec<u8> =
                (0..links).flat_map(|link| (0xc000 + 23 + 2 * link).to_be_bytes()).collect();
            let data = [&[0, 0], &pointers[..]].concat();
            let last = (0xc000 + 23 + 2 * links).to_be_bytes();
            [header(7, 0x8180, [0, 2, 0, 0]), record(&[0], 99, 1, &data), record(&last, 99, 1, &[])].concat()
        };
        assert!(valid(&chain(31)).is_some());
        assert!(valid(&chain(32)).is_none());
    }

    #[test]
    fn a_name_is_at_most_255_bytes() {
        let labels = |count| [[&[62][..], &[b'x'; 62]].concat().repeat(count), vec![0]].concat();
        let query = |name: &[u8]| [header(7, 0, [1, 0, 0, 0]), question(name, TYPE_A, 1)].concat();
        assert!(valid(&query(&labels(4))).is_some());
        assert!(valid(&query(&labels(5))).is_none());
    }

    #[test]
    fn lengths_must_agree() {
        let query = [header(7, 0x0100, [1, 0, 0, 0]), question(&name("example.com"), TYPE_A, 1)].concat();
        assert!(valid(&query).is_some());
        assert!(valid(&query[..query.len() - 1]).is_none());
        assert!(valid(&[&query[..], &[0]].concat()).is_none());
        let short_address =
            [header(7, 0x8000, [0, 1, 0, 0]), record(&name("a"), TYPE_A, 1, &[1, 2, 3])].concat();
        assert!(valid(&short_address).is_none());
    }

    #[test]
    fn a_slip_is_told_from_a_load() {
        let to_itself = [header(7, 0x0100, [1, 0, 0, 0]), question(&[0xc0, 12], TYPE_A, 1)].concat();
        let broken = |bytes: &[u8]| matches!(walk(bytes, bytes.len()), Walk::Broken(_));
        assert!(broken(&to_itself));
        assert!(broken(&[&to_itself[..], &[0; 40]].concat()));
        assert!(!broken(&[&to_itself[..], &[0; 80]].concat()));
        assert!(!broken(&to_itself[..11]));
    }

    #[test]
    fn a_cut_message_is_walked_as_far_as_it_goes() {
        let reply = [
            header(7, 0x8180, [1, 1, 0, 0]),
            question(&name("example.com"), TYPE_TXT, 1),
            record(&[0xc0, 12], TYPE_TXT, 1, &[&[255][..], &[b'x'; 255]].concat()),
        ]
        .concat();
        for end in 0..reply.len() {
            let walked = walk(&reply[..end], reply.len());
            assert!(!matches!(walked, Walk::Malformed | Walk::Broken(_)), "{end}");
            assert_eq!(matches!(walked, Walk::Valid(_)), end >= HEADER_LEN + 17, "{end}");
        }
    }

    fn any_name() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 0..6).prop_map(|labels| {
            let label = |label: Vec<u8>| [&[label.len() as u8][..], &label].concat();
            labels.into_iter().map(label).chain([vec![0]]).flatten().collect()
        })
    }

    proptest! {
        /// What is built from whole entries is walked whole; with a byte more, a byte less or an entry more it is not.
        #[test]
        fn only_what_its_counts_say_is_valid(
            questions in proptest::collection::vec((any_name(), any::<u16>()), 0..4),
            records in proptest::collection::vec((any_name(), 256..4096_u16, proptest::collection::vec(any::<u8>(), 0..40)), 0..5),
        ) {
            prop_assume!(!questions.is_empty() || !records.is_empty());
            let message = |extra: u16| {
                let mut bytes = header(1, 0x8180, [questions.len() as u16, records.len() as u16 + extra, 0, 0]);
                questions.iter().for_each(|(name, kind)| bytes.extend(question(name, *kind, 1)));
                records.iter().for_each(|(name, kind, rdata)| bytes.extend(record(name, *kind, 1, rdata)));
                bytes
            };
            let whole = message(0);
            let entries = valid(&whole).map(|message| message.entries as usize);
            prop_assert_eq!(entries, Some(questions.len() + records.len()));
            prop_assert!(valid(&whole[..whole.len() - 1]).is_none());
            prop_assert!(valid(&[&whole[..], &[0]].concat()).is_none());
            prop_assert!(valid(&message(1)).is_none());
        }

        /// Any bytes end the walk.
        #[test]
        fn walking_ends(bytes in proptest::collection::vec(prop_oneof![0..8_u8, 0xc0..=0xff_u8, any::<u8>()], 0..600), more in 0..2_usize) {
            let _ = walk(&bytes, bytes.len() + more * 100);
        }
    }
}
