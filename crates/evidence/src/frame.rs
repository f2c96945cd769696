//! Frames: what is appended to a file in such a way that a torn end is told from a whole one. All numbers little-endian:
//!
//! ```text
//! frame    three letters that say what it is, a digit: its version; length of the body: u32, CRC-32 (IEEE) of the body: u32, body
//! ```

use std::io;

pub(crate) const HEAD: usize = 12;

/// The first four bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Magic(pub(crate) [u8; 4]);

impl Magic {
    /// Writes the head of a frame whose body, of less than 4 GiB, is all behind the first [`HEAD`] bytes.
    pub(crate) fn seal(self, frame: &mut [u8]) {
        let (head, body) = frame.split_at_mut(HEAD);
        head[..4].copy_from_slice(&self.0);
        head[4..8].copy_from_slice(&(body.len() as u32).to_le_bytes());
        head[8..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    }

    /// The body of the frame that begins `bytes`, and what is behind it. `None`: it is torn, another kind's, or there is none.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let word = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
        let (body, rest) = rest.split_at_checked(word(4)? as usize)?;
        (head[..4] == self.0 && crc32fast::hash(body) == word(8)?).then_some((body, rest))
    }

    /// That a file's first frame is not a whole one of another version: nothing in such a file is damaged, and nothing of it is to be cut
    /// off.
    ///
    /// # Errors
    /// It is one.
    pub(crate) fn check(self, file: &[u8]) -> io::Result<()> {
        let [.., version] = self.0;
        let Some(&[a, b, c, other]) = file.first_chunk() else { return Ok(()) };
        let theirs = Self([a, b, c, other]);
        if theirs == self
            || self.0[..3] != [a, b, c]
            || !other.is_ascii_digit()
            || theirs.read(file).is_none()
        {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "it is of version {}, this program's is {}: written by another version of offport",
                other.escape_ascii(),
                version.escape_ascii()
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: Magic = Magic(*b"OPX3");

    fn frame(magic: Magic, body: &[u8]) -> Vec<u8> {
        let mut frame = [&[0; HEAD], body].concat();
        magic.seal(&mut frame);
        frame
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_not_when_it_is_torn() {
        let both = [frame(MAGIC, b"one"), frame(MAGIC, b"")].concat();
        let (body, rest) = MAGIC.read(&both).unwrap();
        assert_eq!((body, MAGIC.read(rest)), (&b"one"[..], Some((&[][..], &[][..]))));
        for cut in 0..HEAD + 3 {
            assert_eq!(MAGIC.read(&both[..cut]), None);
        }
        for at in 0..HEAD + 3 {
            let mut bad = both.clone();
            bad[at] ^= 0x40;
            assert_eq!(MAGIC.read(&bad), None, "byte {at}");
        }
    }

    #[test]
    fn only_a_whole_frame_of_another_version_is_one() {
        for other in [*b"OPX1", *b"OPX4"] {
            let file = frame(Magic(other), b"body");
            let error = MAGIC.check(&file).unwrap_err().to_string();
            let version = char::from(other[3]);
            assert!(error.contains(&format!("version {version}")) && error.contains("is 3"), "{error}");
            assert!(MAGIC.check(&[&file, &b"torn"[..]].concat()).is_err());
            assert!(MAGIC.check(&file[..file.len() - 1]).is_ok(), "torn: as damaged as any");
        }
        for none in
            [frame(MAGIC, b"body"), frame(Magic(*b"OPY1"), b"body"), frame(Magic(*b"OPX!"), b"body"), vec![]]
        {
            assert!(MAGIC.check(&none).is_ok());
        }
    }
}
