use super::*;

#[test]
fn what_is_not_read_is_named() {
    let name = |data: &[u8]| refused(data).to_string();
    assert!(name(b"snoop\0\0\0\0\0\0\x02").contains("snoop"));
    assert!(name(b"\xfd7zXZ\0\0").contains("xz -dc"));
    assert!(
        name(&zstd::encode_all(&zstd::encode_all(&b"x"[..], 1).unwrap()[..], 1).unwrap())
            .contains("once more")
    );
    assert!(name(b"").contains("is empty"));
    assert!(name(b"hello, world").contains("not a capture file (it starts with [68, 65, 6c, 6c])"));
    let erf = CaptureFile::from_reader("x.ERF", &b"\x12\x34\x56\x78"[..]).err().unwrap();
    assert!(erf.to_string().contains("Endace ERF"));
}

#[test]
fn what_cannot_be_opened_says_why() {
    let missing = CaptureFile::open("no/such/file.pcap").err().unwrap().to_string();
    assert!(
        missing.starts_with("no/such/file.pcap: cannot open:") && missing.contains("spelling"),
        "{missing}"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = CaptureFile::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("name the captures in it"), "{error}");
}

#[test]
fn a_file_knows_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcap");
    let data = build::Bytes::pcap(false, 0xa1b2_c3d4, 1).record(0, 0, 3, b"abc").data;
    std::fs::write(&path, &data).unwrap();
    let mut capture = CaptureFile::open(&path).unwrap();
    assert_eq!(capture.bytes_total(), Some(data.len() as u64));
    let progress = capture.progress();
    assert_eq!(read_all(&mut capture).len(), 1);
    assert_eq!(progress.bytes_read(), data.len() as u64);
    assert_eq!(capture.path(), path);
}
