//! Three-valued matching of text grammars: the bytes fit, they are too few to say, or they contradict.
//!
//! A grammar is written as a sequence of steps over a [`Text`]; each step hands out what it matched, or ends the
//! match with the verdict that these bytes allow: [`Match::Maybe`] when they ran out inside the step,
//! [`Match::No`] when they contradict it.

use memchr::memchr;

use crate::probe::Match;

/// What a step of a grammar gives: the piece that it matched, or the verdict that ends the match.
pub(crate) type Step<T> = Result<T, Match>;

/// Runs a grammar to its verdict.
pub(crate) fn verdict(grammar: impl FnOnce() -> Step<Match>) -> Match {
    grammar().unwrap_or_else(|ended| ended)
}

/// Words, of which a text may hold one.
#[derive(Debug)]
pub(crate) struct Verbs {
    words: &'static [&'static [u8]],
    /// A bit for each first letter: its place in the alphabet.
    letters: u32,
    /// For each letter the places of the first and the last word that begin with it.
    spans: [(u8, u8); 26],
    /// Letters of the longest.
    longest: usize,
}

impl Verbs {
    /// Words in upper case.
    ///
    /// # Panics
    /// When one does not begin with a letter.
    pub(crate) const fn new(words: &'static [&'static [u8]]) -> Self {
        assert!(words.len() <= u8::MAX as usize, "places are bytes");
        let (mut letters, mut longest, mut at) = (0, 0, 0);
        let mut spans = [(0, 0); 26];
        while at < words.len() {
            assert!(words[at][0].is_ascii_uppercase(), "a verb begins with a letter in upper case");
            let letter = words[at][0] - b'A';
            let is_new = letters & 1 << letter == 0;
            letters |= 1 << letter;
            let before = spans[letter as usize].0;
            spans[letter as usize] = (if is_new { at as u8 } else { before }, at as u8);
            if words[at].len() > longest {
                longest = words[at].len();
            }
            at += 1;
        }
        Self { words, letters, spans, longest }
    }

    /// Where the words with a first letter stand, and perhaps others; the place of the first of them.
    fn beginning_with(&self, letter: u8) -> (usize, &[&[u8]]) {
        let (first, last) = self.spans[usize::from(letter - b'A')];
        (first.into(), &self.words[usize::from(first)..=usize::from(last)])
    }

    const fn begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_alphabetic() && self.letters & 1 << (byte.to_ascii_uppercase() - b'A') != 0
    }
}

impl std::ops::Index<usize> for Verbs {
    type Output = &'static [u8];

    fn index(&self, index: usize) -> &Self::Output {
        &self.words[index]
    }
}

/// A cursor over text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next byte, left in place.
    pub(crate) fn peek(&self) -> Step<u8> {
        self.rest.first().copied().ok_or(Match::Maybe)
    }

    /// One byte of a class.
    pub(crate) fn one(&mut self, class: impl Fn(u8) -> bool) -> Step<u8> {
        let byte = self.peek()?;
        if !class(byte) {
            return Err(Match::No);
        }
        self.rest = &self.rest[1..];
        Ok(byte)
    }

    /// Exactly these bytes.
    pub(crate) fn literal(&mut self, literal: &[u8]) -> Step<()> {
        self.fixed(literal, |a, b| a == b)
    }

    /// These bytes, letters in either case.
    pub(crate) fn word(&mut self, word: &[u8]) -> Step<()> {
        self.fixed(word, |a, b| a.eq_ignore_ascii_case(b))
    }

    fn fixed(&mut self, wanted: &[u8], same: impl Fn(&[u8], &[u8]) -> bool) -> Step<()> {
        let shared = wanted.len().min(self.rest.len());
        let (head, rest) = self.rest.split_at(shared);
        if !same(head, &wanted[..shared]) {
            return Err(Match::No);
        }
        if shared < wanted.len() {
            return Err(Match::Maybe);
        }
        self.rest = rest;
        Ok(())
    }

    /// The first of these words that fits, letters in either case; its index. List a word before its own prefixes.
    pub(crate) fn any_word(&mut self, words: &[&[u8]]) -> Step<usize> {
        let mut undecided = false;
        for (index, word) in words.iter().enumerate() {
            match self.word(word) {
                Ok(()) if !undecided => return Ok(index),
                Ok(()) | Err(Match::Maybe) => undecided = true,
                Err(_) => {}
            }
        }
        Err(if undecided { Match::Maybe } else { Match::No })
    }

    /// The word here, letters in either case, must be one of these, whole; its index.
    pub(crate) fn verb(&mut self, verbs: &Verbs) -> Step<usize> {
        // Most lists hold nothing with this first letter: that is told before the word's end is looked for.
        let first = self.peek()?;
        if !verbs.begin_with(first) {
            return Err(Match::No);
        }
        let first = first.to_ascii_uppercase();
        let within = &self.rest[..self.rest.len().min(verbs.longest + 1)];
        let end = within.iter().position(|&byte| !is_verb(byte)).unwrap_or(within.len());
        let (word, rest) = self.rest.split_at(end);
        let (offset, words) = verbs.beginning_with(first);
        if rest.is_empty() {
            let begins = |verb: &&[u8]| verb.get(..end).is_some_and(|head| head.eq_ignore_ascii_case(word));
            return Err(if words.iter().any(begins) { Match::Maybe } else { Match::No });
        }
        self.rest = rest;
        let is_it = |verb: &&[u8]| verb.len() == end && verb[0] == first && verb.eq_ignore_ascii_case(word);
        words.iter().position(is_it).map(|place| offset + place).ok_or(Match::No)
    }

    /// Between `min` and `max` bytes of a class, as many as there are, and the byte after them must be there too.
    pub(crate) fn run(&mut self, min: usize, max: usize, class: impl Fn(u8) -> bool) -> Step<&'a [u8]> {
        match self.rest.iter().take(max + 1).position(|&byte| !class(byte)) {
            Some(end) if end < min => Err(Match::No),
            Some(end) => {
                let (run, rest) = self.rest.split_at(end);
                self.rest = rest;
                Ok(run)
            }
            None if self.rest.len() > max => Err(Match::No),
            None => Err(Match::Maybe),
        }
    }

    /// A decimal number of at most `digits` digits, and the byte after it.
    pub(crate) fn number(&mut self, digits: usize) -> Step<u32> {
        let run = self.run(1, digits.min(9), |byte| byte.is_ascii_digit())?;
        Ok(run.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// Exactly `count` decimal digits; nothing is asked of what follows.
    pub(crate) fn digits(&mut self, count: usize) -> Step<u32> {
        let mut number = 0;
        for _ in 0..count {
            number = number * 10 + u32::from(self.one(|byte| byte.is_ascii_digit())? - b'0');
        }
        Ok(number)
    }

    /// The line up to its LF or CR LF, which are consumed. Its bytes must be of the class; [`Match::Maybe`]
    /// while the line is open and clean.
    pub(crate) fn line(&mut self, class: impl Fn(u8) -> bool) -> Step<&'a [u8]> {
        let end = memchr(b'\n', self.rest);
        let raw = &self.rest[..end.unwrap_or(self.rest.len())];
        let line = raw.strip_suffix(b"\r").unwrap_or(raw);
        if !all(line, class) {
            return Err(Match::No);
        }
        let end = end.ok_or(Match::Maybe)?;
        self.rest = &self.rest[end + 1..];
        Ok(line)
    }
}

/// Whether all bytes are of a class. Looks at every one, so that the compiler may look at many at once.
pub(crate) fn all(bytes: &[u8], class: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, &byte| all & class(byte))
}

const fn is_verb(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// What a line of text in any charset is made of: no control character but the tab.
pub(crate) const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= 0x20 && byte != 0x7f)
}

/// Whether bytes are lines of text in any charset, the last of them open, up to where TLS may begin.
pub(crate) fn are_lines(bytes: &[u8]) -> bool {
    const HANDSHAKE: &[u8] = b"\x16\x03";
    let end = memchr::memmem::find(bytes, HANDSHAKE).unwrap_or(bytes.len());
    let cut = bytes[..end].strip_suffix(&HANDSHAKE[..1]).unwrap_or(&bytes[..end]);
    all(cut, |byte| is_text(byte) || matches!(byte, b'\r' | b'\n'))
}

/// What a line of US-ASCII text is made of.
pub(crate) const fn is_ascii_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= 0x20 && byte < 0x7f)
}

/// Whether a line holds these words somewhere, letters in either case.
pub(crate) fn holds(text: &[u8], words: &[u8]) -> bool {
    let Some(first) = words.first() else { return true };
    text.windows(words.len())
        .any(|window| window[0].eq_ignore_ascii_case(first) && window.eq_ignore_ascii_case(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_has_three_answers() {
        assert_eq!(Text::new(b"GET /").literal(b"GET "), Ok(()));
        assert_eq!(Text::new(b"GE").literal(b"GET "), Err(Match::Maybe));
        assert_eq!(Text::new(b"").literal(b"GET "), Err(Match::Maybe));
        assert_eq!(Text::new(b"GO").literal(b"GET "), Err(Match::No));
        assert_eq!(Text::new(b"get ").literal(b"GET "), Err(Match::No));
        assert_eq!(Text::new(b"get ").word(b"GET "), Ok(()));
    }

    #[test]
    fn of_several_words_the_one_that_fits_or_could() {
        let words: &[&[u8]] = &[b"STARTTLS", b"START", b"NOOP"];
        assert_eq!(Text::new(b"noop").any_word(words), Ok(2));
        assert_eq!(Text::new(b"STARTTLS").any_word(words), Ok(0));
        assert_eq!(Text::new(b"START").any_word(words), Err(Match::Maybe));
        assert_eq!(Text::new(b"STARTX").any_word(words), Ok(1));
        assert_eq!(Text::new(b"N").any_word(words), Err(Match::Maybe));
        assert_eq!(Text::new(b"X").any_word(words), Err(Match::No));
    }

    #[test]
    fn a_verb_is_a_whole_word() {
        let verbs = &Verbs::new(&[b"AUTH", b"X-EXPS"]);
        assert_eq!(Text::new(b"auth PLAIN").verb(verbs), Ok(0));
        assert_eq!(Text::new(b"X-EXPS\r").verb(verbs), Ok(1));
        assert_eq!(Text::new(b"AUTH").verb(verbs), Err(Match::Maybe));
        assert_eq!(Text::new(b"").verb(verbs), Err(Match::Maybe));
        assert_eq!(Text::new(b"AUTHX").verb(verbs), Err(Match::No));
        assert_eq!(Text::new(b"AUTHX ").verb(verbs), Err(Match::No));
        assert_eq!(Text::new(b"AUTHENTICATE").verb(verbs), Err(Match::No));
        assert_eq!(Text::new(b"X-EXPS").verb(verbs), Err(Match::Maybe));
        assert_eq!(Text::new(b"X-EXPSX").verb(verbs), Err(Match::No));
        assert_eq!(Text::new(b" AUTH ").verb(verbs), Err(Match::No));
    }

    #[test]
    fn a_run_is_bounded_and_needs_its_end() {
        let digit = |byte: u8| byte.is_ascii_digit();
        assert_eq!(Text::new(b"123 ").run(1, 3, digit), Ok(&b"123"[..]));
        assert_eq!(Text::new(b"123").run(1, 3, digit), Err(Match::Maybe));
        assert_eq!(Text::new(b"1234").run(1, 3, digit), Err(Match::No));
        assert_eq!(Text::new(b" ").run(1, 3, digit), Err(Match::No));
        assert_eq!(Text::new(b" ").run(0, 3, digit), Ok(&b""[..]));
        assert_eq!(Text::new(b"191>").number(3), Ok(191));
    }

    #[test]
    fn lines_end_where_tls_may_begin() {
        assert!(are_lines(b""));
        assert!(are_lines(b"+OK\r\nr\xe9sum\xe9"));
        assert!(!are_lines(b"a\n\x01"));
        assert!(are_lines(b"a\n\x16"));
        assert!(are_lines(b"a\n\x16\x03\x01\0"));
        assert!(!are_lines(b"a\n\x16\x04"));
    }

    #[test]
    fn a_line_is_clean_while_it_is_open() {
        assert_eq!(Text::new(b"a b\r\nc").line(is_text), Ok(&b"a b"[..]));
        assert_eq!(Text::new(b"a b\nc").line(is_text), Ok(&b"a b"[..]));
        assert_eq!(Text::new(b"a b\r").line(is_text), Err(Match::Maybe));
        assert_eq!(Text::new(b"a\rb\n").line(is_text), Err(Match::No));
        assert_eq!(Text::new(b"a\0").line(is_text), Err(Match::No));
    }
}
