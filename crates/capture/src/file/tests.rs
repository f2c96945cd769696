//! Both formats written by hand, in every variant, and read back.

mod build;
mod compressed;
mod corpora;
mod pcap;
mod pcapng;
mod properties;
mod refused;
mod written;

use std::io::Cursor;

use offport_wire::LinkType;

use super::{Batch, CaptureFile, FileError};

/// A frame that outlives its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    bytes: Vec<u8>,
    wire_len: u32,
    nanos: u64,
    interface: u16,
    link: LinkType,
}

fn open(data: &[u8]) -> CaptureFile {
    CaptureFile::from_reader("test", Cursor::new(data.to_vec())).unwrap()
}

fn refused(data: &[u8]) -> FileError {
    CaptureFile::from_reader("test", Cursor::new(data.to_vec())).err().expect("it opens")
}

/// All frames, in batches of two, and the error that ended them.
fn drain(capture: &mut CaptureFile) -> (Vec<Kept>, Option<FileError>) {
    let mut batch = Batch::new(2);
    let mut kept = vec![];
    loop {
        match capture.next_batch(&mut batch) {
            Ok(0) => return (kept, None),
            Ok(_) => kept.extend(batch.iter().map(|frame| Kept {
                bytes: frame.bytes.to_vec(),
                wire_len: frame.wire_len,
                nanos: frame.time.as_nanos(),
                interface: frame.interface,
                link: frame.link,
            })),
            Err(error) => return (kept, Some(error)),
        }
    }
}

fn read_all(capture: &mut CaptureFile) -> Vec<Kept> {
    let (kept, error) = drain(capture);
    assert!(error.is_none(), "{error:?}");
    kept
}
