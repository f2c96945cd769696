//! What the first bytes of a file say about it.

/// The longest prefix that any of the functions here looks at.
pub(super) const LONGEST: usize = 16;

/// RFC 1952, section 2.3.1; 8 is the only compression method.
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8])
}

/// RFC 8878, section 3.1: a frame (3.1.1) or a skippable frame (3.1.2), which parallel compressors put first.
pub(super) fn is_zstd(head: &[u8]) -> bool {
    match head.first_chunk() {
        Some(magic) => {
            let magic = u32::from_le_bytes(*magic);
            magic == 0xfd2f_b528 || magic & !0xf == 0x184d_2a50
        }
        None => false,
    }
}

/// Formats that are recognised in order to be named: magic, name, what turns it into one that is read.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"snoop\0\0\0", "snoop (RFC 1761)", EDITCAP),
    (b"btsnoop\0", "btsnoop", "it holds Bluetooth traffic, which has no IP"),
    (&[0x54, 0x52, 0x00, 0x64, 0, 0, 0, 0], "HP-UX nettl", EDITCAP),
    (&[0, 0, 0, 1, 0, 0, 0, 0, 0, 7, 0xd0, 0], "HP-UX nettl", EDITCAP),
    (b"RTSS", "Microsoft Network Monitor 1", EDITCAP),
    (b"GMBU", "Microsoft Network Monitor 2", EDITCAP),
    (b"TRSNIFF data", "Network General Sniffer", EDITCAP),
    (b"XCP\0", "NetXRay or Sniffer for Windows", EDITCAP),
    (b"iptrace ", "AIX iptrace", EDITCAP),
    (&[0x1c, 0, 1, 0xac], "IXIA lcap", EDITCAP),
    (&[0xac, 1, 0, 0x1c], "IXIA lcap", EDITCAP),
    (&[0x1c, 0, 1, 0xab], "IXIA lcap", EDITCAP),
    (&[0xab, 1, 0, 0x1c], "IXIA lcap", EDITCAP),
    (
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        "xz",
        "decompress it first: xz -dc FILE, and read standard input (-)",
    ),
    (b"BZh", "bzip2", "decompress it first: bzip2 -dc FILE, and read standard input (-)"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4", "decompress it first: lz4 -dc FILE, and read standard input (-)"),
    (&[0x1f, 0x9d], "compress", "decompress it first: gzip -dc FILE, and read standard input (-)"),
    (&[0x1f, 0x8b, 8], "gzip, compressed once more", "decompress it once, and read standard input (-)"),
    (
        &[0x28, 0xb5, 0x2f, 0xfd],
        "zstd, compressed once more",
        "decompress it once, and read standard input (-)",
    ),
    (b"PK\x03\x04", "zip archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "7-zip archive", "unpack it first"),
];

const EDITCAP: &str = "convert it first: editcap -F pcapng FILE OUT.pcapng";

/// A known format that is not read, and the remedy.
pub(super) fn foreign(head: &[u8]) -> Option<(&'static str, &'static str)> {
    FOREIGN.iter().find(|(magic, ..)| head.starts_with(magic)).map(|&(_, name, remedy)| (name, remedy))
}

/// Endace's extensible record format has no magic; its files are known by their name.
pub(super) const ERF: (&str, &str) = ("Endace ERF", EDITCAP);
