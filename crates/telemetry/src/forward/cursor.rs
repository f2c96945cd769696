//! How far the other side has acknowledged: a small file beside the segments.
//!
//! One line: the number of the first frame that is not acknowledged, and its CRC-32. It is written under another name and
//! renamed, so that there is always a whole one. A bad one is as good as none: frames are then sent again.

use std::fs;
use std::io;
use std::path::Path;

const NAME: &str = "cursor";
const NEW: &str = "cursor.new";

/// The number in `folder`; `None` if there is none, or it is damaged.
pub(super) fn read(folder: &Path) -> io::Result<Option<u64>> {
    match fs::read_to_string(folder.join(NAME)) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Not UTF-8.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the number into `folder`.
pub(super) fn write(folder: &Path, number: u64) -> io::Result<()> {
    let new = folder.join(NEW);
    fs::write(&new, format!("{number} {:08x}\n", checksum(number)))?;
    fs::rename(new, folder.join(NAME))
}

fn parse(text: &str) -> Option<u64> {
    let (number, sum) = text.strip_suffix('\n')?.split_once(' ')?;
    let number = number.parse().ok()?;
    (u32::from_str_radix(sum, 16).ok()? == checksum(number)).then_some(number)
}

fn checksum(number: u64) -> u32 {
    crc32fast::hash(&number.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        assert_eq!(read(folder.path()).unwrap(), None);
        write(folder.path(), 41).unwrap();
        write(folder.path(), u64::MAX).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Some(u64::MAX));
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(read(folder.path()).unwrap(), None, "cut at {cut}");
        }
        fs::write(&path, b"\xff\xfe").unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
    }
}
