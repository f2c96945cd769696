//! Bytes off the wire as text that is safe to print.
//!
//! What is printable UTF-8 stands as it is. A backslash is doubled; bytes that are no UTF-8 become `\xff`; control
//! and format characters (those that turn the writing direction among them), private ones, unassigned ones, blanks
//! other than the space and combining marks become `\n`, `\u{202e}` and so on. What is cut ends in `…`, which as a
//! character of the text is escaped.

use std::fmt::Write as _;

/// Stands at the end of a text that is not whole.
pub(super) const CUT: char = '…';

/// A text under construction, of at most `max` bytes.
#[derive(Debug)]
pub(super) struct Escaped {
    text: String,
    max: usize,
    full: bool,
}

impl Escaped {
    pub(super) fn new(max: usize) -> Self {
        Self { text: String::new(), max, full: false }
    }

    /// Appends bytes, escaped.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character);
            }
            for byte in chunk.invalid() {
                self.push(&format!("\\x{byte:02x}"));
            }
            if self.full {
                return;
            }
        }
    }

    fn character(&mut self, character: char) {
        let mut buffer = [0; 4];
        match character {
            ' '..='~' if character != '\\' => self.push(character.encode_utf8(&mut buffer)),
            CUT => self.push("\\u{2026}"),
            _ => {
                let mut escaped = String::new();
                let _ = write!(escaped, "{}", character.escape_debug());
                self.push(&escaped);
            }
        }
    }

    /// Appends what needs no escaping; as a whole or not at all, with nothing after it.
    pub(super) fn push(&mut self, piece: &str) {
        self.full |= self.text.len() + piece.len() + CUT.len_utf8() > self.max;
        if !self.full {
            self.text.push_str(piece);
        }
    }

    /// The text, which ends in the mark unless it is `whole` and all of it found room.
    pub(super) fn finish(mut self, whole: bool) -> String {
        if self.full || !whole {
            self.text.push(CUT);
        }
        self.text
    }
}

/// Whether a text is what [`Escaped`] makes: for tests and fuzzing.
pub(crate) fn is_printable(text: &str) -> bool {
    text.chars().all(|character| matches!(character, ' '..='~' | CUT) || character.escape_debug().len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut text = Escaped::new(256);
        text.bytes(bytes);
        let text = text.finish(true);
        assert!(is_printable(&text), "{text:?}");
        text
    }

    #[test]
    fn what_is_hostile_to_a_terminal_or_a_reader_is_escaped() {
        for (bytes, text) in [
            (&b"\x1b[2J\x07\r\n\t\0\x7f"[..], r"\u{1b}[2J\u{7}\r\n\t\0\u{7f}"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            ("exe\u{202e}gpj".as_bytes(), r"exe\u{202e}gpj"),
            ("\u{200b}\u{feff}\u{2028}\u{e000}".as_bytes(), r"\u{200b}\u{feff}\u{2028}\u{e000}"),
            ("\u{e0041}\u{a0}\u{301}".as_bytes(), r"\u{e0041}\u{a0}\u{301}"),
            (b"\xff\xc3", r"\xff\xc3"),
            (b"\xed\xa0\x80", r"\xed\xa0\x80"),
            (br"\x1b", r"\\x1b"),
            ("…".as_bytes(), r"\u{2026}"),
        ] {
            assert_eq!(escaped(bytes), text);
        }
    }

    #[test]
    fn text_in_any_script_and_quotes_stand_as_they_are() {
        for text in ["\"it's\" <b>&amp;</b>", "Grüße, Ελλάδα, 日本, 한국", "😀"] {
            assert_eq!(escaped(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_is_cut_is_marked_and_no_escape_is_split() {
        let mut text = Escaped::new(10);
        text.bytes(b"abcd\x01\x02e");
        assert_eq!(text.finish(true), "abcd…");
        let mut text = Escaped::new(10);
        text.bytes(b"abcdefg");
        assert_eq!(text.finish(true), "abcdefg");
        let mut text = Escaped::new(10);
        text.bytes(b"abcdefgh");
        assert_eq!(text.finish(true), "abcdefg…");
        let mut text = Escaped::new(10);
        text.bytes(b"abc");
        assert_eq!(text.finish(false), "abc…");
    }
}
