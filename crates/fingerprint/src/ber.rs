//! BER and DER elements (ITU-T X.690, section 8.1): tag, length, content, read from bytes that may still
//! be arriving.

use crate::scan::{Scan, Step, require};

/// The tags that the protocols here use: class and constructed bit included, all in the low-tag-number form
/// (X.690, section 8.1.2.2).
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const SEQUENCE: u8 = 0x30;

    /// `[APPLICATION number]`, constructed.
    pub(crate) const fn application(number: u8) -> u8 {
        0x60 | number
    }

    /// `[number]`, context-specific and constructed.
    pub(crate) const fn context(number: u8) -> u8 {
        0xa0 | number
    }
}

/// One element whose tag and length have been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// Length of the content as the header gives it.
    pub(crate) length: usize,
    /// Length of tag and length octets.
    pub(crate) header: usize,
    /// The content as far as it has arrived: at most `length` bytes.
    pub(crate) content: Scan<'a>,
}

impl<'a> Element<'a> {
    /// Reads the header of the next element, whatever its tag, and steps over as much of its content as is there.
    /// High tag numbers, indefinite lengths and lengths of more than four octets are wrong: none of the
    /// protocols here sends them.
    pub(crate) fn read(scan: &mut Scan<'a>) -> Step<Self> {
        let tag = scan.u8_if(|tag| tag & 0x1f != 0x1f)?;
        let (length, octets) = read_length(scan)?;
        Ok(Self { tag, length, header: 1 + octets, content: scan.part(length)? })
    }

    /// Reads the next element, which must have this tag.
    pub(crate) fn expect(scan: &mut Scan<'a>, tag: u8) -> Step<Self> {
        let mut ahead = *scan;
        ahead.expect(&[tag])?;
        Self::read(scan)
    }

    /// Reads the next element, which must have this tag and fit into `room`, the bytes that remain of the element
    /// round it; takes them off `room`.
    pub(crate) fn expect_in(scan: &mut Scan<'a>, tag: u8, room: &mut usize) -> Step<Self> {
        require(*room >= 2)?;
        let element = Self::expect(scan, tag)?;
        *room = element.fit(*room)?;
        Ok(element)
    }

    /// Reads the next element, whatever its tag, within `room` as in [`Self::expect_in`].
    pub(crate) fn read_in(scan: &mut Scan<'a>, room: &mut usize) -> Step<Self> {
        require(*room >= 2)?;
        let element = Self::read(scan)?;
        *room = element.fit(*room)?;
        Ok(element)
    }

    /// Header and content.
    pub(crate) const fn total(&self) -> usize {
        self.header + self.length
    }

    /// The content as a non-negative number of at most 32 bits (INTEGER, ENUMERATED).
    pub(crate) fn unsigned(&self) -> Step<u32> {
        require((1..=5).contains(&self.length))?;
        let mut content = self.content;
        content.be(self.length, 0..=u64::from(u32::MAX)).map(|value| value as u32)
    }

    fn fit(&self, room: usize) -> Step<usize> {
        let left = room.checked_sub(self.total());
        require(left.is_some())?;
        Ok(left.unwrap_or(0))
    }
}

/// Steps over a definite length, whatever it is.
pub(crate) fn skip_length(scan: &mut Scan<'_>) -> Step<()> {
    read_length(scan).map(drop)
}

/// A definite length (X.690, section 8.1.3) and the octets that it took.
fn read_length(scan: &mut Scan<'_>) -> Step<(usize, usize)> {
    match scan.u8()? {
        short @ 0..=0x7f => Ok((usize::from(short), 1)),
        long @ 0x81..=0x84 => {
            let octets = usize::from(long & 0x7f);
            // Far above any first message, far below what could overflow.
            let length = scan.be(octets, 0..=0x7fff_ffff)?;
            Ok((length as usize, 1 + octets))
        }
        _ => require(false).map(|()| (0, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Stop;

    #[test]
    fn short_and_long_lengths() {
        let mut scan = Scan::new(&[0x30, 0x03, 1, 2, 3, 0x04]);
        let element = Element::read(&mut scan).unwrap();
        assert_eq!(
            (element.tag, element.length, element.header, element.content.is_whole()),
            (0x30, 3, 2, true)
        );
        assert_eq!(scan.rest(), [0x04]);

        let mut scan = Scan::new(&[0x30, 0x84, 0, 0, 1, 0, 9]);
        let element = Element::read(&mut scan).unwrap();
        assert_eq!((element.length, element.header, element.content.is_whole()), (256, 6, false));
        assert_eq!(element.content.rest(), [9]);
    }

    #[test]
    fn what_is_not_there_is_short_and_what_cannot_be_is_wrong() {
        assert_eq!(Element::read(&mut Scan::new(&[0x30, 0x82, 1])).unwrap_err(), Stop::Short);
        assert_eq!(Element::read(&mut Scan::new(&[0x30, 0x80])).unwrap_err(), Stop::Wrong);
        assert_eq!(Element::read(&mut Scan::new(&[0x30, 0x85])).unwrap_err(), Stop::Wrong);
        assert_eq!(Element::read(&mut Scan::new(&[0x3f])).unwrap_err(), Stop::Wrong);
        assert_eq!(Element::expect(&mut Scan::new(&[0x31]), tag::SEQUENCE).unwrap_err(), Stop::Wrong);
    }

    #[test]
    fn children_must_fit_their_parent() {
        let mut room = 4;
        assert!(Element::expect_in(&mut Scan::new(&[0x02, 0x02, 1, 0]), tag::INTEGER, &mut room).is_ok());
        assert_eq!(room, 0);
        let mut room = 3;
        assert_eq!(
            Element::expect_in(&mut Scan::new(&[0x02, 0x02, 1]), tag::INTEGER, &mut room).unwrap_err(),
            Stop::Wrong
        );
    }

    #[test]
    fn numbers() {
        let number = |bytes: &[u8]| Element::read(&mut Scan::new(bytes)).unwrap().unsigned();
        assert_eq!(number(&[2, 1, 3]), Ok(3));
        assert_eq!(number(&[2, 5, 0, 0xff, 0xff, 0xff, 0xff]), Ok(u32::MAX));
        assert_eq!(number(&[2, 2, 3]), Err(Stop::Short));
        assert_eq!(number(&[2, 0]), Err(Stop::Wrong));
    }
}
