//! Entry points for fuzzing and for the smoke test that shares them.

use std::io::Cursor;

use super::{Batch, CaptureFile, MAX_FRAME};

/// Frames looked at of one input: compressed inputs unpack to more than a fuzzer has time for.
const FRAME_LIMIT: u64 = 1 << 16;

/// Reads `data` as a capture to its end and checks what must hold for any input.
///
/// # Panics
///
/// When it does not hold.
pub fn read(data: &[u8]) {
    let compressed = super::magic::is_gzip(data) || super::magic::is_zstd(data);
    let Ok(mut capture) = CaptureFile::from_reader("fuzz", Cursor::new(data.to_vec())) else { return };
    let mut batch = Batch::default();
    let mut seen = 0;
    loop {
        let result = capture.next_batch(&mut batch);
        let held = batch.len();
        assert_eq!(result.as_ref().ok().copied().unwrap_or(0), held, "a frame is lost or made up");
        for frame in batch.iter() {
            assert!(frame.bytes.len() <= MAX_FRAME);
            assert!(frame.wire_len as usize >= frame.bytes.len());
            let interface = capture.interfaces().get(usize::from(frame.interface));
            assert_eq!(interface.and_then(|interface| interface.link), Some(frame.link));
        }
        seen += held as u64;
        let counts = capture.counts();
        assert_eq!(counts.delivered, seen);
        assert_eq!(counts.records, counts.delivered + counts.unsupported + counts.without_interface);
        assert!(compressed || counts.records <= data.len() as u64 / 16, "records out of nothing");
        if held == 0 || seen > FRAME_LIMIT {
            let passed_over: u64 = capture.unsupported().map(|link| link.packets).sum();
            assert_eq!(passed_over, counts.unsupported);
            break;
        }
    }
    if seen <= FRAME_LIMIT {
        assert!(matches!(capture.next_batch(&mut batch), Ok(0)), "the end is not the end");
    }
}
